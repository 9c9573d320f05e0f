"""Faults of Slurm and of its allocations, each against an undisturbed run: nothing lost or repeated, same numbers."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from cluster_programs import anodeflow, until
from queued import check, in_md, is_done, queue, results, setup, submit, undisturbed

pytestmark = [pytest.mark.cluster, pytest.mark.engine]


@pytest.fixture(scope="module")
def here(tmp_path_factory):
    """A campaign file and its undisturbed run."""
    return undisturbed(tmp_path_factory.mktemp("undisturbed"))


def test_cancelled_allocation(slurm, cluster_home, here, tmp_path):
    file, calm = here
    setup(cluster_home, "cancelled", partition="main", cores=2, wall_time_h=0.5)
    root = tmp_path / "run"
    anodeflow("submit", file, "--project", "cancelled", "--dir", root)
    until(lambda: in_md(root), 90, "molecular dynamics")
    finished = results(root)
    subprocess.run(["scancel", *queue()], check=True)
    until(lambda: not queue(), 30, "the end of the allocation")
    assert not is_done(root)
    anodeflow("submit", file, "--project", "cancelled", "--dir", root)
    until(lambda: is_done(root), 120, "the campaign")
    check("scancel of a running MD", calm, root, 2, finished)


def test_two_allocations_share_a_campaign(slurm, cluster_home, here, tmp_path):
    file, calm = here
    setup(cluster_home, "pair", partition="main", cores=1, wall_time_h=0.5)
    root = tmp_path / "run"
    anodeflow("submit", file, "--project", "pair", "--dir", root, "--allocations", 2)
    assert "pair: " in anodeflow("status", root).stdout
    until(lambda: is_done(root), 180, "the campaign")
    assert all(result["attempt"] == 1 for result in (json.loads(text) for _, text in results(root).values()))
    check("two allocations in one folder", calm, root, 2, results(root))


def test_controller_stopped_while_it_is_asked(slurm, cluster_home, here, tmp_path):
    """The batch system is away when a campaign is sent, and again while it runs."""
    file, calm = here
    setup(cluster_home, "hiccup", partition="main", cores=2, wall_time_h=0.5)
    root = tmp_path / "run"
    anodeflow("submit", file, "--project", "hiccup", "--dir", root)
    until(lambda: in_md(root), 90, "molecular dynamics")
    finished = results(root)
    slurm.stop("slurmctld")
    try:
        answer = anodeflow("submit", file, "--project", "hiccup", "--dir", root, check=False)
        assert answer.returncode == 2, answer.stderr
        assert "the scheduler does not answer" in answer.stderr
        (status,) = json.loads(anodeflow("status", root, "--json").stdout)["runs"]
        assert len(status["jobs"]) == 6
        until(lambda: is_done(root), 120, "the campaign")
    finally:
        slurm.start("slurmctld")
    until(lambda: not queue(), 60, "an empty queue")
    check("slurmctld stopped in mid-campaign", calm, root, 1, finished)


def test_node_that_fails(slurm, cluster_home, here, tmp_path):
    """Slurm takes the node for dead, ends its allocation, and starts that again when the node is back."""
    file, calm = here
    setup(cluster_home, "node", partition="main", cores=2, wall_time_h=0.5)
    root = tmp_path / "run"
    (number,) = submit(file, "node", root)
    until(lambda: in_md(root), 90, "molecular dynamics")
    finished = results(root)
    slurm.ask("scontrol", "update", "nodename=localhost", "state=down", "reason=test")
    until(lambda: slurm.ask("squeue", "--noheader", "--format=%T") == "PENDING", 30, "the requeue")
    assert not is_done(root)
    slurm.ask("scontrol", "update", "nodename=localhost", "state=resume")
    # Slurm itself waits for two minutes; within the second of the end it would refuse the job's revoked credential
    slurm.ask("scontrol", "update", f"jobid={number}", "StartTime=now+5seconds")
    until(lambda: is_done(root), 120, "the campaign")
    check("a node that Slurm takes for dead", calm, root, 2, finished)
