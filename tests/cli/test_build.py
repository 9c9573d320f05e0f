"""``anodeflow build``: files, records, one JSON document, one sentence on bad input."""

from __future__ import annotations

import json
import sys

import pytest
from anodeflow.cli import main
from anodeflow.structures.io import read_structure


def run(capsys, monkeypatch, *arguments):
    monkeypatch.setattr(sys, "argv", ["anodeflow", "build", *map(str, arguments)])
    code = 0
    try:
        main()
    except SystemExit as stop:
        code = stop.code or 0
    return code, *capsys.readouterr()


def test_ordered_argyrodite_to_a_file_with_its_record(capsys, monkeypatch, tmp_path):
    out = tmp_path / "lpscl.vasp"
    code, text, error = run(capsys, monkeypatch, "ordered", "Li6PS5Cl", "--seed", 5, "--out", out, "--json")
    assert code == 0, error
    content = json.loads(text)
    assert content["files"] == [str(out), str(out) + ".json"]
    assert content["build"]["composition"] == {"Li": 24, "P": 4, "S": 20, "Cl": 4}
    assert content["build"]["seed"] == 5
    assert json.loads((tmp_path / "lpscl.vasp.json").read_text()) == content["build"]
    assert len(read_structure(out)[0]) == 52


def test_ensemble_gets_numbered_files(capsys, monkeypatch, tmp_path):
    arguments = ("ordered", "Li10GeP2S12", "--count", 2, "--temperature-K", 700, "--out", tmp_path / "a.cif")
    code, text, error = run(capsys, monkeypatch, *arguments)
    assert code == 0, error
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "a-1.cif",
        "a-1.cif.json",
        "a-2.cif",
        "a-2.cif.json",
    ]
    assert "Li20Ge2P4S24" in text


def test_supercell_defect_dopant_and_lithiation(capsys, monkeypatch, tmp_path):
    calls = [
        (("supercell", "beta-Sn", "--image-distance", 10), "supercell"),
        (("defect", "LiF", "vacancy", "Li", "--image-distance", 8), "defect"),
        (("defect", "Si", "interstitial", "Li", "--image-distance", 8), "defect"),
        (("dopant", "Si", "Si", "Al", "--image-distance", 8), "dopant"),
        (("lithiation", "Si", "--x", 1, "--atoms", 16, "--amorphous"), "lithiation"),
    ]
    for number, (arguments, builder) in enumerate(calls):
        out = tmp_path / f"{number}.data"
        code, text, error = run(capsys, monkeypatch, *arguments, "--out", out, "--json")
        assert code == 0, error
        assert json.loads(text)["build"]["builder"] == builder
        assert out.read_text().count("Masses") == 1


def test_sweep_and_series_are_labelled(capsys, monkeypatch, tmp_path):
    code, text, _ = run(
        capsys, monkeypatch, "dopant", "Li15Si4", "Si", "Al", "Sn", "--out", tmp_path / "d.cif", "--json"
    )
    assert code == 0
    assert [build["label"] for build in json.loads(text)["builds"]] == ["Al", "Sn"]
    code, text, _ = run(
        capsys, monkeypatch, "lithiation", "Li15Si4", "--x", 2, "--x", 1, "--out", tmp_path / "l.cif", "--json"
    )
    assert code == 0
    assert [build["label"] for build in json.loads(text)["builds"]] == ["x2", "x1"]
    assert (tmp_path / "l-x2.cif").is_file()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("ordered", "Li6PS5Cl", "--min-distance", 4.5), "no arrangement keeps"),
        (("supercell", "Si"), "either an image distance"),
        (("defect", "Si", "antisite", "Li"), "no defect 'antisite'"),
        (("defect", "Li6PS5Cl", "vacancy", "Li"), "ordered structure"),
        (("dopant", "Si", "Si", "Xx"), "'Xx' is no element"),
        (("dopant", "Si", "Ge", "Al"), "holds no Ge"),
        (("lithiation", "Si", "--x", 2, "--x", 3), "needs a file"),
    ],
)
def test_bad_input_is_one_sentence_and_nothing_written(capsys, monkeypatch, tmp_path, arguments, words):
    monkeypatch.chdir(tmp_path)
    code, out, error = run(capsys, monkeypatch, *arguments)
    assert code == 2
    assert out == ""
    assert error.startswith("error: ")
    assert words in error
    assert len(error.strip().splitlines()) == 1
    assert not list(tmp_path.iterdir())
