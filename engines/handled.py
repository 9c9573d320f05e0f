"""Failures that are tried again with something changed: their names, and the record of each.

The record is a file beside the engine's own; whoever runs the job gathers all of them with `read_handled`.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from ..errors import EngineError
from ..files import write_json

if TYPE_CHECKING:
    from pathlib import Path

HANDLED_FILE = "handled.json"


class ScfError(EngineError):
    """The density of a calculation does not become self-consistent."""


class ProcessKilledError(EngineError):
    """The process of an engine was killed by a signal."""


class MemoryShortError(EngineError):
    """An engine needs more memory than there is."""


@dataclass(frozen=True)
class Handler:
    """What is done about one kind of failure.

    Attributes
    ----------
    name
        As in records and documents.
    changed
        What the next try does otherwise.
    tries
        How often a job is tried again for it.
    """

    name: str
    changed: str
    tries: int


@dataclass(frozen=True)
class Handled:
    """One failure after which something was tried again.

    Attributes
    ----------
    handler
        Name of the `Handler`.
    message
        What had gone wrong.
    changed
        What the next try did otherwise.
    attempt
        Number of the try that failed, from 1.
    """

    handler: str
    message: str
    changed: str
    attempt: int

    def sentence(self) -> str:
        """Return the record as a sentence for a report."""
        return f"Try {self.attempt} ended with {self.handler} ({self.message.rstrip('.')}); then: {self.changed}."


LOST_ATOMS = Handler("lost atoms", "half the timestep, from the beginning of the stage", 2)
EXPLODING_ENERGY = Handler("exploding energy", "half the timestep, from the beginning of the stage", 2)
SCF = Handler("SCF not converging", "slower mixing and more iterations, from a fresh density", 2)


def record_handled(folder: Path, handled: Handled) -> None:
    """Add a failure to the record of a folder."""
    write_json(folder / HANDLED_FILE, [*(asdict(one) for one in handled_here(folder)), asdict(handled)])


def handled_here(folder: Path) -> list[Handled]:
    """Return the record of a folder, without those below."""
    path = folder / HANDLED_FILE
    return [Handled(**row) for row in json.loads(path.read_text())] if path.exists() else []


def read_handled(folder: Path) -> list[Handled]:
    """Return the records of a folder and all below, by path."""
    return [one for path in sorted(folder.rglob(HANDLED_FILE)) for one in handled_here(path.parent)]
