"""Grain boundaries: Σ, angles, strain-free common cells, rigid shifts, solutes."""

from __future__ import annotations

import numpy as np
import pytest
from anodeflow.errors import InputError
from anodeflow.structures.grain_boundary import (
    boundary_sites,
    coincidence_angles,
    grain_boundary,
    sliding_grid,
    with_solutes,
)
from anodeflow.structures.phases import phase
from pymatgen.core import Lattice, Structure


@pytest.mark.parametrize(
    ("axis", "sigma", "angle"),
    [("100", 5, 36.8699), ("100", 13, 22.6199), ("110", 3, 70.5288), ("110", 9, 38.9424), ("111", 7, 38.2132)],
)
def test_angles_are_those_of_the_tables(axis, sigma, angle):
    index = [int(c) for c in axis]
    assert coincidence_angles(index, sigma)[0] == pytest.approx(angle, abs=1e-3)


def test_angles_agree_with_pymatgen():
    from pymatgen.core.interface import GrainBoundaryGenerator

    for axis in ([1, 0, 0], [1, 1, 0], [1, 1, 1], [2, 1, 0]):
        theirs = GrainBoundaryGenerator.enum_sigma_cubic(cutoff=30, r_axis=axis)
        for sigma, angles in theirs.items():
            ours = coincidence_angles(axis, sigma)
            for angle in angles:
                assert min(abs(a - angle) for a in ours) < 1e-4


@pytest.mark.parametrize(
    ("name", "sigma", "axis", "plane", "kind"),
    [
        ("Si", 5, "001", "210", "symmetric tilt"),
        ("Si", 3, "110", "1-11", "symmetric tilt"),
        ("LiF", 5, "001", "310", "symmetric tilt"),
        ("Al", 5, "001", "001", "twist"),
        ("Li2O", 5, "001", "100", "mixed"),
    ],
)
def test_boundaries_of_cubic_crystals_have_no_strain_and_all_distances(name, sigma, axis, plane, kind):
    made = grain_boundary(name, sigma=sigma, axis=axis, plane=plane, thickness_A=8)
    assert made.kind == kind
    assert len(made.interface.contacts.gaps_A) == 2
    bulk = phase(name).structure
    assert made.structure.composition.reduced_formula == bulk.composition.reduced_formula
    # inside each grain the crystal is the bulk: nearest distances are the bulk's, without strain
    shortest = min(n.nn_distance for site in bulk for n in bulk.get_neighbors(site, 3.5))
    for k in (0, 1):
        grain = Structure.from_sites([made.structure[n] for n in made.interface.atoms_of(k)])
        assert min(grain.get_neighbor_list(shortest + 0.2)[3]) == pytest.approx(shortest, abs=1e-4)


def test_the_grains_are_turned_by_the_angle():
    made = grain_boundary("Si", sigma=5, axis="001", plane="210", thickness_A=10)
    assert made.angle_deg == pytest.approx(53.1301, abs=1e-3)
    assert sorted(map(abs, made.planes[1])) == [0, 1, 2]
    assert made.interface.record.area_A2 == pytest.approx(
        5.4307**2 * np.sqrt(5) / 2, rel=1e-4
    )  # the primitive plane itself


def test_a_plane_beside_the_axis_is_mixed_and_says_which_would_be_a_tilt():
    made = grain_boundary("Si", sigma=5, axis="100", plane="210", thickness_A=6)
    assert made.kind == "mixed"
    assert any("does not contain the axis" in text for text in made.interface.record.warnings)


def test_a_twin_of_a_triclinic_crystal():
    lattice = Lattice.from_parameters(5.1, 6.3, 7.2, 81, 97, 104)
    crystal = Structure(lattice, ["Li", "Sn", "P"], [[0.1, 0.15, 0.2], [0.6, 0.55, 0.7], [0.35, 0.8, 0.45]])
    made = grain_boundary(crystal, angle_deg=180.0, plane=(0, 1, 1), thickness_A=10)
    assert made.kind == "twist"
    assert len(made.interface.contacts.gaps_A) == 2
    assert made.sigma is None


def test_rigid_shifts_differ_and_stay_legal():
    heights = set()
    for shift, made in sliding_grid("Si", steps=(2, 2), sigma=5, axis="100", plane="210", thickness_A=6):
        assert made.interface.record.inputs["shift"] == list(shift)
        heights.add(round(made.structure.lattice.c, 3))
    assert len(heights) > 1


def test_solutes_go_where_they_are_asked_for():
    made = grain_boundary("Si", sigma=5, axis="100", plane="210", thickness_A=10)
    near = boundary_sites(made.interface, within_A=2.5, element="Si")
    assert 0 < len(near) < len(made.structure) / 2
    doped = with_solutes(made.interface, "P", near[:2])
    assert doped.composition["P"] == 2
    assert doped[near[0]].specie.symbol == "P"
    assert doped.site_properties["side"] == made.structure.site_properties["side"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"crystal": "Si", "sigma": 4}, "Σ4 does not exist"),
        ({"crystal": "Si", "sigma": 7}, "no turn about"),
        ({"crystal": "Si"}, "either a Σ or an angle"),
        ({"crystal": "beta-Sn", "sigma": 5}, "not cubic"),
        ({"crystal": "Si", "angle_deg": 33.3}, "no common cell"),
        ({"crystal": "Si", "sigma": 5, "max_atoms": 10}, "more than the 10 allowed"),
        ({"crystal": "Si", "sigma": 5, "plane": "000"}, "0 0 0 is no plane"),
    ],
)
def test_bad_input_is_one_sentence(arguments, message):
    with pytest.raises(InputError, match=message):
        grain_boundary(**{"axis": "100", "plane": "210", **arguments})
