"""Faults while a campaign goes through jobflow-remote, and what goes back into a queue by itself."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from cluster_programs import anodeflow, runner, until
from fault_record import record
from queued import queue
from remote_project import CAMPAIGN, make_project, numbers, statuses

pytestmark = [pytest.mark.cluster, pytest.mark.engine]


@pytest.fixture(scope="module")
def project(slurm, database, cluster_home):
    """A checked project on this machine."""
    return make_project("loop", database, cluster_home)


def _rows(root):
    return json.loads(anodeflow("status", root, "--json").stdout)["runs"][0]["jobs"]


def _finished(root):
    """Return when each job of a submitted campaign that is done ended, by its folder on the cluster."""
    return {job["folder"]: (job["wall_s"], job["attempt"]) for job in _rows(root) if job["state"] == "done"}


def _settled(root):
    """Return the states of the jobs once one has failed or all are done."""
    states = set(statuses(root))
    return states if "failed" in states or states == {"done"} else None


def _check(fault, before, here, there, tries):
    anodeflow("fetch", there)
    anodeflow("report", there)
    after = _finished(there)
    lost = [uuid for uuid in before if uuid not in after]
    repeated = [uuid for uuid, end in before.items() if after.get(uuid) != end]
    equal = numbers(here) == numbers(there)
    costs = {"finished": len(before), "lost": len(lost), "repeated": len(repeated), "equal": equal}
    record(fault, tries=tries, **costs)
    assert (lost, repeated, equal) == ([], [], True)


@pytest.fixture(scope="module")
def here(tmp_path_factory):
    """A campaign file and its undisturbed run, on this machine."""
    folder = tmp_path_factory.mktemp("undisturbed")
    file = folder / "remote.yaml"
    file.write_text(CAMPAIGN.format(seed=6, length_ps=8))
    anodeflow("run", file, "--dir", folder / "run", "--cores", "1")
    return file, folder / "run"


def test_database_killed_in_mid_campaign(project, database, here, cluster_home, tmp_path):
    file, calm = here
    there = tmp_path / "there"
    anodeflow("submit", file, "--project", "loop", "--dir", there)
    with runner("loop", cluster_home) as (state, start):
        until(lambda: "done" in statuses(there), 180, "a finished job", every=2)
        before = _finished(there)
        database.kill()
        answer = anodeflow("status", there, check=False)
        assert answer.returncode == 2
        assert "the database does not answer" in answer.stderr
        database.start()
        tries = 1
        deadline = time.monotonic() + 900
        while set(statuses(there)) != {"done"}:
            assert time.monotonic() < deadline, statuses(there)
            if "failed" in statuses(there):
                anodeflow("submit", file, "--project", "loop", "--dir", there)
                tries += 1
            if state["process"].poll() is not None:
                start()
            time.sleep(2)
    _check("kill -9 of the database", before, calm, there, tries)


def test_cancelled_in_the_queue_it_goes_on_when_submitted_again(project, slurm, here, cluster_home, tmp_path):
    file, calm = here
    there, work = tmp_path / "there", cluster_home / "loop-jobs"
    earlier = set(work.rglob("restart.a"))
    anodeflow("submit", file, "--project", "loop", "--dir", there)
    with runner("loop", cluster_home):
        found = until(lambda: set(work.rglob("c-LiSi-diffuse-*/restart.a")) - earlier, 180, "molecular dynamics")
        slurm.ask("scancel", *queue())
        until(lambda: "failed" in statuses(there), 90, "the end of the job", every=2)
        before = _finished(there)
        answer = anodeflow("submit", file, "--project", "loop", "--dir", there)
        assert "failed jobs go on from where they were" in answer.stdout
        until(lambda: set(statuses(there)) == {"done"}, 240, "the campaign", every=2)
    assert any((path.parent / "in.001.lammps").exists() for path in found), "it went on from its restart file"
    _check("scancel of a job of jobflow-remote", before, calm, there, 2)


def test_killed_for_its_memory_it_asks_for_twice_as_much(slurm, database, here, cluster_home, tmp_path):
    file, calm = here
    make_project("narrow", database, cluster_home, memory_MB=150)
    there = tmp_path / "there"
    anodeflow("submit", file, "--project", "narrow", "--dir", there)
    tries = 1
    with runner("narrow", cluster_home):
        while until(lambda: _settled(there), 240, "an end", every=2) != {"done"}:
            before = _finished(there)
            anodeflow("submit", file, "--project", "narrow", "--dir", there)
            tries += 1
    assert tries > 1
    _check("out of memory in Slurm", before, calm, there, tries)
    handled = [json.loads(path.read_text())["handled"] for path in there.glob("*/result.json")]
    records = [one for rows in handled for one in rows]
    assert {one["handler"] for one in records} == {"out of memory"}
    assert all("memory limit" in one["message"] for one in records)


def test_a_folder_that_holds_something_else_is_left_alone(project, here, cluster_home, tmp_path):
    file, _ = here
    other, foreign = tmp_path / "other", tmp_path / "foreign"
    foreign.mkdir()
    (foreign / "notes.txt").write_text("mine")
    anodeflow("submit", file, "--project", "loop", "--dir", other)
    changed = tmp_path / "changed.yaml"
    changed.write_text(file.read_text().replace("seed: 6", "seed: 7"))
    for folder, sentence in (
        (other, "the folder holds another campaign, or this one with other settings"),
        (foreign, "the folder is not empty and holds no campaign"),
    ):
        content = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
        answer = anodeflow("submit", changed, "--project", "loop", "--dir", folder, check=False)
        assert answer.returncode == 2
        assert sentence in answer.stderr
        assert answer.stderr.count("\n") == 1
        assert {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == content
