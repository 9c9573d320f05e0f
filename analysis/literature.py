"""Published values to hold results against, and the comparison itself.

The rows stand in ``analysis/data/literature.csv``, one value or range a line, each with its citation, the
way it was obtained and a status:

==========  =========================================================================================
``seen``     read in a publication's abstract, record or data file
``recalled`` from memory of the literature; to be checked before it is used as a test
``computed`` calculated from other published numbers, which the method names
``review``   printed in the 2026 review of alloy anodes in solid-state cells
==========  =========================================================================================

A flagged row is wrong or inconsistent in its own source: it is shown, with the reason, and never gives a
verdict.
"""

from __future__ import annotations

import csv
import functools
import math
import re
from dataclasses import dataclass
from importlib import resources
from typing import Literal, cast

from ..quantity import Quantity, format_value

Phase = Literal["crystal", "amorphous", "any"]
Word = Literal["agrees", "differs", "cannot be compared"]

SAME_TEMPERATURE_K = 15.0
"""Two temperatures further apart than this are not the same condition for a transport property."""

_UNITS = {"Å": "A", "angstrom": "A", "³": "^3", "²": "^2", "**": "^", "cm2/s": "cm^2/s", "g/cm3": "g/cm^3"}


@dataclass(frozen=True)
class LiteratureValue:
    """One published value or range.

    Attributes
    ----------
    system
        What it was measured or computed for, in the words of the source.
    formula
        Composition, such as ``Li15Si4``; ``LixSi`` together with `x_range` for a series; empty for a
        composite.
    x_range
        Lowest and highest Li per formula unit of the host for which the value stands, or None.
    phase
        ``crystal``, ``amorphous`` or ``any``.
    quantity
        Name of the quantity, as in `Quantity.name`.
    species
        Mobile element, or an empty string.
    low, high
        The range in `unit`; equal for a single value.
    temperature_K
        Temperature that it holds for, or None.
    approach
        ``experiment``, ``simulation``, ``computed`` or ``review``.
    extrapolated
        Whether the source extrapolated it from higher temperatures.
    method, source, note
        How, by whom, and any caution.
    status
        ``seen``, ``recalled``, ``computed`` or ``review``; see the module.
    flagged
        Wrong or inconsistent in its own source: shown, never used for a verdict.
    """

    system: str
    formula: str
    x_range: tuple[float, float] | None
    phase: Phase
    quantity: str
    species: str
    low: float
    high: float
    unit: str
    temperature_K: float | None
    approach: str
    extrapolated: bool
    method: str
    source: str
    status: str
    flagged: bool
    note: str

    @property
    def text(self) -> str:
        """The value or range without its unit."""
        if self.low == self.high:
            return format_value(self.low)
        return f"{format_value(self.low)} to {format_value(self.high)}"


@dataclass(frozen=True)
class Verdict:
    """The outcome of a comparison: one of three words, and the reason in a sentence."""

    word: Word
    reason: str


def literature_values(
    system: str | None = None,
    property: str | None = None,  # noqa: A002 - the word of the field
    phase: Phase = "any",
) -> tuple[LiteratureValue, ...]:
    """Return the published values for a system and a property, as they stand in the file.

    Parameters
    ----------
    system
        Composition such as ``Li15Si4``; ``c-`` or ``a-`` in front asks for the crystal or the amorphous
        phase. A series (``LixSi``, x from 1.0 to 3.75) is found for every composition inside it. None gives
        all.
    property
        Name of a quantity, such as ``tracer_diffusivity``. None gives all.
    phase
        Phase, where `system` does not say it; ``any`` gives both.

    Returns
    -------
    tuple of LiteratureValue
        Empty where nothing is known.
    """
    wanted = _fractions(system) if system else None
    if system and system.startswith(("c-", "a-")):
        phase = "crystal" if system.startswith("c-") else "amorphous"
    return tuple(
        row
        for row in _rows()
        if (property is None or row.quantity == property)
        and (phase == "any" or row.phase in ("any", phase))
        and (wanted is None or _covers(row, wanted))
    )


def compare(
    quantity: Quantity,
    published: LiteratureValue,
    *,
    temperature_K: float | None = None,
    extrapolated: bool = False,
) -> Verdict:
    """Hold a result against a published value.

    They agree if the 95 % interval of the result meets the published value or range. There is no verdict
    where one would mislead: no result, no error bar, another unit, another temperature, an extrapolation
    held against a measurement, a flagged row.

    Parameters
    ----------
    quantity
        The result. Its `interval95` is used, or else the value ± 1.96 standard errors.
    published
        The value to hold it against.
    temperature_K
        Temperature that the result holds for; None for a static cell and for an activation energy.
    extrapolated
        Whether the result was extrapolated from other temperatures.
    """
    if published.flagged:
        return Verdict("cannot be compared", f"the published value is doubtful: {published.note}")
    if quantity.value is None or not quantity.converged:
        return Verdict("cannot be compared", "there is no converged result")
    if unit_key(quantity.unit) != unit_key(published.unit):
        return Verdict("cannot be compared", f"given in {published.unit}, not in {quantity.unit}")
    interval = interval95(quantity)
    distance = _distance(quantity.value, published)
    if interval is None:
        return Verdict("cannot be compared", f"the result has no error bar; it is {distance}")
    low, high = interval
    meets = low <= published.high and published.low <= high
    position = "inside" if meets else "outside"
    if extrapolated and not published.extrapolated:
        reason = f"extrapolated here, {_kind(published)}; the published value is {position} the 95 % interval"
        return Verdict("cannot be compared", reason)
    if temperature_K is not None and published.temperature_K is not None:
        if abs(temperature_K - published.temperature_K) > SAME_TEMPERATURE_K:
            return Verdict(
                "cannot be compared",
                f"{temperature_K:g} K here, {published.temperature_K:g} K there; the result is {distance}",
            )
    elif temperature_K is not None and published.quantity in ("tracer_diffusivity", "ionic_conductivity"):
        return Verdict("cannot be compared", "the temperature of the published value is not known")
    caution = "both extrapolated; " if extrapolated else ""
    if meets:
        return Verdict("agrees", f"{caution}the published value is inside the 95 % interval")
    return Verdict("differs", f"{caution}the result is {distance}, outside its 95 % interval")


def interval95(quantity: Quantity) -> tuple[float, float] | None:
    """Return the 95 % interval: as given, or the value ± 1.96 standard errors, or None where there is neither."""
    if quantity.interval95 is not None:
        return quantity.interval95
    if quantity.value is None or quantity.uncertainty is None:
        return None
    half = 1.959964 * quantity.uncertainty
    return quantity.value - half, quantity.value + half


def half_width(quantity: Quantity) -> float:
    """Return half of the 95 % interval, which of few samples is wider than twice the error; 0 where there is none."""
    low, high = interval95(quantity) or (0.0, 0.0)
    return 0.5 * (high - low)


def unit_key(unit: str) -> str:
    """Return a unit in one spelling, so that ``Å^3``, ``angstrom^3`` and ``A^3`` are the same."""
    for written, meant in _UNITS.items():
        unit = unit.replace(written, meant)
    return unit.strip()


def _kind(published: LiteratureValue) -> str:
    return {"experiment": "measured there", "simulation": "computed there"}.get(published.approach, "not there")


def _distance(value: float, published: LiteratureValue) -> str:
    """Say how far a value is from a published value or range."""
    if published.low <= value <= published.high:
        return "inside the published range" if published.low < published.high else "equal to it"
    nearest = published.low if value < published.low else published.high
    if nearest == 0 or value * nearest <= 0:
        return f"{abs(value - nearest):.3g} {published.unit} away"
    ratio = value / nearest
    side = "higher" if value > nearest else "lower"
    if 0.5 <= ratio <= 2:
        return f"{100 * abs(ratio - 1):.2g} % {side}"
    return f"{max(ratio, 1 / ratio):.2g} times {side}"


@functools.cache
def _rows() -> tuple[LiteratureValue, ...]:
    """Read the file that ships with the package."""
    text = (resources.files(__package__) / "data" / "literature.csv").read_text(encoding="utf-8")
    return tuple(_row(row) for row in csv.DictReader(text.splitlines()))


def _row(row: dict[str, str]) -> LiteratureValue:
    return LiteratureValue(
        system=row["system"],
        formula=row["formula"],
        x_range=(float(row["x_low"]), float(row["x_high"])) if row["x_low"] else None,
        phase=cast("Phase", row["phase"]),
        quantity=row["quantity"],
        species=row["species"],
        low=float(row["low"]),
        high=float(row["high"]),
        unit=row["unit"],
        temperature_K=float(row["temperature_K"]) if row["temperature_K"] else None,
        approach=row["approach"],
        extrapolated=row["extrapolated"] == "yes",
        method=row["method"],
        source=row["source"],
        status=row["status"],
        flagged=row["flagged"] == "yes",
        note=row["note"],
    )


def _fractions(formula: str) -> dict[str, float]:
    """Return the atomic fractions of a formula such as ``a-Li15Si4``; empty if it cannot be read."""
    counts: dict[str, float] = {}
    for element, number in re.findall(r"([A-Z][a-z]?)(\d*\.?\d*)", re.sub(r"^[ac]-", "", formula)):
        counts[element] = counts.get(element, 0.0) + (float(number) if number else 1.0)
    total = sum(counts.values())
    return {element: count / total for element, count in counts.items()} if total else {}


def _covers(row: LiteratureValue, wanted: dict[str, float]) -> bool:
    """Whether a row stands for a composition, given as atomic fractions."""
    if not row.formula or not wanted:
        return False
    if row.x_range is None:
        own = _fractions(row.formula)
        return own.keys() == wanted.keys() and all(math.isclose(own[e], wanted[e], abs_tol=2e-3) for e in own)
    carrier, host = row.formula.split("x", 1)
    hosts = _fractions(host)
    if not hosts or set(wanted) - {carrier} != set(hosts):
        return False
    rest = sum(wanted[element] for element in hosts)
    if any(abs(wanted[element] / rest - hosts[element]) > 1e-2 for element in hosts):
        return False
    x = wanted.get(carrier, 0.0) / rest
    return row.x_range[0] - 1e-6 <= x <= row.x_range[1] + 1e-6
