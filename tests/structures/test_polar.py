"""Polar slabs lose their dipole by moving ions, and nothing else."""

from __future__ import annotations

import numpy as np
import pytest
from anodeflow.errors import InputError
from anodeflow.structures.phases import phase
from anodeflow.structures.polar import compensated_slab
from anodeflow.structures.record import minimum_distance
from anodeflow.structures.surface import slab


@pytest.mark.parametrize(
    ("name", "miller", "share"),
    [("LiF", "111", 0.5), ("MgO", "111", 0.5), ("Li2O", "100", 0.5), ("Li2S", "100", 0.5)],
)
def test_half_a_layer_takes_the_dipole_away(name, miller, share):
    item = phase(name)
    plain = slab(item.structure, miller, thickness_A=12, charges=item.oxidation_states)
    made = compensated_slab(item.structure, miller, thickness_A=12, charges=item.oxidation_states)
    assert plain.polar
    assert made.dipole_before_e_A == pytest.approx(plain.dipole_e_A)
    # the dipole again, from the atoms
    heights = made.slab.structure.cart_coords[:, 2]
    q = np.array([item.oxidation_states[s.specie.symbol] for s in made.slab.structure])
    assert abs(q @ heights) / made.slab.area_A2 < 1e-6
    assert q.sum() == 0
    assert made.slab.structure.composition.reduced_formula == item.structure.composition.reduced_formula
    assert made.slab.structure.composition == plain.structure.composition * made.cells
    assert minimum_distance(made.slab.structure) >= minimum_distance(item.structure) - 1e-4
    number = [s.properties["layer"] for s in made.slab.structure if s.specie.symbol == made.element]
    in_layer = [number.count(k) for k in range(max(made.slab.structure.site_properties["layer"]) + 1)]
    ends = [in_layer[0], in_layer[-1]]
    assert made.moved / max(in_layer) == pytest.approx(share)
    assert ends == [max(in_layer) // 2] * 2


def test_a_slab_without_dipole_stays_as_it_is():
    item = phase("LiF")
    made = compensated_slab(item.structure, "100", thickness_A=10, charges=item.oxidation_states)
    assert made.moved == 0
    assert made.slab.structure == slab(item.structure, "100", thickness_A=10).structure


def test_a_triclinic_electrolyte_is_brought_near_nothing():
    item = phase("Li7P3S11")
    states = item.oxidation_states
    plain = slab(item.structure, "010", thickness_A=10, charges=states)
    made = compensated_slab(item.structure, "010", thickness_A=10, charges=states)
    assert made.element == "Li" or not plain.polar
    assert abs(made.slab.dipole_e_A) < max(0.5 * abs(plain.dipole_e_A), 1e-3)
    assert minimum_distance(made.slab.structure) >= minimum_distance(item.structure) - 1e-4


def test_without_charges_or_ions_it_says_so():
    silicon = phase("Si").structure
    with pytest.raises(InputError, match="formal charges"):
        compensated_slab(silicon, "111", thickness_A=10, charges={})
    item = phase("MgO")
    with pytest.raises(InputError, match="no Al ions"):
        compensated_slab(item.structure, "111", thickness_A=10, charges=item.oxidation_states, element="Al")
