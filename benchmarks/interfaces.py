"""Lattice matching, finished interfaces, packing, registry and hops beside pymatgen and packmol, in one run.

Run with ``python benchmarks/interfaces.py``. Times are CPU seconds of this process and its children; the ratios are
what counts, since both sides of each were measured one after the other on the same machine. packmol is used when
its program is on the path (``pip install packmol``), otherwise its rows say so.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from anodeflow.errors import InputError
from anodeflow.structures.amorphous import pack
from anodeflow.structures.distances import closest_pairs
from anodeflow.structures.hops import hops
from anodeflow.structures.interface import interface, interfaces
from anodeflow.structures.matching import matches
from anodeflow.structures.oriented import orient
from anodeflow.structures.phases import phase
from anodeflow.structures.registry import Contact, Face, search_registry
from anodeflow.structures.side import read_side

PAIRS = (
    ("Si(100)", "Li2O(100)"),
    ("Si(111)", "LiF(111)"),
    ("beta-Sn(100)", "gamma-Li3PO4(100)"),
    ("beta-Sn(001)", "gamma-Li3PO4(001)"),
    ("Li21Si5(100)", "Li6PS5Cl(100)"),
)
DISTANCES = {("Li", "Li"): 2.5, ("Li", "Si"): 2.45, ("Si", "Si"): 2.3}


def timed(call: Callable[[], Any]) -> tuple[float, Any]:
    """CPU seconds of a call, children included, and what it returned."""

    def spent() -> float:
        t = os.times()
        return t.user + t.system + t.children_user + t.children_system

    start = spent()
    try:
        result = call()
    except Exception as error:  # a neighbour's failure is a result here
        result = error
    return spent() - start, result


def matching() -> None:
    """Match tables and ten finished interfaces."""
    from pymatgen.analysis.interfaces.coherent_interfaces import CoherentInterfaceBuilder
    from pymatgen.analysis.interfaces.zsl import ZSLGenerator

    def theirs(structures: list[Any], indices: list[tuple[int, int, int]]) -> CoherentInterfaceBuilder:
        return CoherentInterfaceBuilder(
            structures[0], structures[1], indices[1], indices[0], zslgen=ZSLGenerator(max_area=400)
        )

    # compile what pymatgen compiles before the clock runs
    warm = [phase("Si").structure, phase("LiF").structure]
    timed(lambda: theirs(warm, [(1, 0, 0), (1, 0, 0)]))
    timed(lambda: matches(*warm, "100", "100", max_area_A2=60, max_strain=0.2))
    print("## Matches up to 400 Å² and 3 %")
    print("| pair | pymatgen s | its cells | ours s | distinct cells | best strain % | ratio |")
    print("|---|---|---|---|---|---|---|")
    for lower, upper in PAIRS:
        sides = [read_side(text, thickness_A=10, seed=1) for text in (lower, upper)]
        structures = [side.bulk for side in sides]
        indices = [side.planes[0].miller for side in sides]
        their_time, builder = timed(lambda s=structures, i=indices: theirs(s, i))
        number = len(builder.zsl_matches) if isinstance(builder, CoherentInterfaceBuilder) else "error"
        our_time, found = timed(
            lambda s=structures, i=indices: matches(
                *(orient(bulk, index) for bulk, index in zip(s, i, strict=True)), max_area_A2=400, max_strain=0.03
            )
        )
        if isinstance(found, InputError):
            text = f"none | {found.what.split(';', 1)[1].strip()}"
        else:
            text = f"{len(found)} | {100 * min(m.strain for m in found):.2f}"
        ratio = their_time / max(our_time, 1e-3)
        print(f"| {lower} \\| {upper} | {their_time:.2f} | {number} | {our_time:.3f} | {text} | {ratio:.1f} |")
    print()
    print("## Ten finished, checked interfaces")
    print("| pair | pymatgen s | shortest distance Å | ours s | shortest across any contact Å | atoms | ratio |")
    print("|---|---|---|---|---|---|---|")
    for lower, upper in PAIRS[:2]:
        sides = [read_side(text, thickness_A=10, seed=1) for text in (lower, upper)]
        bulks = [side.bulk for side in sides]
        indices = [side.planes[0].miller for side in sides]

        def ten_theirs(s: Any = bulks, i: Any = indices) -> list[Any]:
            builder = theirs(s, i)
            made = builder.get_interfaces(
                builder.terminations[0],
                gap=2.0,
                vacuum_over_film=2.0,
                film_thickness=10,
                substrate_thickness=10,
                in_layers=False,
            )
            return [made_one for _, made_one in zip(range(10), made, strict=False)]

        their_time, cells = timed(ten_theirs)
        shortest = "error"
        if isinstance(cells, list):
            shortest = f"{min(min(closest_pairs(cell).values()) for cell in cells):.2f}"
        our_time, own = timed(lambda t=(lower, upper): interfaces(*t, max_strain=0.03, cells=10, terminations=1))
        gaps = min(min(made.contacts.gaps_A.values()) for made in own)
        sizes = f"{min(len(m.structure) for m in own)} to {max(len(m.structure) for m in own)}"
        print(
            f"| {lower} \\| {upper} | {their_time:.2f} | {shortest} | {our_time:.2f} | {gaps:.2f} | {sizes} | "
            f"{their_time / our_time:.1f} |"
        )
    print()


def packing() -> None:
    """Random packings beside packmol."""
    program = shutil.which("packmol")
    print("## Packing Li15Si4 at 1.18 g/cm³")
    print("| atoms | distances Å | ours s | reached | packmol s | reached | ratio |")
    print("|---|---|---|---|---|---|---|")
    pack("Li15Si4", atoms=95, density_g_cm3=1.18, seed=1)
    for atoms, table in ((1007, DISTANCES), (1007, 2.3), (1007, 2.4), (10_070, 2.3), (10_070, DISTANCES)):
        given = table if isinstance(table, dict) else dict.fromkeys(DISTANCES, table)
        ours, glass = timed(
            lambda n=atoms, d=given: pack("Li15Si4", atoms=n, density_g_cm3=1.18, minimum_distance_A=d, seed=1)
        )
        reached = min(d / given.get(p, given.get(p[::-1], 9.9)) for p, d in closest_pairs(glass).items())
        text = "2.5/2.45/2.3" if isinstance(table, dict) else f"{table:g}"
        if isinstance(table, dict):
            print(f"| {atoms} | {text} | {ours:.2f} | {reached:.4f} | one tolerance only | | |")
        elif program is None:
            print(f"| {atoms} | {text} | {ours:.2f} | {reached:.4f} | not installed | | |")
        else:
            spent, shortest = timed(lambda n=atoms, d=table, c=glass.lattice.a: _packmol(program, n, d, c))
            got = "error" if isinstance(shortest, Exception) else f"{shortest / table:.4f}"
            print(f"| {atoms} | {text} | {ours:.2f} | {reached:.4f} | {spent:.2f} | {got} | {spent / ours:.1f} |")
    print()


def _packmol(program: str, atoms: int, tolerance: float, edge: float) -> float:
    """Shortest periodic distance of a packmol packing of Li15Si4."""
    from pymatgen.core import Lattice, Structure

    with tempfile.TemporaryDirectory() as folder:
        for symbol in ("Li", "Si"):
            (Path(folder) / f"{symbol}.xyz").write_text(f"1\n\n{symbol} 0.0 0.0 0.0\n")
        units = atoms // 19
        blocks = "".join(
            f"structure {s}.xyz\n number {n * units}\n inside box 0. 0. 0. {edge} {edge} {edge}\nend structure\n"
            for s, n in (("Li", 15), ("Si", 4))
        )
        text = f"tolerance {tolerance}\nseed 1\nfiletype xyz\noutput out.xyz\npbc {edge} {edge} {edge}\n{blocks}"
        (Path(folder) / "packmol.inp").write_text(text)
        with (Path(folder) / "packmol.inp").open() as stream:
            subprocess.run([program], stdin=stream, cwd=folder, check=True, capture_output=True, timeout=300)
        rows = [line.split() for line in (Path(folder) / "out.xyz").read_text().splitlines()[2:]]
    cell = Structure(
        Lattice.cubic(edge), [r[0] for r in rows], [[float(v) for v in r[1:4]] for r in rows], coords_are_cartesian=True
    )
    return min(closest_pairs(cell).values())


def registry_and_hops() -> None:
    """Shifts of two slabs, and hop lists."""
    made = interface("Si(100)", "Li2O(100)", max_strain=0.03, thickness_A=13)
    part = np.array(made.structure.site_properties["side"])
    symbols = np.array([site.specie.symbol for site in made.structure])
    positions = made.structure.cart_coords
    charges = {"Si": 0.0, "Li": 1.0, "O": -2.0}
    faces = [Face(positions[part == k], symbols[part == k].tolist(), charges) for k in (0, 1)]
    plane = made.structure.lattice.matrix[:2, :2]
    print("## Registry and hops")
    spent, found = timed(lambda: search_registry([Contact(plane, *faces)], plane, spacing_A=0.1, limit=100))
    print(f"{len(found.shifts)} shifts of {len(positions)} atoms: {spent:.2f} s")
    for name in ("gamma-Li3PS4", "gamma-Li3PO4", "LLZO_tetragonal"):
        crystal = phase(name).structure
        spent, listed = timed(lambda c=crystal: hops(c, "Li", cutoff_A=5.0))
        print(f"{name}: {len(listed)} distinct vacancy hops within 5 Å, {spent:.2f} s")
    cell = interface("Li15Si4(100)", "Li2O(100)", max_strain=0.06, thickness_A=24).structure
    spent, listed = timed(lambda: hops(cell, "Li", cutoff_A=5.0))
    print(f"interface with {int(cell.composition['Li'])} Li: {len(listed)} hops, {spent:.2f} s")


if __name__ == "__main__":
    matching()
    packing()
    registry_and_hops()
