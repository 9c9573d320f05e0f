"""Wall and processor time of a whole campaign against the bare LAMMPS runs in it, at the same concurrency.

Usage: python benchmarks/overhead.py [campaign.yaml] [--cores 2] [--dir DIR]

The campaign is run once; then every LAMMPS input that it wrote is run again by nothing but ``lmp``, in a copy of its
folder, in the same order and with the same jobs waiting for each other. Prints both times and their ratios. The wall
time also holds how evenly the last runs happen to divide over the cores, which can differ between the two, and what
else the machine does; the processor times of LAMMPS in both say how much that was. With ``--dir``, which has to be new,
the run and its report are kept there.
"""

from __future__ import annotations

import argparse
import json
import resource
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

from anodeflow.engines.lammps.launch import find_program

EXAMPLE = Path(__file__).parents[1] / "examples" / "lithium_silicon.yaml"


def lammps_inputs(folder: Path) -> list[Path]:
    """Return the inputs that a job ran, in order."""
    return sorted(folder.rglob("in.*.lammps"), key=lambda path: (str(path.parent), path.name))


def waits_for(job: dict, jobs: list[dict]) -> list[str]:
    """Return the folders of the jobs whose output a job needs."""
    name, system = job["name"], job["metadata"].get("system")
    before = {"relax": ["melt-quench"], "equilibrate": ["relax"], "diffuse": ["equilibrate"]}
    stage = next((stage for stage in before if f" {stage}" in name), None)
    needed = []
    for other in jobs:
        if stage is None or other["metadata"].get("system") != system:
            continue
        same_temperature = (
            stage != "diffuse" or other["metadata"].get("temperature_K") == job["metadata"]["temperature_K"]
        )
        if same_temperature and any(f" {earlier}" in other["name"] for earlier in before[stage]):
            needed.append(other["folder"])
    return needed


def run_bare(root: Path, cores: int) -> float:
    """Run all inputs below `root` again by bare LAMMPS; return the wall time in s."""
    program = find_program()
    state = json.loads((root / "jobs.json").read_text())["jobs"]
    jobs = [job for job in state if job["folder"] and lammps_inputs(root / job["folder"])]
    jobs.sort(key=lambda job: json.loads((root / job["folder"] / "result.json").read_text())["started"])
    done: set[str] = set()
    condition = threading.Condition()
    waiting = list(jobs)

    def worker() -> None:
        while True:
            with condition:
                ready = None
                while waiting and ready is None:
                    ready = next((job for job in waiting if set(waits_for(job, jobs)) <= done), None)
                    if ready is None:
                        condition.wait()
                if ready is None:
                    return
                waiting.remove(ready)
            for script in lammps_inputs(root / ready["folder"]):
                words = [program.lmp, "-in", script.name, "-log", "log.bare", "-screen", "none"]
                subprocess.run(words, cwd=script.parent, env=program.environment(1), check=True)
            with condition:
                done.add(ready["folder"])
                condition.notify_all()

    begin = time.monotonic()
    threads = [threading.Thread(target=worker) for _ in range(cores)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return time.monotonic() - begin


def processor_time_s() -> float:
    """Return the processor time of all processes that have ended so far."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def main() -> None:
    """Run the benchmark and print its lines."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("campaign", nargs="?", type=Path, default=EXAMPLE)
    parser.add_argument("--cores", type=int, default=2)
    parser.add_argument("--dir", type=Path)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        root, bare = options.dir or Path(scratch) / "run", Path(scratch) / "bare"
        if root.exists():
            parser.error(f"{root} exists: a run that goes on would be timed in part")
        command = [
            sys.executable,
            "-m",
            "anodeflow",
            "run",
            str(options.campaign),
            "--dir",
            str(root),
            "--cores",
            str(options.cores),
        ]
        begin = time.monotonic()
        subprocess.run(command, check=True, capture_output=True)
        whole, command_cpu = time.monotonic() - begin, processor_time_s()
        used = [json.loads(path.read_text())["cpu_s"] for path in root.glob("*/result.json")]
        shutil.copytree(root, bare)
        for pattern in ("restart.*", "*.lammpstrj", "final.data"):
            for path in bare.rglob(pattern):
                path.unlink()
        alone = run_bare(bare, options.cores)
        alone_cpu = processor_time_s() - command_cpu
    engine, own = sum(one["engine"] for one in used), sum(one["own"] for one in used)
    print(f"wall time: campaign {whole:.1f} s, bare LAMMPS {alone:.1f} s, ratio {whole / alone:.3f}")
    print(f"processor time of LAMMPS: {engine:.1f} s in the campaign, {alone_cpu:.1f} s bare")
    print(f"processor time of the campaign beside it: jobs {own:.1f} s, command and report {command_cpu:.1f} s")


if __name__ == "__main__":
    main()
