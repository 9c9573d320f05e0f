"""Continuous random networks: glasses in which every atom has the bonds its valence asks for, without an engine.

Nodes (Si, Ge, C) have four bonds, bridges (O, S, Se) two. Nodes are thrown into the cell, the graph of their bonds is
sampled by switching pairs of bonds, and atoms are relaxed on springs for lengths and angles; the last two steps are
repeated until all strangers are apart and all bonds have their lengths. The idea of a network without broken bonds
is Zachariasen's, switching bonds that of Wooten, Winer and Weaire (Phys. Rev. Lett. 54 (1985) 1392), starting from
random places that of Barkema and Mousseau (Phys. Rev. Lett. 77 (1996) 4358). The energy here is only geometry: a start
for a relaxation with better rings and angles than a packing of atoms, not an equilibrated glass.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from ..errors import InputError
from .bond_switching import fixed_switches
from .bonded import Relaxed, Springs, angle_span_A, relax_bonded
from .distances import distance_table
from .packing import remove_overlaps

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[np.float64]
    Indices = NDArray[np.int64]

FORMERS = ("Si", "Ge")
"""Elements with four bonds, to bridges, to carbon, or to each other."""

BRIDGES = ("O", "S", "Se")
"""Elements with two bonds, both to formers."""

MODIFIERS = frozenset({"Li", "Na", "K", "Mg", "Ca"})
"""Elements without bonds, which lie between those of the network."""

BOND_A = {
    frozenset({"Si", "O"}): 1.61,
    frozenset({"Si", "S"}): 2.13,
    frozenset({"Si", "Se"}): 2.27,
    frozenset({"Ge", "O"}): 1.74,
    frozenset({"Ge", "S"}): 2.21,
    frozenset({"Ge", "Se"}): 2.36,
    frozenset({"Si", "C"}): 1.89,
    frozenset({"Ge", "C"}): 1.97,
    frozenset({"C"}): 1.54,
    frozenset({"Si"}): 2.35,
    frozenset({"Ge"}): 2.45,
    frozenset({"Si", "Ge"}): 2.40,
}
"""Bond lengths in Å: vitreous silica, germania and their sulfides and selenides, SiC, diamond, Si, Ge."""

BRIDGE_ANGLE_DEG = {"O": 146.0, "S": 110.0, "Se": 100.0}
_TETRAHEDRAL_DEG = 109.4712206
_STRANGER = 1.38  # two atoms that could be bonded and are not are at least this many bond lengths apart
_WEIGHTS = {"bond": 10.0, "node angle": 0.8, "bridge angle": 0.12}
_ROOM = 1.03  # strangers are pushed this much farther apart, since springs push back
_OVERLAP = 8.0  # stiffness of an overlap, which must go, against the springs
_ROUNDS = 12
_SWITCHES_PER_EDGE = 2000
_HOT_A2 = 3.0
BOND_TOLERANCE = 0.08
"""Largest relative deviation of a bond in a finished network."""


@dataclass(frozen=True)
class Graph:
    """Bonds of a network.

    Attributes
    ----------
    nodes
        Element of each node, shape (M,).
    edges
        Pairs of nodes, shape (E, 2).
    bridge
        Element in the middle of each edge, or an empty string for a direct bond.
    """

    nodes: tuple[str, ...]
    edges: Indices
    bridge: tuple[str, ...]


@dataclass(frozen=True)
class Network:
    """A finished network.

    Attributes
    ----------
    symbols
        Elements: nodes, bridges, then modifiers.
    positions
        Cartesian, shape (N, 3), in Å.
    springs
        Its bonds and angles.
    relaxed
        How well it is relaxed.
    minimum_distance_A
        Distances that atoms without a common bond or angle keep, by ``"Si-O"``.
    rounds
        How often bonds were switched.
    """

    symbols: tuple[str, ...]
    positions: Array
    springs: Springs
    relaxed: Relaxed
    minimum_distance_A: dict[str, float]
    rounds: int


def is_network(counts: dict[str, int]) -> bool:
    """Whether atoms can make a network: formers, with bridges and carbon if any, and only modifiers besides."""
    known = {*FORMERS, *BRIDGES, "C"} | MODIFIERS
    return bool(set(counts) & set(FORMERS)) and set(counts) <= known


def bond_counts(counts: dict[str, int]) -> dict[str, int]:
    """Count the bonds that saturate every node and bridge.

    Parameters
    ----------
    counts
        Atoms of each element.

    Returns
    -------
    dict
        Edges: ``"bridged"`` between formers through a bridge, ``"former-C"``, ``"C-C"`` and ``"former-former"``.

    Raises
    ------
    InputError
        If the elements make no network, there are more bridges than bonds to hold them, or an odd bond is left.
    """
    formula = "".join(f"{s}{n}" for s, n in counts.items())
    if not is_network(counts):
        raise InputError(
            f"{formula} makes no network",
            remedy="A network has Si or Ge, with O, S, Se or C, and only Li, Na, K, Mg or Ca besides.",
        )
    formers = sum(counts.get(s, 0) for s in FORMERS)
    bridges = sum(counts.get(s, 0) for s in BRIDGES)
    carbon = counts.get("C", 0)
    left = 4 * formers - 2 * bridges
    if left < 0:
        raise InputError(
            f"{formula} has {bridges} bridging anions for {4 * formers} bonds of its formers, which hold {2 * formers}",
            remedy="Take at most two anions for each Si or Ge.",
        )
    to_carbon = min(left, 4 * carbon)
    if (left - to_carbon) % 2 or (4 * carbon - to_carbon) % 2:
        raise InputError(f"{formula} leaves an odd bond", remedy="Take an even number of formula units.")
    return {
        "bridged": bridges,
        "former-C": to_carbon,
        "C-C": (4 * carbon - to_carbon) // 2,
        "former-former": (left - to_carbon) // 2,
    }


def build_network(
    counts: dict[str, int],
    cell: Array,
    rng: np.random.Generator,
    *,
    minimum_distance_A: dict[tuple[str, str], float] | None = None,
) -> Network:
    """Make a network of given atoms in a periodic cell.

    Parameters
    ----------
    counts
        Atoms of each element.
    cell
        Cell vectors as rows, shape (3, 3), in Å; any triclinic cell.
    rng
        Random numbers.
    minimum_distance_A
        Minimum distances of atoms that share neither a bond nor an angle, instead of the default.

    Returns
    -------
    Network

    Raises
    ------
    InputError
        If the composition makes no network, the cell is narrower than two bonds, or bonds stay strained by
        more than `BOND_TOLERANCE`.
    """
    bonds = bond_counts(counts)
    nodes = [s for s in (*FORMERS, "C") for _ in range(counts.get(s, 0))]
    bridges = [s for s in BRIDGES for _ in range(counts.get(s, 0))]
    modifiers = [s for s in counts if s in MODIFIERS for _ in range(counts[s])]
    width = float(1.0 / np.linalg.norm(np.linalg.inv(cell), axis=0).max())
    longest = 2.0 * max(_edge_length(a, b, x) for a in set(nodes) for b in set(nodes) for x in {*bridges, ""})
    if width < longest or len(nodes) < 8:
        raise InputError(
            f"a network of {len(nodes)} nodes in a cell {width:.1f} Å wide would be bonded to itself",
            remedy=f"Take a cell at least {longest:.1f} Å wide.",
        )
    names = list(dict.fromkeys([*nodes, *bridges, *modifiers]))
    table = stranger_table(names, minimum_distance_A)
    kinds = np.array([names.index(s) for s in (*nodes, *bridges, *modifiers)])
    places = _scatter_nodes(nodes, bridges, cell, rng)
    graph = random_graph(nodes, bridges, bonds, rng)
    loose = rng.random((len(modifiers), 3)) @ cell
    loose = rng.random((len(modifiers), 3)) @ cell
    rounds = 0
    for rounds in range(1, _ROUNDS + 1):
        graph = switch_bonds(graph, places, cell, rng, temperature_A2=_HOT_A2 * 0.6 ** (rounds - 1))
        atoms = np.concatenate([places, _bridge_places(graph, places, cell, rng)])
        springs = network_springs(graph, atoms, cell)
        relaxed = relax_bonded(
            cell,
            np.concatenate([atoms, loose]),
            kinds,
            _ROOM * table,
            springs,
            overlap_weight=_OVERLAP,
            max_steps=1500,
            angle_tolerance=0.02,
        )
        relaxed = replace(relaxed, tightest=_ROOM * relaxed.tightest)
        places, loose = relaxed.positions[: len(places)], relaxed.positions[len(atoms) :]
        if relaxed.bond_error < BOND_TOLERANCE and relaxed.tightest >= 1.0:
            break
    else:
        raise InputError(
            f"the network stays strained: a bond is off by {100 * relaxed.bond_error:.0f} %, and atoms without a bond "
            f"come to {100 * relaxed.tightest:.0f} % of their minimum distance",
            remedy="Lower the density or try another seed.",
        )
    bridges = [graph.bridge[k] for k in _bridged(graph)]
    distances = {f"{names[a]}-{names[b]}": float(table[a, b]) for a in range(len(names)) for b in range(a, len(names))}
    made = Network((*nodes, *bridges, *modifiers), relaxed.positions, springs, relaxed, distances, rounds)
    for symbol, numbers in coordination(made, cell).items():
        wanted = 0 if symbol in MODIFIERS else 2 if symbol in BRIDGES else 4
        if set(numbers) != {wanted}:
            raise AssertionError(f"{symbol} has {numbers} neighbours (number: atoms), not {wanted}")
    return made


def random_graph(nodes: list[str], bridges: list[str], bonds: dict[str, int], rng: np.random.Generator) -> Graph:
    """Join the free bonds of nodes at random in the numbers wanted.

    Parameters
    ----------
    nodes, bridges
        Elements.
    bonds
        From :func:`bond_counts`.
    rng
        Random numbers.

    Returns
    -------
    Graph
        May join a node to itself or twice to another; :func:`switch_bonds` mends that.
    """
    formers = rng.permutation(np.repeat([k for k, s in enumerate(nodes) if s != "C"], 4))
    carbon = rng.permutation(np.repeat([k for k, s in enumerate(nodes) if s == "C"], 4))
    mixed = bonds["former-C"]
    pairs = [
        np.column_stack([formers[:mixed], carbon[:mixed]]),
        formers[mixed:].reshape(-1, 2),
        carbon[mixed:].reshape(-1, 2),
    ]
    middle = [""] * mixed + list(rng.permutation(bridges)) + [""] * (bonds["former-former"] + bonds["C-C"])
    return Graph(tuple(nodes), np.concatenate(pairs).astype(np.int64), tuple(str(s) for s in middle))


def switch_bonds(graph: Graph, places: Array, cell: Array, rng: np.random.Generator, *, temperature_A2: float) -> Graph:
    """Sample the graph of nodes that stay where they are, so that its bonds become as long as they should be.

    Parameters
    ----------
    graph
        Bonds; every node keeps their number, and the numbers of bonds between two kinds of nodes stay.
    places
        Positions of the nodes, shape (M, 3), in Å.
    cell
        Cell vectors as rows, shape (3, 3), in Å.
    rng
        Random numbers.
    temperature_A2
        Temperature at the start, in squared deviations of lengths.

    Returns
    -------
    Graph
    """
    arrays = _arrays(graph)
    trials = _SWITCHES_PER_EDGE * len(graph.edges)
    inverse = np.asarray(np.linalg.inv(cell), dtype=np.float64)
    fixed_switches(
        arrays.edges,
        arrays.middle,
        arrays.kind,
        arrays.span,
        places,
        cell,
        inverse,
        trials,
        temperature_A2,
        rng,
    )
    return arrays.graph(graph)


@dataclass(frozen=True)
class _Arrays:
    """A graph for the compiled functions, which change it in place."""

    edges: Indices
    middle: Indices
    kind: Indices
    span: Array
    middles: tuple[str, ...]

    def graph(self, old: Graph) -> Graph:
        return Graph(old.nodes, self.edges, tuple(self.middles[m] for m in self.middle[:, 1]))


def _arrays(graph: Graph) -> _Arrays:
    kinds = sorted(set(graph.nodes))
    middles = tuple(sorted(set(graph.bridge)))
    span = np.array([[[_edge_length(a, b, m) for m in middles] for b in kinds] for a in kinds])
    middle = np.full((len(graph.edges), 2), -1, dtype=np.int64)
    bridged = _bridged(graph)
    middle[bridged, 0] = len(graph.nodes) + np.arange(len(bridged))
    middle[:, 1] = [middles.index(m) for m in graph.bridge]
    kind = np.array([kinds.index(s) for s in graph.nodes])
    return _Arrays(graph.edges.copy(), middle, kind, span, middles)


def _bridged(graph: Graph) -> list[int]:
    """Edges with a bridge."""
    return [k for k, m in enumerate(graph.bridge) if m]


def network_springs(graph: Graph, places: Array, cell: Array) -> Springs:
    """Lengths and angles of a network, its bridges numbered after the nodes in the order of the edges.

    Parameters
    ----------
    graph
        Bonds.
    places
        Positions of nodes and bridges, shape (N, 3), in Å; they decide which images are joined.
    cell
        Cell vectors as rows, shape (3, 3), in Å.

    Returns
    -------
    Springs
    """
    inverse = np.asarray(np.linalg.inv(cell), dtype=np.float64)
    edges, nodes = graph.edges, graph.nodes
    images = _images(edges[:, 0], edges[:, 1], places, inverse)
    rows: list[tuple[int, int, Indices, float, float, bool]] = []
    arms: list[list[tuple[int, Indices, float, str]]] = [[] for _ in nodes]
    atom = len(nodes)
    for (a, b), image, middle in zip(edges.tolist(), images, graph.bridge, strict=True):
        if not middle:
            length = BOND_A[frozenset({nodes[a], nodes[b]})]
            rows.append((a, b, image, length, _WEIGHTS["bond"], True))
            arms[a].append((b, image, length, nodes[b]))
            arms[b].append((a, -image, length, nodes[a]))
            continue
        first, second = (BOND_A[frozenset({nodes[k], middle})] for k in (a, b))
        here, there = _images(np.array([a, b]), np.array([atom, atom]), places, inverse)
        image = here - there
        rows.append((a, atom, here, first, _WEIGHTS["bond"], True))
        rows.append((b, atom, there, second, _WEIGHTS["bond"], True))
        span = angle_span_A(first, second, BRIDGE_ANGLE_DEG[middle])
        rows.append((a, b, image, span, _WEIGHTS["bridge angle"], False))
        arms[a].append((atom, here, first, middle))
        arms[b].append((atom, there, second, middle))
        atom += 1
    for ends in arms:
        for m, (a, image_a, length_a, _) in enumerate(ends):
            for b, image_b, length_b, _ in ends[:m]:
                span = angle_span_A(length_a, length_b, _TETRAHEDRAL_DEG)
                rows.append((a, b, image_b - image_a, span, _WEIGHTS["node angle"], False))
    ones, others, cells, lengths, weights, is_bond = zip(*rows, strict=True)
    return Springs(
        np.array(ones), np.array(others), np.array(cells), np.array(lengths), np.array(weights), np.array(is_bond)
    )


def stranger_table(names: list[str], given: dict[tuple[str, str], float] | None = None) -> Array:
    """Minimum distances of atoms that share neither a bond nor an angle.

    Parameters
    ----------
    names
        Elements, ``n`` of them.
    given
        Distances that replace the default, by pair of symbols.

    Returns
    -------
    ndarray, shape (n, n)
        In Å: the usual minimum, but 1.38 bond lengths for two that could be bonded, so that neighbours can be counted.
    """
    chosen = dict(given or {})
    for a, first in enumerate(names):
        for second in names[a:]:
            if (first, second) in chosen or (second, first) in chosen:
                continue
            bond = BOND_A.get(frozenset({first, second}))
            if {first, second} <= set(FORMERS) and set(names) & set(BRIDGES):
                bond = None  # formers meet through a bridge
            if bond is not None:
                chosen[first, second] = _STRANGER * bond
            elif "C" in (first, second) and {first, second} & set(BRIDGES):
                chosen[first, second] = _STRANGER * 1.43
    return distance_table(names, chosen)


def coordination(network: Network, cell: Array) -> dict[str, dict[int, int]]:
    """Count neighbours by distance alone, whatever the graph says.

    Parameters
    ----------
    network
        A finished network.
    cell
        Its cell vectors, shape (3, 3), in Å.

    Returns
    -------
    dict
        For each element the number of atoms by their number of neighbours within 1.2 bond lengths.
    """
    from .distances import periodic_pairs

    symbols = np.array(network.symbols)
    i, j, _, distance = periodic_pairs(cell, network.positions, 1.2 * max(BOND_A.values()))
    bond = np.array([BOND_A.get(frozenset({a, b}), 0.0) for a, b in zip(symbols[i], symbols[j], strict=True)])
    if any(s in BRIDGES for s in network.symbols):  # formers meet through a bridge
        bond[np.isin(symbols[i], FORMERS) & np.isin(symbols[j], FORMERS)] = 0.0
    near = distance < 1.2 * bond
    number = np.bincount(np.concatenate([i[near], j[near]]), minlength=len(symbols))
    result: dict[str, dict[int, int]] = {}
    for symbol in dict.fromkeys(network.symbols):
        values, times = np.unique(number[symbols == symbol], return_counts=True)
        result[symbol] = {int(v): int(t) for v, t in zip(values, times, strict=True)}
    return result


def _edge_length(first: str, second: str, middle: str) -> float:
    """Distance of two nodes in Å, through a bridge if one is named."""
    if middle:
        arms = [BOND_A.get(frozenset({s, middle})) for s in (first, second)]
        if arms[0] is None or arms[1] is None:
            return 0.0  # carbon has no bridges
        return angle_span_A(arms[0], arms[1], BRIDGE_ANGLE_DEG[middle])
    return BOND_A[frozenset({first, second})]


def _scatter_nodes(nodes: list[str], bridges: list[str], cell: Array, rng: np.random.Generator) -> Array:
    """Random places of nodes, as far from each other as bonds will be."""
    names = list(dict.fromkeys(nodes))
    middle = bridges[0] if bridges else ""
    table = np.array([[0.0] * len(names)] * len(names))
    for a, first in enumerate(names):
        for b, second in enumerate(names):
            through = middle if "C" not in (first, second) else ""
            table[a, b] = _edge_length(first, second, through)
    kinds = np.array([names.index(s) for s in nodes])
    start = rng.random((len(nodes), 3)) @ cell
    for factor in (0.97, 0.9, 0.8):
        packed = remove_overlaps(cell, start, kinds, factor * table, rng=rng, max_steps=600)
        if packed.tightest >= 1.0:
            break
    return packed.positions


def _bridge_places(graph: Graph, places: Array, cell: Array, rng: np.random.Generator) -> Array:
    """Bridges near the middle of their edges, in the cell of the first node."""
    a, b = graph.edges[:, 0], graph.edges[:, 1]
    gap = places[b] - places[a]
    gap -= np.rint(gap @ np.linalg.inv(cell)) @ cell
    bridged = np.array([bool(m) for m in graph.bridge])
    middle = places[a[bridged]] + 0.5 * gap[bridged]
    result: Array = middle + rng.normal(scale=0.3, size=middle.shape)
    return result


def _images(first: Indices, second: Indices, places: Array, inverse: Array) -> Indices:
    """Cells to add to the second atoms to get their nearest images."""
    result: Indices = -np.rint((places[second] - places[first]) @ inverse).astype(np.int64)
    return result
