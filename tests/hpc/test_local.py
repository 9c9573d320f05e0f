"""The local runner: order, parallel jobs, reuse, failures, dynamic flows, and being killed."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from anodeflow.errors import AnodeflowError, InputError
from anodeflow.hpc.local import raise_first_failure, run_flow, time_left_s
from anodeflow.hpc.status import run_status
from anodeflow.hpc.store import content_hash, encode, read_result, run_lock
from anodeflow.potentials.cards import card
from anodeflow.potentials.checks import ElasticCheck
from anodeflow.structures.phases import phase
from anodeflow.workflows.jobs import RelaxMaker
from jobflow import Flow, JobStore, run_locally
from maggma.stores import MemoryStore

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))
os.environ["PYTHONPATH"] = os.pathsep.join([str(HERE), os.environ.get("PYTHONPATH", "")])

import flow_functions as functions  # noqa: E402 - its folder has to be on the path first


def _output(state):
    return read_result(state.folder)["output"]


def _by_name(states):
    return {state.job.name: state for state in states}


def _named(job, name):
    job.name = name
    return job


def test_outputs_travel_and_equal_those_of_jobflow(tmp_path):
    first = functions.add(1, 2)
    second = functions.add(first.output, 10)
    flow = Flow([first, second])
    states = run_flow(flow, tmp_path / "run")
    assert [_output(state) for state in states] == [3, 13]
    store = JobStore(MemoryStore())
    plain = run_locally(flow, store=store, log=False, root_dir=tmp_path / "plain", create_folders=True)
    assert plain[second.uuid][1].output == 13


def test_independent_jobs_run_side_by_side(tmp_path):
    seen = []
    jobs = [functions.slow_add(i, i, 1.0) for i in range(2)]
    run_flow(Flow(jobs), tmp_path, cores=2, watch=lambda all_: seen.append([s.state for s in all_].count("running")))
    assert max(seen) == 2


def test_cores_bound_what_runs_at_once(tmp_path):
    jobs = [functions.slow_add(i, 0, 0.3) for i in range(3)]
    for job in jobs:
        job.update_metadata({"resources": {"mpi_ranks": 2}})
    seen = []
    run_flow(Flow(jobs), tmp_path, cores=2, watch=lambda all_: seen.append([s.state for s in all_].count("running")))
    assert max(seen) == 1


def test_a_job_learns_its_resources(tmp_path):
    job = functions.resources()
    job.update_metadata({"resources": {"mpi_ranks": 2, "threads": 3}})
    (state,) = run_flow(Flow([job]), tmp_path, cores=6)
    assert _output(state) == ["2", "3"]


def test_finished_jobs_are_not_run_again(tmp_path):
    def flow():
        first = functions.add(1, 2)
        return Flow([first, functions.add(first.output, 10)])

    run_flow(flow(), tmp_path)
    before = {path: path.stat().st_mtime_ns for path in tmp_path.glob("*/result.json")}
    states = run_flow(flow(), tmp_path)
    assert all(state.reused for state in states)
    assert {path: path.stat().st_mtime_ns for path in tmp_path.glob("*/result.json")} == before
    assert [path.read_text() for path in tmp_path.glob("*/starts")] == ["x", "x"]


def test_a_changed_input_is_another_job_and_so_is_what_needs_it(tmp_path):
    def flow(start):
        first, other = _named(functions.add(start, 2), "first"), _named(functions.add(5, 5), "other")
        return Flow([first, other, _named(functions.add(first.output, 10), "last")])

    run_flow(flow(1), tmp_path)
    states = _by_name(run_flow(flow(2), tmp_path))
    assert {name: state.reused for name, state in states.items()} == {"first": False, "other": True, "last": False}


def test_hash_covers_arguments_and_fingerprint_but_not_uuids():
    one, same, other = functions.add(1, 2), functions.add(1, 2), functions.add(1, 3)
    assert content_hash(encode(one)) == content_hash(encode(same))
    assert content_hash(encode(one)) != content_hash(encode(other))
    same.update_metadata({"fingerprint": {"LAMMPS": "another"}})
    assert content_hash(encode(one)) != content_hash(encode(same))


def test_what_is_known_of_a_model_makes_no_other_job_and_its_parameters_do():
    """`potentials check` writes a table of this machine, and the runs of a campaign stay what they were."""
    found = card("Si-SW1985")
    row = found.reference_table[0].model_copy(update={"model": 5.0})
    more = found.checks.model_copy(update={"items": (*found.checks.items, ElasticCheck(phase="Si"))})
    said = {"reference_table": (row,), "checks": more, "known_faults": ("It is slow.",), "validity": "none"}
    known = found.model_copy(update=said)
    other = card("Si-Tersoff1988")
    structure = phase("Si").structure
    hashes = [content_hash(encode(RelaxMaker(model).make(structure))) for model in (found, known, other)]
    assert hashes[0] == hashes[1]
    assert hashes[0] != hashes[2]
    renamed = found.model_copy(update={"model": other.model})
    assert content_hash(encode(RelaxMaker(renamed).make(structure))) != hashes[0]


def test_failure_blocks_only_what_needs_it_and_is_tried_again(tmp_path):
    def flow():
        bad = functions.fail(3)
        return Flow([bad, _named(functions.add(bad.output, 1), "needs it"), _named(functions.add(1, 1), "free")])

    states = _by_name(run_flow(flow(), tmp_path))
    assert {name: state.state for name, state in states.items()} == {
        "fail": "failed",
        "needs it": "blocked",
        "free": "done",
    }
    with pytest.raises(AnodeflowError, match=r"1 of 3 jobs failed, and 1 that need it did not run: fail: ValueError"):
        raise_first_failure(list(states.values()))
    again = _by_name(run_flow(flow(), tmp_path))
    assert (again["fail"].attempt, again["free"].reused) == (2, True)


def test_a_process_that_dies_is_a_failed_job(tmp_path):
    (state,) = run_flow(Flow([functions.die(1)]), tmp_path)
    assert state.state == "failed"
    assert "-9" in state.message


def test_replace_addition_and_detour_are_followed(tmp_path):
    replaced = functions.twice_replaced(1)
    after = _named(functions.add(replaced.output, 0), "after replace")
    states = _by_name(run_flow(Flow([replaced, after]), tmp_path / "replace"))
    assert _output(states["after replace"]) == 12

    grown = functions.with_addition(5)
    states = run_flow(Flow([grown]), tmp_path / "addition")
    assert sorted(_output(state) for state in states) == [5, 105]

    detoured = functions.with_detour(7)
    last = _named(functions.slow_add(detoured.output, 0, 0.0), "last")
    states = _by_name(run_flow(Flow([detoured, last]), tmp_path / "detour"))
    results = {name: read_result(state.folder) for name, state in states.items()}
    assert results["slow_add"]["finished"] <= results["last"]["started"]


def test_status_reads_the_folder(tmp_path):
    run_flow(Flow([functions.add(1, 1), functions.fail(1)]), tmp_path)
    status = run_status(tmp_path)
    assert not status.alive
    assert {job.name: job.state for job in status.jobs} == {"add": "done", "fail": "failed"}
    with pytest.raises(InputError, match="holds no run"):
        run_status(tmp_path / "nothing")


def test_two_runs_in_one_folder_are_refused(tmp_path):
    code = (
        "import sys, time; from pathlib import Path; from anodeflow.hpc.store import run_lock\n"
        "with run_lock(Path(sys.argv[1])): print('held', flush=True); time.sleep(30)"
    )
    with subprocess.Popen([sys.executable, "-c", code, str(tmp_path)], stdout=subprocess.PIPE) as other:
        try:
            assert other.stdout.readline() == b"held\n"
            with pytest.raises(InputError, match="another anodeflow run"):
                run_flow(Flow([functions.add(1, 1)]), tmp_path)
        finally:
            other.kill()
    with run_lock(tmp_path):
        pass


def test_time_left_comes_from_the_rates(tmp_path):
    job = functions.add(1, 1)
    job.update_metadata({"natoms": 10, "steps": 100})
    (state,) = run_flow(Flow([job]), tmp_path)
    assert time_left_s([state], 1) == 0
    state.state = "waiting"
    assert time_left_s([state], 1) is None


_KILLED = """
import sys
from pathlib import Path
from jobflow import Flow
import flow_functions as functions
from anodeflow.hpc.local import run_flow
if __name__ == "__main__":
    first = functions.slow_add(1, 1, 0.8)
    others = [functions.slow_add(first.output, i, 0.8) for i in range(4)]
    run_flow(Flow([first, *others]), Path(sys.argv[1]), cores=2)
"""


@pytest.mark.parametrize("after_s", [1.2, 2.2, 3.0])
def test_killed_runner_leaves_no_process_and_goes_on(tmp_path, after_s):
    script = tmp_path / "killed.py"
    script.write_text(_KILLED)
    root = tmp_path / "run"
    process = subprocess.Popen([sys.executable, str(script), str(root)])
    deadline = time.monotonic() + 60
    while not list(root.glob("slow_add-*/job.json")):  # the clock starts with the first job
        assert time.monotonic() < deadline
        time.sleep(0.02)
    time.sleep(after_s)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    time.sleep(1.2)
    done = {path: path.stat().st_mtime_ns for path in root.glob("*/result.json")}
    time.sleep(0.9)
    assert {path: path.stat().st_mtime_ns for path in root.glob("*/result.json")} == done, "an orphan went on working"
    subprocess.run([sys.executable, str(script), str(root)], check=True)
    outputs = sorted(json.loads(path.read_text())["output"] for path in root.glob("*/result.json"))
    assert outputs == [2, 2, 3, 4, 5]
    for path, stamp in done.items():
        assert path.stat().st_mtime_ns == stamp
        assert (path.parent / "starts").read_text() == "x"
