"""The one JSON document that ``--json`` prints."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from ..quantity import Quantity


def document(
    *,
    inputs: Iterable[str | Path] = (),
    quantities: Iterable[Quantity] = (),
    warnings: Iterable[str] = (),
    files: Iterable[str | Path] = (),
    extra: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Return the document of a command: who ran what on which files, and what came out.

    Parameters
    ----------
    inputs
        Files that were read; each is listed with its SHA-256.
    quantities, warnings, files
        Results, whole sentences, files written.
    extra
        What this command has besides, by key.
    """
    from .. import __version__
    from ..files import sha256

    return {
        "anodeflow": __version__,
        "command": ["anodeflow", *sys.argv[1:]],
        "inputs": {str(path): sha256(path) for path in inputs},
        "quantities": [quantity.to_dict() for quantity in quantities],
        "warnings": list(warnings),
        "files": [str(path) for path in files],
        **(extra or {}),
    }


def print_document(content: Mapping[str, Any]) -> None:
    """Print a JSON document on standard output and nothing else."""
    sys.stdout.write(json.dumps(content, indent=1, allow_nan=False, ensure_ascii=False) + "\n")
