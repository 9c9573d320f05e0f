"""Capacities are stoichiometry; expansions are the library's own cells."""

from __future__ import annotations

import pytest
from anodeflow.errors import InputError
from anodeflow.structures.capacity import li_per_host, phase_numbers, theoretical_capacity_mAh_g
from anodeflow.structures.phases import phase, phase_names


@pytest.mark.parametrize(
    ("formula", "host", "capacity"),
    [
        ("Li22Si5", "Si", 4199),
        ("Li15Si4", "Si", 3579),
        ("Li22Sn5", "Sn", 993),
        ("Li3Sb", "Sb", 660),
        ("Li3P", "P", 2596),
        ("Li22Ge5", "Ge", 1624),
        ("Li3Bi", "Bi", 385),
        ("LiAl", "Al", 993),
        ("Li2Sn5", "Sn", 90),  # and not 990, as one review prints
    ],
)
def test_theoretical_capacity(formula, host, capacity):
    assert theoretical_capacity_mAh_g(formula, host) == pytest.approx(capacity, abs=0.6)


def test_a_formula_without_the_host_is_refused():
    with pytest.raises(InputError, match="no Si"):
        li_per_host("Li22Sn5", "Si")


@pytest.mark.parametrize("name", phase_names())
def test_numbers_of_each_phase_are_consistent(name):
    item = phase(name)
    numbers = phase_numbers(name)
    if "vacuum" in item.note:
        assert numbers.capacity_mAh_g is None
        return
    assert 0.3 < numbers.density_g_cm3 < 13
    assert 4 < numbers.volume_per_atom_A3 < 40
    if item.host_element is None:
        assert numbers.capacity_mAh_g is None
        return
    assert numbers.capacity_mAh_g == pytest.approx(theoretical_capacity_mAh_g(item.formula, item.host_element))
    if numbers.li_per_host == 0 and item.name == item.host_phase:
        assert numbers.expansion_percent == pytest.approx(0)
    elif numbers.li_per_host >= 1 and item.host_element not in ("Ag", "In", "Al", "Mg", "Ga"):
        assert numbers.expansion_percent > 30


def test_expansion_of_silicon_to_li15si4_is_that_of_the_cells():
    # a(PBE, Li15Si4) = 10.5661 Å with 16 Si; a(Si) = 5.4307 Å with 8 Si
    expected = 100 * ((10.5661**3 / 16) / (5.4307**3 / 8) - 1)
    assert phase_numbers("Li15Si4").expansion_percent == pytest.approx(expected, abs=0.01)
    assert 260 < expected < 280
