"""Published barriers that can be computed again: recipes, their references, and what was found before."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING, Any

import yaml

from ...analysis.literature import LiteratureValue, literature_values
from ...engines.levels import find_level, is_dft_level
from ...errors import EngineError, InputError
from ...potentials.cards import card
from ...quantity import Quantity
from .campaign import BarrierCampaign

if TYPE_CHECKING:
    from collections.abc import Mapping

AGREEMENT_EV = 0.05
"""Two barriers that differ by no more than this agree: published DFT values of one hop scatter as much."""

_SHOWN = ("migration_barrier", "activation_energy", "conductivity_activation_energy")
_COMPARE = ("highest", "effective", "lowest")


@dataclass(frozen=True)
class Recipe:
    """How a published barrier is computed.

    Attributes
    ----------
    name, title
        For the command line and for people.
    compare
        ``highest``: the barrier of its one hop; ``effective``: the activation energy of the carrier at 300 K on the
        network of all hops; ``lowest``: the lowest of all barriers.
    levels
        Settings of each level that it can be run at, the cheapest first.
    campaign
        The rest of a file for ``anodeflow barrier``.
    references
        Published values.
    note
        What a reader has to know, such as why there is no published number.
    """

    name: str
    title: str
    compare: str
    levels: Mapping[str, Mapping[str, Any]]
    campaign: Mapping[str, Any]
    references: tuple[LiteratureValue, ...]
    note: str = ""

    def ladder(self, level: str | None = None) -> BarrierCampaign:
        """Return the ladder up to a level: the first level where it is a potential, and the wanted one.

        A level outside its card is accepted, since that is what the comparison is to show; the results say so.
        Without a level it is the first. The potential below a DFT level only makes its path better, so it is left out
        where it cannot run.

        Raises
        ------
        InputError
            If the recipe has no such level.
        """
        names = list(self.levels)
        wanted = level or names[0]
        if wanted not in names:
            raise InputError(
                f"{self.name} is not prepared for the level '{wanted}'",
                where="--level",
                remedy=f"It can be run at: {', '.join(names)}.",
            )
        used = [wanted]
        if names[0] != wanted and not is_dft_level(names[0]) and is_dft_level(wanted) and _runs(names[0]):
            used.insert(0, names[0])
        levels = [{"name": name, **self.levels[name]} for name in used]
        content = {"name": f"{self.name}-{wanted}", "accept_extrapolation": True, **self.campaign, "levels": levels}
        crystal = dict(content["crystal"])
        if crystal["phase"].startswith("data:"):
            file = resources.files(__package__) / "data" / "crystals" / crystal["phase"].removeprefix("data:")
            content["crystal"] = crystal | {"phase": str(file)}
        return BarrierCampaign.model_validate(content)


@dataclass(frozen=True)
class Comparison:
    """A result beside one published value: ``agrees``, ``differs`` or ``cannot be compared``, and why."""

    value_eV: float | None
    reference: LiteratureValue
    difference_eV: float | None
    word: str
    reason: str


def _runs(level: str) -> bool:
    try:
        find_level(level)
    except EngineError:
        return False
    return True


def recipe_names() -> list[str]:
    """Return the names of all recipes."""
    return list(_content())


def recipe(name: str) -> Recipe:
    """Return a recipe by name.

    Raises
    ------
    InputError
        If there is none; the message lists those there are.
    """
    content = _content()
    if name not in content:
        raise InputError(f"nothing is called '{name}'", where="reproduce", remedy=f"There are: {', '.join(content)}.")
    entry = dict(content[name])
    title, compare, levels, rows = (entry.pop(key) for key in ("title", "compare", "levels", "rows"))
    note = str(entry.pop("note", ""))
    if compare not in _COMPARE:
        raise InputError(f"'{compare}' is no way to compare", where=f"reproduce.yaml: {name}")
    found = tuple(value for value in literature_values() if value.system in rows and value.quantity in _SHOWN)
    return Recipe(name, title, compare, levels, entry, found, note)


def recipes_at(level: str | None = None, *, classical: bool = False) -> list[Recipe]:
    """Return the recipes that are prepared for a level, or all.

    Parameters
    ----------
    level
        Name of the level; None for the first of each recipe.
    classical
        Only those whose first level is a classical potential.

    Raises
    ------
    InputError
        If no recipe is prepared for the level.
    """
    found = [recipe(name) for name in recipe_names()]
    found = [one for one in found if level is None or level in one.levels]
    if classical:
        found = [one for one in found if _is_classical(next(iter(one.levels)))]
    if not found:
        prepared = dict.fromkeys(name for one in recipe_names() for name in recipe(one).levels)
        raise InputError(
            f"nothing is prepared for the level '{level}'",
            where="--level",
            remedy=f"There are: {', '.join(prepared)}.",
        )
    return found


def _is_classical(level: str) -> bool:
    return not is_dft_level(level) and card(level).kind == "classical"


def own_value(kind: str, results: Mapping[str, Any]) -> Quantity:
    """Return what a ladder gives for a recipe's number, at its last level.

    Parameters
    ----------
    kind
        `Recipe.compare`.
    results
        Document of `anodeflow.hpc.barriers.run_ladder`.
    """
    rows = results["levels"]
    if not rows:
        return _none("The ladder did not finish.")
    level = rows[-1]["level"]
    mine = [row for row in rows if row["level"] == level]
    if kind == "effective":
        found = [q for q in results["quantities"] if q["name"] == "activation_energy" and "at 300 K" in q["method"]]
        if not found:
            why = "There is no diffusion coefficient"
            said = (text for text in results.get("warnings", ()) if text.startswith(why))
            return _none(next(said, "There is no activation energy: the hops that converged join no network."))
        quantity = Quantity.from_dict(found[-1])
        open_hops = [row["hop"] for row in mine if not row["converged"]]
        warnings = quantity.warnings
        if open_hops:
            warnings = (*warnings, f"{len(open_hops)} of {len(mine)} hops are not in it: {', '.join(open_hops)}.")
        return Quantity(**{**quantity.__dict__, "warnings": warnings})
    barriers = [row for row in mine if row["barrier_eV"] is not None and row["converged"]]
    if not barriers or (kind == "highest" and len(barriers) < len(mine)):
        return _none("The band is not converged.")
    pick = (min if kind == "lowest" else max)(barriers, key=lambda row: float(row["barrier_eV"]))
    return Quantity("migration_barrier", pick["barrier_eV"], "eV", uncertainty=pick["error_eV"], method=level)


def hold_against(quantity: Quantity, reference: LiteratureValue) -> Comparison:
    """Hold a barrier against a published one; a flagged reference never gives a verdict."""
    if reference.flagged:
        return Comparison(quantity.value, reference, None, "cannot be compared", f"doubtful source: {reference.note}")
    if quantity.value is None or not quantity.converged:
        why = quantity.warnings[-1] if quantity.warnings else "there is no result"
        return Comparison(quantity.value, reference, None, "cannot be compared", why)
    if reference.quantity.startswith("conductivity"):
        why = "the published value is that of conduction, not of one hop"
        return Comparison(quantity.value, reference, None, "cannot be compared", why)
    if reference.unit != "eV":
        return Comparison(quantity.value, reference, None, "cannot be compared", f"given in {reference.unit}")
    nearest = min(max(quantity.value, reference.low), reference.high)
    difference = quantity.value - nearest
    word = "agrees" if abs(difference) <= AGREEMENT_EV else "differs"
    reason = f"{'within' if word == 'agrees' else 'by more than'} {AGREEMENT_EV:g} eV"
    if reference.status == "recalled":
        reason += "; the reference is recalled from memory and not checked"
    return Comparison(quantity.value, reference, difference, word, reason)


def records() -> list[dict[str, Any]]:
    """Return what the recipes gave when they were run for this version: level, value, settings, cost."""
    path = resources.files(__package__) / "data" / "reproduced.json"
    found: list[dict[str, Any]] = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else []
    return found


def verdicts(entry: Mapping[str, Any]) -> list[str]:
    """Return how an entry of `records` compares with each published value, in the order of `Recipe.references`."""
    own = Quantity("migration_barrier", entry["value_eV"], "eV", converged=entry["value_eV"] is not None)
    return [hold_against(own, value).word for value in recipe(entry["name"]).references]


@cache
def _content() -> dict[str, dict[str, Any]]:
    text = (resources.files(__package__) / "data" / "reproduce.yaml").read_text(encoding="utf-8")
    content: dict[str, dict[str, Any]] = yaml.safe_load(text)
    return content


def _none(why: str) -> Quantity:
    return Quantity("migration_barrier", None, "eV", converged=False, warnings=(why,))
