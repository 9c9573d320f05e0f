"""Jobs about the mechanics of one cell: its elastic constants at rest, and a test that strains it until it flows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from jobflow import Maker

from ...engines.lammps.elastic import CELLS, strained_constants
from ...engines.lammps.md import MDSettings, run_md
from ...engines.lammps.relax import relax
from ...engines.lammps.setup import System
from ...engines.resources import Resources
from ...potentials.cards import PotentialCard
from ...quantity import Quantity
from ...units import BAR_TO_GPA
from ..folders import job_folder, progress_writer
from ..jobs import engine_record
from ..resumable import resumable_job

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from pymatgen.core import Structure

    from ...engines.lammps.relax import Relaxation

_BIN = 0.005
_DIRECTIONS: dict[str, tuple[float, float, float]] = {
    "uniaxial_tension": (0.0, 0.0, 1.0),
    "biaxial_compression": (-1.0, -1.0, 0.0),
}


@dataclass
class ElasticMaker(Maker):
    """Elastic constants at 0 K: strain the cell both ways in all six directions and relax the atoms each time.

    Attributes
    ----------
    potential
        The energy model.
    strain
        Size of the strains (engineering shear for the last three).
    name
        Name of the job.
    """

    potential: PotentialCard
    strain: float = 0.005
    name: str = "elastic"

    @resumable_job
    def make(self, structure: Structure) -> dict[str, Any]:
        """Return the document with the moduli of `structure`, which has to be relaxed."""
        folder, resources = job_folder(self.name), Resources.of_this_process()
        report, unrelaxed = progress_writer(folder), []

        def relaxed(cell: Structure, number: int) -> Relaxation:
            result = relax(System.of(cell, self.potential), folder / f"strain-{number:02d}", resources, cell="fixed")
            if not result.converged:
                unrelaxed.append(f"forces up to {result.max_force_eV_A:.2g} eV/Å are left in strained cell {number}")
            report(number + 1, CELLS, 0.0)
            return result

        found = strained_constants(structure, relaxed, strain=self.strain, source=self.name)
        quantities = [found.bulk, found.shear, found.young, found.poisson, _biaxial(found.young, found.poisson)]
        return {
            "kind": "elasticity",
            "quantities": [quantity.to_dict() for quantity in quantities],
            "stiffness_GPa": found.stiffness_GPa.tolist(),
            "stable": found.stable,
            "warnings": unrelaxed,
        }


def _biaxial(young: Quantity, poisson: Quantity) -> Quantity:
    """Return E/(1−ν), what a film on a stiff substrate shows."""
    method = "E/(1−ν) of the Hill averages"
    if young.value is None or poisson.value is None:
        why = ("there are no elastic constants",)
        return Quantity("biaxial_modulus", None, "GPa", method=method, converged=False, warnings=why)
    value = young.value / (1 - poisson.value)
    error = None
    if young.uncertainty is not None and poisson.uncertainty is not None:
        share = (young.uncertainty / young.value) ** 2 + (poisson.uncertainty / (1 - poisson.value)) ** 2
        error = abs(value) * share**0.5
    return Quantity(
        "biaxial_modulus", value, "GPa", uncertainty=error, method=method, warnings=young.warnings, source=young.source
    )


@dataclass
class StrainMaker(Maker):
    """Strain a cell at a constant rate, the free directions at zero stress, and read modulus, yield and flow stress.

    Attributes
    ----------
    potential
        The energy model.
    settings
        An NPT stage whose strain rates are set by `test`.
    test
        ``uniaxial_tension`` along z, or ``biaxial_compression`` along x and y.
    rate_1_ps
        Strain rate.
    elastic_to, offset, flow_from
        See `anodeflow.workflows.series.settings.StrainSettings`.
    name
        Name of the job.
    """

    potential: PotentialCard
    settings: MDSettings
    test: Literal["uniaxial_tension", "biaxial_compression"]
    elastic_to: float
    offset: float
    flow_from: float
    name: str = "strain"

    @classmethod
    def of(
        cls,
        potential: PotentialCard,
        test: Literal["uniaxial_tension", "biaxial_compression"],
        *,
        rate_1_ps: float,
        largest: float,
        elastic_to: float,
        offset: float,
        flow_from: float,
        temperature_K: float,
        timestep_fs: float,
        name: str,
    ) -> StrainMaker:
        """Return the test of a cell that brings its velocities; parameters as the attributes of the class."""
        x, y, z = _DIRECTIONS[test]
        rates = (rate_1_ps * x, rate_1_ps * y, rate_1_ps * z)
        settings = MDSettings(
            "npt",
            max(1, round(largest / rate_1_ps * 1000 / timestep_fs)),
            temperature_K,
            None,
            strain_rates_1_ps=rates,
            timestep_fs=timestep_fs,
            dump_every=0,
            thermo_every=10,
        )
        return cls(potential, settings, test, elastic_to, offset, flow_from, name)

    @resumable_job
    def make(self, structure: Structure) -> dict[str, Any]:
        """Strain `structure`; the document holds the curve in bins of strain, and what it says."""
        import numpy as np

        from ...analysis.mechanics.elasticity import stress_strain

        folder = job_folder(self.name)
        system = System.of(structure, self.potential)
        run = run_md(system, self.settings, folder, Resources.of_this_process(), progress=progress_writer(folder))
        thermo = run.thermo
        if self.test == "uniaxial_tension":
            strain = thermo["lz"] / thermo["lz"][0] - 1
            stress = -thermo["pzz"] * BAR_TO_GPA
        else:
            strain = thermo["lx"] / thermo["lx"][0] - 1
            stress = -(thermo["pxx"] + thermo["pyy"]) / 2 * BAR_TO_GPA
        curve = _binned(strain, stress)
        found = stress_strain(
            curve["strain"], curve["stress_GPa"], elastic_to=self.elastic_to, offset=self.offset, source=self.name
        )
        plastic = np.abs(strain) >= self.flow_from
        flow = _flow_stress(stress[plastic], self.flow_from, self.name)
        prefix = {"uniaxial_tension": "tensile", "biaxial_compression": "biaxial_compressive"}[self.test]
        named = [
            (f"{prefix}_modulus", found.modulus),
            (f"{prefix}_yield_stress", found.yield_stress),
            (f"{prefix}_flow_stress", flow),
        ]
        quantities = [Quantity(**{**quantity.__dict__, "name": name}) for name, quantity in named]
        return {
            "kind": "stress_strain",
            "test": self.test,
            "quantities": [quantity.to_dict() for quantity in quantities],
            "curve": {name: [float(f"{value:.6g}") for value in column] for name, column in curve.items()},
            "engine": engine_record(run),
            "warnings": [],
        }


def _binned(strain: NDArray[np.float64], stress_GPa: NDArray[np.float64]) -> dict[str, NDArray[np.float64]]:
    """Return means in bins of half a per cent of strain."""
    import numpy as np

    index = (np.abs(strain) / _BIN).astype(int)
    count = np.bincount(index)
    kept = count > 0
    return {
        name: np.bincount(index, weights=values)[kept] / count[kept]
        for name, values in (("strain", strain), ("stress_GPa", stress_GPa))
    }


def _flow_stress(stress_GPa: NDArray[np.float64], flow_from: float, source: str) -> Quantity:
    from dataclasses import replace

    from ...analysis.series import mean_quantity

    found = mean_quantity("flow_stress", stress_GPa, "GPa", source=source)
    return replace(found, method=f"mean stress from a strain of {flow_from:g} on; error from its autocorrelation time")
