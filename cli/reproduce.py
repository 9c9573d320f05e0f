"""``anodeflow reproduce list|NAME``: published barriers, computed again and held against their source."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from ..workflows.barrier.reproduce import Recipe


def reproduce(
    name: Annotated[
        str, typer.Argument(help="A published barrier, 'all' of them, or 'list' to see them.", metavar="NAME|all|list")
    ],
    level: Annotated[str | None, typer.Option("--level", help="Level to go up to; the cheapest by default.")] = None,
    directory: Annotated[
        Path | None, typer.Option("--dir", help="Folder of the run; runs/NAME-LEVEL by default.", metavar="DIR")
    ] = None,
    cores: Annotated[int | None, typer.Option(help="Cores to use; all by default.", min=1)] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
    record: Annotated[Path | None, typer.Option("--record", help="Add the outcome to this JSON file.")] = None,
    classical: Annotated[
        bool, typer.Option("--classical", help="With 'all': only those that begin with a classical potential.")
    ] = False,
) -> None:
    """Compute a published barrier again: own value, reference, difference, verdict."""
    from ..errors import InputError
    from ..hpc.local import raise_first_failure
    from ..workflows.barrier.reproduce import recipe, recipes_at
    from .barrier import raise_unless_converged, show
    from .document import print_document

    if classical and name != "all":
        raise InputError("--classical chooses among all", where="--classical", remedy="Say: anodeflow reproduce all.")
    if name == "list":
        _list(as_json=as_json)
        return
    if name == "all":
        _all(recipes_at(level, classical=classical), level, directory, cores, as_json, record)
        return
    chosen = recipe(name)
    jobs, results, root = _compute(chosen, level, directory, cores, record)
    if as_json:
        print_document(results)
    else:
        show(results, root, as_json=False)
        _print(chosen, results["reproduce"])
    raise_first_failure(jobs)
    if results["reproduce"]["own"]["value"] is None:
        raise_unless_converged(results)


def _compute(
    chosen: Recipe, level: str | None, directory: Path | None, cores: int | None, record: Path | None
) -> tuple[list[Any], dict[str, Any], Path]:
    """Run or resume one recipe; the document holds own value and comparisons under ``reproduce``."""
    from ..hpc.barriers import run_ladder
    from ..workflows.barrier.flow import ladder_extrapolations
    from ..workflows.barrier.reproduce import hold_against, own_value
    from .barrier import progress

    campaign = chosen.ladder(level)
    jobs, results, root = run_ladder(
        campaign, directory, cores=cores, command=["anodeflow", *sys.argv[1:]], watch=progress
    )
    own = own_value(chosen.compare, results)
    own = replace(own, warnings=(*ladder_extrapolations(campaign), *own.warnings))
    found = {
        "name": chosen.name,
        "level": campaign.levels[-1].name,
        "own": own.to_dict(),
        "comparisons": [_row(hold_against(own, reference)) for reference in chosen.references],
    }
    if record:
        _record(record, chosen.name, results, own.to_dict())
    return jobs, {**results, "reproduce": found}, root


def _all(
    chosen: list[Recipe],
    level: str | None,
    directory: Path | None,
    cores: int | None,
    as_json: bool,
    record: Path | None,
) -> None:
    """Run or resume recipes one after the other, those after a failed one too, and print one table."""
    import time

    from ..errors import NotConvergedError
    from ..hpc.local import raise_first_failure
    from .document import document, print_document

    rows: list[dict[str, Any]] = []
    states: list[Any] = []
    for one in chosen:
        typer.echo(f"{one.name} ({len(rows) + 1} of {len(chosen)})", err=True)
        root = None if directory is None else directory / f"{one.name}-{level or next(iter(one.levels))}"
        begin = time.monotonic()
        jobs, results, _ = _compute(one, level, root, cores, record)
        states += jobs
        hops = results["levels"]
        converged = sum(1 for hop in hops if hop["converged"])
        spent = {"wall_s": time.monotonic() - begin, "cpu_s": _cpu_s(results)}
        rows.append({**results["reproduce"], "hops": len(hops), "converged": converged, **spent})
    if as_json:
        print_document(document(extra={"reproduce": rows}))
    else:
        _print_all(rows)
    raise_first_failure(states)
    empty = [row["name"] for row in rows if row["own"]["value"] is None]
    if empty:
        raise NotConvergedError(
            f"{len(empty)} of {len(rows)} have no value: {', '.join(empty)}", remedy="The table says why."
        )


def _print_all(rows: list[dict[str, Any]]) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table(title="Published barriers, computed again")
    table.add_column("name", no_wrap=True)
    for column in ("level", "own eV", "published eV", "verdict", "hops converged", "wall s", "processor s"):
        table.add_column(column)
    console, notes = Console(), []
    for row in rows:
        own, compared = row["own"], row["comparisons"]
        value = "none" if own["value"] is None else f"{own['value']:.3f}"
        published, verdicts = ([one[key] for one in compared] for key in ("reference", "verdict"))
        counted = f"{row['converged']} of {row['hops']}"
        cells = [row["level"], value, "\n".join(published), "\n".join(verdicts), counted]
        cells += [f"{row['wall_s']:.0f}", f"{row['cpu_s']:.0f}"]
        table.add_row(row["name"], *cells)
        notes += [f"{row['name']}: {text}" for text in own["warnings"]]
    console.print(table)
    for note in notes:
        console.print(note, highlight=False, markup=False)


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


def _print(chosen: Recipe, found: dict[str, Any]) -> None:
    from rich.console import Console
    from rich.table import Table

    from ..quantity import Quantity

    console, own = Console(), Quantity.from_dict(found["own"])
    table = Table(title=f"{chosen.title}: {own}")
    for column in ("reference", "difference eV", "verdict", "how", "source"):
        table.add_column(column)
    for row in found["comparisons"]:
        difference = "–" if row["difference_eV"] is None else f"{row['difference_eV']:+.3f}"
        verdict = f"{row['verdict']}: {row['reason']}"
        table.add_row(f"{row['reference']} {row['unit']}", difference, verdict, row["method"], row["source"])
    console.print(table)
    if chosen.note:
        console.print(f"note: {chosen.note}", highlight=False, markup=False)
    for warning in own.warnings:
        console.print(f"warning: {warning}", highlight=False, markup=False)


def _list(*, as_json: bool) -> None:
    from ..workflows.barrier.reproduce import recipe, recipe_names, records, verdicts
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
                "found": [entry | {"verdicts": verdicts(entry)} for entry in known if entry["name"] == name],
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
            f"{entry['value_eV']:.3f} {entry['level']}: {', '.join(entry['verdicts']) or 'no number to compare'}"
            if entry["value_eV"] is not None
            else f"none {entry['level']}" for entry in row["found"]
        )  # fmt: skip
        table.add_row(row["name"], published, found or "–", "\n".join(row["levels"]))
    Console().print(table)


def _cpu_s(results: dict[str, Any]) -> float:
    """Return the processor time of the jobs of a ladder, in s: that of the last start of each."""
    return float(sum(sum((job["cpu_s"] or {}).values()) for job in results["jobs"]))


def _record(path: Path, name: str, results: dict[str, Any], own: dict[str, Any]) -> None:
    """Add an outcome to a file of records, in place of an earlier one of the same name and level.

    Times are those of the last start of each job.
    """
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
        "wall_s": round(sum(job["wall_s"] or 0.0 for job in results["jobs"]), 1),
        "cpu_s": round(_cpu_s(results), 1),
        "anodeflow": results["anodeflow"],
    }
    known = json.loads(path.read_text()) if path.exists() else []
    kept = [one for one in known if (one["name"], one["level"]) != (name, level)]
    write_json(path, sorted([*kept, entry], key=lambda one: (one["name"], str(one["level"]))))
