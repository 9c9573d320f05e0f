"""Coated particles: parts, radii, composition, distances."""

from __future__ import annotations

import numpy as np
import pytest
from anodeflow.errors import InputError
from anodeflow.structures.distances import contact_distance
from anodeflow.structures.particle import coated_particle


def test_core_shell_and_matrix():
    made = coated_particle("Li15Si4", radius_A=8, shell="a-SiO2", shell_thickness_A=4, matrix="a-Li3PS4", margin_A=5)
    structure = made.structure
    part = np.array(structure.site_properties["side"])
    assert made.parts == ("Li15Si4", "a-SiO2", "a-Li3PS4")
    middle = np.full(3, structure.lattice.a / 2)
    arm = structure.cart_coords - middle
    arm -= structure.lattice.a * np.rint(arm / structure.lattice.a)
    distance = np.linalg.norm(arm, axis=1)
    assert distance[part == 0].max() <= 8.0
    assert distance[part == 1].max() <= 12.1
    assert distance[part == 2].min() >= 12.0
    of_part = [{structure[int(n)].specie.symbol for n in np.flatnonzero(part == k)} for k in range(3)]
    first, second, _, apart = structure.get_neighbor_list(3.5)
    for i, j, d in zip(first, second, apart, strict=True):
        if part[i] != part[j]:
            a, b = structure[int(i)].specie.symbol, structure[int(j)].specie.symbol
            assert d >= 0.85 * contact_distance(a, b, elements=of_part[part[i]] | of_part[part[j]]) - 1e-9
    core = [structure[int(k)].specie.symbol for k in np.flatnonzero(part == 0)]
    assert core.count("Li") * 4 == core.count("Si") * 15
    assert len(made.gaps_A) == 2


def test_bare_particle_in_vacuum_and_same_seed():
    one, two = (coated_particle("Si", radius_A=9, shell="LiPON", shell_thickness_A=4, seed=2) for _ in range(2))
    assert np.array_equal(one.structure.frac_coords, two.structure.frac_coords)
    assert one.structure.lattice.a == pytest.approx(2 * (9 + 4 + 8))
    assert len(coated_particle("Si", radius_A=6).gaps_A) == 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"core": "Si", "radius_A": -1}, "positive radius"),
        ({"core": "Li15Si4", "radius_A": 1.0}, "no formula unit|no atom"),
        ({"core": "Nope9", "radius_A": 8}, "no phase is called"),
    ],
)
def test_bad_input(arguments, message):
    with pytest.raises(InputError, match=message):
        coated_particle(**arguments)
