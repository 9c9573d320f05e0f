"""Interfaces and stacks: any two sides, crystalline or amorphous, with whatever lies between them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import islice
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import InputError
from .checks import Contacts, check_stack
from .common_cell import CommonCell, Limits, common_cell, common_cells
from .matching import Match
from .record import BuildRecord, make_record
from .side import Side, read_side
from .stack import Stack, atomic_layers, build_stack

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pymatgen.core import Structure


@dataclass(frozen=True)
class Interface:
    """A finished interface that has passed its checks.

    Attributes
    ----------
    structure
        The cell: first vector along x, second in the xy plane, third along z, which is the normal of the interface
        (LAMMPS' orientation). Atoms are grouped by element, the least electronegative
        first. Site properties: ``side``, the number of the layer an atom belongs to from 0 at the
        bottom; ``layer``, its atomic layer within that side; ``charge``, the formal charge, when any side has them.
    sides
        Labels from bottom to top.
    match
        The match of the two crystals; None with fewer than two.
    common
        The common cell and how each crystal lies in it.
    contacts
        Nearest pairs across each contact.
    record
        How it was made and what it measures.
    """

    structure: Structure
    sides: tuple[str, ...]
    match: Match | None
    common: CommonCell
    contacts: Contacts
    record: BuildRecord

    def atoms_of(self, side: int) -> list[int]:
        """Return the indices of the atoms of a layer; layers are counted from 0 at the bottom."""
        return [k for k, number in enumerate(self.structure.site_properties["side"]) if number == side]


def interface(
    lower: str | Structure | Side,
    upper: str | Structure | Side,
    *,
    interlayer: str | Structure | Side | Sequence[str | Structure | Side] = (),
    thickness_A: float = 10.0,
    vacuum_A: float | None = None,
    max_strain: float = 0.05,
    max_area_A2: float = 400.0,
    max_atoms: int = 1000,
    strain_share: float | str = "stiffness",
    registry: bool = True,
    shift: Sequence[float] | None = None,
    gap_A: float | None = None,
    minimum_distance_A: Mapping[tuple[str, str], float] | None = None,
    seed: int = 1,
) -> Interface:
    """Build an interface of two solids from one line.

    Parameters
    ----------
    lower, upper
        ``"Si(100)"``, ``"Li6PS5Cl(110)#2:14"`` (termination 2, 14 Å thick), ``"a-Li15Si4"`` for a glass,
        ``"LiPON"``, a file with a plane (``"mine.cif(001)"``), or a structure, whose plane is then chosen.
    interlayer
        One or more layers between them, such as ``"Li21Si5:8"``.
    thickness_A
        Smallest thickness of each layer that names none, in Å.
    vacuum_A
        Vacuum above in Å; None makes a sandwich with two interfaces and no vacuum.
    max_strain, max_area_A2, max_atoms
        Limits of the common cell; the strain is that which one side would have if it took all.
    strain_share
        Part of the strain that the last crystal takes: ``"stiffness"`` (the softer side takes more), ``"lower"``,
        ``"upper"``, or a number from 0 to 1.
    registry
        Search the in-plane shift with the pair and Coulomb proxy of :mod:`~anodeflow.structures.registry`.
    shift
        In-plane shift in fractions of the common cell, instead of the search.
    gap_A
        Distance between outermost atomic planes of crystals; by default the nearest pair touches (sum of radii).
    minimum_distance_A
        Minimum distances by pair of symbols, instead of 0.85 of the contact.
    seed
        Seed for glasses and for ordering partial occupancies.

    Returns
    -------
    Interface

    Raises
    ------
    InputError
        If a side cannot be read, nothing meets the limits (the best found is said), a glass cannot be packed, or
        the result fails a check.

    Examples
    --------
    >>> made = interface("Si(100)", "Li2O(100)", max_strain=0.03)
    >>> made.sides
    ('Si(100)', 'Li2O(100)')
    >>> len(made.contacts.gaps_A)
    2
    """
    sides = read_sides(lower, upper, interlayer, thickness_A, seed)
    limits = Limits(max_strain, max_area_A2, max_atoms)
    options = BuildOptions(vacuum_A, registry, shift, gap_A, minimum_distance_A, strain_share, seed)
    options.check()
    return assemble(sides, common_cell(sides, limits, share=strain_share), limits, options)


def interfaces(
    lower: str | Structure | Side,
    upper: str | Structure | Side,
    *,
    interlayer: str | Structure | Side | Sequence[str | Structure | Side] = (),
    thickness_A: float = 10.0,
    vacuum_A: float | None = None,
    max_strain: float = 0.05,
    max_area_A2: float = 400.0,
    max_atoms: int = 1000,
    strain_share: float | str = "stiffness",
    registry: bool = True,
    gap_A: float | None = None,
    minimum_distance_A: Mapping[tuple[str, str], float] | None = None,
    seed: int = 1,
    cells: int = 1,
    terminations: int = 4,
) -> list[Interface]:
    """Build candidates of one interface: pairs of terminations, each in the best common cells.

    Parameters
    ----------
    lower, upper, interlayer, thickness_A, vacuum_A, max_strain, max_area_A2, max_atoms
        As in :func:`interface`.
    strain_share, registry, gap_A, minimum_distance_A, seed
        As in :func:`interface`.
    cells
        Largest number of common cells, best first.
    terminations
        Largest number of pairs of terminations of the lower and the upper side, best first. It has no effect on
        a crystal for which no plane was named.

    Returns
    -------
    list of Interface
        By pair of terminations, then by cell.

    Raises
    ------
    InputError
        As :func:`interface`.
    """
    sides = read_sides(lower, upper, interlayer, thickness_A, seed)
    limits = Limits(max_strain, max_area_A2, max_atoms)
    options = BuildOptions(vacuum_A, registry, None, gap_A, minimum_distance_A, strain_share, seed)
    options.check()
    pairs = [(a, b) for a in terminations_of(sides[0]) for b in terminations_of(sides[-1])]
    pairs.sort(key=lambda pair: pair[0].termination + pair[1].termination)
    made = []
    for first, last in pairs[:terminations]:
        chosen = [first, *sides[1:-1], last]
        best = islice(common_cells(chosen, limits, share=strain_share), cells)
        made += [assemble(chosen, common, limits, options) for common in best]
    return made


@dataclass(frozen=True)
class BuildOptions:
    """How layers are put on each other; fields as the arguments of :func:`interface`."""

    vacuum_A: float | None
    registry: bool
    shift: Sequence[float] | None
    gap_A: float | None
    minimum_distance_A: Mapping[tuple[str, str], float] | None
    strain_share: float | str
    seed: int

    def check(self) -> None:
        """Raise `InputError` for a vacuum that parts nothing."""
        if self.vacuum_A is not None and self.vacuum_A < 5.0:
            raise InputError(
                f"a vacuum of {self.vacuum_A:g} Å does not part the two faces",
                remedy="Give at least 5 Å, or none for a sandwich.",
            )


def read_sides(
    lower: str | Structure | Side,
    upper: str | Structure | Side,
    interlayer: str | Structure | Side | Sequence[str | Structure | Side],
    thickness_A: float,
    seed: int,
) -> list[Side]:
    """Return the layers from bottom to top, with labels that differ."""
    between = [interlayer] if isinstance(interlayer, str | Side) or hasattr(interlayer, "lattice") else list(interlayer)
    sides = [read_side(text, thickness_A=thickness_A, seed=seed) for text in (lower, *between, upper)]
    return _distinct_labels(sides)


def assemble(sides: list[Side], common: CommonCell, limits: Limits, options: BuildOptions) -> Interface:
    """Return the checked interface of layers in a common cell."""
    stack = build_stack(
        sides,
        common,
        vacuum_A=options.vacuum_A,
        seed=options.seed,
        registry=options.registry,
        shift=options.shift,
        gap_A=options.gap_A,
        minimum_distance_A=options.minimum_distance_A,
    )
    inputs: dict[str, Any] = {
        "lower": sides[0].label,
        "upper": sides[-1].label,
        "interlayer": [side.label for side in sides[1:-1]],
        "thickness_A": {side.label: side.thickness_A for side in sides},
        "vacuum_A": options.vacuum_A,
        "max_strain": limits.max_strain,
        "max_area_A2": limits.max_area_A2,
        "max_atoms": limits.max_atoms,
        "strain_share": options.strain_share,
        "registry": options.registry,
        "shift": None if options.shift is None else [float(v) for v in options.shift],
        "gap_A": options.gap_A,
        "minimum_distance_A": {f"{a}-{b}": float(d) for (a, b), d in (options.minimum_distance_A or {}).items()},
    }
    return finish(sides, common, stack, inputs, options.vacuum_A is None, options.seed, options.minimum_distance_A)


def terminations_of(side: Side, max_terminations: int = 20) -> list[Side]:
    """One side for each distinct termination of its plane.

    Parameters
    ----------
    side
        A crystal with one plane; anything else is returned as it is.
    max_terminations
        Largest number returned, best first.

    Returns
    -------
    list of Side
    """
    from .surface import terminations

    if len(side.planes) != 1:
        return [side]
    choices = terminations(side.planes[0])[:max_terminations]
    return [replace(side, planes=side.planes[:1], termination=choice.number) for choice in choices]


def finish(
    sides: Sequence[Side],
    common: CommonCell,
    stack: Stack,
    inputs: dict[str, Any],
    periodic: bool,
    seed: int,
    minimum_distance_A: Mapping[tuple[str, str], float] | None = None,
    builder: str = "interface",
) -> Interface:
    """Turn a stack into a checked structure with its record.

    Parameters
    ----------
    sides, common, stack
        What was built.
    inputs
        Arguments of the builder.
    periodic
        Whether the last layer touches the first one's image.
    seed
        Seed used.
    minimum_distance_A
        Minimum distances that replace the default.
    builder
        Name for the record.

    Returns
    -------
    Interface

    Raises
    ------
    InputError
        If a check fails.
    """
    from pymatgen.core import Lattice, Structure

    symbols = [s for layer in stack.layers for s in layer.symbols]
    owner = [k for k, layer in enumerate(stack.layers) for _ in layer.symbols]
    positions = np.concatenate([layer.positions for layer in stack.layers])
    # nothing may stick out below the origin, where wrapping would put it on top
    positions[:, 2] -= positions[:, 2].min() if not periodic else min(0.0, float(positions[:, 2].min()))
    number = [n for layer in stack.layers for n in atomic_layers(layer.positions[:, 2])]
    order = file_order(symbols)
    symbols = [symbols[k] for k in order]
    owner, number = ([values[k] for k in order] for values in (owner, number))
    positions = positions[order]
    properties: dict[str, list[Any]] = {"side": owner, "layer": number}
    if any(side.charges for side in sides):
        properties["charge"] = [float(sides[k].charges.get(s, 0.0)) for k, s in zip(owner, symbols, strict=True)]
    structure = Structure(
        Lattice(stack.cell), symbols, positions, coords_are_cartesian=True, site_properties=properties
    )
    contacts = check_stack(structure, owner, sides, common, periodic=periodic, minimum_distance_A=minimum_distance_A)
    warnings = [note for side in sides for note in side.notes] + list(stack.notes)
    if common.match is not None:
        warnings.append(
            f"misfit {100 * common.match.strain:.2f} %; stiffness "
            + ", ".join(f"{s.label} {s.stiffness_GPa[0]:.0f} GPa ({s.stiffness_GPa[1]})" for s in sides if s.is_crystal)
        )
    record = make_record(
        structure, builder, inputs, sources=[side.source for side in sides], seed=seed, warnings=warnings
    )
    fits = [(side, fit) for side, fit in zip(sides, common.fits, strict=True) if fit is not None]
    record = replace(
        record,
        charge=sum(properties["charge"]) if "charge" in properties else record.charge,
        area_A2=abs(float(np.linalg.det(common.plane))),
        strain={side.label: fit.strain.tolist() for side, fit in fits},
        gaps_A=dict(contacts.gaps_A),
        miller={side.label: fit.cell.miller for side, fit in fits},
        terminations={side.label: fit.termination.label for side, fit in fits},
        layers={side.label: [n for n, k in enumerate(owner) if k == m] for m, side in enumerate(sides)},
    )
    return Interface(structure, tuple(side.label for side in sides), common.match, common, contacts, record)


def file_order(symbols: Sequence[str]) -> list[int]:
    """Order atoms by element, the least electronegative first, as POSCAR and CIF files are written and read.

    A structure in this order has the same atom numbers in every format, so that the labels of a build record fit.

    Parameters
    ----------
    symbols
        Element of each atom.

    Returns
    -------
    list of int
        Old indices in the new order; atoms of one element keep theirs.
    """
    from pymatgen.core import Element

    rank = {symbol: (float(Element(symbol).X), symbol) for symbol in set(symbols)}
    return sorted(range(len(symbols)), key=lambda k: rank[symbols[k]])


def _distinct_labels(sides: list[Side]) -> list[Side]:
    labels = [side.label for side in sides]
    return [
        replace(side, label=f"{side.label} [{k + 1}]") if labels.count(side.label) > 1 else side
        for k, side in enumerate(sides)
    ]
