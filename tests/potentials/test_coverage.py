"""Every system of the phase library has a model, and the page that says so is the cards' own."""

import runpy
from pathlib import Path

import pytest
from anodeflow.potentials.cards import card, card_names
from anodeflow.potentials.checks import COST
from anodeflow.potentials.coverage import chemical_systems, coverage

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("system", sorted(chemical_systems(), key=sorted), ids=lambda system: "-".join(sorted(system)))
def test_every_system_has_a_model_in_its_range(system):
    entries = coverage(system)
    assert entries
    assert not entries[0].outside
    assert card(entries[0].card).domain.outside(system) == []


def test_models_outside_their_range_come_last():
    inside = [bool(entry.outside) for entry in coverage(frozenset({"Li", "O"}))]
    assert inside == sorted(inside)


def test_deviation_is_the_largest_of_the_table():
    entry = next(e for e in coverage(frozenset({"Li", "Si"})) if e.card == "LiSi-MEAM-Cui2012")
    assert {"LiSi", "Li15Si4", "Li13Si4"} <= set(entry.checked)
    assert entry.formation_deviation_eV_atom == pytest.approx(0.19, abs=0.02)


@pytest.mark.parametrize("name", card_names())
def test_every_card_says_what_it_costs(name):
    rows = [row for row in card(name).reference_table if row.property == COST]
    if name.endswith("-shell"):
        assert rows == [], "shells run no molecular dynamics"
    else:
        assert len(rows) == 1
        assert 0.05 < rows[0].model < 1e5
        assert rows[0].unit == "µs"


def test_page_is_that_of_the_cards():
    page = runpy.run_path(str(ROOT / "docs" / "make_models.py"))["page"]
    assert (ROOT / "docs" / "models.md").read_text() == page(), "run 'python docs/make_models.py'"
