"""The one line that makes a FireWorks workflow of a campaign."""

from __future__ import annotations

from pathlib import Path

from anodeflow.hpc.workload import read_workload
from jobflow import JobStore
from jobflow.managers.fireworks import flow_to_workflow
from maggma.stores import MemoryStore

EXAMPLE = Path(__file__).parents[2] / "examples" / "lithium_silicon.yaml"


def test_a_workflow_has_the_jobs_of_the_flow_and_their_order():
    flow = read_workload(EXAMPLE).flow
    workflow = flow_to_workflow(flow, JobStore(MemoryStore()))
    pairs = [(job, set(parents)) for job, parents in flow.iterflow()]
    uuid_of = {fw.fw_id: fw.tasks[0]["job"].uuid for fw in workflow.fws}
    assert [fw.name for fw in workflow.fws] == [job.name for job, _ in pairs]
    parents = {uuid: set() for uuid in uuid_of.values()}
    for parent, children in workflow.links.items():
        for child in children:
            parents[uuid_of[child]].add(uuid_of[parent])
    assert parents == {job.uuid: needed for job, needed in pairs}
    assert sum(map(bool, parents.values())) > len(pairs) / 2
