"""The equilibrium volume of a crystal at any level, from energies of scaled cells."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, runtime_checkable

import numpy as np

from ..errors import EngineError
from .images import load_arrays, save_arrays

if TYPE_CHECKING:
    from pathlib import Path

    from ase import Atoms
    from pymatgen.core import Structure

    from .images import CalculatorFactory


@runtime_checkable
class Samples(Protocol):
    """A calculator that samples reciprocal space, and can be told to do so alike for all cells."""

    def keep_sampling(self, atoms: Atoms) -> None:
        """Take what suits `atoms` for every cell from now on."""


_STRAINS = np.array([-0.03, -0.015, 0.0, 0.015, 0.03])


@dataclass(frozen=True)
class EquilibriumVolume:
    """A crystal scaled to its minimum of energy.

    Attributes
    ----------
    structure
        The scaled crystal; shape of the cell and fractional coordinates as they were.
    scale
        Factor on every length.
    energy_eV
        Enthalpy of the cell, from the fit; at no pressure its energy.
    bulk_modulus_GPa
        From the curvature.
    """

    structure: Structure
    scale: float
    energy_eV: float
    bulk_modulus_GPa: float


def equilibrium_volume(
    structure: Structure, factory: CalculatorFactory, folder: Path, *, plane: bool = False, pressure_GPa: float = 0.0
) -> EquilibriumVolume:
    """Scale a crystal to its minimum of enthalpy, through a cubic in the linear strain at five points of ±3 %.

    Parameters
    ----------
    structure
        Unit cell. Energies are those of its primitive cell unless `plane` is set.
    factory
        Makes the calculators.
    folder
        Folder of this alone; points that are there are not evaluated again.
    plane
        Scale the first two cell vectors only, as for a layer with vacuum along the third. The modulus is then that of
        the plane times its thickness of one cell, and means nothing.
    pressure_GPa
        Pressure outside.

    Raises
    ------
    EngineError
        If the minimum is not within the points, or a calculation fails.
    """
    from ase import Atoms
    from pymatgen.core import Structure
    from pymatgen.io.ase import AseAtomsAdaptor

    from ..units import EV_A3_TO_GPA

    folder.mkdir(parents=True, exist_ok=True)
    atoms: Atoms = AseAtomsAdaptor.get_atoms(structure)
    share = 1.0
    if not plane:
        # the standard one, whose vectors have the symmetry of the lattice: so has the mesh of k-points then
        atoms = _primitive(atoms)
        share = len(structure) / len(atoms)
    first = atoms.get_cell()[:].copy()
    scaled_axes = np.array([1.0, 1.0, 0.0 if plane else 1.0])[:, None]
    for _ in range(2):  # a second time around a minimum that lies outside
        cell = atoms.get_cell()[:]
        energies = []
        for strain in _STRAINS:
            own = folder / f"{np.linalg.norm(cell[0]) * (1 + strain):.6f}"
            own.mkdir(exist_ok=True)
            known = load_arrays(own / "energy.npz")
            if known is None:
                scaled = atoms.copy()
                scaled.set_cell(cell * (1 + strain * scaled_axes), scale_atoms=True)
                scaled.calc = factory(own)
                if isinstance(scaled.calc, Samples):
                    scaled.calc.keep_sampling(Atoms(atoms.symbols, cell=first, pbc=True))
                try:
                    known = {"energy_eV": np.array(scaled.get_potential_energy())}
                except Exception as error:
                    raise EngineError(
                        f"the energy of the crystal scaled by {1 + strain:.3f} failed: {type(error).__name__}: {error}",
                        where=str(own.name),
                    ) from error
                save_arrays(own / "energy.npz", known)
            volume = abs(np.linalg.det(cell * (1 + strain * scaled_axes)))
            energies.append(float(known["energy_eV"]) + pressure_GPa / EV_A3_TO_GPA * volume)
        fit = np.polynomial.Polynomial.fit(_STRAINS, energies, 3)
        roots = [r.real for r in fit.deriv().roots() if abs(r.imag) < 1e-9 and fit.deriv(2)(r.real) > 0]
        if not roots:
            raise EngineError("the energy has no minimum near the given volume", where=str(folder.name))
        best = float(min(roots, key=abs))
        if abs(best) <= _STRAINS[-1]:
            break
        atoms.set_cell(cell * (1 + min(max(best, -0.06), 0.06) * scaled_axes), scale_atoms=True)
    else:
        raise EngineError("the equilibrium volume is too far from the given one", where=str(folder.name))
    scale = float(np.linalg.norm(cell[0]) * (1 + best) / np.linalg.norm(first[0]))
    lattice = np.asarray(structure.lattice.matrix) * (1 + (scale - 1) * scaled_axes)
    scaled_structure = Structure(lattice, structure.species, structure.frac_coords)
    curvature = float(fit.deriv(2)(best)) * (1 + best) ** 2  # over ln(length)
    bulk = curvature * share / (9 * scaled_structure.volume) * EV_A3_TO_GPA
    return EquilibriumVolume(scaled_structure, scale, share * float(fit(best)), bulk)


def _primitive(atoms: Atoms) -> Atoms:
    """Return the standard primitive cell, turned as it may be; the atoms keep their places."""
    import spglib
    from ase import Atoms

    cell = (atoms.get_cell()[:], atoms.get_scaled_positions(), atoms.get_atomic_numbers())
    found = spglib.standardize_cell(cell, to_primitive=True, no_idealize=True, symprec=1e-3)
    if found is None or len(atoms) % len(found[2]):
        return atoms
    lattice, fractions, numbers = found
    return Atoms(numbers, cell=lattice, scaled_positions=fractions, pbc=True)
