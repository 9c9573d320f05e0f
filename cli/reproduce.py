"""``anodeflow reproduce list|NAME``: published barriers, computed again and held against their source."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any

import typer


def reproduce(
    name: Annotated[str, typer.Argument(help="A published barrier, or 'list' for all of them.", metavar="NAME|list")],
    level: Annotated[str | None, typer.Option("--level", help="Level to go up to; the cheapest by default.")] = None,
    directory: Annotated[
        Path | None, typer.Option("--dir", help="Folder of the run; runs/NAME-LEVEL by default.", metavar="DIR")
    ] = None,
    cores: Annotated[int | None, typer.Option(help="Cores to use; all by default.", min=1)] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
    record: Annotated[Path | None, typer.Option("--record", help="Add the outcome to this JSON file.")] = None,
) -> None:
    """Compute a published barrier again: own value, reference, difference, verdict."""
    if name == "list":
        _list(as_json=as_json)
        return
    from ..hpc.barriers import run_ladder
    from ..hpc.local import raise_first_failure
    from ..workflows.barrier.reproduce import hold_against, own_value, recipe
    from .barrier import progress, raise_unless_converged, show
    from .document import print_document

    chosen = recipe(name)
    campaign = chosen.ladder(level)
    jobs, results, root = run_ladder(
        campaign, directory, cores=cores, command=["anodeflow", *sys.argv[1:]], watch=progress
    )
    own = own_value(chosen.compare, results)
    comparisons = [_row(hold_against(own, reference)) for reference in chosen.references]
    document = {**results, "reproduce": {"name": name, "level": campaign.levels[-1].name, "own": own.to_dict(),
                                         "comparisons": comparisons}}  # fmt: skip
    if record:
        _record(record, chosen.name, results, own.to_dict(), sum(job.wall_s for job in jobs))
    if as_json:
        print_document(document)
    else:
        show(results, root, as_json=False)
        _print(chosen, own, comparisons)
    raise_first_failure(jobs)
    if own.value is None:
        raise_unless_converged(results)


def _row(comparison: Any) -> dict[str, Any]:
    reference = comparison.reference
    return {
        "own_eV": comparison.value_eV,
        "reference": reference.text,
        "unit": reference.unit,
        "difference_eV": comparison.difference_eV,
        "verdict": comparison.word,
        "reason": comparison.reason,
        "quantity": reference.quantity,
        "method": reference.method,
        "source": reference.source,
        "status": reference.status,
        "note": reference.note,
    }


def _print(chosen: Any, own: Any, comparisons: list[dict[str, Any]]) -> None:
    from rich.console import Console
    from rich.table import Table

    console = Console()
    table = Table(title=f"{chosen.title}: {own}")
    for column in ("reference", "difference eV", "verdict", "how", "source"):
        table.add_column(column)
    for row in comparisons:
        difference = "–" if row["difference_eV"] is None else f"{row['difference_eV']:+.3f}"
        verdict = f"{row['verdict']}: {row['reason']}"
        table.add_row(f"{row['reference']} {row['unit']}", difference, verdict, row["method"], row["source"])
    console.print(table)
    if chosen.note:
        console.print(f"note: {chosen.note}", highlight=False, markup=False)
    for warning in own.warnings:
        console.print(f"warning: {warning}", highlight=False, markup=False)


def _list(*, as_json: bool) -> None:
    from ..workflows.barrier.reproduce import recipe, recipe_names, records
    from .document import document, print_document

    known = records()
    rows: list[dict[str, Any]] = []
    for name in recipe_names():
        one = recipe(name)
        rows.append(
            {
                "name": name,
                "title": one.title,
                "note": one.note,
                "levels": list(one.levels),
                "references": [
                    {"value": value.text, "unit": value.unit, "method": value.method, "source": value.source,
                     "status": value.status, "flagged": value.flagged, "note": value.note}
                    for value in one.references
                ],
                "found": [entry for entry in known if entry["name"] == name],
            }
        )  # fmt: skip
    if as_json:
        print_document(document(extra={"reproduce": rows}))
        return
    from rich.console import Console
    from rich.table import Table

    table = Table(title="Published barriers that can be computed again")
    table.add_column("name", no_wrap=True)
    for column in ("published eV", "found before, eV", "levels"):
        table.add_column(column)
    for row in rows:
        published = ", ".join(
            value["value"] + (" (flagged)" if value["flagged"] else "") for value in row["references"]
        )
        found = "\n".join(
            f"{entry['value_eV']:.3f} {entry['level']}" if entry["value_eV"] is not None
            else f"none {entry['level']}" for entry in row["found"]
        )  # fmt: skip
        table.add_row(row["name"], published, found or "–", "\n".join(row["levels"]))
    Console().print(table)


def _record(path: Path, name: str, results: dict[str, Any], own: dict[str, Any], wall_s: float) -> None:
    """Add an outcome to a file of records, in place of an earlier one of the same name and level."""
    import json

    from ..files import write_json

    rows = results["levels"]
    level = rows[-1]["level"] if rows else None
    mine = [row for row in rows if row["level"] == level]
    settings = next((band["settings"] for band in results["bands"] if band["level"] == level), None)
    entry = {
        "name": name,
        "level": level,
        "value_eV": own["value"],
        "uncertainty_eV": own["uncertainty"],
        "warnings": own["warnings"],
        "hops": mine,
        "settings": settings,
        "wall_s": round(wall_s, 1),
        "anodeflow": results["anodeflow"],
    }
    known = json.loads(path.read_text()) if path.exists() else []
    kept = [one for one in known if (one["name"], one["level"]) != (name, level)]
    write_json(path, sorted([*kept, entry], key=lambda one: (one["name"], str(one["level"]))))
