"""The phase library: named crystals with cell, Wyckoff sites, evidence and citation.

Every file in ``data/phases`` holds one family and is meant to be read by a person. A phase says how far its
coordinates can be trusted with an *evidence class* (`EVIDENCE`), and carries it wherever it goes.
"""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass, field
from fractions import Fraction
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING, Any

import yaml
from pymatgen.core import Composition, Lattice, Structure
from pymatgen.symmetry.groups import SpaceGroup

from ..errors import InputError
from .io import is_structure_file, read_structure
from .record import Source

if TYPE_CHECKING:
    from collections.abc import Mapping

EVIDENCE: Mapping[str, str] = {
    "A": "cell and coordinates read from a file with a literature citation",
    "A-PBE": "cell and coordinates read from a file, relaxed with PBE",
    "B": "cell read from a file with a literature citation, coordinates relaxed with CHGNet or isostructural",
    "C": "cell recalled from the literature, special positions or coordinates relaxed with CHGNet",
    "D": "model derived from the known structural principle, not literature coordinates",
}
"""What each evidence class means, from the best to the weakest."""

_GREEK = {"α": "alpha", "β": "beta", "γ": "gamma", "δ": "delta", "η": "eta"}
_SUBSCRIPTS = str.maketrans("₀₁₂₃₄₅₆₇₈₉", "0123456789")


@dataclass(frozen=True)
class WyckoffSite:
    """One orbit of a crystal.

    Attributes
    ----------
    wyckoff
        Multiplicity and letter, such as ``48h``.
    species
        Occupancy of each element; a sum below 1 leaves vacancies.
    xyz
        Fractional coordinates of one representative, exact where the position is.
    """

    wyckoff: str
    species: Mapping[str, float]
    xyz: tuple[Fraction, Fraction, Fraction]

    @property
    def multiplicity(self) -> int:
        """Number of equivalent positions in the conventional cell."""
        return int(self.wyckoff.rstrip("abcdefghijklmnopqrstuvwxyzA"))


@dataclass(frozen=True)
class Phase:
    """A crystal of the library.

    Attributes
    ----------
    name, aliases
        What it is called; the aliases are equally good in `phase`.
    formula
        Composition as the literature writes it.
    family, version
        File it stands in, and a number that grows when the entry changes.
    space_group_number, space_group
        International Tables number and symbol.
    cell
        a, b, c in Å and α, β, γ in degrees.
    sites
        Wyckoff sites with occupancies.
    evidence
        Evidence class, see `EVIDENCE`.
    verified
        False where the coordinates are only a start for a relaxation.
    citation, origin, coordinates, note
        Publication, file or rule, how the coordinates were obtained, cautions.
    host_element, host_phase
        For electrodes: the element that takes up lithium and the phase it starts from.
    oxidation_states
        Formal charges of ionic compounds, by element.
    """

    name: str
    formula: str
    family: str
    version: int
    space_group_number: int
    space_group: str
    cell: tuple[float, float, float, float, float, float]
    sites: tuple[WyckoffSite, ...]
    evidence: str
    citation: str
    origin: str
    coordinates: str
    note: str = ""
    aliases: tuple[str, ...] = ()
    verified: bool = True
    host_element: str | None = None
    host_phase: str | None = None
    oxidation_states: Mapping[str, float] = field(default_factory=dict)

    @property
    def structure(self) -> Structure:
        """The conventional cell as a pymatgen structure (a copy; partial occupancies stay partial)."""
        return _build(self.name).copy()

    @property
    def source(self) -> Source:
        """What a build record and a document have to say about this phase."""
        states = dict(self.oxidation_states)
        return Source(self.name, self.evidence, self.citation, self.origin, self.note, states)

    @property
    def composition(self) -> Composition:
        """Composition of the formula as the literature writes it."""
        return Composition(self.formula)

    @property
    def crystal_system(self) -> str:
        """``triclinic`` to ``cubic``, from the number of the space group."""
        from pymatgen.symmetry.groups import SpaceGroup

        return str(SpaceGroup.from_int_number(self.space_group_number).crystal_system)

    @property
    def is_ordered(self) -> bool:
        """Whether every site is fully occupied by one element."""
        return all(list(site.species.values()) == [1.0] for site in self.sites)


def phase(name: str) -> Phase:
    """Return a phase of the library by name, alias, or formula.

    Greek letters may be written out, polymorph names may stand before or after the formula, and a formula
    with several polymorphs gives the one that its file lists first.

    Parameters
    ----------
    name
        Such as ``Li15Si4``, ``beta-Sn``, ``γ-Li3PS4``, ``LLZO``.

    Raises
    ------
    InputError
        No phase has that name; the nearest names are in the message.
    """
    library = _library()
    key = _keys().get(_key(name)) or _by_composition(name)
    if key is None:
        near = nearest_names(name)
        remedy = f"Did you mean {' or '.join(near)}?" if near else "See: anodeflow phases."
        raise InputError(f"no phase is called '{name}'", where="phase library", remedy=remedy)
    return library[key]


def find_structure(name_or_path: str) -> tuple[Structure, Source]:
    """Return a structure of the library, of the user's own file, or of the Materials Project, and its source.

    Parameters
    ----------
    name_or_path
        A name for `phase`; a CIF, POSCAR, extended XYZ or LAMMPS-data file; or an id such as ``mp-149``, for
        which the environment variable ``MP_API_KEY`` must hold a key.

    Returns
    -------
    structure
        A copy that may be changed. Partial occupancies stay partial.
    source
        What a document has to say about it.

    Raises
    ------
    InputError
        There is no such name or file, or the file holds no usable crystal.
    """
    if is_structure_file(name_or_path):
        return read_structure(name_or_path)
    item = phase(name_or_path)
    return item.structure, item.source


def phase_elements(name_or_path: str) -> set[str]:
    """Return the symbols of the elements of what `find_structure` finds."""
    structure, _ = find_structure(name_or_path)
    return {element.symbol for element in structure.composition}


def phase_names() -> list[str]:
    """Return the names of all phases, in the order of the files."""
    return list(_library())


def nearest_names(name: str, count: int = 3) -> list[str]:
    """Return the library names that are spelt most like `name`."""
    spelt = {_key(alias): entry for alias, entry in _spellings()}
    found = difflib.get_close_matches(_key(name), list(spelt), n=3 * count, cutoff=0.5)
    return list(dict.fromkeys(spelt[key] for key in found))[:count]


@cache
def _library() -> dict[str, Phase]:
    folder = resources.files(__package__).joinpath("data/phases")
    library: dict[str, Phase] = {}
    for file in sorted(folder.iterdir(), key=lambda item: item.name):
        if not file.name.endswith(".yaml"):
            continue
        document = yaml.load(file.read_text(encoding="utf-8"), Loader=_LOADER)  # noqa: S506 (a safe loader)
        for entry in document["phases"]:
            item = _read_entry(entry, document["family"])
            if item.name in library:
                raise ValueError(f"{file.name}: the phase {item.name} stands twice in the library")
            library[item.name] = item
    return library


_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def _read_entry(entry: dict[str, Any], family: str) -> Phase:
    cell = entry["cell"]
    host = entry.get("host") or {}
    if entry["evidence"] not in EVIDENCE:
        raise ValueError(f"{entry['name']}: no evidence class {entry['evidence']}")
    return Phase(
        name=entry["name"],
        formula=str(entry["formula"]),
        family=family,
        version=int(entry["version"]),
        space_group_number=int(entry["space_group"]["number"]),
        space_group=str(entry["space_group"]["symbol"]),
        cell=(
            float(cell["a"]),
            float(cell["b"]),
            float(cell["c"]),
            float(cell["alpha"]),
            float(cell["beta"]),
            float(cell["gamma"]),
        ),
        sites=tuple(_read_site(site) for site in entry["sites"]),
        evidence=entry["evidence"],
        citation=entry["citation"],
        origin=entry["source"],
        coordinates=entry["coordinates"],
        note=entry.get("note", ""),
        aliases=tuple(entry.get("aliases", ())),
        verified=bool(entry.get("verified", True)),
        host_element=host.get("element"),
        host_phase=host.get("phase"),
        oxidation_states={key: float(value) for key, value in entry.get("oxidation_states", {}).items()},
    )


def _read_site(site: dict[str, Any]) -> WyckoffSite:
    species = site["species"]
    if isinstance(species, str):
        species = {species: 1.0}
    x, y, z = (Fraction(str(value)) for value in site["xyz"])
    return WyckoffSite(site["wyckoff"], {key: float(value) for key, value in species.items()}, (x, y, z))


@cache
def _space_group(number: int) -> SpaceGroup:
    return SpaceGroup.from_int_number(number)


@cache
def _build(name: str) -> Structure:
    """Expand the sites as `Structure.from_spacegroup` does, holding each orbit to its multiplicity."""
    item = _library()[name]
    group = _space_group(item.space_group_number)
    species: list[dict[str, float]] = []
    coordinates = []
    for site in item.sites:
        orbit = group.get_orbit([float(value) for value in site.xyz])
        if len(orbit) != site.multiplicity:
            raise ValueError(f"{name}: the {site.wyckoff} site of {'/'.join(site.species)} has {len(orbit)} positions")
        coordinates.extend(orbit)
        species.extend([dict(site.species)] * len(orbit))
    return Structure(Lattice.from_parameters(*item.cell), species, coordinates)


def _spellings() -> list[tuple[str, str]]:
    return [(text, item.name) for item in _library().values() for text in (item.name, *item.aliases)]


@cache
def _keys() -> dict[str, str]:
    keys: dict[str, str] = {}
    for text, name in _spellings():
        if keys.setdefault(_key(text), name) != name:
            raise ValueError(f"{text} names two phases of the library: {keys[_key(text)]} and {name}")
    return keys


def _key(text: str) -> str:
    """Spell a name canonically: Greek written out, no subscripts, words in alphabetical order."""
    for letter, word in _GREEK.items():
        text = text.replace(letter, word)
    words = re.split(r"[\s_-]+", text.strip().translate(_SUBSCRIPTS))
    return "-".join(sorted(word for word in words if word))


@cache
def _by_formula() -> dict[Composition, str]:
    found: dict[Composition, str] = {}
    for item in _library().values():
        found.setdefault(item.composition.reduced_composition, item.name)
    return found


def _by_composition(name: str) -> str | None:
    try:
        composition = Composition(name.translate(_SUBSCRIPTS))
    except ValueError:
        return None
    return _by_formula().get(composition.reduced_composition)
