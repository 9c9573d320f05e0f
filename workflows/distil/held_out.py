"""How a distilled model compares with its teacher: each function gives rows of the card's table."""

from __future__ import annotations

from itertools import combinations_with_replacement
from typing import TYPE_CHECKING, Any

import numpy as np

from ...analysis.reading.displacements import walk
from ...analysis.reading.trajectory import Trajectory, read_trajectory
from ...analysis.structure.bulk import radial_distribution
from ...analysis.transport.diffusion import tracer_diffusivity
from ...engines.lammps.md import MDSettings, run_md
from ...engines.lammps.relax import relax
from ...engines.lammps.setup import System
from ...engines.pod.configurations import atoms_of, from_document, structure_of
from ...engines.pod.teacher import label
from ...engines.resources import Resources
from ...errors import EngineError
from ...potentials.checks import ReferenceCheck
from ...potentials.uf3 import Uf3
from ...units import BAR_TO_GPA, BOLTZMANN_EV_K, EV_A3_TO_GPA, G_MOL_A3_TO_G_CM3

if TYPE_CHECKING:
    from pathlib import Path

    from pymatgen.core import Structure

    from ...potentials.cards import PotentialCard

_DENSITY_FRAMES = 20
_LONGEST_A = 6.0


def _row(name: str, system: str, unit: str, value: float, reference: float | None, source: str) -> ReferenceCheck:
    return ReferenceCheck(
        property=name,
        system=system,
        unit=unit,
        model=float(f"{value:.6g}"),
        reference=None if reference is None else float(f"{reference:.6g}"),
        source=source,
    )


def compare_frames(
    model: PotentialCard, system: str, documents: list[dict[str, Any]]
) -> tuple[list[ReferenceCheck], float]:
    """Return the errors on frames of the teacher's own runs, and that of the forces in percent of their spread.

    The root mean square is taken over all components; the spread is the standard deviation of the teacher's.
    """
    energies, forces, stresses, teacher = [], [], [], []
    references = model.model.reference_eV if isinstance(model.model, Uf3) else {}
    calculator = model.ase_calculator()
    for document in documents:
        for entry in document["frames"]:
            atoms = from_document(entry)
            ours = atoms.copy()
            ours.calc = calculator
            energy = ours.get_potential_energy() + sum(references.get(symbol, 0.0) for symbol in ours.symbols)
            energies.append((energy - atoms.get_potential_energy()) / len(atoms))
            forces.append((ours.get_forces() - atoms.get_forces()).ravel())
            stresses.append((ours.get_stress() - atoms.get_stress()) * EV_A3_TO_GPA)
            teacher.append(atoms.get_forces().ravel())
    spread = float(np.std(np.concatenate(teacher)))
    force = float(np.sqrt(np.mean(np.concatenate(forces) ** 2)))
    temperatures = ", ".join(f"{document['temperature_K']:g}" for document in documents)
    source = f"{len(energies)} frames of the teacher's own molecular dynamics at {temperatures} K; 0 is aimed at"
    rows = [
        _row(
            "energy error (root mean square)",
            system,
            "meV/atom",
            1e3 * float(np.sqrt(np.mean(np.square(energies)))),
            None,
            source,
        ),
        _row("energy offset", system, "meV/atom", 1e3 * float(np.mean(energies)), None, source),
        _row("force error (root mean square)", system, "eV/Å", force, None, source),
        _row("force error of the spread", system, "%", 100 * force / spread, None, source),
        _row(
            "stress error (root mean square)", system, "GPa", float(np.sqrt(np.mean(np.square(stresses)))), None, source
        ),
    ]
    return rows, 100 * force / spread


def trajectory_of(document: dict[str, Any]) -> Trajectory:
    """Return the frames of a teacher's run as a trajectory; they are not folded back into the cell."""
    frames = document["frames"]
    return Trajectory(
        positions=np.array([frame["positions"] for frame in frames]),
        cells=np.array([frame["cell"] for frame in frames]),
        species=tuple(frames[0]["symbols"]),
        time_ps=np.arange(1, len(frames) + 1) * document["frame_interval_ps"],
        source="teacher",
    )


def student_run(
    model: PotentialCard, document: dict[str, Any], folder: Path, *, timestep_fs: float, steps: int, seed: int
) -> Trajectory | str:
    """Return the student's run at the temperature and in the cell of the teacher's, or why it ended."""
    start = from_document(document["frames"][0])
    start.wrap()
    settings = MDSettings(
        "nvt",
        steps,
        document["temperature_K"],
        seed,
        timestep_fs=timestep_fs,
        dump_every=max(1, round(document["frame_interval_ps"] * 1000 / timestep_fs)),
    )
    try:
        run = run_md(System.of(structure_of(start), model), settings, folder, Resources.of_this_process())
    except EngineError as error:
        return str(error)
    assert run.dump is not None
    return read_trajectory(run.dump, timestep_fs=timestep_fs)


def compare_structure(student: Trajectory, system: str, document: dict[str, Any]) -> list[ReferenceCheck]:
    """Return the largest difference of the radial distribution functions.

    It is the area between the two curves up to 6 Å, in parts of the area under the teacher's; two structures whose
    shells do not overlap at all differ by 200 %.
    """
    teacher = trajectory_of(document)
    worst, worst_pair = 0.0, ""
    for first, second in combinations_with_replacement(sorted(set(teacher.species)), 2):
        if first == second and teacher.species.count(first) < 2:
            continue
        curves = [radial_distribution(one, first, second, r_max_A=_LONGEST_A, bins=60).g for one in (student, teacher)]
        area = 100 * float(np.abs(curves[0] - curves[1]).sum() / max(curves[1].sum(), 1e-12))
        if area > worst:
            worst, worst_pair = area, f"{first}-{second}"
    source = (
        f"{teacher.n_frames} frames of the teacher, {student.n_frames} of the student "
        f"at {document['temperature_K']:g} K; 0 is aimed at"
    )
    return [_row(f"area between radial distributions, worst pair {worst_pair}", system, "%", worst, None, source)]


def compare_diffusion(
    student: Trajectory, system: str, document: dict[str, Any], species: str
) -> tuple[list[ReferenceCheck], list[str]]:
    """Return the tracer diffusivity of the student beside that of the teacher, and whether it lies in its interval."""
    ours, theirs = (
        tracer_diffusivity(
            walk(one, species), time_step_ps=one.interval_ps, species=species, source=f"{system} {name}"
        ).quantity
        for one, name in ((student, "student"), (trajectory_of(document), "teacher"))
    )
    what = f"tracer diffusivity of {species} at {document['temperature_K']:g} K"
    if ours.value is None or theirs.value is None or theirs.interval95 is None:
        reasons = " ".join((*ours.warnings, *theirs.warnings))
        return [], [f"The {what} in {system} cannot be compared. {reasons}"]
    low, high = theirs.interval95
    inside = low <= ours.value <= high
    source = (
        f"teacher's molecular dynamics of {document['frame_interval_ps'] * len(document['frames']):.3g} ps; "
        f"its 95 % interval is {low:.3g} to {high:.3g}, the student is {'inside' if inside else 'outside'}"
    )
    warnings = [] if inside else [f"The {what} in {system} lies outside the teacher's 95 % interval."]
    return [_row(what, system, "cm^2/s", ours.value, theirs.value, source)], warnings


def compare_density(
    model: PotentialCard,
    teacher: PotentialCard,
    system: str,
    structure: Structure,
    folder: Path,
    *,
    temperature_K: float,
    steps: int,
    seed: int,
) -> tuple[list[ReferenceCheck], list[str]]:
    """Return the student's density at zero pressure and the teacher's to first order in their difference.

    The teacher's mean pressure P on frames of the student at zero pressure shifts the volume by V P / B, with the
    student's bulk modulus B from the fluctuations of its volume, B = k T ⟨V⟩ / ⟨δV²⟩.
    """
    try:
        packed = relax(System.of(structure, model), folder / "relax", Resources.of_this_process(), cell="iso")
        settings = MDSettings(
            "npt",
            steps,
            temperature_K,
            seed,
            cell="iso",
            timestep_fs=1.0,
            dump_every=max(1, steps // (2 * _DENSITY_FRAMES)),
            thermo_every=10,
        )
        run = run_md(System.of(packed.structure, model), settings, folder / "npt", Resources.of_this_process())
    except EngineError as error:
        return [], [f"The student's density of {system} cannot be had: {error}"]
    half = slice(len(run.thermo.table) // 2, None)
    volumes = run.thermo["vol"][half]
    volume, variance = float(volumes.mean()), float(volumes.var())
    modulus = BOLTZMANN_EV_K * temperature_K * volume / variance * EV_A3_TO_GPA
    assert run.dump is not None
    trajectory = read_trajectory(run.dump, timestep_fs=1.0)
    frames = []
    for index in range(trajectory.n_frames)[-_DENSITY_FRAMES:]:
        atoms = atoms_of(run.structure)
        atoms.set_cell(trajectory.cells[index])
        atoms.positions[:] = trajectory.positions[index]
        frames.append(atoms)
    labelled = [from_document(one) for one in label(frames, teacher.ase_calculator(), folder)]
    theirs = [-float(atoms.get_stress()[:3].mean()) * EV_A3_TO_GPA for atoms in labelled]
    student = model.ase_calculator()
    ours = []
    for atoms in frames:
        atoms.calc = student
        ours.append(-float(atoms.get_stress()[:3].mean()) * EV_A3_TO_GPA)
    pressure = float(np.mean(np.array(theirs) - np.array(ours)))
    mass = float(sum(site.specie.atomic_mass for site in run.structure))
    density = mass * G_MOL_A3_TO_G_CM3 / volume
    expected = density / (1 + pressure / modulus)
    source = (
        f"first order from the teacher's pressure of {pressure:+.3g} GPa on {len(frames)} frames of the student, "
        f"bulk modulus {modulus:.3g} GPa; mean pressure of its run "
        f"{float(run.thermo['press'][half].mean()) * BAR_TO_GPA:+.2g} GPa"
    )
    return [_row(f"density at {temperature_K:g} K", system, "g/cm^3", density, expected, source)], []
