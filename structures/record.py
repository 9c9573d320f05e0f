"""What a built structure says about itself: where it came from, how it was made, and what was checked."""

from __future__ import annotations

import platform
from dataclasses import asdict, dataclass, field, fields
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from pymatgen.core import Structure


@dataclass(frozen=True)
class Source:
    """Where a structure came from: what a build record and a document say about it.

    Attributes
    ----------
    name
        Library name, or the path as the user gave it.
    evidence
        Evidence class of the library (`anodeflow.structures.phases.EVIDENCE`), ``"user file"`` or
        ``"Materials Project"``.
    citation
        Publication of the structure; empty for a user's file.
    origin
        The file or rule that cell and coordinates were taken from.
    note
        Cautions in whole phrases.
    oxidation_states
        Formal charge of each element; empty for metals and alloys and where they are not known.
    """

    name: str
    evidence: str
    citation: str = ""
    origin: str = ""
    note: str = ""
    oxidation_states: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class BuildRecord:
    """How a structure was built and what it measures; it stands beside the structure's file as ``FILE.json``.

    Attributes
    ----------
    builder
        The command that builds it, such as ``interface``.
    inputs
        Every argument of the builder, defaults written out, as JSON types.
    seed
        Seed of the random numbers, None where none were used.
    natoms
        Number of atoms; for partial occupancies the sum of the occupancies.
    composition
        Atoms of each element.
    charge
        Total formal charge in e, None where oxidation states are not known.
    min_distance_A
        Shortest distance between two atoms that exist together, periodic images included.
    density_g_cm3
        Mass over cell volume, vacuum included.
    warnings
        Whole sentences.
    sources
        What the structure was made from, with evidence class and citation.
    versions
        Programs that took part.
    area_A2
        Interfaces and surfaces: area of the cell in the plane.
    strain
        Interfaces: in-plane strain tensor of each side, ``{side: [[e11, e12], [e12, e22]]}``.
    gaps_A
        Interfaces: shortest distance across each contact.
    miller, terminations
        Interfaces and surfaces: of each side.
    layers
        Atom indices (from 0) that belong to each side, in the order of the stack.
    """

    builder: str
    inputs: Mapping[str, Any]
    natoms: float
    composition: Mapping[str, float]
    min_distance_A: float | None
    density_g_cm3: float
    seed: int | None = None
    charge: float | None = None
    warnings: tuple[str, ...] = ()
    sources: tuple[Source, ...] = ()
    versions: Mapping[str, str] = field(default_factory=dict)
    area_A2: float | None = None
    strain: Mapping[str, list[list[float]]] | None = None
    gaps_A: Mapping[str, float] | None = None
    miller: Mapping[str, tuple[int, int, int]] | None = None
    terminations: Mapping[str, str] | None = None
    layers: Mapping[str, list[int]] | None = None

    @property
    def citation(self) -> str:
        """Publications of everything the structure was made from."""
        return "; ".join(dict.fromkeys(source.citation for source in self.sources if source.citation))

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON types; what does not apply to the builder is left out."""
        document = asdict(self)
        optional = ("area_A2", "strain", "gaps_A", "miller", "terminations", "layers")
        document = {key: value for key, value in document.items() if key not in optional or value is not None}
        document["citation"] = self.citation
        plain: dict[str, Any] = _plain(document)
        return plain

    @classmethod
    def from_dict(cls, document: dict[str, Any]) -> BuildRecord:
        """Rebuild a record from `to_dict`."""
        known = {item.name for item in fields(cls)}
        values = {key: value for key, value in document.items() if key in known}
        values["warnings"] = tuple(values.get("warnings", ()))
        values["sources"] = tuple(Source(**source) for source in values.get("sources", ()))
        if values.get("miller"):
            values["miller"] = {side: tuple(hkl) for side, hkl in values["miller"].items()}
        return cls(**values)


def make_record(
    structure: Structure,
    builder: str,
    inputs: Mapping[str, Any],
    *,
    sources: Iterable[Source] = (),
    seed: int | None = None,
    warnings: Iterable[str] = (),
) -> BuildRecord:
    """Measure a finished structure and write down how it was made.

    The charge follows from the oxidation states of the sources when they cover all elements without
    contradiction. Fields of surfaces and interfaces are added with `dataclasses.replace`.

    Parameters
    ----------
    structure
        The finished structure.
    builder
        Command that builds it.
    inputs
        Arguments of the builder.
    sources
        What it was made from.
    seed
        Seed of the random numbers.
    warnings
        Whole sentences; the sources' missing verification is added by the builders.
    """
    sources = tuple(sources)
    amounts = {str(key): float(value) for key, value in structure.composition.get_el_amt_dict().items()}
    return BuildRecord(
        builder=builder,
        inputs=dict(inputs),
        natoms=_whole(sum(amounts.values())),
        composition={key: _whole(value) for key, value in amounts.items()},
        min_distance_A=minimum_distance(structure),
        density_g_cm3=float(structure.density),
        seed=seed,
        charge=formal_charge(amounts, sources),
        warnings=tuple(warnings),
        sources=sources,
        versions=dict(_versions()),
    )


def formal_charge(amounts: Mapping[str, float], sources: Iterable[Source]) -> float | None:
    """Return the total formal charge in e, or None where an element has none or two oxidation states.

    Parameters
    ----------
    amounts
        Atoms of each element.
    sources
        Whose oxidation states are used.
    """
    states: dict[str, float] = {}
    for source in sources:
        for element, charge in source.oxidation_states.items():
            if states.setdefault(element, charge) != charge:
                return None
        if not source.oxidation_states:
            return None
    if not states or not set(amounts) <= set(states):
        return None
    return round(sum(states[element] * amount for element, amount in amounts.items()), 6) + 0.0


def minimum_distance(structure: Structure, *, largest_A: float = 6.0) -> float | None:
    """Return the shortest distance between two atoms in Å, periodic images included.

    Two partially occupied sites do not count, because split sites exclude each other; a partially occupied
    site next to a full one does.

    Parameters
    ----------
    structure
        Any structure, triclinic cells included.
    largest_A
        Nothing within this distance returns None.
    """
    occupancy = np.array([site.species.num_atoms for site in structure])
    cutoff = 1.5
    while cutoff < 2 * largest_A:
        first, second, _, distances = structure.get_neighbor_list(min(cutoff, largest_A))
        together = np.maximum(occupancy[first], occupancy[second]) > 1.0 - 1e-3
        if together.any():
            return float(distances[together].min())
        cutoff *= 2
    return None


@cache
def _versions() -> dict[str, str]:
    from .. import __version__

    found = {"anodeflow": __version__, "python": platform.python_version()}
    for name in ("pymatgen", "numpy", "scipy", "spglib"):
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def _whole(value: float) -> float:
    return round(value) if abs(value - round(value)) < 1e-6 else float(value)


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    if isinstance(value, np.ndarray):
        return _plain(value.tolist())
    if isinstance(value, np.generic):
        return value.item()
    return value
