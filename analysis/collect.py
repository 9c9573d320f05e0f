"""Diffusion coefficients at several temperatures, gathered from what earlier analyses and jobs have written."""

from __future__ import annotations

import csv
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ..errors import InputError
from ..quantity import Quantity

_NAMES = ("result.json", "diffusion.json")


def collect_diffusivities(paths: Sequence[Path], species: str) -> tuple[list[tuple[float, Quantity]], list[Path]]:
    """Return temperatures and tracer diffusion coefficients of one element, and the files they stand in.

    Parameters
    ----------
    paths
        JSON documents of ``analyse diffusion`` or of a job, CSV tables with the columns ``temperature_K``,
        ``value`` and ``uncertainty`` (cm²/s), or folders in which ``result.json`` and ``diffusion.json``
        are looked for.
    species
        Element.

    Raises
    ------
    InputError
        If a file cannot be read, or none holds a coefficient of this element.
    """
    found: list[tuple[float, Quantity]] = []
    used: list[Path] = []
    for path in paths:
        if path.is_dir():
            files = sorted(file for name in _NAMES for file in path.rglob(name))
            items = [(file, item) for file in files for item in _from_json(file, species, strict=False)]
        elif not path.exists():
            raise InputError("there is no such file or folder", where=str(path), remedy="Check the name.")
        elif path.suffix == ".csv":
            items = [(path, item) for item in _from_csv(path, species)]
        else:
            items = [(path, item) for item in _from_json(path, species, strict=True)]
        found += [item for _, item in items]
        used += list(dict.fromkeys(file for file, _ in items))
    if not found:
        raise InputError(
            f"no diffusion coefficient of {species} with a temperature is there",
            where=", ".join(map(str, paths)),
            remedy="Run analyse diffusion with --temperature-K and --out for each temperature first.",
        )
    return found, used


def _from_json(path: Path, species: str, *, strict: bool) -> list[tuple[float, Quantity]]:
    """Return the first coefficient of the element (later ones are second opinions) with its temperature."""
    try:
        document: Any = json.loads(path.read_text())
    except (OSError, UnicodeDecodeError, json.JSONDecodeError) as error:
        raise InputError(f"this is not a JSON document: {error}", where=str(path)) from None
    document = _holder(document)
    if document is None:
        if strict:
            raise InputError("the document holds no quantities", where=str(path), remedy="Give one of ours.")
        return []
    quantities = [item for item in document["quantities"] if isinstance(item, dict)]
    wanted = [
        item for item in quantities if item.get("name") == "tracer_diffusivity" and item.get("species") == species
    ]
    temperature = document.get("temperature_K")
    if temperature is None:
        temperature = next((item.get("value") for item in quantities if item.get("name") == "temperature"), None)
    if not wanted:
        return []
    if temperature is None:
        if strict:
            raise InputError(
                "the document says no temperature",
                where=str(path),
                remedy="Run analyse diffusion with --temperature-K.",
            )
        return []
    try:
        return [(float(temperature), Quantity.from_dict(wanted[0]))]
    except (TypeError, ValueError, KeyError) as error:
        raise InputError(f"the quantity cannot be read: {error}", where=str(path)) from None


def _holder(document: Any) -> dict[str, Any] | None:
    """Return the dictionary that has quantities: the document itself or the output inside a job's record."""
    if not isinstance(document, dict):
        return None
    if isinstance(document.get("quantities"), list):
        return document
    for value in document.values():
        if isinstance(value, dict) and (inner := _holder(value)) is not None:
            return inner
    return None


def _from_csv(path: Path, species: str) -> list[tuple[float, Quantity]]:
    try:
        with path.open(newline="") as stream:
            rows = list(csv.DictReader(stream))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"the table cannot be read: {error}", where=str(path)) from None
    found = []
    for number, row in enumerate(rows, start=2):
        try:
            temperature, value, error_bar = (float(row[name]) for name in ("temperature_K", "value", "uncertainty"))
            item = Quantity(
                "tracer_diffusivity", value, "cm^2/s", uncertainty=error_bar, method="from a table", species=species
            )
        except (KeyError, TypeError, ValueError) as error:
            raise InputError(
                f"the row cannot be used: {error}",
                where=f"{path}:{number}",
                remedy="Give the columns temperature_K, value and uncertainty.",
            ) from None
        found.append((temperature, item))
    return found
