"""The job that runs one front with its profiles sampled in flight."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from jobflow import Maker

from ...engines.lammps.layers import COORDINATION_PROFILE, STRESS_PROFILE, layer_files
from ...engines.lammps.md import MDRun, MDSettings, run_md
from ...engines.lammps.relax import relax
from ...engines.lammps.setup import System
from ...engines.resources import Resources
from ...potentials.cards import PotentialCard
from ..folders import job_folder, progress_writer
from ..jobs import engine_record, thermo_curves
from ..resumable import resumable_job

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from pymatgen.core import Structure

LITHIUM = "Li"
PROFILE_FILE = "profiles.csv"


@dataclass
class FrontMaker(Maker):
    """Join a host slab with a lithium-rich packing and run it, with stress, composition and coordination in layers.

    Attributes
    ----------
    potential
        The energy model.
    settings
        An NPT stage with `layers`.
    host
        Element of the slab.
    alloy
        Formula of the packing.
    thickness_A
        Height of the packing.
    seed
        Seed of the packing.
    equilibration_ps
        Time that is left out of the mean profiles.
    name
        Name of the job.
    """

    potential: PotentialCard
    settings: MDSettings
    host: str
    alloy: str
    thickness_A: float
    seed: int
    equilibration_ps: float
    name: str = "front"

    @resumable_job
    def make(self, slab: Structure) -> dict[str, Any]:
        """Run the front of `slab`; the document holds fronts against time, mean profiles and what follows from them."""
        from ...structures.join import join_with_packing
        from .analysis import analyse_front

        folder, resources = job_folder(self.name), Resources.of_this_process()
        joined = join_with_packing(slab, self.alloy, thickness_A=self.thickness_A, seed=self.seed)
        sides = joined.site_properties["side"]
        inside = [z for z, side in zip(joined.frac_coords[:, 2], sides, strict=True) if side == 0]
        relaxed = relax(System.of(joined, self.potential), folder / "0-relax", resources, cell="fixed")
        system = System.of(relaxed.structure, self.potential)
        run = run_md(system, self.settings, folder / "1-front", resources, progress=progress_writer(folder))
        found = analyse_front(
            run,
            self.host,
            middle=float(min(inside) + max(inside)) / 2,
            equilibration_ps=self.equilibration_ps,
            source=self.name,
            table=folder / PROFILE_FILE,
        )
        return {
            "kind": "front",
            **found,
            "natoms": len(joined),
            "thermo": thermo_curves(run, len(joined)),
            "engine": engine_record(run),
        }


@dataclass(frozen=True)
class FrontProfiles:
    """The windows of one run; shapes ``(W,)``, ``(W, B)``, and ``(W, B, 6)`` for the stress sums in bar·Å³."""

    time_ps: NDArray[np.float64]
    height_A: NDArray[np.float64]
    volume_A3: NDArray[np.float64]
    lithium: NDArray[np.float64]
    host: NDArray[np.float64]
    neighbours: NDArray[np.float64]
    stress: Any

    @classmethod
    def of(cls, run: MDRun, host: str) -> FrontProfiles:
        """Read them from the folder of a run."""
        import numpy as np

        from ...analysis.mechanics.layers import read_layers

        stress = read_layers(layer_files(run.directory, STRESS_PROFILE))
        lithium, own = (read_layers(layer_files(run.directory, f"layer_{symbol}")).count for symbol in (LITHIUM, host))
        neighbours = read_layers(layer_files(run.directory, COORDINATION_PROFILE)).values[:, :, 0]
        ends = stress.step
        window = int(ends[1] - ends[0])
        steps = run.thermo["step"]

        def mean(column: str) -> NDArray[np.float64]:
            inside = [(steps > end - window) & (steps <= end) for end in ends]
            return np.array([run.thermo[column][chosen].mean() for chosen in inside])

        time_ps = (ends - window / 2) * run.settings.timestep_fs / 1000
        return cls(time_ps, mean("lz"), mean("vol"), lithium, own, neighbours, stress)
