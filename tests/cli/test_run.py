"""``anodeflow run | status | report | version`` as a user meets them: exit codes, sentences, nothing half-written."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from anodeflow import __version__

EXAMPLE = Path(__file__).parents[2] / "examples" / "lithium_silicon.yaml"


def anodeflow(*arguments, cwd):
    return subprocess.run(
        [sys.executable, "-m", "anodeflow", *map(str, arguments)], cwd=cwd, capture_output=True, text=True, check=False
    )


def test_version(tmp_path):
    assert anodeflow("version", cwd=tmp_path).stdout.strip() == __version__


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        ("timestep_fs: 1", "timestep: 1", "'timestep' is not a key here"),
        ("temperatures_K: [600", "temperatures_K: [-600", "greater than 0"),
        ("phase: Li15Si4", "phase: Li15Sj4", "Li15Sj4"),
        ("phase: Li15Si4", "phase: LiSn", "does not describe Sn"),
        ("composition: Li15Si4", "composition: Li15Xq4", "Xq"),
    ],
)
def test_bad_campaign_is_one_sentence_and_leaves_nothing(tmp_path, old, new, sentence):
    (tmp_path / "bad.yaml").write_text(EXAMPLE.read_text().replace(old, new, 1))
    answer = anodeflow("run", "bad.yaml", cwd=tmp_path)
    assert answer.returncode == 2
    assert answer.stdout == ""
    assert answer.stderr.startswith("error: ")
    assert answer.stderr.count("\n") == 1
    assert sentence in answer.stderr
    assert sorted(path.name for path in tmp_path.iterdir()) == ["bad.yaml"]


def test_missing_campaign(tmp_path):
    answer = anodeflow("run", "none.yaml", cwd=tmp_path)
    assert answer.returncode == 2
    assert answer.stderr == "error: there is no such campaign file (none.yaml). Check the path.\n"
    assert list(tmp_path.iterdir()) == []


def test_somebody_elses_folder_is_left_alone(tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.tex").write_text("precious")
    answer = anodeflow("run", EXAMPLE, "--dir", "mine", cwd=tmp_path)
    assert answer.returncode == 2
    assert "holds no campaign" in answer.stderr
    assert [path.name for path in (tmp_path / "mine").iterdir()] == ["thesis.tex"]


@pytest.mark.parametrize("command", ["status", "report"])
def test_folder_without_a_run(tmp_path, command):
    answer = anodeflow(command, tmp_path, cwd=tmp_path)
    assert answer.returncode == 2
    assert "this folder holds no run" in answer.stderr


def test_status_without_any_run(tmp_path):
    answer = anodeflow("status", cwd=tmp_path)
    assert answer.returncode == 2
    assert "no run below runs/" in answer.stderr


@pytest.mark.engine
def test_failed_job_is_told_and_the_report_is_written_all_the_same(tmp_path):
    campaign = """\
name: explodes
seed: 1
potential: repels.yaml
systems: {c-LiSi: {phase: LiSi}}
diffusion: {temperatures_K: [300, 600], equilibration_ps: 1, production_ps: 2}
"""
    (tmp_path / "repels.yaml").write_text(
        "elements: [Li, Si]\nmodel: {style: lammps, pair_style: lj/cut 6.0, pair_coeff: ['* * 1e9 5.0']}\n"
    )
    (tmp_path / "explodes.yaml").write_text(campaign)
    answer = anodeflow("run", "explodes.yaml", "--json", cwd=tmp_path)
    assert answer.returncode == 3, answer.stderr
    assert "jobs failed" in answer.stderr
    results = json.loads(answer.stdout)
    assert any("failed" in warning for warning in results["warnings"])
    assert (tmp_path / "runs" / "explodes" / "report.html").exists()
    status = json.loads(anodeflow("status", "--json", cwd=tmp_path).stdout)
    states = {job["state"] for job in status["runs"][0]["jobs"]}
    assert "failed" in states


OWN_FILES = """\
name: own
seed: 3
potential: mine.yaml
accept_extrapolation: true
systems:
  salt: {phase: cell.cif, supercell: [3, 3, 3]}
diffusion:
  temperatures_K: [300, 600]
  equilibration_ps: 0.2
  production_ps: 0.5
  frame_interval_fs: 20
"""

OWN_CARD = """\
elements: [Li, F]
model:
  style: lammps
  pair_style: eim
  pair_coeff: ["* * Li F ffield.eim {elements}"]
  files: [ffield.eim]
"""


@pytest.mark.engine
def test_a_run_with_files_of_ones_own_can_be_moved(tmp_path):
    """The run carries its inputs: elsewhere, with the originals gone, it is reported on and resumed."""
    from anodeflow.potentials.source_file import wheel_potentials
    from anodeflow.structures.phases import phase

    here, there = tmp_path / "here", tmp_path / "there"
    here.mkdir()
    (here / "own.yaml").write_text(OWN_FILES)
    (here / "mine.yaml").write_text(OWN_CARD)
    (here / "ffield.eim").write_bytes((wheel_potentials() / "ffield.eim").read_bytes())
    phase("LiF").structure.get_primitive_structure().to(str(here / "cell.cif"))  # rhombohedral: a tilted box
    first = anodeflow("run", "own.yaml", "--dir", "run", cwd=here)
    assert first.returncode == 0, first.stderr
    shutil.copytree(here / "run", there)
    before = json.loads((there / "results.json").read_text())
    shutil.rmtree(here)
    assert anodeflow("report", there, cwd=tmp_path).returncode == 0
    again = anodeflow("run", there / "campaign.yaml", "--dir", there, cwd=tmp_path)
    assert again.returncode == 0, again.stderr
    assert "7 of 7 jobs done, 7 of them before" in again.stderr
    after = json.loads((there / "results.json").read_text())
    assert after["quantities"] == before["quantities"]
    assert [job["hash"] for job in after["jobs"]] == [job["hash"] for job in before["jobs"]]
    started = {json.loads(path.read_text())["attempt"] for path in there.rglob("job.json")}
    assert started == {1}
