"""Several campaigns side by side: each shared quantity with its difference, and shared plots over each other."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ...errors import InputError
from .curves import curves_figure
from .document import Curve, Plot, Results
from .findings import arrhenius_points, doubts
from .markup import escape, name_text, number_text, quantity_html, stacked_table, table, unit_text
from .page import Section, figure_html, page
from .plots import ArrheniusCurve, arrhenius_figure, spread
from .quantities import Located, everything

if TYPE_CHECKING:
    from collections.abc import Sequence

_SURE = 1.96


@dataclass(frozen=True)
class Named:
    """The results of one campaign under the name that it has in the comparison."""

    name: str
    results: Results


@dataclass(frozen=True)
class Row:
    """One quantity of all campaigns.

    Attributes
    ----------
    label, condition, name, species, unit
        What it is of, at what temperature or in which part, and what it is.
    found
        By campaign; None where a campaign has not asked for it.
    """

    label: str
    condition: str
    name: str
    species: str
    unit: str
    found: tuple[Located | None, ...]

    def difference(self, index: int) -> tuple[float, float | None] | None:
        """Return by how much a campaign differs from the first that has a value, and the error of that.

        None where one of the two has no value, or both are the same campaign; the error is None where one has none.
        """
        valued = [one for one in self.found if one is not None and one.quantity.value is not None]
        here = self.found[index]
        if not valued or here is None or here.quantity.value is None or here is valued[0]:
            return None
        first = valued[0].quantity
        assert first.value is not None
        errors = (first.uncertainty, here.quantity.uncertainty)
        both = None if None in errors else sum(error**2 for error in errors if error is not None) ** 0.5
        return here.quantity.value - first.value, both

    def verdict(self, index: int) -> str:
        """Return ``the same``, ``differs`` or ``no error bar`` for a campaign; empty where nothing is compared."""
        difference = self.difference(index)
        if difference is None:
            return ""
        value, error = difference
        if error is None:
            return "no error bar"
        unsure = any(one is not None and not one.quantity.converged for one in self.found)
        return "not converged" if unsure else "differs" if abs(value) > _SURE * error else "the same"


def named_results(results: Sequence[Results]) -> list[Named]:
    """Give each campaign its own name; equal names are numbered.

    Raises
    ------
    InputError
        If there are fewer than two.
    """
    if len(results) < 2:
        raise InputError("one campaign cannot be compared", remedy="Give the folders of two or more runs.")
    names = [str(one.campaign.get("name") or one.title) for one in results]
    return [
        Named(f"{name} ({index + 1})" if names.count(name) > 1 else name, one)
        for index, (name, one) in enumerate(zip(names, results, strict=True))
    ]


def compared_rows(campaigns: Sequence[Named]) -> list[Row]:
    """Return the quantities that two campaigns or more have asked for, in the order of the first.

    Levels of theory are compared with themselves, and where campaigns share none the last level of each.
    """
    found: dict[tuple[str, ...], list[dict[str, Located]]] = {}
    conditions: dict[tuple[str, ...], str] = {}
    for index, campaign in enumerate(campaigns):
        for located in everything(campaign.results):
            quantity = located.quantity
            label = located.compared_as or located.label or located.system
            bare = located.part and located.temperature_K is None  # its group is the title, which may hold the system
            key = (label, located.part if bare else located.group, quantity.name, quantity.species or "", quantity.unit)
            conditions.setdefault(key, located.group)
            places = found.setdefault(key, [{} for _ in campaigns])
            # a second opinion on the same quantity stays in its own report
            places[index].setdefault(located.level, located)
    rows = []
    for (label, at, name, species, unit), places in found.items():
        condition = conditions[label, at, name, species, unit]
        for level, together in _by_level(places):
            rows.append(Row(label, ", ".join(filter(None, (condition, level))), name, species, unit, together))
    return rows


def _by_level(places: Sequence[dict[str, Located]]) -> list[tuple[str, tuple[Located | None, ...]]]:
    """Return what is compared of one quantity, each with its level: that of all levels that campaigns share."""
    levels = dict.fromkeys(level for place in places for level in place)
    shared = [level for level in levels if sum(level in place for place in places) > 1]
    found = [(level, tuple(place.get(level) for place in places)) for level in shared]
    alone = [place for place in places if place and not any(level in place for level in shared)]
    if alone and sum(map(bool, places)) > 1:
        last = tuple(list(place.values())[-1] if place else None for place in places)
        found.append((" beside ".join(dict.fromkeys(one.level for one in last if one is not None)), last))
    return found


def comparison_document(campaigns: Sequence[Named], rows: Sequence[Row]) -> dict[str, Any]:
    """Return the comparison as plain JSON types."""
    return {
        "campaigns": [
            {
                "name": one.name,
                "title": one.results.title,
                "potential": one.results.potential.name if one.results.potential else None,
                "seed": one.results.seed,
                "command": one.results.command,
                "warnings": one.results.warnings,
            }
            for one in campaigns
        ],
        "rows": [
            {
                "label": row.label,
                "condition": row.condition,
                "name": row.name,
                "species": row.species,
                "unit": row.unit,
                "values": [one.quantity.to_dict() if one else None for one in row.found],
                "verdicts": [row.verdict(index) for index in range(len(campaigns))],
            }
            for row in rows
        ],
    }


def comparison_html(campaigns: Sequence[Named], rows: Sequence[Row]) -> str:
    """Return the comparison as one self-contained page."""
    sections = [
        Section("campaigns", "Campaigns", _campaigns(campaigns, rows)),
        Section("figures", "Laid over each other", _figures(campaigns)),
        Section("quantities", "Quantities", _quantities(campaigns, rows)),
    ]
    facts = [("Campaigns", str(len(campaigns))), ("Quantities in common", str(len(rows)))]
    footer = "Differences are to the first campaign that has a value; ± is one standard error."
    return page(" and ".join(one.name for one in campaigns), "anodeflow comparison", facts, sections, footer)


def _campaigns(campaigns: Sequence[Named], rows: Sequence[Row]) -> str:
    lines = []
    for index, one in enumerate(campaigns):
        differing = sum(row.verdict(index) == "differs" for row in rows)
        judged = sum(row.verdict(index) in ("differs", "the same") for row in rows)
        potential = one.results.potential.name if one.results.potential else "–"
        lines.append(
            [
                escape(one.name),
                escape(potential),
                str(one.results.seed),
                f"<code>{escape(' '.join(one.results.command))}</code>",
                f"{differing} of {judged} differ" if index else "the first",
                "".join(f"<div>{escape(text)}</div>" for text in doubts(one.results)),
            ]
        )
    columns = ("Campaign", "Model", "Seed", "Command", "Quantities", "What casts doubt on it")
    return table("Campaigns that are compared", columns, lines)


def _figures(campaigns: Sequence[Named]) -> str:
    figures = []
    curves = [
        (f"{species} in {system.label}, {one.name}", fit)
        for one in campaigns
        for system in one.results.systems
        for species, fit in arrhenius_points(system).items()
    ]
    if curves:
        colours = spread(len(curves))
        entries = [ArrheniusCurve(name, fit, c) for (name, fit), c in zip(curves, colours, strict=True)]
        figures.append(figure_html(arrhenius_figure("compared-arrhenius", entries)))
    plots: dict[tuple[str, str], list[tuple[str, Plot]]] = {}
    for one in campaigns:
        for part in one.results.parts:
            for plot in part.plots:
                plots.setdefault((part.key, plot.key), []).append((one.name, plot))
    for (part_key, key), members in plots.items():
        if len(members) < 2:
            continue
        first = members[0][1]
        both = [
            Curve(**{**curve.__dict__, "label": f"{curve.label}, {name}"})
            for name, plot in members
            for curve in plot.curves
        ]
        overlaid = Plot(**{**first.__dict__, "curves": both})
        figures.append(figure_html(curves_figure(f"compared-{part_key}-{key}", overlaid)))
    return f'<div class="pair">{"".join(figures)}</div>' if figures else ""


def _quantities(campaigns: Sequence[Named], rows: Sequence[Row]) -> str:
    if not rows:
        return "<p>These campaigns have no quantity in common.</p>"
    groups: dict[str, list[list[str]]] = {}
    for number, row in enumerate(rows):
        cells = []
        for index, one in enumerate(row.found):
            cell = "–" if one is None else quantity_html(one.quantity, f"rows.{number}.values.{index}", unit=False)
            difference, verdict = row.difference(index), row.verdict(index)
            if difference is not None:
                value, error = difference
                shown = number_text(value if error else float(f"{value:.4g}"), error)
                cell += f"<small>{escape(verdict)}, by {escape(shown)}</small>"
            cells.append(cell)
        species = f" of {escape(row.species)}" if row.species else ""
        unit = f" ({escape(unit_text(row.unit))})" if unit_text(row.unit) else ""
        heading = f"{row.label}, {row.condition}" if row.condition else row.label
        groups.setdefault(heading, []).append([f"{escape(name_text(row.name))}{species}{unit}", *cells])
    columns = ("Quantity", *(one.name for one in campaigns))
    return stacked_table("Quantities that the campaigns share", columns, list(groups.items()))
