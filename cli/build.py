"""``anodeflow build``: structures from the library or the user's files, each with its build record.

Interfaces and what belongs to them register their verbs on the same sub-application, in ``build_interface.py``.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from pymatgen.core import Structure

    from ..structures.record import BuildRecord

app = typer.Typer(help="Build a structure; the build record goes beside it.", no_args_is_help=True)

Out = Annotated[Path | None, typer.Option("--out", help="File to write, format by its ending.")]
Seed = Annotated[int, typer.Option("--seed", help="Seed of the random numbers.")]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]
Picture = Annotated[Path | None, typer.Option("--picture", help="Draw the structure to this PNG.")]


def finish(
    structure: Structure, record: BuildRecord, *, out: Path | None, as_json: bool, picture: Path | None = None
) -> None:
    """Write a built structure, its record and picture, and say what was built.

    Parameters
    ----------
    structure, record
        The result of a builder.
    out, picture
        Files to write, or None.
    as_json
        One JSON document instead of a table.
    """
    from ..structures.io import write_structure
    from .document import document, print_document

    files: list[Path] = write_structure(structure, out, record) if out else []
    if picture:
        from ..structures.picture import draw_structure

        title = f"{structure.composition.reduced_formula}, {len(structure)} atoms"
        draw_structure(structure, picture, title=title)
        files.append(picture)
    if as_json:
        extra = {"build": record.to_dict()}
        if not out:
            extra["structure"] = structure.as_dict(verbosity=0)
        inputs = [source.name for source in record.sources if Path(source.name).is_file()]
        print_document(document(inputs=inputs, warnings=record.warnings, files=files, extra=extra))
        return
    _print_record(record, structure)
    from rich.console import Console

    console = Console()
    for file in files:
        console.print(f"wrote {file}", highlight=False)
    if not files:
        console.print("nothing written; give --out FILE", style="dim")


def _print_record(record: BuildRecord, structure: Structure) -> None:
    from rich.console import Console
    from rich.table import Table

    lattice = structure.lattice
    amounts = " ".join(f"{symbol}{amount:g}" for symbol, amount in record.composition.items())
    rows = [
        ("atoms", f"{record.natoms:g}  ({amounts})"),
        ("cell", f"{lattice.a:.4f}  {lattice.b:.4f}  {lattice.c:.4f} Å"),
        ("angles", f"{lattice.alpha:.3f}  {lattice.beta:.3f}  {lattice.gamma:.3f}°"),
        ("density", f"{record.density_g_cm3:.4f} g/cm³"),
        ("shortest distance", "" if record.min_distance_A is None else f"{record.min_distance_A:.3f} Å"),
        ("charge", "" if record.charge is None else f"{record.charge:+g} e"),
        ("area", "" if record.area_A2 is None else f"{record.area_A2:.2f} Å²"),
        ("gaps", ", ".join(f"{side}: {gap:.3f} Å" for side, gap in (record.gaps_A or {}).items())),
        ("strain", "; ".join(f"{side}: {_tensor(e)}" for side, e in (record.strain or {}).items())),
        ("terminations", "; ".join(f"{side}: {text}" for side, text in (record.terminations or {}).items())),
        ("layers", ", ".join(f"{side}: {len(atoms)} atoms" for side, atoms in (record.layers or {}).items())),
        ("seed", "" if record.seed is None else str(record.seed)),
        ("made from", "; ".join(f"{s.name} (evidence {s.evidence})" for s in record.sources)),
        ("citation", record.citation),
    ]
    table = Table(title=record.builder, show_header=False, title_style="bold", title_justify="left")
    table.add_column(style="bold", no_wrap=True)
    table.add_column(overflow="fold")
    for label, text in rows:
        if text:
            table.add_row(label, text)
    console = Console()
    console.print(table, highlight=False)
    for warning in record.warnings:
        console.print(f"warning: {warning}", style="yellow", highlight=False)


def _tensor(strain: list[list[float]]) -> str:
    (e11, e12), (_, e22) = strain
    return f"{100 * e11:+.3f} {100 * e22:+.3f} {100 * e12:+.3f} % (11, 22, 12)"
