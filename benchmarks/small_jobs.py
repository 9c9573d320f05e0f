"""What 200 small jobs cost above their own time, here and under jobflow's own runner.

Usage: python benchmarks/small_jobs.py [--jobs 200] [--cores 1]

Each job adds two numbers after having slept a little, in three shapes: all independent, one chain, and a fan that
closes in one sum. The cost of a job is the time of the whole flow, less the sleep, over the number of jobs; wall
time, and processor time of all processes. The runner keeps every job on disk; ``jobflow.run_locally`` keeps nothing.
"""

from __future__ import annotations

import argparse
import os
import resource
import sys
import tempfile
import time
import warnings
from multiprocessing import forkserver
from pathlib import Path

from anodeflow.hpc.local import run_flow, start_workers
from anodeflow.hpc.store import read_json
from jobflow import Flow, job, run_locally

SLEEP_S = 0.01


@job
def add(numbers: list[int], sleep_s: float) -> int:
    """Return the sum of `numbers` after a little sleep."""
    time.sleep(sleep_s)
    return sum(numbers)


def flow_of(shape: str, count: int) -> Flow:
    """Return a flow of `count` jobs: ``independent``, ``chain``, or ``fan``."""
    if shape == "chain":
        jobs = [add([1], SLEEP_S)]
        while len(jobs) < count:
            jobs.append(add([jobs[-1].output, 1], SLEEP_S))
        return Flow(jobs)
    jobs = [add([number, 1], SLEEP_S) for number in range(count - 1)]
    last = add([one.output for one in jobs] if shape == "fan" else [0, 0], SLEEP_S)
    return Flow([*jobs, last])


def cpu_s(who: int) -> float:
    """Return processor time so far."""
    used = resource.getrusage(who)
    return used.ru_utime + used.ru_stime


def processes_cpu_s() -> float:
    """Return the processor time of this process, its children, and the fork server with its children, in s."""
    total = cpu_s(resource.RUSAGE_SELF) + cpu_s(resource.RUSAGE_CHILDREN)
    server = getattr(forkserver._forkserver, "_forkserver_pid", None)
    if server:
        fields = Path(f"/proc/{server}/stat").read_text().rsplit(")", 1)[1].split()
        total += sum(int(value) for value in fields[11:15]) / os.sysconf("SC_CLK_TCK")
    return total


def main() -> None:
    """Run the benchmark and print its lines."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--jobs", type=int, default=200)
    parser.add_argument("--cores", type=int, default=1)
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    start_workers()
    with tempfile.TemporaryDirectory() as scratch:
        run_flow(flow_of("independent", 3), Path(scratch) / "warm", cores=1)
        for shape in ("independent", "chain", "fan"):
            times = {}
            for runner in ("jobflow.run_locally", "anodeflow"):
                flow = flow_of(shape, options.jobs)
                own_s = SLEEP_S * options.jobs / (options.cores if runner == "anodeflow" and shape != "chain" else 1)
                begin, used = time.perf_counter(), processes_cpu_s()
                if runner == "anodeflow":
                    states = run_flow(flow, Path(scratch) / shape, cores=options.cores)
                    assert all(state.state == "done" for state in states)
                else:
                    run_locally(flow, log=False, ensure_success=True)
                wall, used = time.perf_counter() - begin, processes_cpu_s() - used
                times[runner] = ((wall - own_s) / options.jobs * 1e3, used / options.jobs * 1e3)
            again = time.perf_counter()
            states = run_flow(flow, Path(scratch) / shape, cores=options.cores)
            again = time.perf_counter() - again
            assert all(state.reused for state in states)
            assert read_json(Path(scratch) / shape / "jobs.json")
            ours, theirs = times["anodeflow"], times["jobflow.run_locally"]
            print(
                f"{shape:12} {options.jobs} jobs: anodeflow {ours[0]:6.1f} ms wall, {ours[1]:6.1f} ms CPU a job; "
                f"jobflow.run_locally {theirs[0]:6.1f} ms wall, {theirs[1]:6.1f} ms CPU; "
                f"all found again in {again / options.jobs * 1e3:.1f} ms a job; load {os.getloadavg()[0]:.1f}"
            )
            sys.stdout.flush()


if __name__ == "__main__":
    main()
