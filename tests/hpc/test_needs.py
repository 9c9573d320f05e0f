"""What jobs ask for."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from anodeflow.errors import InputError
from anodeflow.hpc.needs import JobNeeds, asked_needs
from anodeflow.hpc.queue import asked_of_queue, killed_for_memory, slurm_limits, with_twice_the_memory
from anodeflow.workflows.campaign import read_campaign
from anodeflow.workflows.diffusion.flow import diffusion_flow
from qtoolkit.core.data_objects import ProcessPlacement, QResources
from qtoolkit.io import scheduler_mapping

EXAMPLE = Path(__file__).parents[2] / "examples" / "lithium_silicon.yaml"


def test_every_job_of_a_campaign_says_what_it_asks_for():
    campaign = read_campaign(EXAMPLE)
    flow = diffusion_flow(campaign)
    needs = asked_needs(flow)
    assert [need.uuid for need in needs] == [job.uuid for job, _ in flow.iterflow()]
    by_name = {need.name: need for need in needs}
    run = by_name["c-Li15Si4 diffuse 600K"]
    steps = round(campaign.diffusion.production_ps * 1000 / campaign.diffusion.timestep_fs)
    assert (run.kind, run.natoms, run.steps, run.cores, run.probed) == ("diffusion", 152, steps, 1, False)
    assert by_name["a-Li15Si4 melt-quench"].kind == "melt quench"
    assert by_name["c-Li15Si4 Arrhenius Li"].kind == "fit arrhenius"
    asked = asked_of_queue("slurm", run, {"memory_per_thread": 700}, 3600)
    assert (asked["processes"], asked["threads_per_process"], asked["time_limit"]) == (1, 1, 3600)
    assert asked["memory_per_thread"] == 700


WIDE = JobNeeds("uuid", "wide", "diffusion", mpi_ranks=4, threads=2, gpus=1, memory_MB=4000)
ASKED = {"queue_name": "long", "account": "a1", "parallel_environment": "mpi"}


@pytest.mark.parametrize(
    ("scheduler", "lines"),
    [
        (
            "slurm",
            "--partition=long --account=a1 --nodes=1 --ntasks=4 --ntasks-per-node=4 --cpus-per-task=2 "
            "--mem-per-cpu=500 --time=0-2:0:0 --gres=gpu:1",
        ),
        (
            "pbs",
            "-q,long -A,a1 -l,select=1:ncpus=8:mpiprocs=4:ompthreads=2:mem=4000mb:ngpus=1 -l,walltime=2:0:0 "
            "-l,place=pack",
        ),
        ("sge", "-q,long -P,a1 -l,h_vmem=500M -l,h_rt=2:0:0 -l,s_rt=1:58:48 -pe,mpi,8"),
    ],
)
def test_the_header_of_a_job_asks_for_all_of_it_in_the_words_of_the_scheduler(scheduler, lines):
    """What qtoolkit writes into the script that is submitted."""
    asked = asked_of_queue(scheduler, WIDE, ASKED, 7200)
    if "process_placement" in asked:
        asked["process_placement"] = ProcessPlacement(asked["process_placement"])
    header = scheduler_mapping[scheduler]().generate_header(QResources(**asked))
    found = {line.split(" ", 1)[1].replace(" ", ",") for line in header.splitlines() if line.strip()}
    assert found == set(lines.split())


@pytest.mark.parametrize("scheduler", ["slurm", "pbs", "sge"])
def test_twice_the_memory(scheduler):
    once = asked_of_queue(scheduler, WIDE, ASKED, 7200)
    twice = with_twice_the_memory(once)
    both = json.dumps(once), json.dumps(twice)
    assert [both[number].count(text) for number, text in ((0, "500"), (1, "1000"))] == [1, 1] or (
        "mem=4000mb" in both[0] and "mem=8000mb" in both[1]
    )
    assert twice | {"memory_per_thread": 0, "scheduler_kwargs": 0} == once | {
        "memory_per_thread": 0,
        "scheduler_kwargs": 0,
    }


def test_a_node_fails_is_told_from_too_little_memory():
    said = "slurmstepd: error: StepId=1.batch exceeded memory limit (329912320 > 52428800), being killed\nmore"
    assert killed_for_memory(said) == said.splitlines()[0]
    assert killed_for_memory("slurmstepd: error: *** JOB 1 ON localhost CANCELLED AT 2026 ***") is None


SINFO = """main* 1-00:00:00 64 256000
main* 1-00:00:00 128+ 512000+
short infinite 8 1000
"""


def test_limits_are_those_of_the_largest_node():
    limits = slurm_limits(lambda command: (SINFO, "", 0), None)
    assert (limits.name, limits.wall_s, limits.cores) == ("main", 86400.0, 128)
    assert limits.memory_MB == pytest.approx(536871, abs=1)
    assert slurm_limits(lambda command: (SINFO, "", 0), "short").wall_s is None
    with pytest.raises(InputError, match="there is no partition 'gpu'"):
        slurm_limits(lambda command: (SINFO, "", 0), "gpu")
