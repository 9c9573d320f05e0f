"""The jobs of a distillation: label, look for more, run the teacher, test. Plain documents go in and out."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from jobflow import Flow, Maker, Response, job

from ...engines.pod.card import distilled_card, guard_of
from ...engines.pod.configurations import atoms_of, from_document, to_document
from ...engines.pod.fit import Accuracy, Basis, Fit, describer, fit
from ...engines.pod.sampling import farthest_points, too_close
from ...engines.pod.teacher import label, teacher_md
from ...errors import EngineError
from ...files import write_json
from ...potentials.cards import PotentialCard
from ...potentials.checks import ReferenceCheck
from ..folders import job_folder, progress_writer
from ..seeds import derive_seed

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ase import Atoms
    from pymatgen.core import Structure

_NONSENSE = 3.0
"""A configuration on which the committee differs by this many times the spread of the forces is not physical."""
_FRAME_STEPS = 75


def _progress(folder: Path, done: int = 0, total: int | None = None) -> Callable[[int, int], None]:
    write = progress_writer(folder, done, total)
    return lambda step, steps: write(step, steps, 0.0)


@dataclass
class LabelMaker(Maker):
    """Ask the teacher for energies, forces and stresses.

    Attributes
    ----------
    teacher
        Its card.
    name
        Name of the job.
    """

    teacher: PotentialCard
    name: str = "label"

    @job
    def make(self, configurations: list[dict[str, Any]]) -> dict[str, Any]:
        """Label configurations, documents of `to_document`; what explodes is left out and counted."""
        folder = job_folder(self.name)
        folder.mkdir(parents=True, exist_ok=True)
        asked = [from_document(document) for document in configurations]
        labelled = label(asked, self.teacher.ase_calculator(), folder, progress=_progress(folder))
        left_out = len(asked) - len(labelled)
        warnings = [f"{left_out} of {len(asked)} configurations explode with the teacher."] if left_out else []
        return {"kind": "labels", "configurations": labelled, "quantities": [], "warnings": warnings}


@dataclass
class TeacherMaker(Maker):
    """Molecular dynamics of the teacher at constant volume, with labels.

    Attributes
    ----------
    teacher
        Its card.
    temperature_K, steps, timestep_fs
        The run.
    seed
        Of velocities and thermostat.
    frame_every
        Steps between frames.
    name
        Name of the job.
    """

    teacher: PotentialCard
    temperature_K: float
    steps: int
    timestep_fs: float
    seed: int
    frame_every: int = 20
    name: str = "teacher"

    @job
    def make(self, structure: Structure) -> dict[str, Any]:
        """Run from `structure`; the document holds the labelled frames."""
        folder = job_folder(self.name)
        folder.mkdir(parents=True, exist_ok=True)
        run = teacher_md(
            atoms_of(structure, self.name),
            self.teacher.ase_calculator(),
            folder,
            temperature_K=self.temperature_K,
            steps=self.steps,
            timestep_fs=self.timestep_fs,
            frame_every=self.frame_every,
            seed=self.seed,
            progress=_progress(folder),
        )
        return {
            "kind": "teacher_md",
            "temperature_K": self.temperature_K,
            "frames": [to_document(atoms) for atoms in run.frames],
            "frame_interval_ps": run.frame_interval_ps,
            "temperatures_K": run.temperatures_K,
            "cpu_s_per_atom_step": run.cpu_s / run.steps / len(structure),
            "quantities": [],
            "warnings": [],
        }


@dataclass
class LearnMaker(Maker):
    """Fit; look with the fit for configurations that its committee disagrees on; have them labelled; fit again.

    Attributes
    ----------
    teacher
        Card of the teacher.
    basis
        Descriptors.
    elements
        Of all systems, in the order of the model.
    accuracy
        Weights.
    temperature_K, timestep_fs, temperatures, steps
        Student molecular dynamics of the search.
    per_round, threshold_percent, rounds
        See `LoopSettings`.
    seed
        Seed.
    round
        Number of this fit, from 0.
    name
        Name of the job.
    """

    teacher: PotentialCard
    basis: Basis
    elements: tuple[str, ...]
    accuracy: Accuracy
    temperature_K: float
    timestep_fs: float
    temperatures: tuple[float, ...]
    steps: int
    per_round: int
    threshold_percent: float
    rounds: int
    seed: int
    round: int = 0
    name: str = "learn"

    @job
    def make(self, labelled: list[list[dict[str, Any]]], starts: list[Structure], history: list[dict[str, Any]]) -> Any:
        """Learn from lists of labelled configurations.

        The last round's document holds ``coefficients``, ``reference_eV``, ``history`` and ``configurations``; an
        earlier one is replaced by the jobs that label what was found and learn from it too.
        """
        folder = job_folder(self.name)
        folder.mkdir(parents=True, exist_ok=True)
        known = [from_document(document) for part in labelled for document in part]
        found = self._fitted(folder, known)
        row: dict[str, Any] = {
            "round": self.round,
            "configurations": len(known),
            "damping": found.damping,
            "left_out_error": found.left_out_error,
        }
        spread = float(np.std(np.concatenate([atoms.get_forces().ravel() for atoms in known])))
        chosen: list[dict[str, Any]] = []
        if self.round < self.rounds:
            chosen, row["frames"], row["worth_a_label"] = self._search(folder, found, known, starts, spread)
        rows = [*history, row]
        if chosen:
            ask = LabelMaker(self.teacher, name=f"label {self.round + 1}").make(chosen)
            again = replace(self, round=self.round + 1, name=f"learn {self.round + 1}").make(
                [*labelled, ask.output["configurations"]], starts, rows
            )
            return Response(replace=Flow([ask, again], output=again.output))
        return {
            "kind": "learn",
            "coefficients": found.coefficients.tolist(),
            "reference_eV": found.reference_eV.tolist(),
            "history": rows,
            "configurations": [to_document(atoms) for atoms in known],
            "quantities": [],
            "warnings": [],
        }

    def _fitted(self, folder: Path, known: Sequence[Atoms]) -> Fit:
        """Fit, or read the fit of an attempt that was killed later."""
        path = folder / "fit.json"
        if not path.exists():
            made = fit(self.basis, self.elements, known, self.accuracy, progress=_progress(folder))
            write_json(
                path,
                {
                    "coefficients": made.coefficients.tolist(),
                    "committee": made.committee.tolist(),
                    "reference_eV": made.reference_eV.tolist(),
                    "damping": made.damping,
                    "left_out_error": made.left_out_error,
                },
            )
        data = json.loads(path.read_text())
        return Fit(
            np.array(data["coefficients"]),
            np.array(data["committee"]),
            np.array(data["reference_eV"]),
            data["damping"],
            data["left_out_error"],
        )

    def _search(
        self, folder: Path, found: Fit, known: Sequence[Atoms], starts: Sequence[Structure], spread: float
    ) -> tuple[list[dict[str, Any]], int, int]:
        """Return what to label, the number of frames looked at, and the number worth a label."""
        student = distilled_card("student", self.basis, self.elements, found.coefficients)
        frames: list[Atoms] = []
        for number, structure in enumerate(starts):
            for part in self.temperatures:
                frames += self._student_frames(folder, student, structure, number, part)
        frames = [atoms for atoms in frames if not too_close(atoms)]
        worth: list[Atoms] = []
        with describer(self.basis, self.elements) as rows:
            for atoms in frames:
                forces = (rows.design(atoms, stress=False)[1:, : found.committee.shape[1]] @ found.committee.T).reshape(
                    len(atoms), 3, -1
                )
                disagreement = float(np.linalg.norm(forces.std(axis=2), axis=1).max())
                if self.threshold_percent / 100 * spread < disagreement < _NONSENSE * spread:
                    worth.append(atoms)
            if not worth:
                return [], len(frames), 0
            points, before = (np.array([rows.features(atoms) for atoms in part]) for part in (worth, known[-300:]))
            picked = farthest_points(points, self.per_round, before)
        for index in picked:
            worth[index].info["origin"] = f"student molecular dynamics, round {self.round}"
            worth[index].calc = None
            worth[index].wrap()
        return [to_document(worth[index]) for index in picked], len(frames), len(worth)

    def _student_frames(
        self, folder: Path, student: PotentialCard, structure: Structure, number: int, part: float
    ) -> list[Atoms]:
        """Run the student from one start; where it explodes, what came before counts."""
        name = f"md-{number}-{part:g}"
        rng = np.random.default_rng(derive_seed(self.seed, name, str(self.round)))
        atoms = atoms_of(structure)
        atoms.set_cell(np.array(atoms.cell) * rng.uniform(0.985, 1.025), scale_atoms=True)
        run = folder / name
        run.mkdir(exist_ok=True)
        try:
            teacher_md(
                atoms,
                student.ase_calculator(),
                run,
                temperature_K=part * self.temperature_K,
                steps=self.steps,
                timestep_fs=self.timestep_fs,
                frame_every=_FRAME_STEPS,
                seed=int(rng.integers(2**31)),
            )
        except EngineError:
            write_json(run / "exploded.json", {"temperature_K": part * self.temperature_K})
        pieces = [json.loads(path.read_text()) for path in sorted(run.glob("md-*.json"))]
        return [from_document(document) for piece in pieces for document in piece["frames"]]


@dataclass
class TestMaker(Maker):
    """Hold the model against runs of the teacher that it has not seen, and write its card.

    Attributes
    ----------
    card_name
        Name of the card.
    teacher
        Card of the teacher.
    basis, elements
        The model.
    temperature_K
        Highest temperature it was made for.
    timestep_fs
        Of the student's runs.
    density_temperature_K, density_steps
        Of the comparison of densities; 0 steps leave it out.
    student_steps
        Length of the other runs of the student.
    species
        Element whose diffusion is compared.
    target_percent
        Error of the forces aimed at.
    seed
        Seed.
    name
        Name of the job.
    """

    __test__ = False
    card_name: str
    teacher: PotentialCard
    basis: Basis
    elements: tuple[str, ...]
    temperature_K: float
    timestep_fs: float
    density_temperature_K: float
    density_steps: int
    student_steps: int
    species: str
    target_percent: float
    seed: int
    name: str = "test"

    @job
    def make(
        self,
        learnt: dict[str, Any],
        runs: dict[str, list[dict[str, Any]]],
        diffusion: dict[str, dict[str, Any]],
        crystals: dict[str, Structure],
    ) -> dict[str, Any]:
        """Test; the document holds the ``card`` and its table.

        Parameters
        ----------
        learnt
            Last document of `LearnMaker`.
        runs
            Documents of `TeacherMaker` by system.
        diffusion
            The long run of each system that has one.
        crystals
            Where densities are compared, by system.
        """
        from .held_out import compare_density, compare_frames

        folder = job_folder(self.name)
        folder.mkdir(parents=True, exist_ok=True)
        known = [from_document(document) for document in learnt["configurations"]]
        model = distilled_card(
            self.card_name,
            self.basis,
            self.elements,
            np.array(learnt["coefficients"]),
            reference_eV=np.array(learnt["reference_eV"]),
            highest_temperature_K=self.temperature_K,
            teacher=self.teacher.name,
        )
        model = model.model_copy(update={"model": model.model.model_copy(update={"guard": guard_of(model, known)})})
        rows, warnings, errors = [], [], {}
        for system, documents in runs.items():
            made, percent = compare_frames(model, system, documents)
            rows += made
            errors[system] = percent
            if percent > self.target_percent:
                warnings.append(
                    f"The forces in {system} are off by {percent:.1f} % of their spread; "
                    f"{self.target_percent:g} % was aimed at."
                )
        for system, documents in runs.items():
            long_run = diffusion.get(system)
            made, said = self._dynamics(model, system, long_run or documents[-1], long_run is not None, folder)
            rows += made
            warnings += said
        for system, structure in crystals.items() if self.density_steps else ():
            made, said = compare_density(
                model,
                self.teacher,
                system,
                structure,
                folder / f"{system}-density",
                temperature_K=self.density_temperature_K,
                steps=self.density_steps,
                seed=derive_seed(self.seed, system, "density"),
            )
            rows += made
            warnings += said
        model = model.model_copy(
            update={
                "reference_table": tuple(rows),
                "validity": f"{len(known)} configurations of {self.teacher.name}, up to {self.temperature_K:g} K; "
                "runs that leave the distances and atomic energies of these are stopped",
            }
        )
        document = model.model_dump(mode="json")
        digest = hashlib.sha256(json.dumps(document, sort_keys=True).encode()).hexdigest()
        return {
            "kind": "distilled",
            "card": document,
            "sha256": digest,
            "history": learnt["history"],
            "force_error_percent": errors,
            "quantities": [],
            "warnings": warnings,
        }

    def _dynamics(
        self, model: PotentialCard, system: str, document: dict[str, Any], diffusion: bool, folder: Path
    ) -> tuple[list[ReferenceCheck], list[str]]:
        """Run the student as the teacher ran, and compare structure and, where it is asked for, diffusion."""
        from .held_out import compare_diffusion, compare_structure, student_run

        seed = derive_seed(self.seed, system, "student")
        student = student_run(
            model,
            document,
            folder / f"{system}-student",
            timestep_fs=self.timestep_fs,
            steps=self.student_steps,
            seed=seed,
        )
        if isinstance(student, str):
            return [], [f"The student's run in {system} did not finish: {student}"]
        rows = compare_structure(student, system, document)
        if not diffusion:
            return rows, []
        made, said = compare_diffusion(student, system, document, self.species)
        return rows + made, said
