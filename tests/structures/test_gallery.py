"""Every pair that the review names builds from one line and passes the checks; the gallery shows what is built."""

from __future__ import annotations

import runpy
from pathlib import Path

import pytest
from anodeflow.structures.distances import contact_distance
from anodeflow.structures.interface import interface

ROOT = Path(__file__).resolve().parents[2]
PAIRS = runpy.run_path(str(ROOT / "docs" / "make_gallery.py"))["PAIRS"]
NAMED = {
    "Si | Li6PS5Cl",
    "Si | LiPON",
    "Si | LLZO",
    "Sn | Li3PS4",
    "Sn | LiPON",
    "Sb | LiBH4",
    "Bi | LiBH4",
    "Li21Si5 | Li6PS5Cl",
    "LiIn | Li3PS4",
    "SiCO | LiXPON",
}


def test_the_review_is_covered():
    assert {name for name, _ in PAIRS} >= NAMED


@pytest.mark.parametrize(("name", "call"), PAIRS, ids=[name for name, _ in PAIRS])
def test_pair_builds_from_one_line(name, call):
    made = eval(call, {"interface": interface})
    structure = made.structure
    side = structure.site_properties["side"]
    assert len(structure) <= 1000
    assert len(made.contacts.gaps_A) == len(made.sides)
    of_side = [{structure[n].specie.symbol for n in made.atoms_of(k)} for k in range(len(made.sides))]
    first, second, _, distance = structure.get_neighbor_list(3.5)
    for i, j, d in zip(first, second, distance, strict=True):
        if side[i] != side[j]:
            a, b = structure[int(i)].specie.symbol, structure[int(j)].specie.symbol
            elements = of_side[side[i]] | of_side[side[j]]
            assert d >= 0.85 * contact_distance(a, b, elements=elements) - 1e-9
    if made.record.charge is not None:
        assert made.record.charge == pytest.approx(0, abs=1e-6)
    assert f"{len(structure)} |" in next(
        line
        for line in (ROOT / "docs" / "gallery.md").read_text().splitlines()
        if line.startswith(f"| {name.replace('|', chr(92) + '|')} |")
    )
