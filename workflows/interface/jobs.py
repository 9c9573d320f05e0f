"""The jobs of an interface: rank the candidates, part the relaxed one, run it and part it again."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from jobflow import Maker

from ...engines.lammps.failures import OutsideRangeError
from ...engines.lammps.layers import LayerSampling
from ...engines.lammps.md import DUMP_FILE, MDRun, MDSettings, run_md
from ...engines.lammps.setup import System
from ...engines.resources import Resources
from ...errors import InputError
from ...potentials.cards import PotentialCard
from ...quantity import Quantity
from ...structures.candidates import follow_plane
from ..folders import job_folder, progress_writer
from ..jobs import engine_record, thermo_curves
from ..resumable import resumable_job
from .separation import area_of, rigid_adhesion, separate

if TYPE_CHECKING:
    from pathlib import Path

    from pymatgen.core import Structure

    from .analysis import Course


@dataclass
class RankMaker(Maker):
    """Rank candidates by their rigid adhesion at the best distance, and hand on the best.

    Attributes
    ----------
    potential
        The energy model.
    keep
        How many go on.
    vacuum_A
        Vacuum beside each side alone.
    name
        Name of the job.
    """

    potential: PotentialCard
    keep: int = 1
    vacuum_A: float = 12.0
    name: str = "rank"

    @resumable_job
    def make(
        self,
        structures: list[Structure],
        labels: list[str],
        misfits: list[float | None],
        bulks: list[list[Structure | None]],
    ) -> dict[str, Any]:
        """Return the ranked table, and of the best the structure at its best distance with the bulk of its sides."""
        calculator = self.potential.for_relaxation().ase_calculator()
        resources, rows = Resources.of_this_process(), []
        for number, structure in enumerate(structures):
            resources.check_time(self.name)
            ranked = rigid_adhesion(structure, calculator, vacuum_A=self.vacuum_A)
            rows.append((ranked, number))
        rows.sort(key=lambda row: -row[0].adhesion_J_m2)
        table = [
            {
                "label": labels[number],
                "adhesion_J_m2": ranked.adhesion_J_m2,
                "gap_A": ranked.gap_A,
                "misfit": misfits[number],
                "area_A2": area_of(ranked.structure),
                "natoms": len(ranked.structure),
            }
            for ranked, number in rows
        ]
        return {
            "kind": "ranking",
            "table": table,
            "best": [
                {"label": labels[number], "structure": ranked.structure, "bulks": bulks[number]}
                for ranked, number in rows[: self.keep]
            ],
            "quantities": [],
            "warnings": [],
        }


@dataclass
class SeparateMaker(Maker):
    """Relax an interface along its normal, part it, and weigh it against the bulk of its sides.

    Attributes
    ----------
    potential
        The energy model.
    pressure_GPa
        On the normal.
    scan_A, vacuum_A, relaxed
        As in `separate`.
    name
        Name of the job.
    """

    potential: PotentialCard
    pressure_GPa: float = 0.0
    scan_A: float = 4.0
    vacuum_A: float = 12.0
    relaxed: bool = True
    name: str = "separate"

    @resumable_job
    def make(self, structure: Structure, bulks: list[Structure | None]) -> dict[str, Any]:
        """Return the works of separation, the interface energy, and the relaxed interface."""
        found = separate(
            structure, bulks, self.potential, job_folder(self.name), Resources.of_this_process(),
            pressure_GPa=self.pressure_GPa, scan_A=self.scan_A, vacuum_A=self.vacuum_A, relaxed=self.relaxed,
            source=self.name,
        )  # fmt: skip
        return {
            "kind": "separation",
            "structure": found.structure,
            "quantities": [quantity.to_dict() for quantity in found.quantities],
            "planes": found.planes,
            "warnings": found.warnings,
        }


@dataclass
class InterfaceMaker(Maker):
    """Equilibrate an interface, run it with stress sampled in layers, and part what has become of it.

    Attributes
    ----------
    potential
        The energy model.
    equilibration, production
        Both runs; the second goes on with the velocities of the first.
    layer_A, sample_every, window
        Thickness of a layer, steps between samples, and steps of a mean.
    scan_A, vacuum_A, relaxed
        As in `separate`.
    name
        Name of the job.
    """

    potential: PotentialCard
    equilibration: MDSettings
    production: MDSettings
    layer_A: float = 3.0
    sample_every: int = 20
    window: int = 1000
    scan_A: float = 4.0
    vacuum_A: float = 12.0
    relaxed: bool = True
    name: str = "interface"

    def stages(self) -> list[MDSettings]:
        """Return both runs, for whoever wants to know what they cost."""
        return [self.equilibration, self.production]

    @resumable_job
    def make(self, structure: Structure, bulks: list[Structure | None]) -> dict[str, Any]:
        """Run from the relaxed `structure`; a run that the guard of the model stops is analysed as far as it came."""
        folder, resources = job_folder(self.name), Resources.of_this_process()
        sides = [int(side) for side in structure.site_properties["side"]]
        start = structure.copy()
        start.remove_site_property("side")
        total = self.equilibration.steps + self.production.steps
        dumps: list[Path] = []
        runs: list[MDRun] = []
        stopped = ""
        try:
            writer = progress_writer(folder, 0, total)
            dumps.append(folder / "1-equilibrate" / DUMP_FILE)
            runs.append(
                run_md(
                    System.of(start, self.potential),
                    self.equilibration,
                    folder / "1-equilibrate",
                    resources,
                    progress=writer,
                )
            )
            dumps[-1] = runs[-1].dump or dumps[-1]
            settled = runs[-1].structure
            layers = LayerSampling(max(4, round(settled.lattice.c / self.layer_A)), self.sample_every, self.window)
            writer = progress_writer(folder, self.equilibration.steps, total)
            dumps.append(folder / "2-run" / DUMP_FILE)
            runs.append(
                run_md(
                    System.of(settled, self.potential),
                    replace(self.production, layers=layers),
                    folder / "2-run",
                    resources,
                    progress=writer,
                )
            )
            dumps[-1] = runs[-1].dump or dumps[-1]
        except OutsideRangeError as error:
            stopped = error.what
        return self._document(start, sides, bulks, dumps, runs, stopped, folder, resources)

    def _document(
        self,
        start: Structure,
        sides: list[int],
        bulks: list[Structure | None],
        dumps: list[Path],
        runs: list[MDRun],
        stopped: str,
        folder: Path,
        resources: Resources,
    ) -> dict[str, Any]:
        from .analysis import analyse_course, analyse_stress, course_of

        steps = [run.settings.timestep_fs for run in runs]
        steps += [self.equilibration.timestep_fs] * (len(dumps) - len(steps))
        equilibration_ps = self.equilibration.steps * self.equilibration.timestep_fs / 1000
        document: dict[str, Any] = {"kind": "interface", "natoms": len(start), "stopped": stopped, "quantities": []}
        quantities: list[Quantity] = []
        warnings: list[str] = []
        try:
            course: Course | None = course_of(dumps, steps, sides, equilibration_ps)
        except InputError:
            course = None
        if course is not None and course.whole.n_frames > 1:
            found = analyse_course(course, max(sides) + 1, source=self.name)
            quantities += found.pop("quantities")
            warnings += found.pop("warnings")
            document |= found
            if stopped:
                document["stopped_at_ps"] = float(course.whole.time_ps[-1])
        final = start
        if not stopped:
            final = runs[-1].structure
            stress, more = analyse_stress(runs[-1], sides, source=self.name)
            document["stress"] = stress
            quantities += more
            aged = final.copy()
            for key in list(aged.site_properties):
                aged.remove_site_property(key)
            aged.add_site_property("side", sides)
            # the plane of a run with free sides has changed, and with it the strain of the bulk
            planes = np.array(start.lattice.matrix), np.array(aged.lattice.matrix)
            strained = [None if bulk is None else follow_plane(bulk, *planes) for bulk in bulks]
            parted = separate(
                aged, strained, self.potential, folder / "3-part", resources,
                pressure_GPa=self.production.pressure_GPa, scan_A=self.scan_A, vacuum_A=self.vacuum_A,
                relaxed=self.relaxed, source=self.name,
            )  # fmt: skip
            quantities += parted.quantities
            warnings += parted.warnings
            document["planes"] = parted.planes
            document["thermo"] = thermo_curves(runs[-1], len(start))
            document["engine"] = engine_record(runs[-1])
        if stopped:
            quantities = [quantity.doubted(stopped) for quantity in quantities]
        return document | {
            "structure": final,
            "quantities": [quantity.to_dict() for quantity in quantities],
            "warnings": warnings,
        }
