"""``anodeflow potentials``."""

from __future__ import annotations

import json

import pytest
from anodeflow.cli import app
from anodeflow.engines.cp2k import CP2K_PROTOCOLS
from anodeflow.engines.gpaw import PROTOCOLS
from anodeflow.errors import InputError
from anodeflow.potentials.cards import card_names
from typer.testing import CliRunner


def _json(*words):
    result = CliRunner().invoke(app, ["potentials", *words, "--json"])
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert result.exit_code == 0
    return json.loads(result.stdout)


def test_list_has_every_card():
    document = _json()
    assert [entry["name"] for entry in document["potentials"]] == [*card_names(), *PROTOCOLS, *CP2K_PROTOCOLS]
    cui = next(entry for entry in document["potentials"] if entry["name"] == "LiSi-MEAM-Cui2012")
    assert cui["largest_volume_deviation_percent"] == pytest.approx(2.5, abs=0.1)
    assert cui["largest_formation_energy_deviation_eV_atom"] == pytest.approx(0.193, abs=0.002)


def test_show_has_quantities_with_their_references():
    document = _json("show", "LiSi-MEAM-Cui2012")
    formation = next(q for q in document["quantities"] if q["name"] == "formation_energy_per_atom,_Li15Si4")
    assert formation["value"] == pytest.approx(-0.086, abs=0.002)
    assert formation["reference"]["value"] == pytest.approx(-0.2427)


def test_show_prints_faults_and_table():
    result = CliRunner().invoke(app, ["potentials", "show", "LiX-EIM-Zhou2010"], env={"COLUMNS": "250"})
    assert result.exit_code == 0
    assert "38 %" in result.stdout
    assert "lattice constant a" in result.stdout


def test_dft_levels_are_cards_too():
    (level,) = _json("show", "gpaw-moderate")["potentials"]
    assert level["kind"] == "DFT level"
    assert level["settings"]["plane_wave_cutoff_eV"] == PROTOCOLS["gpaw-moderate"].cutoff_eV
    other = _json("show", "gpaw-precise")["potentials"][0]["fingerprint"]
    assert len(other) == 64
    assert other != level["fingerprint"]
    shown = CliRunner().invoke(app, ["potentials", "show", "gpaw-moderate"], env={"COLUMNS": "200"}).stdout
    assert "plane_wave_cutoff_eV: 300.0" in shown
    table = {(row["property"], row["system"]): row for row in level["reference_table"]}
    assert table["volume per atom", "beta-Sn"]["reference"] == pytest.approx(26.88, abs=0.01)
    assert "volume per atom" in shown
    with pytest.raises(InputError, match="is a DFT level, whose table is computed as a whole"):
        _json("check", "gpaw-moderate", "--only", "cost")


def test_for_puts_the_better_of_equally_tested_models_first():
    entries = [entry["name"] for entry in _json("for", "Li", "Sn")["potentials"]]
    assert entries.index("sevennet-mf-r2scan") < entries.index("chgnet") < entries.index("Oxides-Pedone2006")


def test_for_puts_the_tested_model_first():
    names = [entry["name"] for entry in _json("for", "Li", "P", "O")["potentials"]]
    assert "Oxides-Pedone2006" in names
    assert "LiPO-Islam2005-rigid" in names
    assert "LiSi-MEAM-Cui2012" not in names


def test_for_gives_deviations_of_the_system_and_none_where_nothing_was_checked():
    names = ("largest_volume_deviation_percent", "largest_formation_energy_deviation_eV_atom")
    for entry in _json("for", "Li", "Si", "S", "P", "Cl")["potentials"]:
        assert [entry[name] for name in names] == [None, None]
    known = {entry["name"]: entry for entry in _json("for", "Li", "Si")["potentials"]}
    rows = [
        row for row in known["chgnet"]["reference_table"] if row["system"] in ("LiSi", "Li12Si7", "Li13Si4", "Li15Si4")
    ]
    volumes = [row for row in rows if row["property"] == "volume per atom" and row["reference"]]
    worst = max(abs(row["model"] / row["reference"] - 1) * 100 for row in volumes)
    assert known["chgnet"][names[0]] >= worst > 0
    whole = next(entry for entry in _json()["potentials"] if entry["name"] == "chgnet")
    assert known["chgnet"][names[0]] < whole[names[0]]


def test_for_says_what_is_outside():
    entries = {entry["name"]: entry for entry in _json("for", "Li", "Si")["potentials"]}
    assert entries["LiSi-MEAM-Cui2012"]["outside"] == []
    assert "systems with O" in entries["Oxides-Pedone2006"]["outside"][0]
    assert next(iter(entries)) == "LiSi-MEAM-Cui2012"


def test_for_names_the_nearest_when_none_fits():
    with pytest.raises(InputError, match=r"no card describes Li Po S together\. Nearest, with 2 of 3"):
        _json("for", "Li", "Po", "S")


def test_for_refuses_what_is_no_element():
    with pytest.raises(InputError, match="Xx"):
        _json("for", "Li", "Xx")


@pytest.mark.engine
def test_check_computes_and_keeps_the_table(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    document = _json("check", "MgO-Henkelman2005", "--only", "crystal", "--dir", str(tmp_path / "runs"))
    lattice = next(q for q in document["quantities"] if q["name"].startswith("lattice_constant_a"))
    assert lattice["value"] == pytest.approx(4.2158, abs=0.001)
    assert lattice["reference"]["value"] == pytest.approx(4.2112)
    assert (tmp_path / "data" / "anodeflow" / "potentials" / "MgO-Henkelman2005.json").exists()
    assert document["warnings"] == []
    assert (tmp_path / "runs" / "MgO" / "final.data").exists()
    kept = next(q for q in document["quantities"] if q["name"].startswith("CPU_time"))
    packaged = _json("show", "MgO-Henkelman2005")["quantities"]
    assert kept["value"] == next(q for q in packaged if q["name"] == kept["name"])["value"]
    with pytest.raises(InputError, match="has no checks of kind voltage"):
        _json("check", "MgO-Henkelman2005", "--only", "voltage")
