"""``anodeflow build``: structures from the library or the user's files, each with its build record.

Interfaces and what belongs to them register their verbs on the same sub-application, in ``build_interface.py``.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from pymatgen.core import Structure

    from ..structures.record import BuildRecord, Source

app = typer.Typer(help="Build a structure; the build record goes beside it.", no_args_is_help=True)

Out = Annotated[Path | None, typer.Option("--out", help="File to write, format by its ending.")]
Seed = Annotated[int, typer.Option("--seed", help="Seed of the random numbers.")]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]
ImageDistance = Annotated[
    float | None, typer.Option("--image-distance", help="First make a supercell of this image distance in Å.")
]
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


@app.command("ordered")
def build_ordered(
    name: Annotated[str, typer.Argument(help="Phase or structure file with partial occupancies.")],
    supercell: Annotated[tuple[int, int, int], typer.Option(help="Repetitions along a, b, c.")] = (1, 1, 1),
    count: Annotated[int, typer.Option(help="Arrangements wanted; --out gets a number before its ending.")] = 1,
    min_distance: Annotated[float, typer.Option(help="Least distance between mobile ions in Å.")] = 2.0,
    temperature: Annotated[
        float | None, typer.Option("--temperature-K", help="Sample at this temperature; without it the lowest.")
    ] = None,
    seed: Seed = 1,
    out: Out = None,
    as_json: Json = False,
    picture: Picture = None,
) -> None:
    """Turn partial occupancies into ordered, neutral cells."""
    from ..errors import InputError
    from ..structures.ordering import order
    from ..structures.phases import find_structure

    structure, source = find_structure(name)
    if count > 1 and out is None and not as_json:
        raise InputError("several arrangements need a file to go to", where="--out")
    cells = order(
        structure,
        source=source,
        supercell=supercell,
        count=count,
        seed=seed,
        min_distance_A=min_distance,
        temperature_K=temperature,
    )
    finish_many([(cell.structure, cell.record) for cell in cells], out=out, as_json=as_json, picture=picture)


@app.command("supercell")
def build_supercell(
    name: Annotated[str, typer.Argument(help="Phase or structure file.")],
    image_distance: Annotated[
        float | None, typer.Option("--image-distance", help="Least distance between periodic images in Å.")
    ] = None,
    atoms: Annotated[int | None, typer.Option(help="Number of atoms instead.")] = None,
    out: Out = None,
    as_json: Json = False,
    picture: Picture = None,
) -> None:
    """Repeat a crystal to a near-cubic cell."""
    from ..structures.phases import find_structure
    from ..structures.supercell import supercell

    structure, source = find_structure(name)
    cell = supercell(structure, image_distance_A=image_distance, atoms=atoms, sources=[source])
    finish(cell.structure, cell.record, out=out, as_json=as_json, picture=picture)


@app.command("defect")
def build_defect(
    name: Annotated[str, typer.Argument(help="Ordered phase or structure file.")],
    kind: Annotated[str, typer.Argument(help="vacancy or interstitial.")],
    element: Annotated[str, typer.Argument(help="Element that is taken out or put in.")],
    count: Annotated[int, typer.Option(help="Number of atoms.")] = 1,
    image_distance: ImageDistance = None,
    seed: Seed = 1,
    out: Out = None,
    as_json: Json = False,
    picture: Picture = None,
) -> None:
    """Make vacancies or fill the largest voids."""
    from ..errors import InputError
    from ..structures.defects import insert, remove

    structure, source = _supercell_of(name, image_distance)
    if kind == "vacancy":
        result = remove(structure, element, count=count, seed=seed, source=source)
    elif kind == "interstitial":
        result = insert(structure, element, count=count, source=source)
    else:
        raise InputError(f"there is no defect '{kind}'", remedy="Use vacancy or interstitial.")
    finish(result.structure, result.record, out=out, as_json=as_json, picture=picture)


@app.command("dopant")
def build_dopant(
    name: Annotated[str, typer.Argument(help="Ordered phase or structure file.")],
    element: Annotated[str, typer.Argument(help="Element that is replaced.")],
    dopants: Annotated[list[str], typer.Argument(help="One dopant, or several for a sweep.")],
    count: Annotated[int, typer.Option(help="Number of atoms.")] = 1,
    compensate: Annotated[str | None, typer.Option(help="Mobile element that balances the charge.")] = None,
    image_distance: ImageDistance = None,
    seed: Seed = 1,
    out: Out = None,
    as_json: Json = False,
    picture: Picture = None,
) -> None:
    """Replace atoms by a dopant; several dopants go to the same sites, --out gets the symbol before its ending."""
    from ..errors import InputError
    from ..structures.defects import dopant_sweep

    if len(dopants) > 1 and out is None and not as_json:
        raise InputError("a sweep needs a file to go to", where="--out")
    structure, source = _supercell_of(name, image_distance)
    results = dopant_sweep(structure, element, dopants, count=count, seed=seed, compensate=compensate, source=source)
    made = [(result.structure, result.record) for result in results.values()]
    finish_many(made, out=out, as_json=as_json, picture=picture, labels=list(results))


@app.command("lithiation")
def build_lithiation(
    name: Annotated[str, typer.Argument(help="Host phase or structure file.")],
    x: Annotated[list[float], typer.Option("--x", help="Lithium per host atom; descending takes lithium out.")],
    amorphous: Annotated[bool, typer.Option("--amorphous", help="Start from an amorphous host.")] = False,
    atoms: Annotated[int, typer.Option(help="Host atoms, about.")] = 64,
    law: Annotated[str, typer.Option(help="Volume law: additive or phases.")] = "additive",
    keep_volume: Annotated[bool, typer.Option(help="When lithium is taken out, keep the cell.")] = True,
    seed: Seed = 1,
    out: Out = None,
    as_json: Json = False,
    picture: Picture = None,
) -> None:
    """Make a series LixM; --out gets x before its ending."""
    from ..errors import InputError
    from ..structures.lithiation import delithiation_series, lithiation_series
    from ..structures.phases import find_structure
    from ..structures.supercell import supercell

    if len(x) > 1 and out is None and not as_json:
        raise InputError("a series needs a file to go to", where="--out")
    structure, source = find_structure(name)
    if amorphous:
        from ..structures.amorphous import pack

        density = 0.98 * float(structure.density)
        structure = pack(structure.composition.reduced_formula, atoms=atoms, density_g_cm3=density, seed=seed)
    else:
        structure = supercell(structure, atoms=max(atoms, len(structure))).structure
    if len(x) > 1 and x[1] < x[0]:
        steps = delithiation_series(structure, x, keep_volume=keep_volume, seed=seed, source=source)
    else:
        steps = lithiation_series(structure, x, law=law, seed=seed, source=source)
    made = [(step.structure, step.record) for step in steps]
    finish_many(made, out=out, as_json=as_json, picture=picture, labels=[f"x{step.x:.4g}" for step in steps])


def finish_many(
    made: list[tuple[Structure, BuildRecord]],
    *,
    out: Path | None,
    as_json: bool,
    picture: Path | None = None,
    labels: list[str] | None = None,
) -> None:
    """Write several structures, each with its record, its label before the ending of the file.

    Parameters
    ----------
    made
        Results of a builder.
    out, picture, as_json
        As for `finish`.
    labels
        What tells the files apart; numbers from 1 by default.
    """
    if len(made) == 1:
        finish(*made[0], out=out, as_json=as_json, picture=picture)
        return
    from ..structures.io import write_structure
    from ..structures.picture import draw_structure
    from .document import document, print_document

    labels = labels or [str(number + 1) for number in range(len(made))]
    files: list[Path] = []
    for (structure, record), label in zip(made, labels, strict=True):
        if out:
            files += write_structure(structure, out.with_name(f"{out.stem}-{label}{out.suffix}"), record)
        if picture:
            target = picture.with_name(f"{picture.stem}-{label}{picture.suffix}")
            draw_structure(structure, target, title=f"{structure.composition.reduced_formula}, {label}")
            files.append(target)
    warnings = list(dict.fromkeys(warning for _, record in made for warning in record.warnings))
    if as_json:
        builds = [{"label": label, **record.to_dict()} for (_, record), label in zip(made, labels, strict=True)]
        print_document(document(warnings=warnings, files=files, extra={"builds": builds}))
        return
    from rich.console import Console
    from rich.table import Table

    table = Table(header_style="bold", title=made[0][1].builder, title_justify="left", title_style="bold")
    for title in ("label", "composition", "atoms", "g/cm³", "Å³", "shortest Å", "charge"):
        table.add_column(title)
    for (structure, record), label in zip(made, labels, strict=True):
        table.add_row(
            label,
            structure.composition.formula.replace(" ", ""),
            f"{record.natoms:g}",
            f"{record.density_g_cm3:.4f}",
            f"{structure.volume:.2f}",
            "" if record.min_distance_A is None else f"{record.min_distance_A:.3f}",
            "" if record.charge is None else f"{record.charge:+g}",
        )
    console = Console()
    console.print(table, highlight=False)
    for warning in warnings:
        console.print(f"warning: {warning}", style="yellow", highlight=False)
    for file in files:
        console.print(f"wrote {file}", highlight=False)


def _supercell_of(name: str, image_distance_A: float | None) -> tuple[Structure, Source]:
    from ..structures.phases import find_structure
    from ..structures.supercell import supercell

    structure, source = find_structure(name)
    if image_distance_A is None:
        return structure, source
    return supercell(structure, image_distance_A=image_distance_A).structure, source
