"""Campaigns through jobflow-remote: behind a real SSH server, into a real Slurm, from ``setup`` to ``report``."""

from __future__ import annotations

import json
import os
import re
import socket
import sys
from pathlib import Path

import numpy as np
import pytest
import yaml
from anodeflow.engines.lammps.launch import find_program
from anodeflow.hpc.provenance import code_hashes

sys.path.insert(0, str(Path(__file__).parent))
from cluster_programs import anodeflow, runner, until
from remote_project import CAMPAIGN, LADDER, make_project, numbers, statuses

pytestmark = [pytest.mark.cluster, pytest.mark.engine]


@pytest.fixture(scope="module")
def login(ssh, cluster_home):
    """The home of a user whose key the login node takes; caches stay where they are."""
    with pytest.MonkeyPatch.context() as patch:
        for name, folder in (("XDG_CACHE_HOME", ".cache"), ("MPLCONFIGDIR", ".config/matplotlib")):
            patch.setenv(name, os.environ.get(name, str(Path.home() / folder)))
        patch.setenv("HOME", str(ssh.home))
        yield ssh


def test_from_submit_to_report_behind_ssh(login, database, cluster_home, tmp_path):
    """A campaign and a ladder side by side."""
    words = ("--host", "127.0.0.1", "--port", login.port, "--key-file", login.folder / "user_key")
    path = make_project("far", database, cluster_home, *words)
    assert yaml.safe_load(path.read_text())["workers"]["far"]["type"] == "remote"
    campaign, ladder = tmp_path / "remote.yaml", tmp_path / "hop.yaml"
    campaign.write_text(CAMPAIGN.format(seed=5, length_ps=3))
    ladder.write_text(LADDER)
    here, there, hop_here, hop_there = (tmp_path / name for name in ("here", "there", "hop-here", "hop-there"))
    assert "6 sent to far: far" in anodeflow("submit", campaign, "--project", "far", "--dir", there).stdout
    assert "3 sent to far: far" in anodeflow("submit", ladder, "--project", "far", "--dir", hop_there).stdout
    with runner("far", cluster_home):
        anodeflow("run", campaign, "--dir", here, "--cores", "1")
        anodeflow("barrier", ladder, "--dir", hop_here, "--cores", "1")
        both = anodeflow("status", here, there, hop_there).stdout
        assert re.search(r"here +│ here", both), both
        assert both.count("far: far") == 2
        until(lambda: {*statuses(there), *statuses(hop_there)} == {"done"}, 300, "both", every=2)
    assert "6 of 6 results are here" in anodeflow("fetch", there).stdout
    assert "3 of 3 results are here" in anodeflow("fetch", hop_there).stdout
    assert not list(there.rglob("*.lammpstrj")), "trajectories stay on the cluster until they are asked for"
    anodeflow("report", there)
    assert (there / "report.html").exists()
    assert "report.html" in anodeflow("report", hop_there).stdout
    for ours, theirs in ((here, there), (hop_here, hop_there)):
        assert numbers(ours).keys() == numbers(theirs).keys()
        for key, pair in numbers(ours).items():
            one, other = np.array(pair, float), np.array(numbers(theirs)[key], float)
            assert np.allclose(one, other, rtol=1e-6, atol=1e-9, equal_nan=True), (key, one, other)
    _check_records(there)
    anodeflow("fetch", there, "--trajectories")
    fetched, local = sorted(there.rglob("*.lammpstrj")), sorted(here.rglob("*.lammpstrj"))
    assert [path.read_bytes() for path in fetched] == [path.read_bytes() for path in local]
    again = anodeflow("run", campaign, "--dir", there)
    assert "6 of 6 jobs done, 6 of them before" in again.stderr, "a local run goes on from what was fetched"


def _check_records(root):
    """Each result says what ran it: the machine and the versions there, and the queue's own number."""
    for path in root.glob("*/result.json"):
        result = json.loads(path.read_text())
        origin = result["provenance"]
        assert origin["inputs"] == result["hash"]
        assert origin["host"] == socket.gethostname()
        assert origin["code"]["all"] == code_hashes()["all"]
        assert origin["engines"] == {"LAMMPS": find_program().version}
        assert origin["queue_job"].isdigit()
        assert isinstance(origin["seed"], int)
        assert sum(result["cpu_s"].values()) > 0.1
        assert result["memory_MB"] > 50
        if "diffuse" in result["name"]:
            assert {"system.data", "in.000.lammps"} <= {Path(name).name for name in origin["files"]}


def test_a_login_node_that_does_not_answer(login, database, cluster_home, tmp_path):
    words = ("setup", "cluster", "--name", "other", "--database", database.uri, "--host", "127.0.0.1", "--port", 1)
    answer = anodeflow(*words, "--python-bin", cluster_home / "bin", check=False, cwd=tmp_path)
    assert answer.returncode == 2, answer.stderr
    assert answer.stderr.count("\n") == 1, answer.stderr
    assert "the worker 'other' cannot be reached" in answer.stderr
    assert not (cluster_home / "projects" / "other.yaml").exists()
