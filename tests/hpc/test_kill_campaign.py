"""``kill -9`` of a whole ``anodeflow run`` at random moments, and the same command again."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

pytestmark = pytest.mark.engine

CAMPAIGN = """\
name: killed
seed: 11
potential: LiSi-MEAM-Cui2012
systems:
  c-Li15Si4:
    phase: Li15Si4
  a-LiSi:
    amorphous: {composition: LiSi, atoms: 48}
    melt_quench: {melt_temperature_K: 1500, melt_ps: 0.8, quench_rate_K_ps: 1200, anneal_ps: 0.5}
diffusion:
  temperatures_K: [900, 1200]
  equilibration_ps: 1
  production_ps: 3
  frame_interval_fs: 20
"""
KILLS = 5


def _command(file, root):
    return [sys.executable, "-m", "anodeflow", "run", str(file), "--dir", str(root)]


def _numbers(root):
    results = json.loads((root / "results.json").read_text())
    return [
        (quantity["name"], quantity["species"], quantity["source"], quantity["value"], quantity["uncertainty"])
        for quantity in results["quantities"]
    ]


def _lammps_below(root):
    """Return the LAMMPS processes that work somewhere in a folder."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            program = (entry / "cmdline").read_bytes().split(b"\0")[0]
            if program.endswith(b"/lmp") and (entry / "cwd").readlink().is_relative_to(root):
                found.append(entry.name)
        except OSError:
            continue
    return found


def test_killed_five_times_it_ends_with_the_same_results_and_runs_nothing_twice(tmp_path):
    file = tmp_path / "killed.yaml"
    file.write_text(CAMPAIGN)
    calm, disturbed = tmp_path / "calm", tmp_path / "disturbed"
    subprocess.run(_command(file, calm), check=True, capture_output=True)

    moments = random.Random(2026)
    finished: dict[Path, tuple[int, str]] = {}
    for _ in range(KILLS):
        process = subprocess.Popen(_command(file, disturbed), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        wanted = len(finished) + moments.randint(1, 2)
        while process.poll() is None and len(list(disturbed.glob("*/result.json"))) < wanted:
            time.sleep(0.02)
        time.sleep(moments.uniform(0.0, 0.8))
        assert process.poll() is None, "the run was over before it could be killed"
        os.kill(process.pid, signal.SIGKILL)  # the command alone: what it started has to go with it
        process.wait()
        deadline = time.monotonic() + 10
        while _lammps_below(disturbed):
            assert time.monotonic() < deadline, "LAMMPS went on after its runner was killed"
            time.sleep(0.05)
        for path, stamp in finished.items():
            assert (path.stat().st_mtime_ns, path.read_text()) == stamp, f"{path.parent.name} was run twice"
        finished = {path: (path.stat().st_mtime_ns, path.read_text()) for path in disturbed.glob("*/result.json")}

    subprocess.run(_command(file, disturbed), check=True, capture_output=True)
    for path, stamp in finished.items():
        assert (path.stat().st_mtime_ns, path.read_text()) == stamp, f"{path.parent.name} was run twice"
    ours, theirs = _numbers(disturbed), _numbers(calm)
    assert [row[:3] for row in ours] == [row[:3] for row in theirs]
    for mine, other in zip(ours, theirs, strict=True):
        for left, right in zip(mine[3:], other[3:], strict=True):
            assert (left is None) == (right is None)
            if left is not None:
                assert np.isclose(left, right, rtol=1e-6), mine[:3]
