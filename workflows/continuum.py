"""What a continuum model of an anode needs from a campaign, as one table: ``continuum.json`` and ``continuum.csv``.

Stiffness, strength, partial volume, diffusivity, conductivity, voltage and interface energies against lithium content,
each with unit, error, 95 % interval, temperature and where it came from. Quantities that did not converge are left out,
and listed by name.
"""

from __future__ import annotations

import csv
import io
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..analysis.literature import interval95
from ..files import write_json, write_text
from ..quantity import Quantity

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

PROPERTIES = (
    "youngs_modulus",
    "poisson_ratio",
    "bulk_modulus",
    "shear_modulus",
    "biaxial_modulus",
    "yield_strength",
    "tensile_flow_stress",
    "flow_stress",
    "density",
    "volume_per_host_atom",
    "lithium_partial_volume",
    "tracer_diffusivity",
    "activation_energy",
    "ionic_conductivity",
    "lithiation_voltage",
    "front_velocity",
    "front_compression",
    "work_of_adhesion",
    "work_of_separation",
    "interface_energy",
    "segregation_energy",
    "adsorption_energy",
    "interphase_thickness",
    "interphase_growth_rate",
    "interface_diffusivity_along",
    "interface_diffusivity_across",
)
"""What is taken over, by the name of the quantity."""

COLUMNS = (
    "property",
    "species",
    "material",
    "phase",
    "host",
    "x",
    "temperature_K",
    "value",
    "uncertainty",
    "low95",
    "high95",
    "unit",
    "method",
    "source",
)


def write_continuum(results: Mapping[str, Any], directory: str | Path) -> list[Path]:
    """Write ``continuum.json`` and ``continuum.csv`` beside the results; nothing where there is nothing to write.

    Parameters
    ----------
    results
        ``results.json`` of a campaign.
    directory
        Folder of the run.
    """
    rows = continuum_rows(results)
    if not rows:
        return []
    directory = Path(directory)
    document = {
        "anodeflow": results["anodeflow"],
        "campaign": results["campaign"].get("name", ""),
        "potential": results["potential"]["name"],
        "known_faults": results["potential"]["known_faults"],
        "warnings": results["warnings"],
        "rows": rows,
        "left_out": sorted({f"{name} of {material}" for name, material in _left_out(results)}),
    }
    stream = io.StringIO()
    writer = csv.DictWriter(stream, COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return [
        write_json(directory / "continuum.json", document),
        write_text(directory / "continuum.csv", stream.getvalue()),
    ]


def continuum_rows(results: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the rows of the table; keys as `COLUMNS`."""
    rows = [_row(quantity, about) for quantity, about in _quantities(results) if _usable(quantity)]
    return rows + _local_volumes(results)


def _usable(quantity: Quantity) -> bool:
    return quantity.name in PROPERTIES and quantity.value is not None and quantity.converged


def _left_out(results: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for quantity, about in _quantities(results):
        if quantity.name in PROPERTIES and not _usable(quantity):
            yield quantity.name, about["material"]


def _quantities(results: Mapping[str, Any]) -> Iterator[tuple[Quantity, dict[str, Any]]]:
    for part in results.get("parts", []):
        for group in part["groups"]:
            about = {"material": group["label"], "phase": group.get("phase", "")}
            about |= {"host": group.get("host") or _host(group.get("formula", "")), "x": group.get("x")}
            for document in group["quantities"]:
                yield Quantity.from_dict(document), about | {"temperature_K": group.get("temperature_K")}
    for system in results["systems"]:
        about = {"material": system["name"], "phase": system["kind"]}
        about |= {"host": _host(system["formula"]), "x": _content(system)}
        for run in system["runs"]:
            for document in run["quantities"]:
                yield Quantity.from_dict(document), about | {"temperature_K": run["temperature_K"]}
        for fit in system["arrhenius"].values():
            yield Quantity.from_dict(fit["activation_energy"]), about | {"temperature_K": None}


def _host(formula: str) -> str:
    """Return what takes up the lithium: the rest of a formula."""
    from pymatgen.core import Composition

    amounts = Composition(formula).get_el_amt_dict() if formula else {}
    rest = {element: amount for element, amount in amounts.items() if element != "Li"}
    return Composition(rest).reduced_formula if rest else ""


def _content(system: Mapping[str, Any]) -> float | None:
    """Return lithium atoms for one atom of anything else."""
    from pymatgen.core import Composition

    composition = Composition(system["formula"])
    lithium = float(composition["Li"])
    rest = float(composition.num_atoms) - lithium
    return lithium / rest if rest else None


def _row(quantity: Quantity, about: Mapping[str, Any]) -> dict[str, Any]:
    low, high = interval95(quantity) or (None, None)
    return {
        "property": quantity.name,
        "species": quantity.species or "",
        **about,
        "value": quantity.value,
        "uncertainty": quantity.uncertainty,
        "low95": low,
        "high95": high,
        "unit": quantity.unit,
        "method": quantity.method,
        "source": quantity.source,
    }


def _local_volumes(results: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return Ω(x): the volume that a lithium adds between neighbouring compositions of one host and kind."""
    found: dict[str, list[tuple[float, Quantity, dict[str, Any]]]] = {}
    for quantity, about in _quantities(results):
        if quantity.name == "volume_per_host_atom" and about["x"] is not None and _usable(quantity):
            key = f"{about['host']} {about['phase']} {about['temperature_K']}"
            found.setdefault(key, []).append((float(about["x"]), quantity, about))
    rows = []
    for members in found.values():
        members.sort(key=lambda member: member[0])
        for (x, first, about), (y, second, other) in pairwise(members):
            if y - x < 1e-6 or first.value is None or second.value is None:
                continue
            error = ((first.uncertainty or 0.0) ** 2 + (second.uncertainty or 0.0) ** 2) ** 0.5 / (y - x)
            quantity = Quantity(
                "lithium_partial_volume",
                (second.value - first.value) / (y - x),
                "Å^3",
                uncertainty=error or None,
                method="difference of volumes per host atom between neighbouring compositions, at their middle",
            )
            between = f"{about['material']} → {other['material']}"
            rows.append(_row(quantity, about | {"material": between, "x": (x + y) / 2}))
    return rows
