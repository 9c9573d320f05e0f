"""The one result type: a number that says its unit, its uncertainty, and how it was obtained."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, fields, replace
from typing import Any


@dataclass(frozen=True)
class Reference:
    """A published value that a quantity is held against.

    Attributes
    ----------
    value
        The published number, or a pair for a range, in `unit`.
    source
        Citation of the publication.
    note
        How it was measured or computed, and any caution.
    why_not
        Why the two cannot be compared; empty where they can.
    """

    value: float | tuple[float, float]
    unit: str
    source: str
    note: str = ""
    why_not: str = ""


@dataclass(frozen=True)
class Quantity:
    """A result with its unit, uncertainty, method and everything needed to doubt it.

    A quantity that could not be had has ``value=None``, ``converged=False`` and a warning that says why.

    Attributes
    ----------
    name
        Field term in snake case, such as ``tracer_diffusivity``.
    value
        The number in `unit`, or None where there is none.
    unit
        Unit as text; ``"1"`` for a pure number.
    uncertainty
        One standard error in `unit`; None where none can be given, and then `method` or a warning says why.
    interval95
        Lower and upper bound of the 95 % interval in `unit`.
    method
        How it was obtained, in a phrase.
    species
        Element or ion that it belongs to, if any.
    n_effective
        Number of independent samples behind it.
    converged
        False where the number must not be used as a result.
    warnings
        Whole sentences.
    source
        File or job it came from.
    reference
        Published value beside it.
    """

    name: str
    value: float | None
    unit: str
    uncertainty: float | None = None
    interval95: tuple[float, float] | None = None
    method: str = ""
    species: str | None = None
    n_effective: float | None = None
    converged: bool = True
    warnings: tuple[str, ...] = ()
    source: str = ""
    reference: Reference | None = None

    def __post_init__(self) -> None:
        if self.value is not None and not math.isfinite(self.value):
            raise ValueError(f"{self.name} is {self.value}; a number that cannot be had is None with a warning")
        if self.value is None and self.converged:
            raise ValueError(f"{self.name} has no value and must say converged=False")
        if self.uncertainty is not None and not self.uncertainty >= 0:
            raise ValueError(f"the uncertainty of {self.name} is {self.uncertainty}")

    def __str__(self) -> str:
        subject = f"{self.name}({self.species})" if self.species else self.name
        return f"{subject} = {format_value(self.value, self.uncertainty)} {self.unit}".rstrip()

    def doubted(self, *why: str) -> Quantity:
        """Return this quantity as one that did not converge for these reasons, each said once; itself without any."""
        if not why:
            return self
        return replace(self, converged=False, warnings=tuple(dict.fromkeys((*self.warnings, *why))))

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON types; `from_dict` gives the quantity back."""
        document = asdict(self)
        document["interval95"] = list(self.interval95) if self.interval95 else None
        document["warnings"] = list(self.warnings)
        return document

    @classmethod
    def from_dict(cls, document: dict[str, Any]) -> Quantity:
        """Rebuild a quantity from `to_dict`; unknown keys are an error."""
        known = {field.name for field in fields(cls)}
        unknown = set(document) - known
        if unknown:
            raise ValueError(f"not keys of a quantity: {', '.join(sorted(unknown))}")
        values = dict(document)
        if values.get("interval95") is not None:
            low, high = values["interval95"]
            values["interval95"] = (low, high)
        values["warnings"] = tuple(values.get("warnings") or ())
        if values.get("reference") is not None:
            reference = dict(values["reference"])
            if isinstance(reference["value"], list):
                reference["value"] = tuple(reference["value"])
            values["reference"] = Reference(**reference)
        return cls(**values)


def format_value(value: float | None, uncertainty: float | None = None) -> str:
    """Return a number with its error to two digits, as ``1.23(45)e-06`` is meant: ``(1.23 ± 0.45)e-06``.

    Parameters
    ----------
    value
        The number, or None.
    uncertainty
        One standard error in the same unit, or None.
    """
    if value is None:
        return "none"
    if uncertainty is None or uncertainty == 0:
        return f"{value:.6g}"
    largest = max(abs(value), uncertainty)
    exponent = math.floor(math.log10(largest)) if largest > 0 else 0
    shown = 0 if -3 <= exponent <= 4 else exponent
    scale = 10.0**shown
    digits = max(0, 1 - math.floor(math.log10(uncertainty / scale)))
    digits = min(digits, 9)
    text = f"{value / scale:.{digits}f} ± {uncertainty / scale:.{digits}f}"
    return text if shown == 0 else f"({text})e{shown:+03d}"
