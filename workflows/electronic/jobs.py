"""The jobs: the electrons of one cell, and what becomes of them when two parts of a cell come together."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from jobflow import Maker

from ...analysis.electronic import (
    Bands,
    charge_displacement,
    charge_quantities,
    density_of_states,
    gap_quantities,
    part_charge,
)
from ...engines.gpaw import gpaw_protocol
from ...engines.gpaw_electronic import electronic_state
from ...engines.handled import read_handled
from ...quantity import Quantity
from ..folders import job_folder
from ..resumable import resumable_job

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from ase import Atoms
    from pymatgen.core import Structure

    from ...engines.gpaw_electronic import ElectronicState

_CURVE_POINTS = 301
CUBE_FILE = "density_difference.cube"


@dataclass
class ElectronicMaker(Maker):
    """Density of states, band gap and Bader charges of one cell at a DFT level.

    Attributes
    ----------
    level
        Name of the level.
    compute
        ``density_of_states``, ``charges``.
    band_k_spacing_per_A
        Largest distance of k-points for bands, by default that of the level.
    window_eV, width_eV
        See `anodeflow.analysis.electronic.density_of_states`.
    name
        Name of the job.
    """

    level: str
    compute: tuple[str, ...] = ("density_of_states", "charges")
    band_k_spacing_per_A: float | None = None
    window_eV: tuple[float, float] = (-10.0, 10.0)
    width_eV: float = 0.1
    name: str = "electronic"

    @resumable_job
    def make(self, structure: Structure) -> dict[str, Any]:
        """Converge the density of `structure` and analyse it; the document holds curves and quantities."""
        return electronic_structure(
            structure,
            job_folder(self.name),
            level=self.level,
            compute=self.compute,
            band_k_spacing_per_A=self.band_k_spacing_per_A,
            window_eV=self.window_eV,
            width_eV=self.width_eV,
            source=self.name,
        )


def electronic_structure(
    structure: Structure,
    folder: Path,
    *,
    level: str = "gpaw-moderate",
    compute: Sequence[str] = ("density_of_states", "charges"),
    band_k_spacing_per_A: float | None = None,
    window_eV: tuple[float, float] = (-10.0, 10.0),
    width_eV: float = 0.1,
    source: str = "",
) -> dict[str, Any]:
    """Return density of states, band gap and Bader charges of a cell, as `ElectronicMaker` does in a job.

    Parameters
    ----------
    structure
        Ordered, periodic in three directions.
    folder
        For GPAW's files; a density that is there is not computed again.
    level, compute, band_k_spacing_per_A, window_eV, width_eV
        See `ElectronicMaker`.
    source
        Name of the job.

    Raises
    ------
    InputError
        If there is no such level.
    EngineError
        If GPAW is missing or fails.
    """
    protocol, atoms = gpaw_protocol(level), _atoms(structure)
    wants_bands = "density_of_states" in compute
    state = electronic_state(atoms, protocol, folder, band_spacing_per_A=band_k_spacing_per_A, bands=wants_bands)
    method = f"{level} ({protocol.xc}), not spin-polarised"
    quantities = [Quantity("energy", state.energy_eV, "eV", method=f"{method}; no statistical error", source=source)]
    document: dict[str, Any] = {"kind": "electronic", "level": level, "natoms": len(structure)}
    if wants_bands:
        bands = Bands(state.energies_eV, state.weights, state.fermi_eV, state.projections)
        mesh = "×".join(map(str, state.kpoints))
        quantities += gap_quantities(bands, protocol.xc, f"{mesh} k-points, {method}", source)
        found = density_of_states(bands, window_eV=window_eV, width_eV=width_eV, points=_CURVE_POINTS)
        document["density_of_states"] = {
            "energies_eV": _short(found.energies_eV),
            "total": _short(found.total),
            "by_element": {element: _short(part) for element, part in found.by_element.items()},
            "zero_eV": found.zero_eV,
            "zero": found.zero,
        }
    if "charges" in compute:
        found_charges, charges = _charges(atoms, state, source)
        quantities += found_charges
        document["bader_charges_e"] = [round(float(charge), 4) for charge in charges]
    return document | {
        "quantities": [quantity.to_dict() for quantity in quantities],
        "warnings": [one.sentence() for one in read_handled(folder)],
        "settings": protocol.settings(),
    }


@dataclass
class DensityDifferenceMaker(Maker):
    """Electron density of a cell less those of two parts of it, each alone in the same cell.

    Attributes
    ----------
    level
        Name of the level.
    part
        Numbers of the atoms of one part; the others are the other.
    name
        Name of the job.
    """

    level: str
    part: tuple[int, ...]
    name: str = "density difference"

    @resumable_job
    def make(self, structure: Structure) -> dict[str, Any]:
        """Return the difference along the third cell vector; the whole of it is a cube file in the job's folder."""
        from ase.io.cube import write_cube

        folder, atoms = job_folder(self.name), _atoms(structure)
        protocol = gpaw_protocol(self.level).common_to(atoms.get_chemical_symbols())
        rest = [number for number in range(len(atoms)) if number not in self.part]
        whole, one, other = (
            electronic_state(cell, protocol, folder / name, bands=False)
            for name, cell in (("whole", atoms), ("part", atoms[list(self.part)]), ("rest", atoms[rest]))
        )
        cell = np.array(atoms.cell)
        parts = [one.coarse_density_e_A3, other.coarse_density_e_A3]
        found = charge_displacement(whole.coarse_density_e_A3, parts, cell, source=self.name)
        per_atom, charges = _charges(atoms, whole, self.name)
        error = max(quantity.uncertainty or 0.0 for quantity in per_atom)
        quantities = [part_charge(charges, self.part, error, self.name), found.displaced]
        with (folder / CUBE_FILE).open("w") as stream:
            write_cube(stream, atoms, data=whole.coarse_density_e_A3 - sum(parts), comment="e/A^3, atoms in Bohr")
        return {
            "kind": "density_difference",
            "level": self.level,
            "part": list(self.part),
            "height_A": _short(found.height_A),
            "difference_e_A": _short(found.difference_e_A),
            "moved_e": _short(found.moved_e),
            "quantities": [quantity.to_dict() for quantity in quantities],
            "warnings": [one.sentence() for one in read_handled(folder)],
            "files": [CUBE_FILE],
            "settings": protocol.settings(),
        }


def _atoms(structure: Structure) -> Atoms:
    """Return ASE's atoms without what else the structure carries."""
    from ase import Atoms

    symbols = [site.specie.symbol for site in structure]
    return Atoms(symbols, positions=structure.cart_coords, cell=structure.lattice.matrix, pbc=True)


def _charges(atoms: Atoms, state: ElectronicState, source: str) -> tuple[list[Quantity], Any]:
    from ...analysis.structure.bader import bader_partition  # with numba, which takes longer to load than all else here

    cell, positions = np.array(atoms.cell), atoms.positions
    fine = bader_partition(state.density_e_A3, cell, positions)
    coarse = bader_partition(state.coarse_density_e_A3, cell, positions)
    found = charge_quantities(atoms.get_chemical_symbols(), atoms.numbers, fine, coarse, source)
    return found, atoms.numbers - fine.electrons


def _short(values: Any) -> list[float]:
    return [float(f"{value:.5g}") for value in values]
