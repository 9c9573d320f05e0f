"""What a card is checked with, and the table of what came out.

The checks stand in the card, written by hand. The table is written by ``anodeflow potentials check``: for a card of the
package by its developers into ``data/tables``, by anybody else into the user's data folder, which comes first. A table
belongs to the parameters that it was computed with, by their fingerprint, and to no others.
"""

from __future__ import annotations

import json
import os
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import yaml
from pydantic import Field, ValidationError

from ..errors import InputError
from ..files import write_json
from ..structures.phases import phase, phase_names
from .model import Strict

if TYPE_CHECKING:
    from collections.abc import Iterable

_TABLES = Path(__file__).parent / "data" / "tables"
_DFT = Path(__file__).parent / "data" / "dft"
_MEASURED = Path(__file__).parent / "data" / "measured"
_SHARED = Path(__file__).parent / "data" / "checks"
COST = "CPU time per atom and step"
"""Property of the row that says what molecular dynamics costs; its unit is µs."""
_ELEMENTS = {"Sn": "beta-Sn", "P": "black-P"}


class Target(Strict):
    """A number from experiment or DFT.

    Attributes
    ----------
    value
        In the unit of the check.
    source
        Citation, and how it was obtained.
    """

    value: float
    source: str


class CrystalCheck(Strict):
    """Relax a crystal of the phase library: cell, volume, energy, and formation energy where the end members are known.

    Attributes
    ----------
    phase
        Its name in the library.
    volume_A3_atom, formation_energy_eV_atom, energy_eV_atom
        What should come out; the volume of the library by default.
    """

    kind: Literal["crystal"] = "crystal"
    phase: str
    volume_A3_atom: Target | None = None
    formation_energy_eV_atom: Target | None = None
    energy_eV_atom: Target | None = None


class SaddleCheck(Strict):
    """Barrier of an interstitial between two sites whose saddle point is fixed by symmetry.

    Both positions are relaxed in the cell of the relaxed host, so their difference in energy is the barrier.

    Attributes
    ----------
    host
        Phase of the library.
    ion
        Element of the interstitial.
    supercell
        Repeats of the host's conventional cell.
    site, saddle
        Fractional coordinates in the conventional cell.
    labels
        What the field calls the two positions.
    barrier_eV
        What should come out.
    """

    kind: Literal["saddle"] = "saddle"
    host: str
    ion: str
    supercell: tuple[int, int, int]
    site: tuple[float, float, float]
    saddle: tuple[float, float, float]
    labels: tuple[str, str]
    barrier_eV: Target


class VoltageCheck(Strict):
    """Voltage of a plateau: one alloy takes up ions and becomes the next.

    Attributes
    ----------
    poor, rich
        Phases of the library with less and with more of the ion; each holds one other element.
    ion, metal
        The ion, and the phase that it is counted from.
    voltage_V
        What should come out.
    """

    kind: Literal["voltage"] = "voltage"
    poor: str
    rich: str
    ion: str = "Li"
    metal: str = "Li"
    voltage_V: Target


class Stiffness(Strict):
    """Elastic constants from experiment or DFT.

    Attributes
    ----------
    constants_GPa
        By name, ``C11``; those that the crystal system leaves free.
    source
        Citation, and how they were obtained.
    """

    constants_GPa: dict[str, float]
    source: str


class ElasticCheck(Strict):
    """Elastic constants at 0 K of a crystal: its cell strained both ways in all six directions, the atoms relaxed.

    The table gets bulk and shear modulus after Hill, and the single constants of cubic and hexagonal crystals, which do
    not depend on how the axes across the main one are chosen.

    Attributes
    ----------
    phase
        Its name in the library.
    reference
        What should come out; by default what ``data/measured/elastic.yaml`` has for the phase.
    """

    kind: Literal["elastic"] = "elastic"
    phase: str
    reference: Stiffness | None = None


@cache
def measured_stiffness() -> dict[str, Stiffness]:
    """Return measured elastic constants by the name of the phase."""
    content = yaml.safe_load((_MEASURED / "elastic.yaml").read_text())
    return {phase(name).name: Stiffness.model_validate(entry) for name, entry in content.items()}


class DftPhase(Strict):
    """What DFT gives for a phase.

    Attributes
    ----------
    volume_A3_atom, formation_energy_eV_atom
        Relaxed.
    """

    volume_A3_atom: float
    formation_energy_eV_atom: float | None = None


class DftSet(Strict):
    """Phases computed with one functional.

    Attributes
    ----------
    source
        Functional and citation.
    phases
        By name in the phase library.
    """

    source: str
    phases: dict[str, DftPhase]


@cache
def dft_set(name: str) -> DftSet:
    """Return a set of DFT values of ``data/dft`` by the name of its file."""
    return DftSet.model_validate(yaml.safe_load((_DFT / f"{name}.yaml").read_text()))


Check = Annotated[CrystalCheck | SaddleCheck | VoltageCheck | ElasticCheck, Field(discriminator="kind")]


class Checks(Strict):
    """All checks of a card.

    Attributes
    ----------
    dft
        File of ``data/dft`` whose volumes and formation energies crystals are held against; the volumes of the phase
        library by default.
    end_members
        Phase of each element that formation energies count from.
    items
        The checks.
    """

    dft: str = ""
    end_members: dict[str, str] = Field(default_factory=dict)
    items: tuple[Check, ...] = ()

    def targets(self, check: CrystalCheck) -> tuple[Target | None, Target | None]:
        """Return what the volume (Å³/atom) and the formation energy (eV/atom) of a crystal should be."""
        volume, formation = check.volume_A3_atom, check.formation_energy_eV_atom
        if self.dft:
            values = dft_set(self.dft)
            found = values.phases.get(check.phase)
            if found is not None:
                volume = volume or Target(value=found.volume_A3_atom, source=values.source)
                if found.formation_energy_eV_atom is not None:
                    formation = formation or Target(value=found.formation_energy_eV_atom, source=values.source)
        return volume, formation


def shared_checks(name: str) -> dict[str, Any]:
    """Return what a file of ``data/checks`` says, which several cards have in common.

    A file that ``extends`` another has its items after those of the other.

    Raises
    ------
    ValueError
        If there is no such file.
    """
    path = _SHARED / f"{name}.yaml"
    if name not in _shared_names():
        raise ValueError(f"no shared checks are called '{name}'; there are: {', '.join(_shared_names())}")
    content: dict[str, Any] = yaml.safe_load(path.read_text())
    base = content.pop("extends", None)
    if base is None:
        return content
    under = shared_checks(base)
    return under | content | {"items": [*under["items"], *content["items"]]}


def _shared_names() -> list[str]:
    return sorted(path.stem for path in _SHARED.glob("*.yaml"))


def default_checks(elements: Iterable[str], largest: int = 200) -> Checks:
    """Return checks for a card that names none: every trusted crystal of the phase library made of its elements.

    Parameters
    ----------
    elements
        Elements of the card.
    largest
        Most atoms in the cell of a crystal.
    """
    known = set(elements)
    entries = [phase(name) for name in phase_names()]
    fitting = [
        entry
        for entry in entries
        if entry.verified
        and entry.is_ordered
        and {element.symbol for element in entry.composition.elements} <= known
        and entry.structure.num_sites <= largest
    ]
    names = {entry.name for entry in fitting}
    ends = {symbol: _ELEMENTS.get(symbol, symbol) for symbol in sorted(known)}
    return Checks(
        dft="lithium_silicon" if {"Li", "Si"} <= known else "",
        end_members={symbol: name for symbol, name in ends.items() if name in names},
        items=tuple(CrystalCheck(phase=entry.name) for entry in fitting),
    )


class ReferenceCheck(Strict):
    """A number that the model gives, beside the one it should give.

    Attributes
    ----------
    property
        What was computed, in field terms.
    system
        What it was computed for.
    model
        What this model gives, in `unit`.
    reference
        What experiment or DFT gives, in `unit`; None where there is nothing to hold it against.
    source
        Where the reference comes from.
    """

    property: str
    system: str
    unit: str
    model: float
    reference: float | None = None
    source: str = ""


def deviation_percent(row: ReferenceCheck) -> float | None:
    """Return the deviation from the reference in percent; None without a reference, or where it is zero."""
    return 100 * (row.model / row.reference - 1) if row.reference else None


class ReferenceTable(Strict):
    """A table as it stands in a file.

    Attributes
    ----------
    card, fingerprint
        Card and parameters that it belongs to.
    program
        What computed it.
    rows
        The numbers.
    """

    card: str
    fingerprint: str
    program: str
    rows: tuple[ReferenceCheck, ...]


def user_folder() -> Path:
    """Return where the user's own tables stand: ``XDG_DATA_HOME/anodeflow/potentials``."""
    base = os.environ.get("XDG_DATA_HOME")
    return (Path(base) if base else Path.home() / ".local" / "share") / "anodeflow" / "potentials"


def read_table(name: str, fingerprint: str) -> tuple[ReferenceCheck, ...]:
    """Return the measured table of a card: the user's, else the package's, else an empty one.

    Parameters
    ----------
    name
        Name of the card.
    fingerprint
        Of its parameters; a table of other parameters is passed over.
    """
    for folder in (user_folder(), _TABLES):
        path = folder / f"{name}.json"
        if not path.exists():
            continue
        try:
            table = ReferenceTable.model_validate(json.loads(path.read_text()))
        except (ValueError, ValidationError):
            raise InputError(
                "the table of a potential cannot be read", where=str(path), remedy="Delete it and check the card again."
            ) from None
        if table.fingerprint == fingerprint:
            return table.rows
    return ()


def write_table(table: ReferenceTable, *, packaged: bool = False) -> Path:
    """Write a table for the user, or as a developer into the package, and return its path."""
    folder = _TABLES if packaged else user_folder()
    return write_json(folder / f"{table.card}.json", table.model_dump(mode="json"))
