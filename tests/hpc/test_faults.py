"""Faults in mid-campaign, each against an undisturbed run: nothing lost, nothing twice, the same numbers.

``python benchmarks/faults.py`` runs these and writes the table of ``docs/cluster.md``.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parent))
from cluster_programs import anodeflow, until
from fault_record import record

pytestmark = [pytest.mark.cluster, pytest.mark.engine]

CAMPAIGN = """\
name: queued
seed: 5
potential: LiSi-MEAM-Cui2012
systems:
  c-LiSi:
    phase: LiSi
    supercell: [1, 1, {repeats}]
diffusion:
  temperatures_K: [900, 1200]
  species: [Li]
  equilibration_ps: 0.4
  production_ps: {length_ps}
  frame_interval_fs: 50
"""


def _setup(cluster_home, name, **options):
    words = [f"--{key.replace('_', '-')}={value}" for key, value in options.items()]
    return anodeflow("setup", "cluster", "--name", name, "--python-bin", cluster_home / "bin", "--force", *words)


def _queue():
    words = ["squeue", "--noheader", "--format=%i"]
    return subprocess.run(words, capture_output=True, text=True, check=True).stdout.split()


def _state(root):
    try:
        rows = json.loads((root / "jobs.json").read_text())["jobs"]
    except FileNotFoundError:
        return []
    return [row["state"] for row in rows]


def _is_done(root):
    states = _state(root)
    assert "failed" not in states, (root / "jobs.json").read_text()
    return states and set(states) == {"done"} and (root / "report.html").exists()


def _numbers(root):
    quantities = json.loads((root / "results.json").read_text())["quantities"]
    return {(q["name"], q["species"], q["source"]): (q["value"], q["uncertainty"]) for q in quantities}


def _results(root):
    return {path: (path.stat().st_mtime_ns, path.read_text()) for path in root.glob("*/result.json")}


def _check(fault, here, there, tries, finished, kept=True):
    """Compare with the undisturbed run, and record what was lost and what was repeated."""
    lost = [path.parent.name for path in finished if not path.exists()]
    repeated = [path.parent.name for path, old in finished.items() if path.exists() and _results(there)[path] != old]
    ours, theirs = _numbers(here), _numbers(there)
    equal = ours.keys() == theirs.keys() and all(
        theirs[key] == pair or np.allclose(np.array(theirs[key], float), np.array(pair, float), rtol=1e-12, atol=0)
        for key, pair in ours.items()
    )
    record(fault, tries=tries, finished=len(finished), lost=len(lost), repeated=len(repeated), equal=equal)
    assert not lost
    assert not repeated
    assert equal


def _length_ps(folder, seconds):
    """Return how much molecular dynamics of the campaign this machine does in a time, from a short run of it."""
    from anodeflow.engines.lammps.md import MDSettings, run_md
    from anodeflow.engines.lammps.setup import System
    from anodeflow.engines.resources import Resources
    from anodeflow.potentials.cards import card
    from anodeflow.structures.phases import phase

    system = System.of(phase("LiSi").structure * (1, 1, 2), card("LiSi-MEAM-Cui2012"))
    probe = run_md(system, MDSettings("nvt", 1000, 900.0, 1, dump_every=50), folder / "probe", Resources())
    return max(4, round(seconds * probe.steps_per_s / 1000))


@pytest.fixture(scope="module")
def here(tmp_path_factory):
    """An undisturbed run and its campaign file."""
    folder = tmp_path_factory.mktemp("undisturbed")
    file = folder / "queued.yaml"
    file.write_text(CAMPAIGN.format(repeats=2, length_ps=_length_ps(folder, 4.0)))
    anodeflow("run", file, "--dir", folder / "run", "--cores", 2)
    return file, folder / "run"


def _run(file, root, *words):
    command = [sys.executable, "-m", "anodeflow", "run", str(file), "--dir", str(root), *words]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def _in_md(root, name="diffuse", share=0.3):
    """Return the folder of a job that is in the midst of its molecular dynamics; None if there is none."""
    for path in root.glob(f"*{name}*/progress.json"):
        progress = json.loads(path.read_text())
        if share < progress["step"] / progress["total"] < 1 and not (path.parent / "result.json").exists():
            return path.parent
    return None


def _lammps_in(folder):
    """Return the process of LAMMPS that works in a folder; None if there is none."""
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            program = (entry / "cmdline").read_bytes().split(b"\0")[0]
            if program.endswith(b"/lmp") and (entry / "cwd").readlink() == folder.resolve():
                return int(entry.name)
        except OSError:
            continue
    return None


def test_runner_killed(here, tmp_path):
    file, calm = here
    process = _run(file, tmp_path / "run")
    until(lambda: _in_md(tmp_path / "run"), 60, "molecular dynamics")
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    time.sleep(0.5)
    finished = _results(tmp_path / "run")
    assert finished
    anodeflow("run", file, "--dir", tmp_path / "run")
    _check("kill -9 of the runner", calm, tmp_path / "run", 2, finished)


def test_lammps_killed(here, tmp_path):
    file, calm = here
    process = _run(file, tmp_path / "run")
    folder = until(lambda: _in_md(tmp_path / "run"), 60, "molecular dynamics")
    finished = _results(tmp_path / "run")
    os.kill(until(lambda: _lammps_in(folder), 10, "LAMMPS"), signal.SIGKILL)
    out, err = process.communicate(timeout=900)
    assert process.returncode == 0, out + err
    result = json.loads((folder / "result.json").read_text())
    assert result["attempt"] == 2
    assert [one["handler"] for one in result["handled"]] == ["node failure"]
    _check("kill -9 of lmp", calm, tmp_path / "run", 1, finished)


def test_corrupted_restart_file(here, tmp_path):
    file, calm = here
    process = _run(file, tmp_path / "run")
    folder = until(lambda: _in_md(tmp_path / "run", share=0.6), 60, "molecular dynamics")
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    time.sleep(0.5)
    finished = _results(tmp_path / "run")
    newest = folder / "restart.a"
    newest.write_bytes(newest.read_bytes()[:-200])
    anodeflow("run", file, "--dir", tmp_path / "run")
    assert "read_restart restart.b" in (folder / "in.001.lammps").read_text()
    _check("a corrupted restart file", calm, tmp_path / "run", 2, finished)


def test_two_runs_in_one_folder(here, tmp_path):
    file, calm = here
    first = _run(file, tmp_path / "run")
    until(lambda: _in_md(tmp_path / "run"), 60, "molecular dynamics")
    finished = _results(tmp_path / "run")
    second = anodeflow("run", file, "--dir", tmp_path / "run", check=False)
    assert second.returncode == 2
    assert "another anodeflow run is working in this folder" in second.stderr
    assert second.stderr.count("\n") == 1
    assert first.wait(900) == 0
    _check("two anodeflow run in one folder", calm, tmp_path / "run", 1, finished)


def test_full_disk(here, tmp_path):
    file, calm = here
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=600k", "tmpfs", str(disk)], capture_output=True, check=False
    )
    if mounted.returncode != 0:
        pytest.skip("a small disk can only be mounted by root")
    try:
        root = disk / "run"
        answer = anodeflow("run", file, "--dir", root, check=False)
        assert answer.returncode not in (0, 2), answer.stderr
        assert "error: " in answer.stderr
        finished = _results(root)
        subprocess.run(["mount", "-o", "remount,size=100m", str(disk)], check=True)
        anodeflow("run", file, "--dir", root)
        _check("a full disk", calm, root, 2, finished)
    finally:
        subprocess.run(["umount", "-l", str(disk)], check=False)


def test_cancelled_allocation(slurm, cluster_home, here, tmp_path):
    file, calm = here
    _setup(cluster_home, "cancelled", partition="main", cores=2, wall_time_h=0.5)
    root = tmp_path / "run"
    anodeflow("submit", file, "--project", "cancelled", "--dir", root)
    until(lambda: _in_md(root), 90, "molecular dynamics")
    finished = _results(root)
    subprocess.run(["scancel", *_queue()], check=True)
    until(lambda: not _queue(), 30, "the end of the allocation")
    assert not _is_done(root)
    anodeflow("submit", file, "--project", "cancelled", "--dir", root)
    until(lambda: _is_done(root), 120, "the campaign")
    _check("scancel of a running MD", calm, root, 2, finished)


def test_two_allocations_share_a_campaign(slurm, cluster_home, here, tmp_path):
    file, calm = here
    _setup(cluster_home, "pair", partition="main", cores=1, wall_time_h=0.5)
    root = tmp_path / "run"
    anodeflow("submit", file, "--project", "pair", "--dir", root, "--allocations", 2)
    assert "pair: " in anodeflow("status", root).stdout
    until(lambda: _is_done(root), 180, "the campaign")
    assert all(result["attempt"] == 1 for result in (json.loads(text) for _, text in _results(root).values()))
    _check("two allocations in one folder", calm, root, 2, _results(root))


def test_wall_time_shorter_than_the_jobs(slurm, cluster_home, tmp_path):
    """A minute of wall time, and molecular dynamics that takes longer: stopped, queued again, ended the same."""
    file = tmp_path / "queued.yaml"
    file.write_text(CAMPAIGN.format(repeats=2, length_ps=_length_ps(tmp_path, 75.0)))
    _setup(cluster_home, "minute", partition="main", cores=1, wall_time_h=1 / 60)
    root = tmp_path / "run"
    sent = anodeflow("submit", file, "--project", "minute", "--dir", root, "--json").stdout
    assert len(json.loads(sent)["sent"]) == 1
    calm = _run(file, tmp_path / "calm", "--cores", "1")
    until(lambda: len(list(root.glob("allocation-*.out"))) > 1, 180, "a second allocation")
    finished = _results(root)
    until(lambda: _is_done(root), 600, "the campaign")
    attempts = [json.loads((path / "result.json").read_text())["attempt"] for path in root.glob("*diffuse*")]
    assert max(attempts) > 1
    assert calm.wait(900) == 0
    _check("wall time of 1 minute", tmp_path / "calm", root, len(list(root.glob("allocation-*.out"))), finished)
