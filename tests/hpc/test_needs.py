"""What jobs ask for."""

from __future__ import annotations

from pathlib import Path

from anodeflow.hpc.needs import asked_needs
from anodeflow.workflows.campaign import read_campaign
from anodeflow.workflows.diffusion.flow import diffusion_flow

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
    asked = run.qresources()
    assert (asked["processes"], asked["threads_per_process"], asked["time_limit"]) == (1, 1, 3600)
