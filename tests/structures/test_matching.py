"""Common cells: the known best strains, no duplicates, and what happens when nothing fits."""

from __future__ import annotations

import time

import numpy as np
import pytest
from anodeflow.errors import InputError
from anodeflow.structures.matching import matches, plane_sublattices, search
from anodeflow.structures.oriented import orient
from anodeflow.structures.phases import phase
from hypothesis import given, settings
from hypothesis import strategies as st

PLANES = st.tuples(st.floats(3, 9), st.floats(3, 9), st.floats(60, 120)).map(
    lambda v: np.array([[v[0], 0], [v[1] * np.cos(np.radians(v[2])), v[1] * np.sin(np.radians(v[2]))]])
)


@pytest.mark.parametrize(
    ("lower", "upper", "best_percent"),
    [
        (("Si", "100"), ("Li2O", "100"), 0.04),
        (("Si", "111"), ("LiF", "111"), 0.11),
        (("beta-Sn", "100"), ("gamma-Li3PO4", "100"), 0.93),
    ],
)
def test_best_strain_and_time(lower, upper, best_percent):
    sides = [orient(phase(name).structure, index) for name, index in (lower, upper)]
    start = time.process_time()
    found = matches(*sides, max_area_A2=400, max_strain=0.03)
    assert time.process_time() - start < 1.0  # 0.02 to 0.12 s alone on a core
    assert round(100 * min(m.strain for m in found), 2) <= best_percent
    assert [m.score for m in found] == sorted(m.score for m in found)


def test_no_match_says_the_best_found_and_the_area_that_would_do():
    with pytest.raises(InputError, match=r"best there is 3\.75 %.*meets the strain has 508 Å² \(1\.66 %\)"):
        matches(phase("beta-Sn").structure, phase("gamma-Li3PO4").structure, "001", "001")


def deformed(match, lower, upper):
    """Upper cell in the lower cell's frame, and the lower cell, as Gram matrices."""
    below = np.array(match.lower) @ lower
    above = np.array(match.upper) @ upper
    return below @ below.T, above @ above.T


@settings(max_examples=40, deadline=None)
@given(PLANES, PLANES)
def test_every_match_is_what_it_says_and_none_is_listed_twice(lower, upper):
    found = search(lower, upper, 150.0, 0.04, 1.0)
    cells = set()
    for match in found:
        below, above = deformed(match, lower, upper)
        stretches = np.sqrt(np.linalg.eigvals(np.linalg.solve(above, below)).real)
        assert np.allclose(np.sort(stretches - 1), np.sort(match.principal_strains), atol=1e-6)
        assert match.strain <= 0.04 + 1e-9
        assert max(np.linalg.det(below), np.linalg.det(above)) <= 150.0**2 * (1 + 1e-6)
        minors = [
            round(np.linalg.det(np.column_stack([a, b])))
            for columns in [np.hstack([match.lower, match.upper]).T]
            for i, a in enumerate(columns)
            for b in columns[i + 1 :]
        ]
        assert np.gcd.reduce(minors) == 1
        cells.add((round(match.area_A2, 3), *np.round(np.sort(match.principal_strains), 6)))
    assert len({(m.lower, m.upper) for m in found}) == len(found)


@settings(max_examples=20, deadline=None)
@given(PLANES, st.floats(-0.02, 0.02), st.floats(-0.02, 0.02), st.floats(0, 360))
def test_a_strained_turned_copy_is_found_with_its_strain(plane, e1, e2, turn):
    angle = np.radians(turn)
    rotation = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    copy = plane @ np.diag([1 / (1 + e1), 1 / (1 + e2)]) @ rotation
    found = search(plane, copy, 1.1 * abs(np.linalg.det(plane)), 0.03)
    assert min(m.strain for m in found) <= max(abs(e1), abs(e2)) + 1e-6


def test_every_cell_of_the_zur_search_is_there_with_no_more_strain():
    from pymatgen.analysis.interfaces.zsl import ZSLGenerator

    for lower, upper in ((("beta-Sn", "100"), ("gamma-Li3PO4", "100")),):
        planes = [orient(phase(name).structure, index).plane for name, index in (lower, upper)]
        ours = search(*planes, 200.0, 0.05)
        three = [np.column_stack([p, [0, 0]]) for p in planes]
        theirs = list(ZSLGenerator(max_area=200.0)(three[1], three[0]))
        assert theirs
        for cell in theirs:
            area = np.linalg.norm(np.cross(*np.array(cell.substrate_sl_vectors)))
            # a supercell of a smaller match has an area that this one divides
            same = [m for m in ours if abs(area / m.area_A2 - round(area / m.area_A2)) < 1e-3]
            stretch = np.linalg.svd(cell.match_transformation)[1]
            assert min(m.strain for m in same) <= max(abs(stretch - 1)) + 1e-3


def test_sublattices_are_complete_and_distinct():
    square = np.diag([4.0, 4.0])
    bases, grams = plane_sublattices(square, 16.0 * 5.01)
    # divisor sums 1 + 3 + 4 + 7 + 6
    assert sum(len(b) for b in bases) == 21
    assert len(np.unique(np.round(grams, 3), axis=0)) == len(grams)
    assert all((np.linalg.det(b) > 0).all() for b in bases)


@pytest.mark.parametrize("limits", [{"max_area_A2": 0}, {"max_strain": -1}, {"max_strain": 2}])
def test_limits_that_are_none(limits):
    with pytest.raises(InputError, match="no limits"):
        matches(phase("Si").structure, phase("LiF").structure, **limits)


@pytest.mark.parametrize(
    ("lower", "upper", "miller", "cells", "areas_and_strains"),
    [("Si", "Li2O", "100", 17, 15), ("Si", "LiF", "111", 52, 39)],
)
def test_cells_listed_as_distinct_are_distinct(lower, upper, miller, cells, areas_and_strains):
    sides = [orient(phase(name).structure, miller) for name in (lower, upper)]
    found = matches(*sides, max_area_A2=400, max_strain=0.03)
    assert len(found) == cells
    # two cells are one if a change of basis, mirror images included, makes the Gram matrices of both sides equal
    bases = np.array(list(np.ndindex(7, 7, 7, 7))).reshape(-1, 2, 2) - 3
    bases = bases[np.abs(np.rint(np.linalg.det(bases))) == 1]

    def grams(match):
        vectors = [np.array(match.lower) @ sides[0].plane, np.array(match.upper) @ sides[1].plane]
        return [bases @ (v @ v.T) @ np.swapaxes(bases, 1, 2) for v in vectors]

    turned = [grams(match) for match in found]
    own = np.flatnonzero((bases == np.eye(2, dtype=int)).all(axis=(1, 2)))[0]
    for k in range(cells):
        for m in range(k):
            if abs(found[k].area_A2 - found[m].area_A2) < 1e-3:
                same = [
                    np.abs(t[:] - o[own]).max(axis=(1, 2)) < 1e-2 for t, o in zip(turned[k], turned[m], strict=True)
                ]
                assert not (same[0] & same[1]).any(), (k, m)
    # some have the same area and the same strain, but another shape
    pairs = {(round(match.area_A2, 1), round(match.strain, 5)) for match in found}
    assert len(pairs) == areas_and_strains
