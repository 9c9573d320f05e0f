"""All interfaces of two sides, and the strained bulk that their energies are held against."""

from __future__ import annotations

import numpy as np
import pytest
from anodeflow.errors import InputError
from anodeflow.structures.candidates import follow_plane, interface_candidates, strained_bulk


def test_candidates_differ_in_plane_termination_and_shift():
    found, left_out = interface_candidates(
        ["Si(100)", "Si(110)"], ["LiSi(110)"], thickness_A=7, max_strain=0.05, max_area_A2=220, terminations=2, shifts=2
    )
    labels = [one.label for one in found]
    assert len(labels) == len(set(labels)) == 8
    assert not left_out
    angles = {round(float(one.interface.structure.lattice.gamma)) for one in found}
    assert angles == {102, 113}  # neither is rectangular
    first, second = (np.array(one.shift) for one in found[:2])
    plane = found[0].interface.common.plane
    assert np.linalg.norm((first - second) @ plane) >= 1.0
    for one in found:
        assert one.misfit is not None and one.misfit <= 0.05
        assert min(one.interface.contacts.gaps_A.values()) > 0.5


def test_most_limits_them_and_says_so():
    found, left_out = interface_candidates(["Li2O(100)"], ["MgO(100)"], thickness_A=6, max_strain=0.06, most=1)
    assert len(found) == 1
    assert left_out == ["Li2O(100)#2 | MgO(100)#1: beyond the 1 candidates of the best match."]


def test_what_meets_no_limit_is_left_out_or_refused():
    with pytest.raises(InputError, match="the best found is"):
        interface_candidates(["Si(100)"], ["Li6PS5Cl(100)"], max_strain=0.001, max_area_A2=150)


def test_the_strained_bulk_fills_the_common_cell_with_the_same_atoms():
    (one, *_), _ = interface_candidates(["Si(110)"], ["LiSi(110)"], thickness_A=7, max_strain=0.05, max_area_A2=220)
    common = one.interface.common
    for side, fit in enumerate(common.fits):
        assert fit is not None
        bulk = strained_bulk(fit, common.plane)
        area = abs(float(np.linalg.det(np.asarray(bulk.lattice.matrix)[:2, :2])))
        assert area * fit.index == pytest.approx(abs(np.linalg.det(common.plane)))
        assert bulk.volume == pytest.approx(area * fit.cell.repeat_A)
        own = {one.interface.structure[k].specie.symbol for k in one.interface.atoms_of(side)}
        assert own == {element.symbol for element in bulk.composition}
        distances = bulk.distance_matrix[bulk.distance_matrix > 0.01]
        assert distances.min() > 2.2  # no two atoms of the strained crystal fall together


def test_a_bulk_follows_its_plane_in_an_oblique_cell():
    (one, *_), _ = interface_candidates(["Si(110)"], ["LiSi(110)"], thickness_A=7, max_strain=0.05, max_area_A2=220)
    common = one.interface.common
    fit = common.fits[1]
    assert fit is not None
    before = np.array(one.interface.structure.lattice.matrix)
    after = before @ np.diag([1.02, 0.99, 1.3])
    found = follow_plane(strained_bulk(fit, common.plane), before, after)
    expected = strained_bulk(fit, after[:2, :2])
    np.testing.assert_allclose(found.lattice.matrix, expected.lattice.matrix, atol=1e-9)
    np.testing.assert_allclose(found.frac_coords, expected.frac_coords, atol=1e-9)


@pytest.mark.parametrize("layer", ["Li(100):4", "a-SiO2:5"])
def test_a_layer_lies_at_both_contacts(layer):
    options = {"thickness_A": 5, "max_strain": 0.08, "max_area_A2": 64, "terminations": 1}
    (made, *_), _ = interface_candidates(["Si(100)"], ["Li2O(100)"], interlayer=[layer], **options)
    structure = made.interface.structure
    sides = np.array(structure.site_properties["side"])
    elements = [{site.specie.symbol for site, own in zip(structure, sides, strict=True) if own == k} for k in range(4)]
    assert elements[0] == {"Si"} and elements[2] == {"Li", "O"} and elements[1] == elements[3] != elements[0]
    assert np.bincount(sides)[1] == np.bincount(sides)[3]
    assert len(made.interface.contacts.gaps_A) == 4 == len(made.interface.common.fits)
    if layer.startswith("a-"):
        with pytest.raises(InputError, match="at both contacts no cell has"):
            interface_candidates(["Si(100)"], ["Li2O(100)"], interlayer=[layer], max_atoms=len(sides) - 9, **options)
