"""Where results come from, and what happens when the analysis code changes under a finished run."""

from __future__ import annotations

import json
import socket
from pathlib import Path

import pytest
from anodeflow import __version__
from anodeflow.hpc.campaigns import run_campaign
from anodeflow.hpc.provenance import code_hashes
from anodeflow.workflows.seeds import derive_seed

CAMPAIGN = """\
name: small
seed: 5
potential: LiSi-MEAM-Cui2012
systems:
  c-LiSi:
    phase: LiSi
diffusion:
  temperatures_K: [3000, 4000]
  equilibration_ps: 0.3
  production_ps: 0.6
  timestep_fs: 10
  frame_interval_fs: 10
"""


def _run(file, root):
    jobs, report = run_campaign(file, root, cores=1)
    return json.loads((report.parent / "results.json").read_text()), sorted(job.job.name for job in jobs if job.reused)


@pytest.mark.engine
def test_analysis_of_older_code_is_done_again_and_the_dynamics_is_not(tmp_path):
    file, root = tmp_path / "small.yaml", tmp_path / "run"
    file.write_text(CAMPAIGN)
    results, reused = _run(file, root)
    assert not reused
    job = next(job for job in results["jobs"] if "diffuse 3000K" in job["name"])
    source = job["provenance"]
    assert source["inputs"] == job["hash"]
    assert (source["host"], source["seed"]) == (socket.gethostname(), derive_seed(5, "c-LiSi", "3000K", "posterior"))
    assert set(source["engines"]) == {"LAMMPS"} and set(source["models"]) == {"LiSi-MEAM-Cui2012"}
    assert source["code"] == {"version": __version__, **code_hashes()}
    names = {Path(name).name for name in source["files"]}
    assert {"in.000.lammps", "system.data", "library.meam"} <= names
    assert job["cpu_s"]["engine"] > 0

    handled = [(job["name"], one) for job in results["jobs"] for one in job["handled"]]
    assert handled, "10 fs at 3000 K is more than lithium takes"
    for name, one in handled:
        assert one["handler"] in ("lost atoms", "exploding energy")
        assert any(warning.startswith(name) and one["changed"] in warning for warning in results["warnings"])

    numbers = _run(file, root)[0]["quantities"]
    assert numbers == results["quantities"]

    frames = {path: path.stat().st_mtime_ns for path in root.rglob("*.lammpstrj")}
    folders = {path.name for path in root.iterdir() if path.is_dir()}
    for path in root.glob("*/result.json"):  # as if it had been analysed by the release before
        document = json.loads(path.read_text())
        document["provenance"]["code"]["analysis"] = "0" * 64
        path.write_text(json.dumps(document))
    again, reused = _run(file, root)
    assert reused == ["c-LiSi equilibrate 3000K", "c-LiSi equilibrate 4000K", "c-LiSi relax"]
    assert {path: path.stat().st_mtime_ns for path in root.rglob("*.lammpstrj")} == frames
    assert {path.name for path in root.iterdir() if path.is_dir()} == folders
    assert again["quantities"] == results["quantities"]
    assert all(job["provenance"]["code"] for job in again["jobs"])
    assert len(_run(file, root)[1]) == len(results["jobs"]), "and then nothing is done again"
