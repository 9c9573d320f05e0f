"""``anodeflow analyse``: numbers with error bars from anybody's files.

Structure, stress, jumps, barriers and energies register their verbs on the same sub-application elsewhere.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from ..analysis.reading.trajectory import Trajectory
    from ..quantity import Quantity

app = typer.Typer(help="Analyse trajectories and results of any program.", no_args_is_help=True)

Files = Annotated[list[Path], typer.Argument(help="Trajectory, or its pieces in order.", metavar="FILE ...")]
Data = Annotated[Path | None, typer.Option("--data", help="LAMMPS data file or topology that names the elements.")]
Species = Annotated[list[str], typer.Option("--species", help="Element; may be given again.")]
Elements = Annotated[
    str | None, typer.Option("--elements", help="Elements of the atom types in order, such as 'Li Si'.")
]
Timestep = Annotated[
    float | None, typer.Option("--timestep-fs", help="Time in fs of one step of the file's counter.", min=0)
]
Drift = Annotated[str, typer.Option("--drift", help="What stands still: all, none, or elements such as 'P S'.")]
Start = Annotated[int | None, typer.Option("--start", help="First frame to use.")]
Stop = Annotated[int | None, typer.Option("--stop", help="Frame to stop before.")]
Step = Annotated[int | None, typer.Option("--step", help="Use every so many frames.", min=1)]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]
Out = Annotated[Path | None, typer.Option("--out", help="Folder for JSON, CSV, figures and one HTML page.")]
Explain = Annotated[bool, typer.Option("--explain", help="Say which formula and which paper.")]


def read(
    files: Sequence[Path],
    *,
    data: Path | None,
    elements: str | None,
    timestep_fs: float | None,
    start: int | None,
    stop: int | None,
    step: int | None,
) -> Trajectory:
    """Read a trajectory with even time intervals for a command."""
    from ..analysis.reading.trajectory import read_trajectory

    names = elements.replace(",", " ").split() if elements else None
    trajectory = read_trajectory(
        list(files), timestep_fs=timestep_fs, data=data, species=names, start=start, stop=stop, step=step
    )
    return trajectory.evenly_spaced()


def fixed(drift: str) -> str | list[str] | None:
    """Return what `anodeflow.analysis.reading.displacements.walk` takes as drift."""
    if drift == "none":
        return None
    return "all" if drift == "all" else drift.replace(",", " ").split()


def finish(
    verb: str,
    *,
    inputs: Sequence[Path],
    quantities: Sequence[Quantity],
    warnings: Iterable[str] = (),
    tables: dict[str, tuple[Sequence[str], Iterable[Sequence[Any]]]] | None = None,
    figures: dict[str, Callable[[Path], Path]] | None = None,
    extra: dict[str, Any] | None = None,
    out: Path | None = None,
    as_json: bool = False,
    explained: bool = False,
    needed: Sequence[Quantity] | None = None,
) -> None:
    """Write the files of an analysis, print it, and exit with 4 if nothing that was asked for converged.

    Parameters
    ----------
    verb
        Name of the command, which names the files.
    inputs
        Files that were read.
    quantities
        Results in the order to show them.
    warnings
        Sentences that belong to no single result.
    tables
        CSV files by stem: header and rows.
    figures
        Functions by stem that draw to a given PNG file.
    extra
        What the JSON document holds besides, by key.
    out
        Folder to write to.
    as_json
        Print the document instead of a table.
    explained
        Print formula and papers.
    needed
        Results of which one must be converged for the exit code 0; all if None.
    """
    from ..analysis.explain import explain
    from ..files import write_json
    from .document import document, print_document

    said = list(dict.fromkeys(warnings))
    files: list[Path] = []
    pictures: list[Path] = []
    if out:
        from ..analysis.page import write_page
        from ..files import write_text

        for stem, (header, rows) in (tables or {}).items():
            lines = [",".join(header), *(",".join(_cell(value) for value in row) for row in rows)]
            files.append(write_text(out / f"{stem}.csv", "\n".join(lines) + "\n"))
        pictures = [draw(out / f"{stem}.png") for stem, draw in (figures or {}).items()]
        files += pictures
        files += [out / f"{verb}.html", out / f"{verb}.json"]
    whole = dict(extra or {})
    if explained:
        whole["explanation"] = explain(verb)
    content = document(inputs=inputs, quantities=quantities, warnings=said, files=files, extra=whole)
    if out:
        write_page(
            out / f"{verb}.html",
            title=f"anodeflow analyse {verb}",
            quantities=quantities,
            figures=pictures,
            warnings=said,
            explanation=explain(verb),
            inputs=content["inputs"],
        )
        write_json(out / f"{verb}.json", content)
    if as_json:
        print_document(content)
    else:
        _print(quantities, said, files, explain(verb) if explained else "")
    asked = quantities if needed is None else needed
    if asked and not any(item.converged for item in asked):
        raise typer.Exit(4)


def _cell(value: Any) -> str:
    if value is None:
        return ""
    text = f"{value:.8g}" if isinstance(value, float) else str(value)
    return '"' + text.replace('"', '""') + '"' if any(mark in text for mark in ',"\n') else text


def _print(quantities: Sequence[Quantity], warnings: Sequence[str], files: Sequence[Path], explanation: str) -> None:
    from rich.console import Console
    from rich.table import Table

    from ..quantity import format_value

    table = Table()
    for heading in ("quantity", "value", "95 % interval", "unit", "samples"):
        table.add_column(heading, no_wrap=heading != "quantity")
    for item in quantities:
        value = format_value(item.value, item.uncertainty) if item.value is not None else "–"
        interval = f"{item.interval95[0]:.4g} … {item.interval95[1]:.4g}" if item.interval95 else ""
        samples = f"{item.n_effective:.0f}" if item.n_effective is not None else ""
        table.add_row(_label(item), value, interval, item.unit, samples, style="" if item.converged else "red")
    console = Console()
    if quantities:
        console.print(table, highlight=False)
    elif not files:
        console.print("There are only curves: --out DIR writes them, --json prints them.", highlight=False)
    several = len({item.species for item in quantities}) > 1
    own = [
        f"{item.species}: {text}" if several and item.species else text for item in quantities for text in item.warnings
    ]
    for text in dict.fromkeys((*warnings, *own)):
        console.print(f"warning: {text}", style="yellow", highlight=False, soft_wrap=True)
    if explanation:
        console.print("\n" + explanation, highlight=False)
    for path in files:
        console.print(f"wrote {path}", highlight=False, soft_wrap=True)


def _label(item: Quantity) -> str:
    """Return the name of a quantity as people say it, with its kind where two share a name."""
    label = item.name.replace("_", " ") + (f" of {item.species}" if item.species else "")
    if "layer " in item.source:
        return f"{label}, {item.source[item.source.index('layer ') + 6 :]}"
    for kind in ("kinisi", "tracer", "collective"):
        if kind in item.method and kind not in label and item.name in ("tracer_diffusivity", "ionic_conductivity"):
            return f"{label} ({kind})"
    return label
