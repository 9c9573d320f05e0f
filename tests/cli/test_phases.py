"""``anodeflow phases`` for people and for programs."""

from __future__ import annotations

import json
import sys

import pytest
from anodeflow.cli import main


def run(capsys, monkeypatch, *arguments):
    monkeypatch.setattr(sys, "argv", ["anodeflow", *map(str, arguments)])
    code = 0
    try:
        main()
    except SystemExit as stop:
        code = stop.code or 0
    return code, *capsys.readouterr()


def test_list_shows_every_phase_with_its_evidence_class(capsys, monkeypatch):
    code, out, _ = run(capsys, monkeypatch, "phases", "--json")
    assert code == 0
    content = json.loads(out)
    classes = {entry["name"]: entry["evidence"] for entry in content["phases"]}
    assert len(classes) >= 62
    assert classes["Li21Si5"] == "D"
    assert classes["Li15Si4"] == "A-PBE"
    assert set(classes.values()) <= set(content["evidence_classes"])


def test_one_phase_gives_quantities_and_a_picture(capsys, monkeypatch, tmp_path):
    picture = tmp_path / "p.png"
    code, out, err = run(capsys, monkeypatch, "phases", "Li15Si4", "--json", "--picture", picture)
    assert code == 0, err
    content = json.loads(out)
    values = {quantity["name"]: quantity["value"] for quantity in content["quantities"]}
    assert values["theoretical_capacity"] == pytest.approx(3579, abs=0.5)
    assert content["files"] == [str(picture)]
    assert picture.stat().st_size > 10_000


def test_table_for_people(capsys, monkeypatch):
    code, out, _ = run(capsys, monkeypatch, "phases", "Li3YCl6")
    assert code == 0
    assert "Asano" in out
    assert "start for a relaxation" in " ".join(out.split())


def test_a_users_file_is_shown_like_a_phase(capsys, monkeypatch, tmp_path):
    from anodeflow.structures.phases import phase

    path = tmp_path / "mine.cif"
    phase("LiSn").structure.to(str(path))
    code, out, err = run(capsys, monkeypatch, "phases", path, "--json")
    assert code == 0, err
    content = json.loads(out)
    assert len(content["inputs"][str(path)]) == 64
    assert len(content["structure"]["sites"]) == 6


def test_unknown_phase_is_one_sentence_and_exit_code_2(capsys, monkeypatch):
    code, out, err = run(capsys, monkeypatch, "phases", "Li15Si5")
    assert code == 2
    assert out == ""
    assert err.startswith("error: no phase is called 'Li15Si5'")
    assert len(err.strip().splitlines()) == 1
