"""The Makers: one job each, plain jobflow, documents of JSON types out.

A job works in the folder that the runner made for it, continues what it finds there, and analyses its own trajectory:
only small results leave it.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from jobflow import Maker, job

from ..engines.lammps.md import MDRun, MDSettings, run_md
from ..engines.lammps.relax import relax
from ..engines.lammps.setup import System
from ..engines.resources import Resources
from ..potentials.cards import PotentialCard
from ..quantity import Quantity
from ..units import BAR_TO_GPA, FS_TO_PS, G_MOL_A3_TO_G_CM3
from .folders import job_folder, progress_writer
from .resumable import resumable_job

if TYPE_CHECKING:
    import numpy as np
    from pymatgen.core import Structure


def engine_record(run: MDRun) -> dict[str, Any]:
    """Return what the engine did: program, version, settings, launches and speed."""
    settings = asdict(run.settings)
    return {
        "program": "LAMMPS",
        "version": run.program_version,
        "settings": settings,
        "launches": run.segments,
        "steps_per_s": run.steps_per_s,
        "loop_time_s": run.thermo.loop_time_s,
    }


def thermo_curves(run: MDRun, natoms: int, points: int = 300) -> dict[str, list[float]]:
    """Return the course of a run, thinned to `points`, for plots."""
    every = max(1, len(run.thermo.table) // points)
    thermo = run.thermo
    curves = {
        "time_ps": thermo["step"] * run.settings.timestep_fs * FS_TO_PS,
        "temperature_K": thermo["temp"],
        "energy_eV_atom": thermo["pe"] / natoms,
        "pressure_GPa": thermo["press"] * BAR_TO_GPA,
        "volume_A3": thermo["vol"],
    }
    return {name: [float(f"{value:.7g}") for value in curve[::every]] for name, curve in curves.items()}


def volume_quantities(structure: Structure, volumes_A3: np.ndarray | float, guest: str, source: str) -> list[Quantity]:
    """Return density and volume per host atom, from one volume or from a series of them."""
    import numpy as np

    from ..analysis.series import mean_quantity
    from ..structures.capacity import host_atoms

    mass = float(sum(site.specie.atomic_mass for site in structure))
    hosts = host_atoms(structure, (guest,))
    series = np.atleast_1d(volumes_A3)
    wanted = [("density", mass * G_MOL_A3_TO_G_CM3 / series, "g/cm^3")]
    if hosts:
        wanted.append(("volume_per_host_atom", series / hosts, "Å^3"))
    if len(series) > 1:
        return [mean_quantity(name, values, unit, source=source) for name, values, unit in wanted]
    method = "relaxed cell at 0 K; no statistical error, the error of the potential is on its card"
    return [Quantity(name, float(values[0]), unit, method=method, source=source) for name, values, unit in wanted]


@dataclass
class RelaxMaker(Maker):
    """Relax positions and cell at 0 K.

    Attributes
    ----------
    potential
        The energy model.
    name
        Name of the job.
    cell
        How far the cell may go: see `anodeflow.engines.lammps.relax.relax`.
    pressure_GPa
        Pressure to reach.
    """

    potential: PotentialCard
    name: str = "relax"
    cell: Literal["fixed", "iso", "aniso", "tri"] = "aniso"
    pressure_GPa: float = 0.0

    @resumable_job
    def make(self, structure: Structure) -> dict[str, Any]:
        """Relax `structure`; the document holds the relaxed one, energy, cell, density and volume per host atom."""
        system = System.of(structure, self.potential)
        folder = job_folder(self.name)
        result = relax(system, folder, Resources.of_this_process(), cell=self.cell, pressure_GPa=self.pressure_GPa)
        method = f"conjugate gradients at 0 K, {self.potential.name}; no statistical error"
        stress = max(abs(value - self.pressure_GPa) for value in result.stress_GPa[:3])
        left = f"Forces up to {result.max_force_eV_A:.2g} eV/Å and stresses of {stress:.2g} GPa are left."
        warnings = () if result.converged else (left,)
        quantities = [Quantity("energy_per_atom", result.energy_eV_atom, "eV", method=method, source=self.name)]
        lattice = result.structure.lattice
        repeats = dict(zip("abc", lattice.abc, strict=True))
        quantities += [
            Quantity(f"cell_{axis}", length, "Å", method=method, source=self.name) for axis, length in repeats.items()
        ]
        quantities += volume_quantities(result.structure, lattice.volume, "Li", self.name)
        if not result.converged:
            quantities = [
                Quantity(**{**q.__dict__, "converged": False, "warnings": (*q.warnings, *warnings)}) for q in quantities
            ]
        return {
            "kind": "relaxation",
            "structure": result.structure,
            "stress_GPa": list(result.stress_GPa),
            "quantities": [quantity.to_dict() for quantity in quantities],
            "warnings": list(warnings),
        }


@dataclass
class MeltQuenchMaker(Maker):
    """Make a glass: melt a packing at constant pressure, cool it down linearly, and let it rest.

    Attributes
    ----------
    potential
        The energy model.
    seed
        Seed of the velocities.
    name
        Name of the job.
    melt_temperature_K, melt_ps
        The melt.
    quench_rate_K_ps
        Cooling rate.
    final_temperature_K, anneal_ps
        The rest at the end.
    timestep_fs
        MD timestep.
    """

    potential: PotentialCard
    seed: int
    name: str = "melt-quench"
    melt_temperature_K: float = 1800.0
    melt_ps: float = 6.0
    quench_rate_K_ps: float = 150.0
    final_temperature_K: float = 300.0
    anneal_ps: float = 2.0
    timestep_fs: float = 1.0

    def stages(self) -> list[tuple[str, MDSettings]]:
        """Return the stages of molecular dynamics after the packing has been relaxed."""
        steps_per_ps = 1000 / self.timestep_fs
        quench_ps = (self.melt_temperature_K - self.final_temperature_K) / self.quench_rate_K_ps
        hot, cold = self.melt_temperature_K, self.final_temperature_K

        def stage(start: float, end: float, length_ps: float, seed: int | None) -> MDSettings:
            return MDSettings(
                "npt",
                max(1, round(length_ps * steps_per_ps)),
                start,
                seed,
                final_temperature_K=end,
                timestep_fs=self.timestep_fs,
                dump_every=0,
            )

        return [
            ("melt", stage(hot, hot, self.melt_ps, self.seed)),
            ("quench", stage(hot, cold, quench_ps, None)),
            ("anneal", stage(cold, cold, self.anneal_ps, None)),
        ]

    @resumable_job
    def make(self, structure: Structure) -> dict[str, Any]:
        """Make a glass from the packing `structure`; the document holds the glass and its history."""
        folder, resources = job_folder(self.name), Resources.of_this_process()
        packed = relax(System.of(structure, self.potential), folder / "0-relax", resources, cell="fixed")
        current, done = packed.structure, 0
        stages = self.stages()
        total = sum(settings.steps for _, settings in stages)
        history: dict[str, Any] = {}
        for number, (stage, settings) in enumerate(stages, start=1):
            run = run_md(
                System.of(current, self.potential),
                settings,
                folder / f"{number}-{stage}",
                resources,
                progress=progress_writer(folder, done, total),
            )
            current, done = run.structure, done + settings.steps
            history[stage] = {"engine": engine_record(run), "thermo": thermo_curves(run, len(structure), 100)}
        tail = run.thermo["vol"][len(run.thermo.table) // 2 :]
        quantities = volume_quantities(current, tail, "Li", self.name)
        return {
            "kind": "melt_quench",
            "structure": current,
            "quantities": [quantity.to_dict() for quantity in quantities],
            "stages": history,
            "warnings": [],
        }


@dataclass
class EquilibrateMaker(Maker):
    """Equilibrate at constant pressure and temperature.

    Attributes
    ----------
    potential
        The energy model.
    settings
        An NPT stage.
    name
        Name of the job.
    """

    potential: PotentialCard
    settings: MDSettings
    name: str = "equilibrate"

    @resumable_job
    def make(self, structure: Structure) -> dict[str, Any]:
        """Equilibrate `structure`.

        The document holds the last structure, strained to the mean cell of the second half, with its velocities.
        """
        from pymatgen.core import Lattice, Structure

        from ..analysis.series import mean_quantity

        folder = job_folder(self.name)
        system = System.of(structure, self.potential)
        run = run_md(system, self.settings, folder, Resources.of_this_process(), progress=progress_writer(folder))
        half = slice(len(run.thermo.table) // 2, None)
        lengths = {key: float(run.thermo[key][half].mean()) for key in ("lx", "ly", "lz", "xy", "xz", "yz")}
        mean_cell = Lattice(
            [
                [lengths["lx"], 0, 0],
                [lengths["xy"], lengths["ly"], 0],
                [lengths["xz"], lengths["yz"], lengths["lz"]],
            ]
        )
        last = run.structure
        strained = Structure(mean_cell, last.species, last.frac_coords, site_properties=dict(last.site_properties))
        quantities = volume_quantities(last, run.thermo["vol"][half], "Li", self.name)
        quantities += [
            mean_quantity("temperature", run.thermo["temp"][half], "K", source=self.name),
            mean_quantity("pressure", run.thermo["press"][half], "GPa", source=self.name, scale=BAR_TO_GPA),
        ]
        return {
            "kind": "equilibration",
            "structure": strained,
            "quantities": [quantity.to_dict() for quantity in quantities],
            "thermo": thermo_curves(run, len(structure)),
            "engine": engine_record(run),
            "warnings": [],
        }


@dataclass
class DiffusionMaker(Maker):
    """Run molecular dynamics at constant volume and take the diffusion coefficients from it.

    Attributes
    ----------
    potential
        The energy model.
    settings
        An NVT stage.
    species
        Elements whose diffusivity is wanted.
    seed
        Seed of the sampling in the analysis.
    charges
        Charge of ionic carriers in e, for the conductivity.
    name
        Name of the job.
    """

    potential: PotentialCard
    settings: MDSettings
    species: tuple[str, ...]
    seed: int
    charges: dict[str, float] = field(default_factory=dict)
    name: str = "diffusion"

    @resumable_job
    def make(self, structure: Structure) -> dict[str, Any]:
        """Run from `structure` with the velocities it brings, and analyse the trajectory.

        The document holds mean squared displacements, tracer diffusivities with their intervals, the ionic
        conductivity, density, temperature and pressure. The trajectory stays in the job's folder.
        """
        from .diffusion.analysis import analyse_diffusion

        folder = job_folder(self.name)
        system = System.of(structure, self.potential)
        run = run_md(system, self.settings, folder, Resources.of_this_process(), progress=progress_writer(folder))
        return {
            "kind": "diffusion",
            **analyse_diffusion(run, self.species, self.charges, seed=self.seed, source=self.name),
            "thermo": thermo_curves(run, len(structure)),
            "engine": engine_record(run),
        }


@job
def fit_arrhenius(
    species: str, temperatures_K: list[float], documents: list[dict[str, Any]], framework: tuple[str, ...] = ()
) -> dict[str, Any]:
    """Fit D(T) of one element through the documents of `DiffusionMaker` jobs.

    Parameters
    ----------
    species
        Element.
    temperatures_K
        Temperature of each document.
    documents
        As returned by `DiffusionMaker.make`.
    framework
        Elements that hold a crystal together: where one of them diffuses it has melted, and that temperature is
        left out.
    """
    from .diffusion.analysis import arrhenius_document

    fit = arrhenius_document(species, temperatures_K, documents, framework)
    return {"kind": "arrhenius", "species": species, **fit}
