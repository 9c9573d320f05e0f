"""Molecules alone in a box: references for elements whose solid is made of molecules."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ..errors import InputError

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from pymatgen.core import Structure

_SULFUR_BOND_A, _SULFUR_ANGLE_DEG = 2.05, 108.0
_CROWN = "S8"


def molecule_in_box(name: str, *, box_A: float = 14.0) -> Structure:
    """Return a molecule in the middle of a cubic box, as a start for a relaxation.

    Parameters
    ----------
    name
        ``S8`` (a crown) or a name of ASE's G2 set: ``Cl2``, ``O2``, ``N2``, ``F2``, ``H2``, ``P2``, ``PH3``, ...
    box_A
        Edge of the box in Å.

    Raises
    ------
    InputError
        If the molecule is not known, or the box holds less than 8 Å of vacuum around it.

    Examples
    --------
    >>> ring = molecule_in_box("S8")
    >>> round(ring.get_distance(0, 1), 2)
    2.05
    """
    from ase.build import molecule
    from pymatgen.core import Lattice, Structure

    if name == _CROWN:
        symbols, positions = ["S"] * 8, crown(8, _SULFUR_BOND_A, _SULFUR_ANGLE_DEG)
    else:
        try:
            atoms = molecule(name)
        except (KeyError, NotImplementedError):
            raise InputError(f"no molecule is known as {name!r}", remedy="Take S8, Cl2, O2, N2, ...") from None
        symbols, positions = list(atoms.get_chemical_symbols()), np.asarray(atoms.positions)
    if len(symbols) < 2:
        raise InputError(f"{name} is a single atom", remedy="Name a molecule, such as Cl2.")
    size = float(np.linalg.norm(positions[:, None] - positions[None], axis=-1).max())
    if not box_A >= size + 8.0:
        raise InputError(
            f"{name} is {size:.1f} Å long, too much for a box of {box_A:g} Å", remedy="Leave 8 Å of vacuum around it."
        )
    middle = positions - 0.5 * (positions.max(axis=0) + positions.min(axis=0)) + box_A / 2
    return Structure(Lattice.cubic(box_A), symbols, middle, coords_are_cartesian=True)


def crown(count: int, bond_A: float, angle_deg: float) -> NDArray[np.float64]:
    """Return a ring that goes up and down, as in S8 (D4d), from its bond length and bond angle.

    Parameters
    ----------
    count
        Number of atoms, even.
    bond_A, angle_deg
        The same for all atoms.

    Returns
    -------
    NDArray
        Shape ``(count, 3)`` in Å.

    Raises
    ------
    InputError
        If no such ring closes.
    """
    step = 2 * np.pi / count
    across = 2 * bond_A * np.sin(np.radians(angle_deg) / 2)  # second neighbours lie in one plane
    radius = across / (2 * np.sin(step))
    chord = 2 * radius * np.sin(step / 2)
    if count % 2 or count < 4 or chord >= bond_A:
        raise InputError(f"no crown of {count} atoms closes with bonds of {bond_A:g} Å at {angle_deg:g} degrees")
    height = np.sqrt(bond_A**2 - chord**2)
    turn = step * np.arange(count)
    level = np.where(np.arange(count) % 2, 0.5, -0.5) * height
    return np.column_stack([radius * np.cos(turn), radius * np.sin(turn), level])
