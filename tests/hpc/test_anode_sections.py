"""Series, fronts, interfaces and screens in one file: planned, sent to Slurm, killed there and here, and ended."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from anodeflow.hpc import probes
from anodeflow.hpc.plan import plan_flow
from anodeflow.hpc.probes import ProbeCache
from anodeflow.hpc.workload import read_workload

sys.path.insert(0, str(Path(__file__).parent))
from cluster_programs import anodeflow, until
from queued import check, in_md, is_done, queue, results, run, setup

pytestmark = pytest.mark.engine

CAMPAIGN = """\
name: sections
seed: 7
potential: LiSi-MEAM-Cui2012
interface:
  lower: Si(100)
  upper: Li(100)
  candidates: {thickness_A: 4, max_area_A2: 100, terminations: 1, shifts: 1}
  separation: {scan_A: 1, relaxed: false}
  temperature_K: 600
  equilibration_ps: 0.1
  production_ps: 2
  replicas: 1
  frame_interval_fs: 50
  window_ps: 0.2
screen:
  cells:
    twist:
      grain_boundary: {crystal: Si, sigma: 5, axis: [0, 0, 1], plane: [2, 1, 0], thickness_A: 8, repeat: [1, 1]}
  element: Si
  dopants: [Li]
  boundary_sites: 1
  interior_sites: 2
series:
  host: Si
  x: [0, 1]
  crystals: [Si]
  atoms: 16
  replicas: 1
  melt_quench: {melt_temperature_K: 1800, melt_ps: 0.1, quench_rate_K_ps: 10000, anneal_ps: 0.1}
  equilibration_ps: 0.2
  diffusion: {temperatures_K: [1200], equilibration_ps: 0.1, production_ps: 1, frame_interval_fs: 20}
  strain: {rate_1_ps: 0.5, largest: 0.1}
"""
FRONT = """\
lithiation_front:
  faces: [Si(100)]
  alloy: Li15Si4
  host_thickness_A: 8
  alloy_thickness_A: 8
  area_A2: 50
  equilibration_ps: 0.1
  production_ps: 0.5
  window_ps: 0.05
  sample_every: 10
"""
SECTIONS = {"interface", "screen", "series", "lithiation_front"}


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    path = tmp_path_factory.mktemp("sections") / "sections.yaml"
    path.write_text(CAMPAIGN)
    return path


def test_every_section_has_its_price(file, tmp_path, monkeypatch):
    monkeypatch.setattr(probes, "_WANTED_CPU_S", 0.02)
    with_front = tmp_path / "sections.yaml"
    with_front.write_text(file.read_text() + FRONT)
    work = read_workload(with_front)
    sections = [job.metadata["section"] for job, _ in work.flow.iterflow()]
    assert set(sections) == SECTIONS
    plan = plan_flow(work.flow, cores=2, cache=ProbeCache(tmp_path / "probes.json"))
    for section, job in zip(sections, plan.jobs, strict=True):
        assert job.probed and job.cpu_s > 0.4, (section, job.name)


@pytest.mark.cluster
def test_killed_in_the_queue_and_here_they_end_with_the_same_numbers(slurm, cluster_home, file, tmp_path):
    calm, root = tmp_path / "calm", tmp_path / "run"
    anodeflow("run", file, "--dir", calm, "--cores", 2)
    setup(cluster_home, "sections", partition="main", cores=2, wall_time_h=0.5)
    anodeflow("submit", file, "--project", "sections", "--dir", root)
    until(lambda: in_md(root, "none-run", 0.2), 300, "the run of the interface")
    subprocess.run(["scancel", *queue()], check=True)
    until(lambda: not queue(), 60, "the end of the allocation")
    finished = results(root)
    assert not is_done(root)

    process = run(file, root, "--cores", "2")
    until(lambda: len(results(root)) > len(finished) + 2, 300, "three more jobs")
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()
    finished |= results(root)
    assert not is_done(root)

    anodeflow("submit", file, "--project", "sections", "--dir", root)
    until(lambda: is_done(root), 400, "the campaign")
    check("sections of the anode killed in the queue and here", calm, root, 3, finished)
