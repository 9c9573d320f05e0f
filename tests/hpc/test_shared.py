"""Several runners in one folder: every job once, dead owners followed, time limits kept."""

from __future__ import annotations

import json
import multiprocessing
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from anodeflow.errors import EngineError, InputError, OutOfTimeError
from anodeflow.hpc.allocation import TimeLimit, seconds_of, slurm_time
from anodeflow.hpc.lease import Leases, owner_of
from anodeflow.hpc.local import raise_first_failure, run_flow
from anodeflow.hpc.status import run_status
from anodeflow.hpc.store import read_result, run_lock
from jobflow import Flow

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))
os.environ["PYTHONPATH"] = os.pathsep.join([str(HERE), os.environ.get("PYTHONPATH", "")])

import flow_functions as functions  # noqa: E402 - its folder has to be on the path first

SCRIPT = """\
import sys
sys.path.insert(0, {here!r})
import flow_functions as functions
from anodeflow.hpc.local import run_flow
from jobflow import Flow

def flow():
    jobs = [functions.slow_add(1, number, 0.4) for number in range({jobs})]
    return Flow([*jobs, functions.add(jobs[0].output, jobs[-1].output)])

if __name__ == "__main__":
    states = run_flow(flow(), sys.argv[1], cores=1, shared=True)
    print(" ".join(f"{{state.state}}:{{int(state.reused)}}" for state in states))
"""


def _start(tmp_path, root, jobs=6):
    script = tmp_path / "runner.py"
    script.write_text(SCRIPT.format(here=str(HERE), jobs=jobs))
    return subprocess.Popen([sys.executable, str(script), str(root)], stdout=subprocess.PIPE, text=True)


def _starts(root):
    return {path.parent.name: path.read_text() for path in root.glob("*/starts")}


def test_three_runners_run_every_job_once_and_all_see_the_end(tmp_path):
    root = tmp_path / "run"
    runners = [_start(tmp_path, root) for _ in range(3)]
    shown = [runner.communicate(timeout=60)[0].split() for runner in runners]
    assert [runner.returncode for runner in runners] == [0, 0, 0]
    assert all(word.startswith("done:") for words in shown for word in words)
    assert set(_starts(root).values()) == {"x"}
    assert len(_starts(root)) == 7
    own = [sum(word == "done:0" for word in words) for words in shown]
    assert sum(own) == 7, "each job was somebody's own and nobody else's"
    assert sorted(own)[1] > 0, "at least two of the three worked"
    assert not list(root.glob("*/lease.*"))
    assert all(row["state"] == "done" for row in json.loads((root / "jobs.json").read_text())["jobs"])


def test_a_killed_runner_is_followed_at_once_on_its_own_machine(tmp_path):
    root = tmp_path / "run"
    first = _start(tmp_path, root, jobs=3)
    while not (root / "jobs.json").exists():
        time.sleep(0.01)
    assert run_status(root).alive
    os.kill(first.pid, signal.SIGKILL)
    first.wait()
    assert list(root.glob("*/lease.*")), "a dead owner leaves its claim"
    assert not run_status(root).alive
    second = _start(tmp_path, root, jobs=3)
    begin = time.monotonic()
    words = second.communicate(timeout=60)[0].split()
    assert time.monotonic() - begin < 30
    assert all(word.startswith("done:") for word in words)
    assert not list(root.glob("*/lease.*"))


def test_shared_and_lonely_runs_exclude_each_other(tmp_path):
    with run_lock(tmp_path, shared=True):
        script = "import pathlib, sys\nfrom anodeflow.hpc.store import run_lock\n"
        script += "with run_lock(pathlib.Path(sys.argv[1])): pass"
        words = [sys.executable, "-c", script, str(tmp_path)]
        answer = subprocess.run(words, capture_output=True, text=True, check=False)
        assert "another anodeflow run is working in this folder" in answer.stderr


def _claim_many(root, folder, winners, begin):
    leases = Leases(root)
    begin.wait()
    if leases.claim(folder):
        winners.put(os.getpid())
        time.sleep(1)


def test_of_many_that_find_a_dead_owner_one_takes_over(tmp_path):
    folder = tmp_path / "job"
    folder.mkdir()
    stale = folder / "lease.000004"
    stale.write_text(json.dumps({"host": "elsewhere", "machine": "", "pid": 1, "started": "1", "claim": "x"}))
    old = time.time() - 1000
    os.utime(stale, (old, old))
    context = multiprocessing.get_context("fork")
    winners, begin = context.Queue(), context.Event()
    many = [context.Process(target=_claim_many, args=(tmp_path, folder, winners, begin)) for _ in range(8)]
    for process in many:
        process.start()
    begin.set()
    for process in many:
        process.join()
    assert winners.qsize() == 1
    assert owner_of(folder)["pid"] == winners.get()
    assert [path.name for path in folder.glob("lease.*")] == ["lease.000005"]


def test_an_owner_elsewhere_lives_as_long_as_it_gives_signs(tmp_path):
    leases, folder = Leases(tmp_path, dead_after_s=0.5), tmp_path / "job"
    folder.mkdir()
    lease = folder / "lease.000001"
    lease.write_text(json.dumps({"host": "elsewhere", "machine": "", "pid": 1, "started": "1", "claim": "x"}))
    assert leases.is_taken(folder)
    assert not leases.claim(folder)
    time.sleep(0.7)
    assert not leases.is_taken(folder)
    lease.touch()
    assert leases.is_taken(folder)


def test_an_owner_that_was_followed_while_it_slept_sees_it(tmp_path):
    folder = tmp_path / "job"
    with Leases(tmp_path, beat_s=0.05) as sleeper:
        assert sleeper.claim(folder)
        (folder / "lease.000002").write_text(json.dumps({"host": "elsewhere", "claim": "y"}))
        (folder / "lease.000001").unlink()
        deadline = time.monotonic() + 10
        while folder not in sleeper.lost and time.monotonic() < deadline:
            time.sleep(0.02)
        assert folder in sleeper.lost
    assert (folder / "lease.000002").exists(), "it does not give back what is another's"


def test_time_limit_returns_in_time_and_the_same_flow_goes_on(tmp_path):
    jobs = [functions.slow_add(1, number, 3.0) for number in range(8)]
    begin = time.monotonic()
    states = run_flow(Flow(jobs), tmp_path, cores=1, time_limit_s=30)
    assert time.monotonic() - begin < 31
    kinds = [state.state for state in states]
    assert set(kinds) == {"done", "interrupted"}
    with pytest.raises(OutOfTimeError, match="jobs are left"):
        raise_first_failure(states)
    states = run_flow(Flow([functions.slow_add(1, number, 3.0) for number in range(8)]), tmp_path, cores=8)
    assert {state.state for state in states} == {"done"}
    assert sum(state.reused for state in states) == kinds.count("done")
    assert [read_result(state.folder)["output"] for state in states] == list(range(1, 9))


def test_a_time_limit_in_which_nothing_gets_further_is_said_and_not_tried_for_ever(tmp_path):
    states = run_flow(Flow([functions.slow_add(1, 2, 60.0)]), tmp_path, time_limit_s=18)
    assert [state.state for state in states] == ["interrupted"]
    with pytest.raises(EngineError, match="slow_add did not get further") as caught:
        raise_first_failure(states)
    assert caught.value.exit_code == 3


def test_times_as_slurm_writes_them():
    assert seconds_of("1-02:03:04") == 86400 + 2 * 3600 + 3 * 60 + 4
    assert seconds_of("59:30") == 3570
    assert seconds_of("UNLIMITED") is None
    assert slurm_time(90061) == "1-01:01:01"
    with pytest.raises(InputError, match="too short"):
        slurm_time(30)
    assert TimeLimit().may_start
    assert not TimeLimit(8.0).may_start
    assert TimeLimit(60.0).reserve_s == 10.0
