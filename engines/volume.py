"""The equilibrium volume of a crystal at any level, from energies of scaled cells."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ..errors import EngineError
from .images import load_arrays, save_arrays

if TYPE_CHECKING:
    from pathlib import Path

    from pymatgen.core import Structure

    from .images import CalculatorFactory

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
        Of the cell, from the fit.
    bulk_modulus_GPa
        From the curvature.
    """

    structure: Structure
    scale: float
    energy_eV: float
    bulk_modulus_GPa: float


def equilibrium_volume(structure: Structure, factory: CalculatorFactory, folder: Path) -> EquilibriumVolume:
    """Scale a crystal to its minimum of energy, through a cubic in the linear strain at five points of ±3 %.

    Parameters
    ----------
    structure
        Unit cell; the smaller the cheaper.
    factory
        Makes the calculators.
    folder
        Folder of this alone; points that are there are not evaluated again.

    Raises
    ------
    EngineError
        If the minimum is not within the points, or a calculation fails.
    """
    from pymatgen.io.ase import AseAtomsAdaptor

    from ..units import EV_A3_TO_GPA

    folder.mkdir(parents=True, exist_ok=True)
    atoms = AseAtomsAdaptor.get_atoms(structure)
    for _ in range(2):  # a second time around a minimum that lies outside
        cell = atoms.get_cell()[:]
        energies = []
        for strain in _STRAINS:
            own = folder / f"{np.linalg.norm(cell[0]) * (1 + strain):.6f}"
            own.mkdir(exist_ok=True)
            known = load_arrays(own / "energy.npz")
            if known is None:
                scaled = atoms.copy()
                scaled.set_cell(cell * (1 + strain), scale_atoms=True)
                scaled.calc = factory(own)
                try:
                    known = {"energy_eV": np.array(scaled.get_potential_energy())}
                except Exception as error:
                    raise EngineError(
                        f"the energy of the crystal scaled by {1 + strain:.3f} failed: {type(error).__name__}: {error}",
                        where=str(own.name),
                    ) from error
                save_arrays(own / "energy.npz", known)
            energies.append(float(known["energy_eV"]))
        fit = np.polynomial.Polynomial.fit(_STRAINS, energies, 3)
        roots = [r.real for r in fit.deriv().roots() if abs(r.imag) < 1e-9 and fit.deriv(2)(r.real) > 0]
        if not roots:
            raise EngineError("the energy has no minimum near the given volume", where=str(folder.name))
        best = float(min(roots, key=abs))
        if abs(best) <= _STRAINS[-1]:
            break
        atoms.set_cell(cell * (1 + min(max(best, -0.06), 0.06)), scale_atoms=True)
    else:
        raise EngineError("the equilibrium volume is too far from the given one", where=str(folder.name))
    scale = float(np.linalg.norm(cell[0]) * (1 + best) / structure.lattice.a)
    scaled_structure = structure.copy()
    scaled_structure.scale_lattice(structure.volume * scale**3)
    curvature = float(fit.deriv(2)(best)) * (1 + best) ** 2  # over ln(length)
    bulk = curvature / (9 * scaled_structure.volume) * EV_A3_TO_GPA
    return EquilibriumVolume(scaled_structure, scale, float(fit(best)), bulk)
