"""pyiron's column: ``python with_pyiron.py CASE WORK``; LAMMPS' ``lmp`` has to be on PATH."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path


def child(what: str, case: Path, steps: int) -> None:
    """Run MD of the triclinic cell in the current folder the way the tutorials do; Li and Si mixed in the list."""
    import numpy as np
    import pandas as pd
    from ase.io import read
    from pyiron_atomistics import Project, ase_to_pyiron

    project = Project("pr")
    atoms = read(case / "lisi.vasp")
    atoms = atoms[np.random.default_rng(1).permutation(len(atoms))]
    command = "* * library.meam Li Si alloy.meam Li Si"
    potential = pd.DataFrame(
        {
            "Name": ["LiSi"], "Model": ["MEAM"], "Species": [["Li", "Si"]],
            "Filename": [[str(case / "library.meam"), str(case / "alloy.meam")]],
            "Config": [["pair_style meam\n", f"pair_coeff {command}\n"]],
        }
    )  # fmt: skip
    jobs = []
    for name in ("first", "second") if what == "two" else ("first",):
        job = project.create.job.Lammps(name)
        if job.status == "initialized":
            job.structure = ase_to_pyiron(atoms)
            job.potential = potential
            job.executable.executable_path = "lmp -in control.inp"
            job.calc_md(temperature=2500, n_ionic_steps=steps, n_print=20, time_step=1.0)
            if what == "two":
                job.server.run_mode.non_modal = True
        print(name, "status before:", job.status)
        job.run()
        print(name, "status after:", job.status, flush=True)
        jobs.append(job)
    while what == "two" and any(
        project.get_job_status(name) not in ("finished", "aborted") for name in ("first", "second")
    ):
        time.sleep(0.2)
    if what == "two":
        print(project.job_table()[["job", "status", "timestart", "timestop"]].to_string())
        return
    if job.status != "finished":
        return
    symbols = atoms.get_chemical_symbols()
    right = [job.get_structure(frame).get_chemical_symbols().tolist() == symbols for frame in (0, -1)]
    moved = np.linalg.norm(job.output.positions[0] - atoms.positions, axis=1).max()
    unwrapped, cell = job.output.unwrapped_positions, atoms.cell.array
    jump = np.linalg.norm(np.diff(unwrapped, axis=0), axis=2).max()
    crossed = np.abs(np.diff(job.output.positions @ np.linalg.inv(cell), axis=0)) > 0.5
    print("steps", job.output.steps[[0, -1]], "frames", len(unwrapped), "elements right", right)
    print(f"first frame to input {moved:.1e} A, crossings {crossed.any(axis=2).sum()}, largest step {jump:.2f} A")


def start(folder: Path, *arguments: str, seed: str = "0") -> subprocess.Popen[bytes]:
    """Start `child` in a folder of its own, in a session of its own."""
    folder.mkdir(parents=True, exist_ok=True)
    return subprocess.Popen(
        [sys.executable, str(Path(__file__).resolve()), "child", *arguments], cwd=folder, start_new_session=True,
        env=os.environ | {"PYTHONHASHSEED": seed},
        stdout=(folder / "out.log").open("ab"), stderr=subprocess.STDOUT,
    )  # fmt: skip


def show(folder: Path, title: str) -> None:
    """Print what the child printed."""
    print(f"== {title}\n" + "\n".join((folder / "out.log").read_text().splitlines()[-14:]), flush=True)


def main(case: Path, work: Path) -> None:
    """Run all rows."""
    for seed in "012":
        start(work / f"hash-{seed}", "one", str(case), "1000", seed=seed).wait()
        show(work / f"hash-{seed}", f"elements and unwrapping, PYTHONHASHSEED={seed}")
    folder = work / "kill"
    process = start(folder, "one", str(case), "12000")
    while process.poll() is None:
        dumps = list(folder.glob("**/dump.out"))
        if dumps and dumps[0].read_text().count("TIMESTEP") > 300:
            os.killpg(process.pid, signal.SIGKILL)
            break
        time.sleep(0.05)
    process.wait()
    for title in ("killed, same command again", "once more"):
        begin = time.monotonic()
        code = start(folder, "one", str(case), "12000").wait()
        show(folder, f"{title}: exit {code}, {time.monotonic() - begin:.0f} s")
        print("frames on disk", [len(re.findall("TIMESTEP", p.read_text())) for p in folder.glob("**/dump.out")])
    start(work / "two", "two", str(case), "4000").wait()
    show(work / "two", "two jobs, non_modal")


if __name__ == "__main__":
    if sys.argv[1] == "child":
        child(sys.argv[2], Path(sys.argv[3]), int(sys.argv[4]))
    else:
        main(Path(sys.argv[1]).resolve(), Path(sys.argv[2]).resolve())
