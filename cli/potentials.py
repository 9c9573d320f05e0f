"""``anodeflow potentials``: energy models, what they cover, and how far they are to be trusted."""

from __future__ import annotations

import tempfile
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ..engines.dft_cards import DftCard
    from ..potentials.cards import PotentialCard
    from ..potentials.checks import ReferenceCheck
    from ..quantity import Quantity

app = typer.Typer(help="List energy models, show one, find those for a system, check one.", invoke_without_command=True)


class _Part(StrEnum):
    """What of a reference table is computed: checks of one kind, or what a step costs."""

    CRYSTAL = "crystal"
    SADDLE = "saddle"
    VOLTAGE = "voltage"
    ELASTIC = "elastic"
    COST = "cost"


_JSON = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]
_NAME = Annotated[str, typer.Argument(help="Name of a card, or the path of a card file.")]


@app.callback()
def potentials(context: typer.Context, as_json: _JSON = False) -> None:
    """List the energy models that can be named in a campaign."""
    if context.invoked_subcommand is not None:
        return
    from ..engines.dft_cards import dft_cards
    from ..potentials.cards import card, card_names

    _list([card(name) for name in card_names()], as_json, levels=dft_cards())


@app.command()
def show(name: _NAME, as_json: _JSON = False) -> None:
    """Show a card: elements, validity, known faults, citation and reference table."""
    from ..engines.dft_cards import find_dft_card
    from ..potentials.cards import card
    from .document import document, print_document

    level = find_dft_card(name)
    if level is not None:
        _show_level(level, as_json)
        return
    found = card(name)
    if as_json:
        extra = {"potentials": [_entry(found)]}
        inputs = [name] if Path(name).is_file() else []
        print_document(document(inputs=inputs, quantities=_quantities(found.name, found.reference_table), extra=extra))
        return
    from rich.console import Console
    from rich.table import Table

    console = Console()
    table = Table(title=found.name, show_header=False, title_style="bold", title_justify="left")
    table.add_column(style="bold", no_wrap=True)
    table.add_column(overflow="fold")
    rows = [
        ("kind", f"{found.kind}, {found.style}"),
        ("elements", " ".join(found.elements)),
        ("made for", found.systems),
        ("validity", found.validity),
        ("known faults", "\n".join(found.known_faults)),
        ("citation", f"{found.citation.text}{f', doi {found.citation.doi}' if found.citation.doi else ''}"),
        ("origin", found.origin),
        ("licence", found.licence),
        ("fingerprint", found.fingerprint),
    ]
    for label, text in rows:
        if text:
            table.add_row(label, text)
    console.print(table, highlight=False)
    _print_table(console, found.reference_table)


@app.command("for")
def for_elements(
    elements: Annotated[list[str], typer.Argument(help="Chemical symbols of the system.")], as_json: _JSON = False
) -> None:
    """List the models that describe a system, the best tested first."""
    from ..errors import InputError
    from ..potentials.cards import card, card_names
    from ..potentials.coverage import coverage
    from ..structures.element_map import ElementMap

    symbols = set(ElementMap.of(elements).elements)
    cards = [card(name) for name in card_names()]
    fitting = [found for found in cards if symbols <= set(found.elements)]
    if not fitting:
        most = max(len(symbols & set(found.elements)) for found in cards)
        nearest = [found.name for found in cards if len(symbols & set(found.elements)) == most]
        remedy = f"Nearest, with {most} of {len(symbols)} elements: {', '.join(nearest)}." if most else ""
        raise InputError(f"no card describes {' '.join(sorted(symbols))} together", remedy=remedy)
    _list([card(entry.card) for entry in coverage(frozenset(symbols))], as_json, frozenset(symbols))


@app.command()
def check(
    name: _NAME,
    as_json: _JSON = False,
    directory: Annotated[
        Path | None, typer.Option("--dir", help="Keep the runs here; they are thrown away otherwise.")
    ] = None,
    cores: Annotated[int, typer.Option(help="MPI processes.")] = 1,
    packaged: Annotated[
        bool, typer.Option("--packaged", help="For developers: write the table into the package.")
    ] = False,
    only: Annotated[
        _Part | None, typer.Option(help="Compute these rows and leave the rest of the table as it is.")
    ] = None,
) -> None:
    """Compute the reference table of a card on the real engine, and keep it in your data folder."""
    from ..engines.dft_cards import find_dft_card
    from ..engines.dft_checks import compute_dft_table
    from ..engines.lammps.card_checks import compute_table
    from ..engines.resources import Resources
    from ..errors import InputError
    from ..potentials.cards import card
    from ..potentials.checks import COST, write_table
    from .document import document, print_document

    level = find_dft_card(name)
    if level is not None and only is not None:
        raise InputError(f"{name} is a DFT level, whose table is computed as a whole", where="--only")
    found = card(name) if level is None else level
    before = {(row.property, row.system): row.model for row in found.reference_table}

    def tell(what: str) -> None:
        typer.echo(f"{found.name}: {what}", err=True)

    with tempfile.TemporaryDirectory() as scratch:
        folder, resources = directory or Path(scratch), Resources(mpi_ranks=cores)
        if level is not None:
            table = compute_dft_table(level, folder, progress=tell)
        else:
            kind = None if only is None else only.value
            table = compute_table(card(name), folder, resources, only=kind, progress=tell)
    path = write_table(table, packaged=packaged)
    warnings = [
        f"The {row.property} of {row.system} is {row.model:.6g} {row.unit} and was {old:.6g}."
        for row in table.rows
        if row.property != COST
        and (old := before.get((row.property, row.system))) is not None
        and abs(row.model - old) > 1e-3 * abs(row.model) + 1e-4
    ]
    if as_json:
        quantities = _quantities(found.name, table.rows)
        extra = {"potential": found.name, "fingerprint": found.fingerprint, "program": table.program}
        print_document(document(quantities=quantities, warnings=warnings, files=[path], extra=extra))
        return
    from rich.console import Console

    console = Console()
    _print_table(console, table.rows)
    for warning in warnings:
        console.print(f"warning: {warning}", style="yellow", highlight=False)
    console.print(f"wrote {path}", highlight=False)


def _show_level(level: DftCard, as_json: bool) -> None:
    if as_json:
        from .document import document, print_document

        quantities = _quantities(level.name, level.reference_table)
        print_document(document(quantities=quantities, extra={"potentials": [level.entry()]}))
        return
    from rich.console import Console
    from rich.table import Table

    table = Table(title=level.name, show_header=False, title_style="bold", title_justify="left")
    table.add_column(style="bold", no_wrap=True)
    table.add_column(overflow="fold")
    rows = {
        "kind": level.kind if level.installed else f"{level.kind}, not installed: pip install 'anodeflow[dft]'",
        "elements": " ".join(level.elements),
        "made for": level.systems,
        "validity": level.validity,
        "known faults": "\n".join(level.known_faults),
        "settings": "\n".join(f"{key}: {value}" for key, value in level.settings.items()),
        "cost": level.cost,
        "citation": f"{level.citation}{f', doi {level.doi}' if level.doi else ''}",
        "licence": level.licence,
        "fingerprint": level.fingerprint,
    }
    for label, text in rows.items():
        if text:
            table.add_row(label, text)
    console = Console()
    console.print(table, highlight=False)
    _print_table(console, level.reference_table)


def _list(
    cards: list[PotentialCard], as_json: bool, symbols: frozenset[str] | None = None, levels: Iterable[DftCard] = ()
) -> None:
    if as_json:
        from .document import document, print_document

        entries = [_entry(found, symbols) for found in cards] + [level.entry() for level in levels]
        print_document(document(extra={"potentials": entries}))
        return
    from rich.console import Console
    from rich.table import Table

    table = Table(header_style="bold", row_styles=["", "dim"])
    table.add_column("potential", no_wrap=True)
    for title in ("kind", "elements", "trust" if symbols else "made for", "ΔV", "ΔEf"):
        table.add_column(title, overflow="fold")
    for found in cards:
        outside = found.domain.outside(symbols) if symbols else []
        trust = f"outside its range: {'; '.join(outside)}" if outside else found.validity
        volume, formation = _worst(found) if symbols is None else _worst_of(found, symbols)
        table.add_row(
            found.name,
            found.kind,
            " ".join(found.elements),
            trust if symbols else found.systems,
            "" if volume is None else f"{volume:.1f} %",
            "" if formation is None else f"{formation:.2f} eV",
        )
    for level in levels:
        volume, formation = _worst(level)
        table.add_row(
            level.name,
            level.kind,
            "" if level.elements else "not installed",
            level.systems,
            "" if volume is None else f"{volume:.1f} %",
            "" if formation is None else f"{formation:.2f} eV",
        )
    console = Console()
    console.print(table, highlight=False)
    of = "of just this system " if symbols else ""
    console.print(
        f"ΔV, ΔEf: largest deviation of a volume, and of a formation energy per atom, {of}in the reference table"
        f"{'; empty where none was checked.' if symbols else '.'}"
    )


def _worst(found: PotentialCard | DftCard) -> tuple[float | None, float | None]:
    """Return the largest deviation of a volume in percent and of a formation energy in eV/atom."""
    from ..potentials.checks import deviation_percent

    volumes = [
        abs(deviation_percent(row) or 0.0)
        for row in found.reference_table
        if row.property == "volume per atom" and row.reference is not None
    ]
    formation = [
        abs(row.model - row.reference)
        for row in found.reference_table
        if row.property == "formation energy per atom" and row.reference is not None
    ]
    return max(volumes, default=None), max(formation, default=None)


def _worst_of(found: PotentialCard, symbols: frozenset[str]) -> tuple[float | None, float | None]:
    """Return the same of the phases that hold just these elements."""
    from ..potentials.coverage import coverage

    entry = next(entry for entry in coverage(symbols) if entry.card == found.name)
    return entry.volume_deviation_percent, entry.formation_deviation_eV_atom


def _entry(found: PotentialCard, symbols: frozenset[str] | None = None) -> dict[str, Any]:
    volume, formation = _worst(found) if symbols is None else _worst_of(found, symbols)
    entry: dict[str, Any] = {
        "name": found.name,
        "kind": found.kind,
        "style": found.style,
        "elements": list(found.elements),
        "systems": found.systems,
        "validity": found.validity,
        "known_faults": list(found.known_faults),
        "citation": found.citation.model_dump(),
        "licence": found.licence,
        "origin": found.origin,
        "fingerprint": found.fingerprint,
        "largest_volume_deviation_percent": volume,
        "largest_formation_energy_deviation_eV_atom": formation,
        "reference_table": [row.model_dump() for row in found.reference_table],
    }
    if symbols is not None:
        entry["outside"] = found.domain.outside(symbols)
    return entry


def _quantities(name: str, rows: Iterable[ReferenceCheck]) -> list[Quantity]:
    from ..potentials.checks import COST
    from ..quantity import Quantity, Reference

    relaxed, timed = f"relaxed at 0 K with {name}; no statistical error", "one core; CPU time of LAMMPS' loop"
    return [
        Quantity(
            f"{row.property}, {row.system}".replace(" ", "_"),
            row.model,
            row.unit,
            method=timed if row.property == COST else relaxed,
            source=name,
            reference=None if row.reference is None else Reference(row.reference, row.unit, row.source),
        )
        for row in rows
    ]


def _print_table(console: Any, rows: Iterable[ReferenceCheck]) -> None:
    from rich.table import Table

    from ..potentials.checks import deviation_percent

    table = Table("property", "system", header_style="bold")
    for title in ("model", "reference", "unit", "deviation"):
        table.add_column(title, justify="right" if title != "unit" else "left")
    table.add_column("reference from", overflow="fold")
    for row in rows:
        deviation = ""
        if row.reference is not None:
            difference = f"{row.model - row.reference:+.3f}"
            deviation = difference if row.unit in ("eV", "V") else f"{deviation_percent(row) or 0:+.1f} %"
        reference = "" if row.reference is None else f"{row.reference:.5g}"
        table.add_row(row.property, row.system, f"{row.model:.5g}", reference, row.unit, deviation, row.source)
    if table.row_count:
        console.print(table, highlight=False)
