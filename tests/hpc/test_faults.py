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

import pytest
from anodeflow.engines.lammps.restart import restart_step

sys.path.insert(0, str(Path(__file__).parent))
from cluster_programs import anodeflow, until
from queued import check, in_md, results, run, undisturbed

pytestmark = [pytest.mark.cluster, pytest.mark.engine]


@pytest.fixture(scope="module")
def here(tmp_path_factory):
    """A campaign file and its undisturbed run."""
    return undisturbed(tmp_path_factory.mktemp("undisturbed"))


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
    process = run(file, tmp_path / "run")
    until(lambda: in_md(tmp_path / "run"), 60, "molecular dynamics")
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    time.sleep(0.5)
    finished = results(tmp_path / "run")
    assert finished
    anodeflow("run", file, "--dir", tmp_path / "run")
    check("kill -9 of the runner", calm, tmp_path / "run", 2, finished)


def test_lammps_killed(here, tmp_path):
    file, calm = here
    process = run(file, tmp_path / "run")
    folder = until(lambda: in_md(tmp_path / "run"), 60, "molecular dynamics")
    finished = results(tmp_path / "run")
    os.kill(until(lambda: _lammps_in(folder), 10, "LAMMPS"), signal.SIGKILL)
    out, err = process.communicate(timeout=900)
    assert process.returncode == 0, out + err
    result = json.loads((folder / "result.json").read_text())
    assert result["attempt"] == 2
    assert [one["handler"] for one in result["handled"]] == ["node failure"]
    check("kill -9 of lmp", calm, tmp_path / "run", 1, finished)


def test_corrupted_restart_file(here, tmp_path):
    file, calm = here
    process = run(file, tmp_path / "run")
    folder = until(lambda: in_md(tmp_path / "run", share=0.4), 60, "molecular dynamics")
    until((folder / "restart.b").exists, 10, "a second restart file")
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    time.sleep(0.5)
    finished = results(tmp_path / "run")
    newest = folder / "restart.a"
    newest.write_bytes(newest.read_bytes()[:-200])
    anodeflow("run", file, "--dir", tmp_path / "run")
    assert "read_restart restart.b" in (folder / "in.001.lammps").read_text()
    check("a restart file that was cut off", calm, tmp_path / "run", 2, finished)


def test_garbage_in_a_restart_file(here, tmp_path):
    file, calm = here
    process = run(file, tmp_path / "run")
    folder = until(lambda: in_md(tmp_path / "run", share=0.4), 60, "molecular dynamics")
    until(lambda: restart_step(folder / "restart.b") and _hashed(folder), 10, "two restart files and their hashes")
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    time.sleep(0.5)
    finished = results(tmp_path / "run")
    newest = max((folder / name for name in ("restart.a", "restart.b")), key=restart_step)
    content = bytearray(newest.read_bytes())
    middle = len(content) // 2
    content[middle : middle + 64] = bytes(byte ^ 0x5A for byte in content[middle : middle + 64])
    newest.write_bytes(content)
    assert restart_step(newest), "its head and its end are whole"
    anodeflow("run", file, "--dir", tmp_path / "run")
    assert f"read_restart {newest.name}" not in (folder / "in.001.lammps").read_text()
    check("garbage in the middle of a restart file", calm, tmp_path / "run", 2, finished)


def _hashed(folder):
    known = json.loads((folder / "restart.hashes").read_text())
    return str(restart_step(folder / "restart.a")) in known


def test_two_runs_in_one_folder(here, tmp_path):
    file, calm = here
    first = run(file, tmp_path / "run")
    until(lambda: in_md(tmp_path / "run"), 60, "molecular dynamics")
    finished = results(tmp_path / "run")
    second = anodeflow("run", file, "--dir", tmp_path / "run", check=False)
    assert second.returncode == 2
    assert "another anodeflow run is working in this folder" in second.stderr
    assert second.stderr.count("\n") == 1
    assert first.wait(900) == 0
    check("two anodeflow run in one folder", calm, tmp_path / "run", 1, finished)


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
        finished = results(root)
        subprocess.run(["mount", "-o", "remount,size=100m", str(disk)], check=True)
        anodeflow("run", file, "--dir", root)
        check("a full disk", calm, root, 2, finished)
    finally:
        subprocess.run(["umount", "-l", str(disk)], check=False)
