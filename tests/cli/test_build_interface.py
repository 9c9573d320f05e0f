"""The verbs of ``anodeflow build`` that join or fill: files, JSON, and one sentence for bad input."""

from __future__ import annotations

import json

import pytest
from anodeflow.cli import main
from pymatgen.core import Structure


@pytest.fixture
def run(monkeypatch, capsys):
    def call(*arguments):
        monkeypatch.setattr("sys.argv", ["anodeflow", "build", *arguments])
        code = 0
        try:
            main()
        except SystemExit as stop:
            code = int(stop.code or 0)
        told = capsys.readouterr()
        return code, told.out, told.err

    return call


def test_interface_writes_structure_and_record(run, tmp_path):
    out = tmp_path / "pair.cif"
    code, text, _ = run("interface", "Si(100)", "Li2O(100)", "--max-strain", "0.03", "--out", str(out), "--json")
    assert code == 0
    told = json.loads(text)
    record = told["build"]
    assert len(record["gaps_A"]) == 2
    assert record["natoms"] == len(Structure.from_file(out))
    assert json.loads((tmp_path / "pair.cif.json").read_text())["layers"].keys() == {"Si(100)", "Li2O(100)"}
    assert str(out) in told["files"]


def test_interlayer_and_lammps_file(run, tmp_path):
    out = tmp_path / "stack.data"
    code, text, _ = run(
        "interlayer", "Si(100)", "a-SiO2:6", "Li2O(100)", "--max-strain", "0.03", "--vacuum", "12", "--out", str(out)
    )
    assert code == 0
    assert "a-SiO2" in text
    assert "atoms" in out.read_text()


def test_amorphous_matches_and_surface(run, tmp_path):
    out = tmp_path / "glass.xyz"
    code, text, _ = run(
        "amorphous", "Li15Si4", "--atoms", "95", "--minimum", "Li-Si:2.4", "--seed", "7", "--out", str(out), "--json"
    )
    assert code == 0
    record = json.loads(text)["build"]
    assert record["inputs"]["minimum_distance_A"]["Li-Si"] == 2.4
    assert record["seed"] == 7
    code, text, _ = run("matches", "Si(100)", "Li2O(100)", "--max-strain", "0.03", "--json")
    assert code == 0
    assert min(row["strain_percent"] for row in json.loads(text)["matches"]) < 0.05
    code, text, _ = run("surface", "Si(111)", "--list", "--json")
    assert len(json.loads(text)["terminations"]) == 2
    code, text, _ = run("surface", "LiF(111)", "--thickness", "10", "--out", str(tmp_path / "slab.vasp"))
    assert code == 0
    assert "polar" in text


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("surface", "Si(000)"), "0 0 0 is no plane"),
        (("surface", "Si"), "names no plane"),
        (("interface", "Si(100)", "Li2O(100)", "--max-strain", "1e-6"), "the best found is"),
        (("interface", "Si(100)", "Li2O(100)", "--sandwich", "--vacuum", "9"), "exclude each other"),
        (("amorphous", "Li15Si4", "--atoms", "95", "--density", "3"), "highest reached is"),
        (("amorphous", "Li15Si4", "--minimum", "LiSi2.4"), "no minimum distance"),
        (("amorphous", "Qq2"), "not a chemical formula"),
    ],
)
def test_bad_input_is_one_sentence_and_writes_nothing(run, tmp_path, arguments, sentence):
    out = tmp_path / "none.cif"
    code, text, error = run(*arguments, "--out", str(out)) if arguments[0] != "matches" else run(*arguments)
    assert code == 2
    assert error.startswith("error: ")
    assert sentence in error
    assert "Traceback" not in error
    assert list(tmp_path.iterdir()) == []
    assert text == ""


def test_network_polymer_and_compensated_slab_from_the_command_line(run, tmp_path):
    code, text, _ = run("amorphous", "a-SiO2", "--atoms", "72", "--network", "--json")
    assert code == 0
    assert json.loads(text)["build"]["composition"] == {"Si": 24, "O": 48}
    out = tmp_path / "peo.data"
    code, text, _ = run("polymer", "--chains", "1", "--monomers", "8", "--ratio", "8", "--out", str(out), "--json")
    assert code == 0
    assert json.loads(text)["build"]["composition"]["Li"] == 1
    assert out.exists()
    code, text, _ = run("surface", "LiF(111)", "--thickness", "10", "--compensate", "--json")
    assert code == 0
    assert any("moved from" in warning for warning in json.loads(text)["build"]["warnings"])


def test_networks_and_slabs_that_cannot_be_are_refused_and_write_nothing(run, tmp_path):
    out = tmp_path / "none.cif"
    code, _, error = run("amorphous", "Li3PS4", "--network", "--out", str(out))
    assert code == 2
    assert "makes no network" in error
    code, _, error = run("surface", "LiF(111)", "--compensate", "--symmetric", "--out", str(out))
    assert code == 2
    assert "symmetric or compensated" in error
    assert not out.exists()
