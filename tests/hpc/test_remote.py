"""A diffusion campaign through jobflow-remote and Slurm, from ``setup`` to ``report``."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import pytest
import yaml

sys.path.insert(0, str(Path(__file__).parent))
from cluster_programs import anodeflow, runner, until

pytestmark = [pytest.mark.cluster, pytest.mark.engine]

CAMPAIGN = """\
name: remote
seed: 5
potential: LiSi-MEAM-Cui2012
systems:
  c-LiSi:
    phase: LiSi
diffusion:
  temperatures_K: [900, 1200]
  species: [Li]
  equilibration_ps: 0.4
  production_ps: 1
  frame_interval_fs: 20
"""


@pytest.fixture(scope="module")
def project(slurm, database, cluster_home):
    """A checked project whose runner looks every second."""
    answer = anodeflow(
        *("setup", "cluster", "--name", "loop", "--database", database.uri, "--partition", "main"),
        *("--work-dir", cluster_home / "jobs", "--python-bin", cluster_home / "bin", "--memory-MB-per-core", 256),
        *("--wall-time-h", 0.5, "--force"),
    )
    path = cluster_home / "projects" / "loop.yaml"
    assert str(path) in answer.stdout
    document = yaml.safe_load(path.read_text())
    document["runner"] = dict.fromkeys(("delay_checkout", "delay_check_run_status", "delay_advance_status"), 1)
    path.write_text(yaml.safe_dump(document))
    return path


def _done(root):
    status = json.loads(anodeflow("status", root, "--json").stdout)["runs"][0]
    states = [job["state"] for job in status["jobs"]]
    assert "failed" not in states, status
    return set(states) == {"done"}


def _numbers(root):
    quantities = json.loads((root / "results.json").read_text())["quantities"]
    return {(q["name"], q["species"], q["source"]): (q["value"], q["uncertainty"]) for q in quantities}


def test_from_submit_to_report_equal_to_a_local_run(project, cluster_home, tmp_path):
    file = tmp_path / "remote.yaml"
    file.write_text(CAMPAIGN)
    here, there = tmp_path / "here", tmp_path / "there"
    answer = anodeflow("submit", file, "--project", "loop", "--dir", there)
    assert "6 sent to loop: loop" in answer.stdout
    with runner("loop", cluster_home):
        anodeflow("run", file, "--dir", here)
        assert "waiting" in anodeflow("status", there).stdout or _done(there)
        both = anodeflow("status", here, there).stdout
        assert "here" in both
        assert "loop: loop" in both
        until(lambda: _done(there), 240, "the campaign")
    answer = anodeflow("fetch", there)
    assert "6 of 6 results are here" in answer.stdout
    assert not list(there.rglob("*.lammpstrj")), "trajectories stay on the cluster until they are asked for"
    anodeflow("report", there)
    assert (there / "report.html").exists()
    ours, theirs = _numbers(here), _numbers(there)
    assert ours.keys() == theirs.keys()
    for key, (value, uncertainty) in ours.items():
        assert theirs[key] == (value, uncertainty) or np.allclose(theirs[key], (value, uncertainty), rtol=1e-9), key
    anodeflow("fetch", there, "--trajectories")
    fetched = sorted(there.rglob("*.lammpstrj"))
    local = sorted(here.rglob("*.lammpstrj"))
    assert [path.read_bytes() for path in fetched] == [path.read_bytes() for path in local]
    again = anodeflow("run", file, "--dir", there)
    assert "6 of 6 jobs done, 6 of them before" in again.stderr, "a local run goes on from what was fetched"
