"""Every quantity of a campaign with its place in the document, and its published counterparts."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ...quantity import Quantity, Reference
from ..literature import LiteratureValue, Phase, Verdict, compare, interval95, literature_values
from .document import Results, System

_RELATED = {"activation_energy": "migration_barrier"}
"""Published quantities worth showing beside a result though they are not the same thing, and so without verdict."""


@dataclass(frozen=True)
class Located:
    """A quantity and where it stands.

    Attributes
    ----------
    path
        Place in ``results.json``, such as ``systems.0.runs.2.quantities.1``.
    system
        Name of the system; empty for a quantity of the campaign as a whole.
    label
        The same as it is printed.
    group
        What it belongs to, in words: ``relaxed cell``, ``900 K``, ``Arrhenius fit``.
    temperature_K
        Temperature of a run, or 300 for an extrapolation; None for a static cell and for a fit.
    extrapolated
        Whether it was extrapolated from other temperatures.
    job
        Job that it came from.
    part
        Key of the part that it belongs to; empty for a system.
    compared_as
        Label beside other campaigns.
    level
        Level of theory, where a part has several.
    """

    path: str
    quantity: Quantity
    system: str = ""
    label: str = ""
    group: str = ""
    temperature_K: float | None = None
    extrapolated: bool = False
    job: str = ""
    part: str = ""
    compared_as: str = ""
    level: str = ""


@dataclass(frozen=True)
class Comparison:
    """A result beside a published value."""

    located: Located
    published: LiteratureValue
    verdict: Verdict


def of_system(results: Results, index: int) -> Iterator[Located]:
    """Give the quantities of one system: fits, relaxed cell, then the runs from hot to cold as they stand."""
    system = results.systems[index]
    base = f"systems.{index}"
    for species, fit in system.arrhenius.items():
        for name in ("activation_energy", "prefactor", "at_300K"):
            quantity = getattr(fit, name)
            if quantity is not None:
                extrapolated = name == "at_300K"
                yield Located(
                    f"{base}.arrhenius.{species}.{name}",
                    quantity,
                    system.name,
                    system.label,
                    "300 K, extrapolated" if extrapolated else "Arrhenius fit",
                    300.0 if extrapolated else None,
                    extrapolated,
                )
    for number, quantity in enumerate(system.relaxed.quantities if system.relaxed else []):
        yield Located(f"{base}.relaxed.quantities.{number}", quantity, system.name, system.label, "Relaxed cell")
    for place, run in enumerate(system.runs):
        for number, quantity in enumerate(run.quantities):
            yield Located(
                f"{base}.runs.{place}.quantities.{number}",
                quantity,
                system.name,
                system.label,
                f"{run.temperature_K:g} K",
                run.temperature_K,
                job=run.job,
            )


def of_part(results: Results, index: int) -> Iterator[Located]:
    """Give the quantities of one part, group by group."""
    part = results.parts[index]
    for place, group in enumerate(part.groups):
        for number, quantity in enumerate(group.quantities):
            path = f"parts.{index}.groups.{place}.quantities.{number}"
            yield Located(
                path,
                quantity,
                label=group.label,
                group=part.title if group.temperature_K is None else f"{group.temperature_K:g} K",
                temperature_K=group.temperature_K,
                job=quantity.source,
                part=part.key,
                compared_as=group.compared_as,
                level=group.level,
            )


def in_sentence(located: Located) -> str:
    """Return the group as it stands inside a sentence: ``relaxed cell``, ``900 K``, ``Arrhenius fit``."""
    return {"Relaxed cell": "relaxed cell", "Campaign": "campaign"}.get(located.group, located.group)


def everything(results: Results) -> list[Located]:
    """Return all quantities; those of the flat list that no system holds come last."""
    found = [located for index in range(len(results.systems)) for located in of_system(results, index)]
    found += [located for index in range(len(results.parts)) for located in of_part(results, index)]
    seen = {_identity(located.quantity) for located in found}
    for number, quantity in enumerate(results.quantities):
        if _identity(quantity) not in seen:
            found.append(Located(f"quantities.{number}", quantity, group="Campaign"))
    return found


def _identity(quantity: Quantity) -> tuple[object, ...]:
    return (quantity.name, quantity.species, quantity.value, quantity.unit, quantity.method, quantity.source)


def system_label(system: System) -> tuple[str, Phase]:
    """Return the composition of a system and its phase for a look-up in the literature."""
    kind = system.kind.lower()
    if kind.startswith("amorph") or (not kind and system.name.startswith("a-")):
        return system.formula or system.name, "amorphous"
    return system.formula or system.name, "crystal" if kind.startswith("cryst") else "any"


def comparisons(results: Results) -> list[Comparison]:
    """Hold every system against every published value that is known for it: one comparison a published value.

    Of the results that could stand beside a published value, the one at the same temperature is taken, else the
    extrapolation to it, else the static cell, else the nearest temperature.
    """
    found: list[Comparison] = []
    for index, system in enumerate(results.systems):
        formula, phase = system_label(system)
        own = list(of_system(results, index))
        found += _against_literature(own, formula, phase)
    for index, part in enumerate(results.parts):
        own = list(of_part(results, index))
        for label, formula, phase in dict.fromkeys((g.label, g.formula, g.phase) for g in part.groups if g.formula):
            found += _against_literature([located for located in own if located.label == label], formula, phase)
    for located in everything(results):
        reference = located.quantity.reference
        if reference is not None:
            row = _from_reference(located.quantity, reference)
            same = (row.low, row.quantity, located.label)
            if not any((c.published.low, c.published.quantity, c.located.label) == same for c in found):
                apart = Verdict("cannot be compared", reference.why_not) if reference.why_not else None
                found.append(Comparison(located, row, apart or _verdict(located, row)))
    return found


def _against_literature(own: Sequence[Located], formula: str, phase: Phase) -> list[Comparison]:
    found = []
    for row in literature_values(formula, phase=phase):
        names = [row.quantity] + [ours for ours, theirs in _RELATED.items() if theirs == row.quantity]
        candidates = [
            located
            for located in own
            if located.quantity.name in names and (not row.species or located.quantity.species == row.species)
        ]
        if candidates:
            best = min(candidates, key=lambda located: _remoteness(located, row))
            found.append(Comparison(best, row, _verdict(best, row)))
    return found


def _remoteness(located: Located, row: LiteratureValue) -> tuple[float, float]:
    """Rank a result as counterpart of a published value; a result without a value comes last."""
    missing = 1.0 if located.quantity.value is None else 0.0
    if row.temperature_K is None or located.temperature_K is None:
        return missing, 0.5
    return missing, abs(located.temperature_K - row.temperature_K) / 15.0 + (0.1 if located.extrapolated else 0.0)


def _verdict(located: Located, row: LiteratureValue) -> Verdict:
    if row.quantity == "migration_barrier" and located.quantity.name == "activation_energy" and not row.flagged:
        interval = interval95(located.quantity)
        where = ""
        if interval is not None and located.quantity.converged:
            inside = interval[0] <= row.high and row.low <= interval[1]
            where = f"; it is {'inside' if inside else 'outside'} the 95 % interval"
        reason = f"one hop of a defect, while the activation energy also holds the cost of the carriers{where}"
        return Verdict("cannot be compared", reason)
    return compare(located.quantity, row, temperature_K=located.temperature_K, extrapolated=located.extrapolated)


def _from_reference(quantity: Quantity, reference: Reference) -> LiteratureValue:
    """Return the reference that a quantity brought along as a published value."""
    value = reference.value
    low, high = value if isinstance(value, tuple) else (value, value)
    return LiteratureValue(
        system=quantity.source,
        formula="",
        x_range=None,
        phase="any",
        quantity=quantity.name,
        species=quantity.species or "",
        low=low,
        high=high,
        unit=reference.unit,
        temperature_K=None,
        approach="",
        extrapolated=False,
        method=reference.note,
        source=reference.source,
        status="",
        flagged=reference.note.startswith("FLAG"),
        note=reference.note,
    )
