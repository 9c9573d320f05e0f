"""A project of jobflow-remote for the tests, what is sent to it, and how it goes."""

from __future__ import annotations

import json

import yaml
from cluster_programs import anodeflow

CAMPAIGN = """\
name: remote
seed: {seed}
potential: LiSi-MEAM-Cui2012
systems:
  c-LiSi:
    phase: LiSi
diffusion:
  temperatures_K: [900, 1200]
  species: [Li]
  equilibration_ps: 0.4
  production_ps: {length_ps}
  frame_interval_fs: 20
"""
LADDER = """\
name: hop
crystal: {phase: Si}
species: Li
hops:
  T-H-T: {kind: interstitial, path: [[0.5, 0.5, 0.5], [0.75, 0.75, 0.75]]}
levels:
  - {name: LiSi-MEAM-Cui2012, image_distance_A: 10, images: 7, force_tolerance_eV_A: 0.005}
"""
_DELAYS = ("delay_checkout", "delay_check_run_status", "delay_advance_status")


def make_project(name, database, cluster_home, *words, memory_MB=1500):
    """Make a checked project whose runner looks often and tries soon again; return its file."""
    answer = anodeflow(
        *("setup", "cluster", "--name", name, "--database", database.uri, "--partition", "main"),
        *("--work-dir", cluster_home / f"{name}-jobs", "--python-bin", cluster_home / "bin"),
        *("--memory-MB-per-core", memory_MB, "--wall-time-h", 0.5, "--force", *words),
    )
    path = cluster_home / "projects" / f"{name}.yaml"
    assert str(path) in answer.stdout
    document = yaml.safe_load(path.read_text())
    document["runner"] = dict.fromkeys(_DELAYS, 0.5) | {"delta_retry": [1, 2, 5]}
    path.write_text(yaml.safe_dump(document))
    return path


def statuses(root):
    """Return the states of the jobs of a submitted campaign."""
    return [job["state"] for job in json.loads(anodeflow("status", root, "--json").stdout)["runs"][0]["jobs"]]


def numbers(root):
    """Return value and uncertainty of each quantity of a finished run."""
    quantities = json.loads((root / "results.json").read_text())["quantities"]
    return {(q["name"], q["species"], q["source"]): (q["value"], q["uncertainty"]) for q in quantities}
