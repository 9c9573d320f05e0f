"""The diffusion Flow on real LAMMPS: one small campaign through jobflow's own runner and through ours."""

from __future__ import annotations

import json

import numpy as np
import pytest
from anodeflow.hpc.campaigns import report_campaign, run_campaign
from anodeflow.hpc.store import read_result
from anodeflow.quantity import Quantity
from anodeflow.workflows.campaign import read_campaign
from anodeflow.workflows.diffusion.flow import diffusion_flow
from jobflow import JobStore, run_locally
from maggma.stores import MemoryStore

pytestmark = pytest.mark.engine

SMALL = """\
name: small
seed: 7
potential: LiSi-MEAM-Cui2012
systems:
  c-LiSi:
    phase: LiSi
  a-Li15Si4:
    amorphous: {composition: Li15Si4, atoms: 76}
    melt_quench: {melt_temperature_K: 1500, melt_ps: 0.3, quench_rate_K_ps: 2400, anneal_ps: 0.1}
diffusion:
  temperatures_K: [900, 1200, 1500]
  equilibration_ps: 0.3
  production_ps: 1.5
  frame_interval_fs: 10
"""


@pytest.fixture(scope="module")
def campaign_file(tmp_path_factory):
    path = tmp_path_factory.mktemp("campaign") / "small.yaml"
    path.write_text(SMALL)
    return path


@pytest.fixture(scope="module")
def finished(campaign_file, tmp_path_factory):
    jobs, report = run_campaign(campaign_file, tmp_path_factory.mktemp("runs") / "small", command=["anodeflow", "run"])
    return jobs, report


def test_all_jobs_end_well_and_the_report_is_there(finished):
    jobs, report = finished
    assert {job.state for job in jobs} == {"done"}
    names = [job.job.name for job in jobs]
    assert len(names) == len(set(names)) == 2 * (1 + 3 * 2 + 2) + 1
    assert report.read_text().startswith("<!doctype html>")
    assert {"results.json", "results.csv", "report.html", "campaign.yaml"} <= {p.name for p in report.parent.iterdir()}


def test_results_hold_what_was_asked(finished):
    _, report = finished
    results = json.loads((report.parent / "results.json").read_text())
    assert [system["name"] for system in results["systems"]] == ["c-LiSi", "a-Li15Si4"]
    for system in results["systems"]:
        assert [run["temperature_K"] for run in system["runs"]] == [900, 1200, 1500]
        assert set(system["arrhenius"]) == {"Li", "Si"}
        for run in system["runs"]:
            names = {(quantity["name"], quantity["species"]) for quantity in run["quantities"]}
            assert {
                ("tracer_diffusivity", "Li"),
                ("tracer_diffusivity", "Si"),
                ("ionic_conductivity", "Li"),
                ("density", None),
                ("volume_per_host_atom", None),
                ("temperature", None),
                ("pressure", None),
            } <= names
    for document in results["quantities"]:
        quantity = Quantity.from_dict(document)
        assert quantity.to_dict() == document
        assert quantity.method
        assert quantity.value is not None or quantity.warnings


def test_every_lag_of_the_mean_squared_displacement_is_in_a_table(finished):
    _, report = finished
    (folder,) = report.parent.glob("a-Li15Si4-diffuse-1500K-*")
    table = np.genfromtxt(folder / "msd.csv", delimiter=",", names=True)
    assert table.dtype.names == ("lag_time_ps", "msd_Li_A2", "msd_Si_A2")
    assert np.allclose(table["lag_time_ps"], np.arange(151) * 0.01)
    results = json.loads((report.parent / "results.json").read_text())
    curve = results["systems"][1]["runs"][2]["msd"]["Li"]
    assert np.allclose(np.interp(curve["lag_time_ps"], *(table[n] for n in table.dtype.names[:2])), curve["msd_A2"])


def test_crystal_that_does_not_diffuse_is_said_not_to(finished):
    _, report = finished
    results = json.loads((report.parent / "results.json").read_text())
    crystal = results["systems"][0]
    lithium = [
        q for q in crystal["runs"][0]["quantities"] if q["name"] == "tracer_diffusivity" and q["species"] == "Li"
    ]
    assert lithium[0]["value"] is None
    assert lithium[0]["converged"] is False
    assert "not diffusive yet" in lithium[0]["warnings"][0]


def test_mean_temperature_is_the_one_asked_for(finished):
    _, report = finished
    results = json.loads((report.parent / "results.json").read_text())
    for system in results["systems"]:
        for run in system["runs"]:
            (temperature,) = [q for q in run["quantities"] if q["name"] == "temperature"]
            assert abs(temperature["value"] - run["temperature_K"]) < max(
                4 * temperature["uncertainty"], 0.05 * run["temperature_K"]
            )


def test_again_nothing_is_run_and_the_report_is_the_same(finished, campaign_file):
    _, report = finished
    before = report.read_text()
    jobs, again = run_campaign(campaign_file, report.parent, command=["anodeflow", "run"])
    assert all(job.reused for job in jobs)
    assert again.read_text() == before
    assert report_campaign(report.parent).read_text() == before


def test_plain_jobflow_gives_the_same_numbers(finished, campaign_file, tmp_path):
    jobs, _ = finished
    ours = {job.job.name: read_result(job.folder)["output"] for job in jobs}
    flow = diffusion_flow(read_campaign(campaign_file))
    store = JobStore(MemoryStore())
    responses = run_locally(flow, store=store, log=False, root_dir=tmp_path, ensure_success=True)
    names = {job.uuid: job.name for job, _ in flow.iterflow()}
    assert len(responses) == len(ours)
    for uuid, response in responses.items():
        theirs, mine = response[1].output, ours[names[uuid]]
        for left, right in zip(theirs.get("quantities", []), mine.get("quantities", []), strict=True):
            assert left["name"] == right["name"]
            if left["value"] is None:
                assert right["value"] is None
            else:
                assert np.isclose(left["value"], right["value"], rtol=1e-9)
