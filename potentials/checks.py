"""What a card is checked with, and the table of what came out.

The checks stand in the card, written by hand. The table is written by ``anodeflow potentials check``: for a card of the
package by its developers into ``data/tables``, by anybody else into the user's data folder, which comes first. A table
belongs to the parameters that it was computed with, by their fingerprint, and to no others.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, ValidationError

from ..errors import InputError
from ..files import write_json
from .model import Strict

_TABLES = Path(__file__).parent / "data" / "tables"


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


class Checks(Strict):
    """All checks of a card.

    Attributes
    ----------
    end_members
        Phase of each element that formation energies count from.
    items
        The checks.
    """

    end_members: dict[str, str] = Field(default_factory=dict)
    items: tuple[Annotated[CrystalCheck | SaddleCheck, Field(discriminator="kind")], ...] = ()


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
