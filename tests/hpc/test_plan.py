"""What a campaign costs: probes of the real engine, what is remembered, and what is refused."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import replace

import pytest
from anodeflow.hpc.plan import Limits, plan_flow, refusals
from anodeflow.hpc.probes import ProbeCache
from anodeflow.hpc.workload import read_workload

pytestmark = pytest.mark.engine

CAMPAIGN = """\
name: small
seed: 5
potential: LiSi-MEAM-Cui2012
systems:
  c-LiSi: {{phase: LiSi}}
  a-LiSi:
    amorphous: {{composition: LiSi, atoms: 40}}
    melt_quench: {{melt_ps: 1, quench_rate_K_ps: 1500, anneal_ps: 1}}
diffusion:
  temperatures_K: [900, 1200]
  equilibration_ps: 1
  production_ps: {production}
  frame_interval_fs: 20
"""
LADDER = """\
name: ladder
crystal: {phase: Si}
species: Li
hops:
  T-H-T: {kind: interstitial, path: [[0.5, 0.5, 0.5], [0.75, 0.75, 0.75]]}
levels:
  - {name: LiSi-MEAM-Cui2012, image_distance_A: 10, images: 5}
"""


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    return tmp_path_factory.mktemp("cache") / "probes.json"


def _plan(folder, production, cache):
    file = folder / "small.yaml"
    file.write_text(CAMPAIGN.format(production=production))
    return plan_flow(read_workload(file).flow, cores=2, cache=ProbeCache(cache))


def test_a_plan_names_every_job_and_is_remembered(tmp_path, cache):
    plan = _plan(tmp_path, 10, cache)
    assert plan.probes > 0
    assert {job.kind for job in plan.jobs} == {"relax", "melt quench", "equilibrate", "diffusion", "fit arrhenius"}
    engines = [job for job in plan.jobs if job.kind != "fit arrhenius"]
    assert all(job.probed and job.cpu_s > 0.4 and job.memory_MB > 50 for job in engines)
    assert plan.largest.kind == "diffusion"
    run = next(job for job in plan.jobs if job.name == "c-LiSi diffuse 900K")
    assert run.wall_limit_s > run.wall_s
    longest_chain = max(job.wall_s for job in plan.jobs)
    assert max(longest_chain, plan.cpu_s / 2) <= plan.wall_s < plan.cpu_s

    longer = _plan(tmp_path, 40, cache)
    kept = {job.name: job for job in longer.jobs}
    again = _plan(tmp_path, 10, cache)
    assert (again.probes, [replace(job, uuid="") for job in again.jobs]) == (
        0,
        [replace(job, uuid="") for job in plan.jobs],
    )
    more_MB = kept[run.name].disk_MB - run.disk_MB
    assert more_MB == pytest.approx(1500 * 32 * 45e-6, rel=0.2), "about 45 bytes for each line of the trajectory"
    assert kept["c-LiSi equilibrate 900K"].cpu_s == pytest.approx(
        next(job.cpu_s for job in plan.jobs if job.name == "c-LiSi equilibrate 900K")
    )
    assert json.loads(cache.read_text())


def test_what_does_not_fit_is_refused_with_the_knob(tmp_path, cache):
    plan = _plan(tmp_path, 10, cache)
    assert not refusals(plan, Limits(disk_MB=1e6, wall_s=1e6, cores=4, memory_MB=1e6))
    (disk,) = refusals(plan, Limits(disk_MB=plan.disk_MB / 2.5))
    assert "are free" in str(disk) and "frame_interval_fs at least 3 times" in str(disk)
    (queue,) = refusals(plan, Limits(1e6, wall_s=plan.largest.wall_s / 3, cores=64))
    assert plan.largest.name in str(queue) and "Set resources.mpi_ranks to 4" in str(queue)
    (few,) = refusals(plan, Limits(1e6, wall_s=plan.largest.wall_s / 3, cores=1))
    assert "Cut production_ps to 33 %" in str(few)
    (memory,) = refusals(plan, Limits(1e6, memory_MB=10))
    assert "memory" in str(memory)
    (cores,) = refusals(replace(plan, jobs=tuple(replace(job, mpi_ranks=8) for job in plan.jobs)), Limits(1e6, cores=4))
    assert "8 cores and there are 4" in str(cores)


def test_the_command_plans_a_ladder_and_refuses(tmp_path, cache):
    file = tmp_path / "ladder.yaml"
    file.write_text(LADDER)
    environment = dict(os.environ, XDG_CACHE_HOME=str(tmp_path / "cache"))

    def plan(*options):
        words = [sys.executable, "-m", "anodeflow", "plan", str(file), "--json", *options]
        return subprocess.run(words, env=environment, cwd=tmp_path, capture_output=True, text=True, check=False)

    answer = plan()
    assert answer.returncode == 0, answer.stderr
    document = json.loads(answer.stdout)
    assert document["fits"] and document["total"]["jobs"] == 3
    band = next(job for job in document["jobs"] if job["kind"] == "band")
    assert (band["natoms"], band["images"], band["probed"]) == (65, 5, True)
    assert not (tmp_path / "runs").exists(), "nothing is written before anything is spent"
    refused = plan("--queue-hours", "0.00001")
    assert refused.returncode == 2
    assert json.loads(refused.stdout)["fits"] is False
    assert refused.stderr.startswith("error: the longest job takes")
