"""A short campaign for the tests of faults, how it stands, and what a fault has cost it."""

from __future__ import annotations

import json
import resource
import subprocess
import sys

import numpy as np
from anodeflow.engines.lammps.md import MDSettings, run_md
from anodeflow.engines.lammps.setup import System
from anodeflow.engines.resources import Resources
from anodeflow.potentials.cards import card
from anodeflow.structures.phases import phase
from cluster_programs import anodeflow
from fault_record import record

CAMPAIGN = """\
name: queued
seed: 5
potential: LiSi-MEAM-Cui2012
systems:
  c-LiSi:
    phase: LiSi
diffusion:
  temperatures_K: [900, 1200]
  species: [Li]
  equilibration_ps: 0.4
  production_ps: {length_ps}
  frame_interval_fs: 50
"""


def setup(cluster_home, name, **options):
    """Make a Slurm-only project."""
    words = [f"--{key.replace('_', '-')}={value}" for key, value in options.items()]
    return anodeflow("setup", "cluster", "--name", name, "--python-bin", cluster_home / "bin", "--force", *words)


def submit(file, project, root, *words):
    """Send a campaign to Slurm; return the numbers of its allocations."""
    answer = anodeflow("submit", file, "--project", project, "--dir", root, "--json", *words)
    return json.loads(answer.stdout)["sent"]


def queue():
    """Return the numbers of all jobs that Slurm has in its queue."""
    words = ["squeue", "--noheader", "--format=%i"]
    return subprocess.run(words, capture_output=True, text=True, check=True).stdout.split()


def state(root):
    try:
        rows = json.loads((root / "jobs.json").read_text())["jobs"]
    except FileNotFoundError:
        return []
    return [row["state"] for row in rows]


def is_done(root):
    """Return whether all jobs are done and the report is there; a failed job is an error."""
    states = state(root)
    assert "failed" not in states, (root / "jobs.json").read_text()
    return states and set(states) == {"done"} and (root / "report.html").exists()


def numbers(root):
    quantities = json.loads((root / "results.json").read_text())["quantities"]
    return {
        (number, q["name"], q["species"], q["source"]): (q["value"], q["uncertainty"])
        for number, q in enumerate(quantities)
    }


def results(root):
    """Return when each result was written, and what it says."""
    return {path: (path.stat().st_mtime_ns, path.read_text()) for path in root.glob("*/result.json")}


def check(fault, here, there, tries, finished):
    """Compare with the undisturbed run, and record what was lost and what was repeated."""
    lost = [path.parent.name for path in finished if not path.exists()]
    repeated = [path.parent.name for path, old in finished.items() if path.exists() and results(there)[path] != old]
    ours, theirs = numbers(here), numbers(there)
    equal = ours.keys() == theirs.keys() and all(
        theirs[key] == pair or np.allclose(np.array(theirs[key], float), np.array(pair, float), rtol=1e-12, atol=0)
        for key, pair in ours.items()
    )
    record(fault, tries=tries, finished=len(finished), lost=len(lost), repeated=len(repeated), equal=equal)
    assert not lost
    assert not repeated
    assert equal


def length_ps(folder, seconds):
    """Return how much molecular dynamics of the campaign a core of this machine does in a time, from a short run.

    Processor time is measured, so that other work on the machine does not make it less.
    """
    system = System.of(phase("LiSi").structure, card("LiSi-MEAM-Cui2012"))
    begin = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime
    run_md(system, MDSettings("nvt", 1000, 900.0, 1, dump_every=50), folder / "probe", Resources())
    return max(4, round(seconds / (resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime - begin)))


def undisturbed(folder, seconds=2.0):
    """Return a campaign file with molecular dynamics of about that length, and the folder of its run."""
    file = folder / "queued.yaml"
    file.write_text(CAMPAIGN.format(length_ps=length_ps(folder, seconds)))
    anodeflow("run", file, "--dir", folder / "run", "--cores", 2)
    return file, folder / "run"


def run(file, root, *words):
    command = [sys.executable, "-m", "anodeflow", "run", str(file), "--dir", str(root), *words]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def in_md(root, name="diffuse", share=0.3):
    """Return the folder of a job that is in the midst of its molecular dynamics; None if there is none."""
    for path in root.glob(f"*{name}*/progress.json"):
        progress = json.loads(path.read_text())
        if share < progress["step"] / progress["total"] < 1 and not (path.parent / "result.json").exists():
            return path.parent
    return None
