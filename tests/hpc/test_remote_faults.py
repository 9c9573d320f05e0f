"""Faults while a campaign goes through jobflow-remote, and what goes back into a queue by itself."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from cluster_programs import anodeflow, runner, until
from fault_record import record
from test_remote import CAMPAIGN, _done, _numbers, project  # noqa: F401 - a fixture

pytestmark = [pytest.mark.cluster, pytest.mark.engine]


def _states(root):
    status = json.loads(anodeflow("status", root, "--json").stdout)["runs"][0]
    return [job["state"] for job in status["jobs"]]


def test_database_killed_in_mid_campaign(project, database, cluster_home, tmp_path):  # noqa: F811
    file = tmp_path / "remote.yaml"
    file.write_text(CAMPAIGN)
    here, there = tmp_path / "here", tmp_path / "there"
    anodeflow("submit", file, "--project", "loop", "--dir", there)
    with runner("loop", cluster_home) as (state, start):
        until(lambda: "done" in _states(there), 180, "a finished job")
        before = _finished(there)
        database.kill()
        answer = anodeflow("status", there, check=False)
        assert answer.returncode == 2
        assert "the database does not answer" in answer.stderr
        time.sleep(3)
        database.start()
        if state["process"].poll() is not None:
            start()
        anodeflow("run", file, "--dir", here)
        tries = 1
        deadline = time.monotonic() + 900
        while set(_states(there)) != {"done"}:
            assert time.monotonic() < deadline, _states(there)
            if "failed" in _states(there):
                anodeflow("submit", file, "--project", "loop", "--dir", there)
                tries += 1
            if state["process"].poll() is not None:
                start()
            time.sleep(2)
    anodeflow("fetch", there)
    anodeflow("report", there)
    after = _finished(there)
    lost = [uuid for uuid in before if uuid not in after]
    repeated = [uuid for uuid, end in before.items() if after.get(uuid) != end]
    equal = _numbers(here) == _numbers(there)
    record(
        "kill -9 of the database",
        tries=tries,
        finished=len(before),
        lost=len(lost),
        repeated=len(repeated),
        equal=equal,
    )
    assert not lost
    assert not repeated
    assert equal


def _finished(root):
    """Return when each job of a submitted campaign that is done ended, by its folder on the cluster."""
    jobs = json.loads(anodeflow("status", root, "--json").stdout)["runs"][0]["jobs"]
    return {job["folder"]: (job["wall_s"], job["attempt"]) for job in jobs if job["state"] == "done"}


def test_cancelled_in_the_queue_it_goes_on_when_submitted_again(project, cluster_home, tmp_path):  # noqa: F811
    file = tmp_path / "remote.yaml"
    file.write_text(CAMPAIGN.replace("seed: 5", "seed: 6").replace("production_ps: 1", "production_ps: 20"))
    there = tmp_path / "there"
    work = cluster_home / "jobs"
    earlier = set(work.rglob("restart.a"))
    anodeflow("submit", file, "--project", "loop", "--dir", there)
    with runner("loop", cluster_home):
        found = until(lambda: set(work.rglob("c-LiSi-diffuse-*/restart.a")) - earlier, 180, "molecular dynamics")
        queue = subprocess.run(["squeue", "--noheader", "--format=%i"], capture_output=True, text=True, check=True)
        subprocess.run(["scancel", *queue.stdout.split()], check=True)
        until(lambda: "failed" in _states(there), 90, "the end of the job")
        answer = anodeflow("submit", file, "--project", "loop", "--dir", there)
        assert "failed jobs go on from where they were" in answer.stdout
        until(lambda: _done(there), 240, "the campaign")
    assert any((path.parent / "in.001.lammps").exists() for path in found), "it went on from its restart file"
