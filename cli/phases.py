"""``anodeflow phases``: the phase library."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

if TYPE_CHECKING:
    from ..quantity import Quantity
    from ..structures.phases import Phase


def phases(
    name: Annotated[str | None, typer.Argument(help="Name, alias, formula or structure file.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
    picture: Annotated[Path | None, typer.Option(help="Draw the phase to this PNG.")] = None,
) -> None:
    """List the phases of the library, or show one with capacity, density, expansion and source."""
    from ..errors import InputError

    if name is None:
        if picture is not None:
            raise InputError("a picture needs the name of a phase", where="--picture")
        _list(as_json)
        return
    _show(name, as_json, picture)


def _list(as_json: bool) -> None:
    from ..structures.phases import EVIDENCE, phase, phase_names
    from .document import document, print_document

    items = [phase(name) for name in phase_names()]
    if as_json:
        extra = {"phases": [_entry(item) for item in items], "evidence_classes": dict(EVIDENCE)}
        print_document(document(extra=extra))
        return
    from rich import box
    from rich.console import Console
    from rich.table import Table

    from ..structures.capacity import phase_numbers

    table = Table(header_style="bold", box=box.SIMPLE_HEAD, pad_edge=False, collapse_padding=True)
    for title in ("phase", "space group", "atoms", "class", "g/cm³", "Li/host", "mAh/g", "growth %"):
        justify: Literal["left", "right"] = "right" if title in _RIGHT else "left"
        table.add_column(title, justify=justify, no_wrap=True, min_width=max(len(title), 6))
    family = ""
    for item in items:
        if family and item.family != family:
            table.add_section()
        family = item.family
        numbers = phase_numbers(item)
        table.add_row(
            item.name,
            item.space_group,
            f"{item.structure.composition.num_atoms:.4g}",
            item.evidence + ("" if item.verified else " ?"),
            f"{numbers.density_g_cm3:.3f}",
            _optional(numbers.li_per_host, ".3g"),
            _optional(numbers.capacity_mAh_g, ".0f"),
            _optional(numbers.expansion_percent, "+.0f"),
        )
    console = Console()
    console.print(table)
    console.print("growth %: volume per host atom against the unlithiated host of the library", highlight=False)
    for letter, meaning in EVIDENCE.items():
        console.print(f"[bold]{letter}[/bold]  {meaning}", highlight=False)
    if any(not item.verified for item in items):
        console.print("[bold]?[/bold]  a start for a relaxation only", highlight=False)


_RIGHT = {"atoms", "g/cm³", "Li/host", "mAh/g", "growth %"}


def _optional(value: float | None, form: str, unit: str = "") -> str:
    return "" if value is None else f"{value:{form}}{unit}"


def _show(name: str, as_json: bool, picture: Path | None) -> None:
    from ..structures.io import is_structure_file
    from ..structures.phases import EVIDENCE, find_structure, phase
    from ..structures.picture import draw_structure
    from .document import document, print_document

    structure, source = find_structure(name)
    is_file = is_structure_file(name)
    item = None if is_file else phase(name)
    if picture:
        draw_structure(structure, picture, title=source.name)
    files = [picture] if picture else []
    warnings = _warnings(item)
    if as_json:
        extra: dict[str, Any] = {"structure": structure.as_dict(verbosity=0)}
        extra["phases"] = [_entry(item)] if item else []
        quantities = _quantities(item) if item else []
        inputs = [name] if Path(name).is_file() else []
        print_document(document(inputs=inputs, quantities=quantities, warnings=warnings, files=files, extra=extra))
        return
    from rich.console import Console
    from rich.table import Table

    from ..structures.record import minimum_distance

    lattice = structure.lattice
    rows = [
        ("formula", item.formula if item else structure.composition.formula),
        ("cell", f"{lattice.a:.5g}  {lattice.b:.5g}  {lattice.c:.5g} Å"),
        ("angles", f"{lattice.alpha:.5g}  {lattice.beta:.5g}  {lattice.gamma:.5g}°"),
        ("atoms", f"{structure.composition.num_atoms:.6g} on {len(structure)} sites"),
        ("shortest distance", _optional(minimum_distance(structure), ".3f", " Å")),
        ("evidence", f"{source.evidence}: {EVIDENCE[source.evidence]}" if item else source.evidence),
        ("citation", source.citation),
        ("origin", source.origin),
        ("note", source.note),
    ]
    if item:
        rows.insert(1, ("space group", f"{item.space_group} ({item.space_group_number})"))
        rows.insert(-4, ("coordinates", item.coordinates))
        rows[5:5] = [
            (q.name.replace("_", " "), f"{q.value:.5g} {q.unit if q.unit != '1' else ''}") for q in _quantities(item)
        ]
        rows.append(("also called", ", ".join(item.aliases)))
    console = Console()
    table = Table(title=source.name, show_header=False, title_style="bold", title_justify="left")
    table.add_column(style="bold", no_wrap=True)
    table.add_column(overflow="fold")
    for label, text in rows:
        if text:
            table.add_row(label, text)
    console.print(table, highlight=False)
    if item:
        sites = Table("site", "occupancy", "x", "y", "z", header_style="bold")
        for site in item.sites:
            occupancy = " ".join(
                symbol if amount == 1 else f"{symbol} {amount:g}" for symbol, amount in site.species.items()
            )
            xyz = [str(v) if v.denominator in (1, 3, 6, 12) else f"{float(v):g}" for v in site.xyz]
            sites.add_row(site.wyckoff, occupancy, *xyz)
        console.print(sites, highlight=False)
    for warning in warnings:
        console.print(f"warning: {warning}", style="yellow")
    for file in files:
        console.print(f"wrote {file}", highlight=False)


def _warnings(item: Phase | None) -> list[str]:
    if item is None or item.verified:
        return []
    return [f"The coordinates of {item.name} are only a start for a relaxation: {item.note}."]


def _quantities(item: Phase) -> list[Quantity]:
    from ..quantity import Quantity
    from ..structures.capacity import phase_numbers

    numbers = phase_numbers(item)
    found = [
        ("density", numbers.density_g_cm3, "g/cm^3", "mass over volume of the cell"),
        ("volume_per_atom", numbers.volume_per_atom_A3, "Å^3", "cell volume over atoms"),
        ("lithium_per_host_atom", numbers.li_per_host, "1", f"stoichiometry, host {numbers.host_element}"),
        ("theoretical_capacity", numbers.capacity_mAh_g, "mAh/g", "x F / M of the unlithiated host"),
        ("volume_per_host_atom", numbers.volume_per_host_A3, "Å^3", "cell volume over host atoms"),
        ("volume_expansion", numbers.expansion_percent, "%", f"against {numbers.host_phase} of the library"),
    ]
    source = f"{item.citation} (evidence {item.evidence})"
    return [
        Quantity(name, value, unit, method=f"{method}; exact for this cell", source=source)
        for name, value, unit, method in found
        if value is not None
    ]


def _entry(item: Phase) -> dict[str, Any]:
    from dataclasses import asdict

    from ..structures.capacity import phase_numbers

    entry = asdict(item)
    entry["sites"] = [
        {"wyckoff": s.wyckoff, "species": dict(s.species), "xyz": [float(v) for v in s.xyz]} for s in item.sites
    ]
    entry["numbers"] = asdict(phase_numbers(item))
    return entry
