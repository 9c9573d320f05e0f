"""``anodeflow build`` for everything that joins or fills: surfaces, glasses, matches, interfaces, boundaries, hops."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated

import typer

from .build import Json, Out, Picture, Seed, finish

if TYPE_CHECKING:
    from pathlib import Path

    from ..structures.oriented import OrientedCell
    from ..structures.side import Side

Crystal = Annotated[str, typer.Argument(help="Phase with its plane, such as 'Si(100)', or a file: 'mine.cif(001)'.")]
Layer = Annotated[str, typer.Argument(help="'Si(100)', 'Li6PS5Cl(110)#2:14', 'a-Li15Si4:10' for a glass, 'LiPON'.")]
MaxArea = Annotated[float, typer.Option("--max-area", help="Largest area of the common cell in Å².")]
MaxStrain = Annotated[float, typer.Option("--max-strain", help="Largest misfit, as a fraction.")]
MaxAtoms = Annotated[int, typer.Option("--max-atoms", help="Largest number of atoms.")]
Thickness = Annotated[float, typer.Option("--thickness", help="Thickness of each layer that names none, in Å.")]
Vacuum = Annotated[float | None, typer.Option("--vacuum", help="Vacuum above, in Å.")]
Share = Annotated[str, typer.Option("--strain-share", help="stiffness, lower, upper, or the upper side's part.")]
Gap = Annotated[float | None, typer.Option("--gap", help="Distance between outermost planes, in Å.")]


def register(app: typer.Typer) -> None:
    """Add the verbs of this module to ``anodeflow build``."""
    app.command("surface")(surface)
    app.command("amorphous")(amorphous)
    app.command("polymer")(polymer)
    app.command("matches")(matches)
    app.command("interface")(interface)
    app.command("interlayer")(interlayer)
    app.command("grain-boundary")(grain_boundary)
    app.command("particle")(particle)
    app.command("hops")(hops)


def surface(
    crystal: Crystal,
    thickness: Annotated[float, typer.Option("--thickness", help="Smallest thickness in Å.")] = 15.0,
    termination: Annotated[int, typer.Option("--termination", help="Which termination, from 1.")] = 1,
    symmetric: Annotated[bool, typer.Option("--symmetric", help="Make both faces equal.")] = False,
    compensate: Annotated[
        bool, typer.Option("--compensate", help="Move ions between the faces of a polar slab until it has no dipole.")
    ] = False,
    vacuum: Annotated[float, typer.Option("--vacuum", help="Vacuum in Å.")] = 15.0,
    list_all: Annotated[bool, typer.Option("--list", help="List all terminations and build none.")] = False,
    out: Out = None,
    seed: Seed = 1,
    as_json: Json = False,
    picture: Picture = None,
) -> None:
    """Cut a slab along a plane; all distinct terminations can be listed."""
    from ..structures.side import read_side
    from ..structures.surface import slab, surface_record, surfaces

    side = read_side(crystal, thickness_A=thickness, seed=seed)
    plane = _one_plane(side)
    if list_all:
        assert side.bulk is not None
        made = surfaces(
            side.bulk, plane.miller, thickness_A=thickness, vacuum_A=vacuum, symmetric=symmetric, charges=side.charges
        )
        rows: list[dict[str, object]] = [
            {
                "termination": one.termination.number,
                "top": one.termination.top,
                "bottom": one.termination.bottom,
                "atoms": len(one.structure),
                "thickness_A": round(one.thickness_A, 3),
                "bonds_cut_per_A2": round(one.termination.bonds_cut_per_A2, 4),
                "stoichiometric": one.stoichiometric,
                "symmetric": one.symmetric,
                "dipole_e_A": None if one.dipole_e_A is None else round(one.dipole_e_A, 4),
            }
            for one in made
        ]
        _table(f"terminations of {side.label}", rows, as_json=as_json, key="terminations")
        return
    number = termination if termination > 1 else side.termination
    if compensate:
        _compensated(side, plane, thickness, number, symmetric, vacuum, out, as_json, picture)
        return
    one = slab(
        plane,
        thickness_A=thickness,
        termination=number,
        symmetric=symmetric,
        vacuum_A=vacuum,
        charges=side.charges,
    )
    inputs = {
        "crystal": side.label,
        "thickness_A": thickness,
        "termination": one.termination.number,
        "symmetric": symmetric,
        "vacuum_A": vacuum,
    }
    finish(one.structure, surface_record(one, inputs, side.source), out=out, as_json=as_json, picture=picture)


def _compensated(
    side: Side,
    plane: OrientedCell,
    thickness: float,
    termination: int,
    symmetric: bool,
    vacuum: float,
    out: Path | None,
    as_json: bool,
    picture: Path | None,
) -> None:
    from dataclasses import replace

    from ..errors import InputError
    from ..structures.polar import compensated_slab
    from ..structures.surface import surface_record

    if symmetric:
        raise InputError("a slab is either symmetric or compensated", remedy="Leave out --symmetric or --compensate.")
    made = compensated_slab(
        plane, charges=side.charges, thickness_A=thickness, termination=termination, vacuum_A=vacuum
    )
    inputs = {"crystal": side.label, "thickness_A": thickness, "termination": termination, "compensate": True}
    inputs |= {"vacuum_A": vacuum, "moved": made.moved, "element": made.element, "cells": made.cells}
    record = surface_record(made.slab, inputs, side.source)
    record = replace(record, warnings=(*record.warnings, made.note))
    finish(made.slab.structure, record, out=out, as_json=as_json, picture=picture)


def amorphous(
    composition: Annotated[str, typer.Argument(help="Formula, such as Li15Si4, or a glass: LiPON, SiCO.")],
    atoms: Annotated[int, typer.Option("--atoms", help="Number of atoms; rounded to whole formula units.")] = 1000,
    density: Annotated[float | None, typer.Option("--density", help="Density in g/cm³.")] = None,
    minimum: Annotated[
        list[str] | None, typer.Option("--minimum", help="Minimum distance such as 'Li-Si:2.45'; may be repeated.")
    ] = None,
    single_atoms: Annotated[bool, typer.Option("--single-atoms", help="No molecular units (PS4, PO4).")] = False,
    network: Annotated[bool, typer.Option("--network", help="Bond all atoms: SiO2 with SiO4 and SiOSi.")] = False,
    out: Out = None,
    seed: Seed = 1,
    as_json: Json = False,
    picture: Picture = None,
) -> None:
    """Pack atoms or molecular units at random, every pair at its minimum distance or more."""
    from ..structures.amorphous import pack, packing_record
    from ..structures.glasses import glass

    known = glass(composition, density)
    made = pack(
        known.formula,
        atoms=atoms,
        density_g_cm3=known.density_g_cm3,
        minimum_distance_A=_minimum(minimum),
        molecular_units=not single_atoms,
        network=network,
        seed=seed,
    )
    made.properties["notes"].append(f"density {known.density_g_cm3:g} g/cm3: {known.basis}")
    inputs = {"composition": composition, "atoms": atoms, "molecular_units": not single_atoms, "network": network}
    finish(made, packing_record(made, inputs), out=out, as_json=as_json, picture=picture)


def polymer(
    chains: Annotated[int, typer.Option("--chains", help="Number of chains.")] = 4,
    monomers: Annotated[int, typer.Option("--monomers", help="Ethylene oxide units in each chain.")] = 25,
    ratio: Annotated[float, typer.Option("--ratio", help="Ethylene oxide units per Li; 0 for no salt.")] = 20.0,
    density: Annotated[float | None, typer.Option("--density", help="Density in g/cm³.")] = None,
    out: Out = None,
    seed: Seed = 1,
    as_json: Json = False,
    picture: Picture = None,
) -> None:
    """Pack chains of poly(ethylene oxide) with LiTFSI, all bonds and angles held."""
    from ..structures.polymer import polymer_electrolyte, polymer_record

    made = polymer_electrolyte(
        chains=chains, monomers=monomers, oxygen_per_lithium=ratio or None, density_g_cm3=density, seed=seed
    )
    inputs = {"chains": chains, "monomers": monomers, "oxygen_per_lithium": ratio or None}
    finish(made, polymer_record(made, inputs), out=out, as_json=as_json, picture=picture)


def matches(
    lower: Crystal,
    upper: Crystal,
    max_area: MaxArea = 400.0,
    max_strain: MaxStrain = 0.05,
    thickness: Thickness = 10.0,
    limit: Annotated[int, typer.Option("--limit", help="Largest number of rows.")] = 20,
    seed: Seed = 1,
    as_json: Json = False,
) -> None:
    """List the common cells of two planes, best first by strain and atoms together."""
    from ..structures.matching import matches as find
    from ..structures.side import read_side

    sides = [read_side(text, thickness_A=thickness, seed=seed) for text in (lower, upper)]
    found = find(
        _one_plane(sides[0]),
        _one_plane(sides[1]),
        max_area_A2=max_area,
        max_strain=max_strain,
        thickness_A=(sides[0].thickness_A, sides[1].thickness_A),
    )
    rows = [
        {
            "area_A2": round(match.area_A2, 2),
            "strain_percent": round(100 * match.strain, 3),
            "atoms": match.atoms,
            "angle_deg": round(match.angle_deg, 2),
            "twist_deg": round(match.twist_deg, 2),
            "principal_strains_percent": [round(100 * e, 3) for e in match.principal_strains],
            "lower_cell": [list(row) for row in match.lower],
            "upper_cell": [list(row) for row in match.upper],
        }
        for match in found
    ]
    title = f"{sides[0].label} | {sides[1].label}: {len(found)} distinct cells"
    _table(title, rows[:limit], as_json=as_json, key="matches", whole=rows)


def interface(
    lower: Layer,
    upper: Layer,
    between: Annotated[
        list[str] | None, typer.Option("--interlayer", help="Layer between, such as 'Li21Si5:8'; may be repeated.")
    ] = None,
    thickness: Thickness = 10.0,
    max_strain: MaxStrain = 0.05,
    max_area: MaxArea = 400.0,
    max_atoms: MaxAtoms = 1000,
    vacuum: Vacuum = None,
    sandwich: Annotated[bool, typer.Option("--sandwich", help="Two interfaces and no vacuum (default).")] = False,
    strain_share: Share = "stiffness",
    gap: Gap = None,
    registry: Annotated[bool, typer.Option("--registry/--no-registry", help="Search the in-plane shift.")] = True,
    minimum: Annotated[
        list[str] | None, typer.Option("--minimum", help="Minimum distance such as 'Li-Si:2.45'; may be repeated.")
    ] = None,
    out: Out = None,
    seed: Seed = 1,
    as_json: Json = False,
    picture: Picture = None,
) -> None:
    """Build an interface of two solids, crystalline or amorphous, and check it."""
    from ..errors import InputError
    from ..structures.interface import interface as build

    if sandwich and vacuum is not None:
        raise InputError("--sandwich and --vacuum exclude each other", remedy="Give one of them.")
    made = build(
        lower,
        upper,
        interlayer=between or (),
        thickness_A=thickness,
        vacuum_A=vacuum,
        max_strain=max_strain,
        max_area_A2=max_area,
        max_atoms=max_atoms,
        strain_share=_share(strain_share),
        registry=registry,
        gap_A=gap,
        minimum_distance_A=_minimum(minimum),
        seed=seed,
    )
    finish(made.structure, made.record, out=out, as_json=as_json, picture=picture)


def interlayer(
    lower: Layer,
    between: Layer,
    upper: Layer,
    thickness: Thickness = 10.0,
    max_strain: MaxStrain = 0.05,
    max_area: MaxArea = 400.0,
    max_atoms: MaxAtoms = 1000,
    vacuum: Vacuum = None,
    strain_share: Share = "stiffness",
    out: Out = None,
    seed: Seed = 1,
    as_json: Json = False,
    picture: Picture = None,
) -> None:
    """Build a stack of two solids with an interlayer or coating between them."""
    interface(
        lower,
        upper,
        between=[between],
        thickness=thickness,
        max_strain=max_strain,
        max_area=max_area,
        max_atoms=max_atoms,
        vacuum=vacuum,
        strain_share=strain_share,
        out=out,
        seed=seed,
        as_json=as_json,
        picture=picture,
    )


def grain_boundary(
    crystal: Annotated[str, typer.Argument(help="Phase or file.")],
    plane: Annotated[str, typer.Option("--plane", help="Boundary plane in the lower grain, such as 210.")],
    axis: Annotated[str | None, typer.Option("--axis", help="Axis of the turn, such as 100; else the normal.")] = None,
    sigma: Annotated[int | None, typer.Option("--sigma", help="Σ of a cubic crystal.")] = None,
    angle: Annotated[float | None, typer.Option("--angle", help="Angle in degrees instead of Σ, any lattice.")] = None,
    thickness: Annotated[float, typer.Option("--thickness", help="Smallest thickness of each grain in Å.")] = 15.0,
    termination: Annotated[int, typer.Option("--termination", help="Which termination, from 1.")] = 1,
    shift: Annotated[
        tuple[float, float] | None, typer.Option("--shift", help="Rigid shift in fractions of the shift cell.")
    ] = None,
    max_atoms: MaxAtoms = 2000,
    out: Out = None,
    seed: Seed = 1,
    as_json: Json = False,
    picture: Picture = None,
) -> None:
    """Build a periodic cell with two grains and two boundaries."""
    from ..structures.grain_boundary import grain_boundary as build

    made = build(
        crystal,
        axis=axis,
        plane=plane,
        sigma=sigma,
        angle_deg=angle,
        thickness_A=thickness,
        termination=termination,
        shift=shift,
        max_atoms=max_atoms,
        seed=seed,
    )
    finish(made.structure, made.interface.record, out=out, as_json=as_json, picture=picture)


def particle(
    core: Annotated[str, typer.Argument(help="Phase, file, or glass ('a-Si').")],
    radius: Annotated[float, typer.Option("--radius", help="Radius of the core in Å.")],
    shell: Annotated[str | None, typer.Option("--shell", help="Glass of the coating, such as a-SiO2.")] = None,
    shell_thickness: Annotated[float, typer.Option("--shell-thickness", help="In Å.")] = 5.0,
    matrix: Annotated[str | None, typer.Option("--matrix", help="Glass around it; none for vacuum.")] = None,
    margin: Annotated[float, typer.Option("--margin", help="From the coating to the border of the cell, in Å.")] = 8.0,
    out: Out = None,
    seed: Seed = 1,
    as_json: Json = False,
    picture: Picture = None,
) -> None:
    """Build a coated nanoparticle, in vacuum or embedded in a glass."""
    from ..structures.particle import coated_particle

    made = coated_particle(
        core,
        radius_A=radius,
        shell=shell,
        shell_thickness_A=shell_thickness,
        matrix=matrix,
        margin_A=margin,
        seed=seed,
    )
    finish(made.structure, made.record, out=out, as_json=as_json, picture=picture)


def hops(
    structure: Annotated[str, typer.Argument(help="Phase or file.")],
    species: Annotated[str, typer.Option("--species", help="Element that moves.")] = "Li",
    kind: Annotated[str, typer.Option("--kind", help="vacancy, chain, interstitial or kick-out.")] = "vacancy",
    cutoff: Annotated[float, typer.Option("--cutoff", help="Longest jump in Å.")] = 5.0,
    limit: Annotated[int, typer.Option("--limit", help="Largest number of rows.")] = 30,
    as_json: Json = False,
) -> None:
    """List the distinct hops of a species."""
    from ..structures.hops import hops as find
    from ..structures.phases import find_structure

    found = find(find_structure(structure)[0], species, cutoff_A=cutoff, kind=kind)
    rows: list[dict[str, object]] = [
        {
            "distance_A": round(hop.distance_A, 3),
            "multiplicity": hop.multiplicity,
            "from": hop.environments[0],
            "to": hop.environments[1],
            "bottleneck_A": round(hop.bottleneck_A, 3),
            "atoms": list(hop.atoms),
            "path": [[round(x, 5) for x in point] for point in hop.path],
        }
        for hop in found
    ]
    if as_json:
        _table("", rows, as_json=True, key="hops")
        return
    shown = [{key: value for key, value in row.items() if key != "path"} for row in rows[:limit]]
    _table(f"{len(found)} distinct {kind} hops of {species} in {structure}", shown, as_json=False, key="hops")


def _one_plane(side: Side) -> OrientedCell:
    from ..errors import InputError

    if len(side.planes) != 1:
        raise InputError(f"{side.label} names no plane", remedy="Write the Miller index as in 'Si(100)'.")
    return side.planes[0]


def _share(text: str) -> float | str:
    try:
        return float(text)
    except ValueError:
        return text


def _minimum(texts: list[str] | None) -> dict[tuple[str, str], float] | None:
    from ..errors import InputError

    if not texts:
        return None
    found = {}
    for text in texts:
        match = re.fullmatch(r"([A-Z][a-z]?)-([A-Z][a-z]?)[:=](\d+(?:\.\d*)?)", text.strip())
        if match is None:
            raise InputError(f"{text!r} is no minimum distance", remedy="Write it as in Li-Si:2.45.")
        found[match[1], match[2]] = float(match[3])
    return found


def _table(
    title: str,
    rows: list[dict[str, object]],
    *,
    as_json: bool,
    key: str,
    whole: list[dict[str, object]] | None = None,
) -> None:
    if as_json:
        from .document import document, print_document

        print_document(document(extra={key: whole if whole is not None else rows}))
        return
    from rich.console import Console
    from rich.table import Table

    table = Table(title=title, title_justify="left", title_style="bold")
    for name in rows[0] if rows else ():
        table.add_column(name.replace("_", " "), justify="right")
    for row in rows:
        table.add_row(*("" if value is None else str(value) for value in row.values()))
    Console().print(table, highlight=False)
