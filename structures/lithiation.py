"""LixM from the empty host to the end phase: insertion into the largest voids, and extraction that leaves voids."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
from pymatgen.core import Element, Lattice, Structure

from ..errors import InputError
from .capacity import li_per_host, phase_numbers
from .distances import closest_pairs, distance_table
from .packing import remove_overlaps
from .phases import phase, phase_names
from .record import BuildRecord, Source, make_record
from .voids import fill_voids

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

LITHIUM_VOLUME_A3 = 14.8
"""Volume that one lithium adds to an alloy, in Å³: 8.9 mL/mol in every lithium alloy of the main-group elements
(M.N. Obrovac, L. Christensen, D.B. Le, J.R. Dahn, J. Electrochem. Soc. 154 (2007) A849)."""

DISTANCE_SHARE = 0.85
"""Least distance between two atoms of an alloy as a share of their contact distance."""


@dataclass(frozen=True)
class LithiationStep:
    """One composition of a lithiation series.

    Attributes
    ----------
    x
        Lithium per host atom, as it came out with whole atoms.
    structure
        The cell.
    volume_per_host_A3
        Cell volume over host atoms.
    record
        How it was made.
    """

    x: float
    structure: Structure
    volume_per_host_A3: float
    record: BuildRecord


def volume_law(host: str, x: float, *, host_volume_A3: float, law: str = "additive") -> float:
    """Return the volume per host atom of LixM in Å³.

    Parameters
    ----------
    host
        Symbol of the host element.
    x
        Lithium per host atom.
    host_volume_A3
        Volume per host atom at x = 0.
    law
        ``additive``: 14.8 Å³ for each lithium (`LITHIUM_VOLUME_A3`). ``phases``: interpolated between the crystals
        of the library, scaled to `host_volume_A3` at x = 0.

    Raises
    ------
    InputError
        The law is not known, or x lies beyond the phases of the library.
    """
    if law == "additive":
        return host_volume_A3 + LITHIUM_VOLUME_A3 * x
    if law != "phases":
        raise InputError(f"there is no volume law '{law}'", remedy="Use additive or phases.")
    points: dict[float, float] = {}
    for name in phase_names():
        item = phase(name)
        if item.host_element != host or item.host_phase is None or "vacuum" in item.note:
            continue
        numbers = phase_numbers(item)
        if numbers.li_per_host is None or numbers.volume_per_host_A3 is None:
            continue
        if numbers.li_per_host == 0 and item.name != item.host_phase:
            continue
        points[round(numbers.li_per_host, 6)] = numbers.volume_per_host_A3
    known = sorted(points)
    if not known or known[0] > 0 or x > known[-1] + 1e-9:
        last = f"up to x = {known[-1]:g}" if known else "none"
        raise InputError(f"the library has phases of {host} {last}", remedy="Use the additive law.")
    return float(np.interp(x, known, [points[k] for k in known])) * host_volume_A3 / points[0.0]


def lithiation_series(
    host: Structure,
    x: Sequence[float],
    *,
    host_element: str | None = None,
    law: str = "additive",
    seed: int = 1,
    source: Source | None = None,
) -> list[LithiationStep]:
    """Insert lithium into the largest voids of a host, step by step, while the cell grows.

    As Chevrier and Dahn (J. Electrochem. Soc. 156 (2009) A454) did, without the relaxation between insertions that
    needs an engine: at each composition the cell is scaled to the volume law, lithium goes one by one into the
    largest void, and atoms nearer than 0.85 of their contact distance are pushed apart. A crystalline host stays
    crystalline at small x; an amorphous one comes from `anodeflow.structures.amorphous.pack`.

    Parameters
    ----------
    host
        Ordered host without lithium or with some, crystalline or amorphous.
    x
        Lithium per host atom, ascending; numbers of atoms are rounded.
    host_element
        Element that takes up lithium; by default the only one besides lithium.
    law
        See `volume_law`.
    seed
        Seed of the small displacements that break ties between equal voids.
    source
        Where the host came from.

    Returns
    -------
    list of LithiationStep
        Each contains the atoms of the one before it; host atoms first, in their order.

    Raises
    ------
    InputError
        x does not ascend, the host is not suitable, or the distances cannot be kept.

    Examples
    --------
    >>> from anodeflow.structures.phases import phase
    >>> [len(step.structure) for step in lithiation_series(phase("Si").structure, [0, 0.5, 1])]
    [8, 12, 16]
    """
    element = _host_element(host, host_element)
    if any(b <= a for a, b in pairwise(x)) or (len(x) and x[0] < 0):
        raise InputError("the lithium contents of a series must ascend from 0 or more")
    hosts = round(host.composition[element])
    current = host.copy()
    for key in list(current.site_properties):
        current.remove_site_property(key)
    start = li_per_host(host.composition, element)
    host_volume = _unlithiated_volume(host, hosts, start, element, law)
    rng = np.random.default_rng(seed)
    steps = []
    for content in x:
        wanted = round(content * hosts)
        missing = wanted - round(current.composition["Li"])
        if missing < 0:
            raise InputError(f"the host already holds more lithium than x = {content:g}", remedy="Use delithiation.")
        volume = hosts * volume_law(element, wanted / hosts, host_volume_A3=host_volume, law=law)
        current = _grow(current, volume, missing, rng)
        inputs = {
            "host": source.name if source else host.composition.reduced_formula,
            "x": content,
            "host_element": element,
            "law": law,
        }
        steps.append(_step(current, element, inputs, source, seed))
    return steps


def delithiation_series(
    alloy: Structure,
    x: Sequence[float],
    *,
    host_element: str | None = None,
    keep_volume: bool = True,
    seed: int = 1,
    source: Source | None = None,
) -> list[LithiationStep]:
    """Take lithium out at random, leaving the voids that extraction leaves.

    Parameters
    ----------
    alloy
        Ordered LixM.
    x
        Lithium per host atom, descending.
    host_element
        Element that holds the lithium; by default the only one besides lithium.
    keep_volume
        Keep the cell, so that the voids stay (fast extraction); otherwise scale it down by the additive law.
    seed
        Seed of the draw.
    source
        Where the alloy came from.

    Raises
    ------
    InputError
        x does not descend, or is more than the alloy holds.
    """
    element = _host_element(alloy, host_element)
    hosts = round(alloy.composition[element])
    if any(b >= a for a, b in pairwise(x)) or (len(x) and min(x) < 0):
        raise InputError("the lithium contents of an extraction must descend to 0 or more")
    lithium = [i for i, site in enumerate(alloy) if site.specie.symbol == "Li"]
    order = [int(i) for i in np.random.default_rng(seed).permutation(lithium)]
    steps = []
    for content in x:
        wanted = round(content * hosts)
        if wanted > len(lithium):
            raise InputError(f"the alloy holds less lithium than x = {content:g}")
        left = alloy.copy()
        for key in list(left.site_properties):
            left.remove_site_property(key)
        left.remove_sites(order[wanted:])
        if not keep_volume:
            shrunk = alloy.volume - LITHIUM_VOLUME_A3 * (len(lithium) - wanted)
            left = _grow(left, max(shrunk, 0.3 * alloy.volume), 0, np.random.default_rng(seed))
        inputs = {
            "alloy": source.name if source else alloy.composition.reduced_formula,
            "x": content,
            "host_element": element,
            "keep_volume": keep_volume,
        }
        steps.append(_step(left, element, inputs, source, seed))
    return steps


def _host_element(structure: Structure, given: str | None) -> str:
    if not structure.is_ordered:
        raise InputError("a lithiation series needs an ordered host")
    symbols = {site.specie.symbol for site in structure} - {"Li"}
    if given is not None:
        if given not in symbols:
            raise InputError(f"the host holds no {given}")
        return given
    if len(symbols) != 1:
        raise InputError(
            f"the host has the elements {', '.join(sorted(symbols)) or 'Li only'}", remedy="Say which one takes up Li."
        )
    return next(iter(symbols))


def _unlithiated_volume(host: Structure, hosts: int, x: float, element: str, law: str) -> float:
    """Return the volume per host atom at x = 0 that puts the given cell on the law."""
    if x == 0:
        return float(host.volume / hosts)
    if law == "additive":
        return float(host.volume / hosts) - LITHIUM_VOLUME_A3 * x
    return float(host.volume / hosts) / volume_law(element, x, host_volume_A3=1.0, law=law)


def _grow(structure: Structure, volume: float, lithium: int, rng: np.random.Generator) -> Structure:
    """Scale to a volume, fill the largest voids with lithium, and push apart what is too near."""
    scale = (volume / structure.volume) ** (1 / 3)
    cell = np.asarray(structure.lattice.matrix) * scale
    fractional = np.asarray(structure.frac_coords)
    symbols = [site.specie.symbol for site in structure]
    if lithium:
        # equal voids of a perfect crystal are taken in an order that the seed decides
        jitter = rng.normal(scale=1e-3, size=fractional.shape) @ np.linalg.inv(cell)
        centres, _ = fill_voids(cell, fractional + jitter, lithium)
        fractional = np.concatenate([fractional, centres])
        symbols += ["Li"] * lithium
    names = sorted(set(symbols))
    kinds = np.array([names.index(symbol) for symbol in symbols])
    table = _table(names, structure)
    packed = remove_overlaps(cell, fractional @ cell, kinds, table)
    if packed.tightest < 1.0 - 1e-6:
        raise InputError(
            f"{len(symbols)} atoms in {volume:.0f} Å³ come nearer than {100 * DISTANCE_SHARE:.0f} % of their contact "
            f"distances (tightest pair at {packed.tightest:.2f} of its minimum)",
            remedy="Take less lithium or a larger volume.",
        )
    return Structure(Lattice(cell), symbols, (packed.positions @ np.linalg.inv(cell)) % 1.0)


def _table(names: list[str], structure: Structure) -> NDArray[np.float64]:
    """Return minimum distances; a host whose own bonds are shorter keeps them."""
    table = distance_table(names, fraction=DISTANCE_SHARE)
    for (one, two), distance in closest_pairs(structure).items():
        if one in names and two in names and Element(one).is_metalloid and Element(two).is_metalloid:
            i, j = names.index(one), names.index(two)
            table[i, j] = table[j, i] = min(table[i, j], 0.98 * distance)
    return table


def _step(
    structure: Structure, element: str, inputs: dict[str, Any], source: Source | None, seed: int
) -> LithiationStep:
    record = make_record(structure, "lithiation", inputs, sources=[source] if source else [], seed=seed)
    return LithiationStep(
        x=li_per_host(structure.composition, element),
        structure=structure,
        volume_per_host_A3=float(structure.volume / structure.composition[element]),
        record=record,
    )
