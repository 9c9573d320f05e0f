"""What the section ``screen`` found: a ranked part of the results, from the documents of its jobs."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from ...analysis.literature import half_width
from ...quantity import Quantity, Reference
from ..campaign import Campaign
from .flow import PURE, asked
from .settings import CellSettings, ScreenSettings

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_REVIEW = "Review of alloy anodes in solid-state cells (2026), its reference 175"
_ALUMINIUM = {
    "substitution_energy": Reference(0.90, "eV", _REVIEW, "Al at a boundary of polycrystalline Si, DFT"),
    "interior_substitution_energy": Reference(0.99, "eV", _REVIEW, "Al in bulk Si, DFT"),
    "segregation_energy": Reference(-0.09, "eV", _REVIEW, "0.90 less 0.99 eV, DFT"),
}
_ORDER = ("segregation_energy", "adsorption_energy", "substitution_energy", "strengthening", "work_of_separation")
_HIGH_IS_BEST = ("work_of_separation", "strengthening")
_OVERVIEW = (
    "segregation_energy",
    "substitution_energy",
    "interior_substitution_energy",
    "work_of_separation",
    "strengthening",
    "adsorption_energy",
    "adsorption_change",
)
_NO_ERROR = "relaxed at 0 K, so without a statistical error; that of the model is on its card"
_LOOSE = "An energy behind it is not fully relaxed."

Place = dict[str, list[dict[str, Any]]]


def screen_part(
    campaign: Campaign, rows: Sequence[Mapping[str, Any]], documents: Sequence[Mapping[str, Any] | None]
) -> dict[str, Any]:
    """Return the part of the results: see `anodeflow.analysis.report.document.Part`.

    Parameters
    ----------
    campaign
        What was asked.
    rows, documents
        The table of jobs, and ``result.json`` of each; None where there is none.
    """
    screen = asked(campaign)
    found: dict[tuple[str, str], Place] = {}
    references: dict[str, Quantity] = {}
    for row, document in zip(rows, documents, strict=True):
        about = row["metadata"]
        if about.get("section") != "screen" or document is None:
            continue
        if about["place"] == "reference":
            references[about["system"]] = _named(document["output"], "energy_per_atom")
        else:
            place = found.setdefault((about["cell"], about["system"]), {})
            place.setdefault(about["place"], []).append(document["output"])
    groups = []
    for name, settings in screen.cells.items():
        pure = found.get((name, PURE), {})
        for system in (PURE, *screen.dopants):
            places = found.get((name, system), {})
            quantities = _quantities(screen, settings, system, places, pure, references)
            if quantities:
                label = _label(screen, name, system)
                groups.append({"label": label, "quantities": quantities, "doped": system != PURE})
    by = screen.rank_by or _first(groups)
    ranked = _ranked(groups, by)
    headline = [by, *(name for name in ("strengthening", "work_of_separation") if name != by)][:2]
    return {
        "key": "screen",
        "title": f"Screen by {by.replace('_', ' ')}" if by else "Screen",
        "asked": _question(screen),
        "warnings": [*_order_doubt(ranked, by), *_no_reference(screen, references)],
        "overview": [name for name in _OVERVIEW if any(_get(group, name) for group in groups)],
        "groups": [
            {
                "label": group["label"],
                "quantities": [quantity.to_dict() for quantity in group["quantities"]],
                "headline": headline,
            }
            for group in ranked
        ],
        "plots": [],
    }


def _question(screen: ScreenSettings) -> str:
    cells = ", ".join(screen.cells)
    if screen.dopants:
        into = f"Where do {', '.join(screen.dopants)} go in place of {screen.element} ({cells})"
    else:
        into = f"How do {cells} compare"
    further = []
    if any(cell.kind in ("grain_boundary", "interface") for cell in screen.cells.values()):
        further.append("how well do the sides hold together")
    if screen.adsorbate:
        further.append(f"how strongly is {screen.adsorbate} held on the face")
    return ", and ".join([into, *further]) + "?"


def _label(screen: ScreenSettings, name: str, system: str) -> str:
    if not screen.dopants:
        return name
    return system if len(screen.cells) == 1 else f"{system} in {name}"


def _quantities(
    screen: ScreenSettings,
    settings: CellSettings,
    system: str,
    places: Place,
    pure: Place,
    references: Mapping[str, Quantity],
) -> list[Quantity]:
    """Return what was found for one dopant, or without one, in one cell."""
    found: list[Quantity] = []
    near = places.get("boundary", []) + places.get("surface", []) + places.get("site", [])
    contact = settings.kind in ("grain_boundary", "interface")
    if system != PURE and (near or "interior" in places):
        bare = [float(_named(one, "energy").value or 0.0) for one in _near(pure)]
        inside = [float(_named(one, "energy").value or 0.0) for one in places.get("interior", [])]
        energies = [float(_named(one, "energy").value or 0.0) for one in near]
        if settings.kind != "crystal":
            found.append(_segregation(energies, inside, system))
        shift, loose = None, False
        if bare and screen.element is not None and {screen.element, system} <= set(references):
            pair = (references[screen.element], references[system])
            shift = float(pair[0].value or 0.0) - float(pair[1].value or 0.0) - bare[0]
            loose = not all(one.converged for one in pair)
        counted = _substitution(energies, inside, shift, system)
        found += [one.doubted(_LOOSE) for one in counted] if loose else counted
    if contact and near:
        work = _works(near)
        found.append(work)
        if system != PURE:
            # of two solids only the same contact can be compared; those of a grain boundary are equal by symmetry
            same = slice(1) if settings.kind == "interface" else slice(None)
            found += _strengthening(work, _works(_near(pure), same))
    behind = [*near, *places.get("interior", []), *_near(pure)]
    if not all(_named(one, "energy").converged for one in behind):
        found = [one.doubted(_LOOSE) for one in found]
    if screen.adsorbate:
        own = _adsorption(places, screen.adsorbate, references)
        found += own
        if system != PURE and own:
            found += _adsorption_change(own[0], _adsorption(pure, screen.adsorbate, references))
    if settings.grain_boundary is not None and (screen.element, system) == ("Si", "Al"):
        found = [replace(one, reference=_ALUMINIUM[one.name]) if one.name in _ALUMINIUM else one for one in found]
    return found


def _near(places: Place) -> list[dict[str, Any]]:
    return places.get("boundary", []) + places.get("surface", []) + places.get("site", [])


def _named(output: Mapping[str, Any], name: str) -> Quantity:
    return next(Quantity.from_dict(one) for one in output["quantities"] if one["name"] == name)


def _get(group: Mapping[str, Any], name: str) -> Quantity | None:
    return next((one for one in group["quantities"] if one.name == name), None)


def _first(groups: Sequence[Mapping[str, Any]]) -> str:
    """Return the first quantity that may rank and that some group has."""
    return next((name for name in _ORDER if any(_get(group, name) for group in groups)), "")


def _ranked(groups: Sequence[Mapping[str, Any]], by: str) -> list[Mapping[str, Any]]:
    """Return the groups, best first; what has no value comes last, and what is not doped after the dopants."""

    def key(group: Mapping[str, Any]) -> tuple[bool, bool, float]:
        quantity = _get(group, by)
        if quantity is None or quantity.value is None:
            return any(one["doped"] for one in groups) and not group["doped"], True, 0.0
        sign = -1.0 if by in _HIGH_IS_BEST else 1.0
        return any(one["doped"] for one in groups) and not group["doped"], False, sign * quantity.value

    return sorted(groups, key=key)


def _order_doubt(ranked: Sequence[Mapping[str, Any]], by: str) -> list[str]:
    """Say which neighbours in the ranking are closer than their errors, and where there are no errors to say so."""
    doped = any(group["doped"] for group in ranked)
    known = [
        (group["label"], quantity)
        for group in ranked
        if (quantity := _get(group, by)) is not None and quantity.value is not None and group["doped"] == doped
    ]
    said = []
    for (one, first), (other, second) in pairwise(known):
        assert first.value is not None
        assert second.value is not None
        if first.uncertainty is None or second.uncertainty is None:
            continue
        if abs(second.value - first.value) <= np.hypot(half_width(first), half_width(second)):
            said.append(f"The order of {one} and {other} is not known: they differ by less than their errors.")
    bare = [label for label, quantity in known if quantity.uncertainty is None]
    if bare and len(known) > 1:
        said.append(f"The {by.replace('_', ' ')} of {', '.join(bare)} has no error bar: {_NO_ERROR}.")
    return said


def _student(count: int) -> float:
    """Return how many errors the 95 % interval reaches where the error is the spread of so many values."""
    from scipy.stats import t

    return float(t.ppf(0.975, count - 1))


def _no_reference(screen: ScreenSettings, references: Mapping[str, Quantity]) -> list[str]:
    wanted = {element for element in (screen.element, screen.adsorbate, *screen.dopants) if element}
    missing = sorted(wanted - set(references))
    if not missing or not (screen.dopants or screen.adsorbate):
        return []
    return [
        f"There is no relaxed phase of {', '.join(missing)}, so what counts from it has no value; name one in "
        "'screen.references'."
    ]


def _segregation(near: Sequence[float], inside: Sequence[float], dopant: str) -> Quantity:
    method = "lowest energy at the contact or face less the mean inside; error from the spread inside"
    if not near or len(inside) < 2:
        why = ("too few sites have finished",)
        return Quantity("segregation_energy", None, "eV", method=method, species=dopant, converged=False, warnings=why)
    error = float(np.std(inside, ddof=1))
    value = min(near) - float(np.mean(inside))
    half = _student(len(inside)) * error
    return Quantity(
        "segregation_energy", value, "eV", uncertainty=error, interval95=(value - half, value + half), method=method,
        species=dopant, n_effective=float(len(near) + len(inside)),
    )  # fmt: skip


def _substitution(near: Sequence[float], inside: Sequence[float], shift: float | None, dopant: str) -> list[Quantity]:
    """Return the energies of putting the dopant in, where it is lowest and as the mean inside."""
    method = "energy with the dopant and an atom of the element less that without and an atom of the dopant's element"
    found = []
    if shift is None:
        why = ("there is no reference phase, or the undoped cell has not finished",)
        return [
            Quantity("substitution_energy", None, "eV", method=method, species=dopant, converged=False, warnings=why)
        ]
    if near:
        found.append(
            Quantity(
                "substitution_energy", min(near) + shift, "eV", method=f"{method}; lowest of {len(near)} sites",
                species=dopant, warnings=(_NO_ERROR,), n_effective=float(len(near)),
            )
        )  # fmt: skip
    if len(inside) > 1:
        error, value = float(np.std(inside, ddof=1)), float(np.mean(inside)) + shift
        half = _student(len(inside)) * error
        found.append(
            Quantity(
                "interior_substitution_energy", value, "eV", uncertainty=error,
                interval95=(value - half, value + half),
                method=f"{method}; mean of {len(inside)} sites inside, error from their spread", species=dopant,
                n_effective=float(len(inside)),
            )
        )  # fmt: skip
        if found[0].name == "substitution_energy":
            lowest = found[0].value or 0.0
            found[0] = replace(found[0], uncertainty=error, interval95=(lowest - half, lowest + half), warnings=())
    return found


def _works(sites: Sequence[Mapping[str, Any]], contacts: slice = slice(None)) -> Quantity:
    """Return the mean over sites, and over those of a cell's contacts that are chosen."""
    from ...analysis.replicas import mean_of_places

    works: list[Quantity] = []
    for one in sites:
        own = [Quantity.from_dict(q) for q in one["quantities"] if q["name"] == "work_of_separation"]
        works += own[contacts]
    if not works:
        why = ("no site has finished",)
        return Quantity("work_of_separation", None, "J/m^2", converged=False, warnings=why)
    return mean_of_places(works)


def _strengthening(work: Quantity, pure: Quantity) -> list[Quantity]:
    """Return by how much a dopant raises the work of separation of the undoped contact."""
    if work.value is None or pure.value is None:
        return []
    known = work.uncertainty is not None
    error = float(np.hypot(work.uncertainty or 0.0, pure.uncertainty or 0.0))
    value, half = work.value - pure.value, float(np.hypot(half_width(work), half_width(pure)))
    return [
        Quantity(
            "strengthening", value, "J/m^2", uncertainty=error if known else None,
            interval95=(value - half, value + half) if known else None,
            method="work of separation with the dopant less that of the undoped contact"
            + ("" if pure.uncertainty is not None else ", one value, whose error is not in it"),
        )
    ]  # fmt: skip


def _adsorption(places: Place, adsorbate: str, references: Mapping[str, Quantity]) -> list[Quantity]:
    outputs = places.get("adsorption", [])
    if not outputs:
        return []
    method = f"{_named(outputs[0], 'covered_energy').method}; from the element of {adsorbate}"
    if adsorbate not in references:
        why = (f"there is no reference phase of {adsorbate}",)
        return [
            Quantity("adsorption_energy", None, "eV", method=method, species=adsorbate, converged=False, warnings=why)
        ]
    element = references[adsorbate]
    gained = [_named(one, "covered_energy") for one in outputs]
    clean = [_named(one, "clean_energy") for one in outputs]
    value = min(float(a.value or 0) - float(b.value or 0) for a, b in zip(gained, clean, strict=True))
    loose = () if all(one.converged for one in (*gained, *clean, element)) else (_LOOSE,)
    return [
        Quantity(
            "adsorption_energy", value - float(element.value or 0.0), "eV", method=method, species=adsorbate,
            converged=not loose, warnings=(_NO_ERROR, *loose),
        )
    ]  # fmt: skip


def _adsorption_change(doped: Quantity, pure: Sequence[Quantity]) -> list[Quantity]:
    """Return by how much a dopant changes the adsorption energy; negative holds the adsorbate more strongly."""
    if not pure or doped.value is None or pure[0].value is None:
        return []
    method = "adsorption energy with the dopant less that without"
    value = doped.value - pure[0].value
    loose = () if doped.converged and pure[0].converged else (_LOOSE,)
    notes = (_NO_ERROR, *loose)
    return [
        Quantity(
            "adsorption_change", value, "eV", method=method, species=doped.species, converged=not loose, warnings=notes
        )
    ]
