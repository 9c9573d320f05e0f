"""Lithiation series and fronts: what is refused, and small real ones from file to report."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import yaml
from anodeflow.analysis.mechanics.layers import read_layers
from anodeflow.engines.lammps.layers import STRESS_PROFILE, LayerSampling, layer_files
from anodeflow.engines.lammps.log import read_logs
from anodeflow.engines.lammps.md import MDSettings, run_md
from anodeflow.engines.lammps.relax import relax
from anodeflow.engines.lammps.setup import System
from anodeflow.engines.resources import Resources
from anodeflow.errors import InputError
from anodeflow.hpc.campaigns import run_campaign
from anodeflow.potentials.cards import card
from anodeflow.structures.phases import phase
from anodeflow.workflows.campaign import read_campaign
from anodeflow.workflows.sections import campaign_flow
from anodeflow.workflows.series.flow import formula, samples
from anodeflow.workflows.series.jobs import ElasticMaker, StrainMaker

EXAMPLES = Path(__file__).parents[2] / "examples"
MODEL = card("LiSi-MEAM-Cui2012")
SERIES = """\
name: small
seed: 3
potential: LiSi-MEAM-Cui2012
series:
  host: Si
  x: [0, 3.75]
  crystals: [Si]
  atoms: 24
  replicas: 2
  melt_quench: {melt_temperature_K: 1800, melt_ps: 0.2, quench_rate_K_ps: 5000, anneal_ps: 0.1}
  equilibration_ps: 0.3
  diffusion: {temperatures_K: [1200], equilibration_ps: 0.1, production_ps: 1, frame_interval_fs: 20}
  strain: {rate_1_ps: 0.2, largest: 0.1}
"""
FRONT = """\
name: small
seed: 5
potential: LiSi-MEAM-Cui2012
lithiation_front:
  faces: [Si(100), a-Si]
  alloy: Li15Si4
  host_thickness_A: 8
  alloy_thickness_A: 9
  area_A2: 60
  melt_quench: {melt_temperature_K: 2000, melt_ps: 0.1, quench_rate_K_ps: 8000, final_temperature_K: 900}
  equilibration_ps: 0.2
  production_ps: 1
  window_ps: 0.1
  sample_every: 10
"""


def _read(tmp_path, text, *changes):
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    path = tmp_path / "campaign.yaml"
    path.write_text(text)
    return read_campaign(path)


@pytest.mark.parametrize(
    "name",
    [
        "lixsi_series",
        "lixsn_series",
        "lixsb_series",
        "lithiation_front",
        "dopant_screen",
        "stability_window",
    ],
)
def test_the_examples_are_read_built_and_resolved(name, tmp_path):
    if "potential: chgnet" in (EXAMPLES / f"{name}.yaml").read_text():
        pytest.importorskip("chgnet")
    campaign = read_campaign(EXAMPLES / f"{name}.yaml")
    resolved = tmp_path / "resolved.yaml"
    resolved.write_text(yaml.safe_dump(campaign.resolved()))
    assert read_campaign(resolved) == campaign
    jobs = [job for job, _ in campaign_flow(campaign).iterflow()]
    assert {job.metadata["section"] for job in jobs} == set(campaign.sections)
    assert all(job.metadata["natoms"] > 1 and job.metadata["fingerprint"] for job in jobs)


@pytest.mark.parametrize(
    ("text", "old", "new", "message"),
    [
        (SERIES, "host: Si", "host: Sn", "does not describe Sn.*series.host"),
        (SERIES, "x: [0, 3.75]", "x: [2, 0]", "x has to ascend"),
        (SERIES, "x: [0, 3.75]", "x: [-1, 0]", "greater than or equal to 0"),
        (SERIES, "[Si]", "[Si, LiSn]", "not an ordered alloy of Li and Si"),
        (SERIES, "largest: 0.1", "largest: 0.05", "have to ascend"),
        (SERIES, "rate_1_ps: 0.2", "rate_1_ps: 10", "in 10 steps of timestep_fs, and a test takes 200 at least"),
        (SERIES, "host: Si", "host: Si\n  stack_presure_MPa: 5", "Did you mean 'stack_pressure_MPa'"),
        (FRONT, "a-Si]", "LiSi(100)]", "one element besides lithium"),
        (FRONT, "a-Si]", "Si(100)]", "a face stands twice"),
        (FRONT, "alloy: Li15Si4", "alloy: Si", "holds Si"),
        (FRONT, "production_ps: 1", "production_ps: 0.5", "eight windows"),
        (FRONT, "sample_every: 10", "sample_every: 30", "whole number of samples"),
        (FRONT, "a-Si]", "Ge(100)]", "Ge"),
    ],
)
def test_faults_are_told_before_anything_runs(tmp_path, text, old, new, message):
    with pytest.raises(InputError, match=message):
        campaign_flow(_read(tmp_path, text, (old, new)))


def test_contents_become_whole_formulas():
    assert [formula("Si", x) for x in (0, 0.33, 1, 2.5, 3.75)] == ["Si", "LiSi3", "LiSi", "Li5Si2", "Li15Si4"]


def test_a_series_takes_the_known_crystals_of_its_host(tmp_path):
    found = samples(_read(tmp_path, SERIES, ("  crystals: [Si]\n", "")))
    labels = [sample.label for sample in found if sample.phase == "crystal"]
    assert labels[:2] == ["c-Li", "c-Si"]
    assert {"c-LiSi", "c-Li12Si7", "c-Li7Si3", "c-Li13Si4", "c-Li15Si4"} == set(labels[2:])
    x = {sample.label: sample.x for sample in found}
    assert x["c-Li15Si4"] == x["a-Li15Si4"] == 3.75
    assert x["c-Li"] is None


@pytest.mark.engine
def test_elastic_constants_do_not_depend_on_the_cell(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    found = []
    for name, cell in (
        ("cubic", phase("Si").structure),
        ("triclinic", phase("Si").structure.get_primitive_structure()),
    ):
        rest = relax(System.of(cell, MODEL), tmp_path / name, Resources(), cell="tri").structure
        document = ElasticMaker.make.original(ElasticMaker(MODEL, name=f"{name} elastic"), rest)
        assert document["stable"]
        found.append({quantity["name"]: quantity["value"] for quantity in document["quantities"]})
    for name in ("bulk_modulus", "shear_modulus", "biaxial_modulus"):
        assert found[0][name] == pytest.approx(found[1][name], rel=5e-3)
    assert found[0]["bulk_modulus"] == pytest.approx(100, rel=0.05)  # the model's own, DFT and experiment: 98 GPa


@pytest.mark.engine
def test_a_strained_cell_follows_its_rate_and_is_free_sideways(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    cell = phase("Li7Si3").structure  # hexagonal
    for test, axis, free in (("uniaxial_tension", "lz", ("pxx", "pyy")), ("biaxial_compression", "lx", ("pzz",))):
        maker = StrainMaker.of(
            MODEL, test, rate_1_ps=0.05, largest=0.08, elastic_to=0.03, offset=0.01, flow_from=0.05,
            temperature_K=300, timestep_fs=2, name=test,
        )  # fmt: skip
        document = StrainMaker.make.original(maker, cell)
        thermo = read_logs(sorted((tmp_path / test.replace("_", "_")).glob("log.*.lammps")))
        strain = thermo[axis][-1] / thermo[axis][0] - 1
        assert abs(strain) == pytest.approx(0.08, rel=0.02)
        assert np.sign(strain) == (1 if test == "uniaxial_tension" else -1)
        loaded = "pzz" if test == "uniaxial_tension" else "pxx"
        late = len(thermo.table) // 2
        for name in free:
            assert abs(thermo[name][late:].mean()) < 0.3 * abs(thermo[loaded][late:].mean())
        modulus = next(q for q in document["quantities"] if q["name"].endswith("_modulus"))
        assert 10 < modulus["value"] < 200


@pytest.mark.engine
def test_layers_add_up_to_the_pressure_and_survive_a_kill(tmp_path):
    system = System.of(phase("Li7Si3").structure, MODEL)
    sampling = LayerSampling(5, every=10, window=100, centre="Si")
    settings = MDSettings(
        "npt", 1200, 500.0, 7, cell="stack", pressure_GPa=0.2, layers=sampling, dump_every=0, thermo_every=10,
        restart_every=300,
    )  # fmt: skip
    calm = run_md(system, settings, tmp_path / "calm", Resources())
    windows = read_layers(layer_files(calm.directory, STRESS_PROFILE))
    assert windows.step.tolist() == list(range(100, 1300, 100))
    assert np.allclose(windows.count.sum(axis=1), 60)
    for number, end in enumerate(windows.step):
        inside = (calm.thermo["step"] > end - 100) & (calm.thermo["step"] <= end)
        for component, name in enumerate(("pxx", "pyy", "pzz", "pxy", "pxz", "pyz")):
            expected = -(calm.thermo[name] * calm.thermo["vol"])[inside].mean()  # bar·Å³
            assert windows.values[number, :, component].sum() == pytest.approx(expected, rel=1e-6, abs=1)

    class Killed(Exception):
        pass

    def kill(step, total, rate):
        if 500 <= step < 1200:
            raise Killed

    with pytest.raises(Killed):
        run_md(system, settings, tmp_path / "killed", Resources(), progress=kill)
    again = run_md(system, settings, tmp_path / "killed", Resources())
    assert again.segments == 2
    for name in (STRESS_PROFILE, "layer_Li", "layer_Si"):
        one, other = (read_layers(layer_files(run.directory, name)) for run in (calm, again))
        assert np.array_equal(one.step, other.step)
        assert np.allclose(one.values, other.values, rtol=1e-6, atol=1e-3)


@pytest.mark.engine
@pytest.mark.parametrize("cell", ["stack", "normal"])
def test_a_stack_pressure_acts_along_the_normal_alone(tmp_path, cell):
    system = System.of(phase("Li7Si3").structure, MODEL)
    settings = MDSettings("npt", 1500, 200.0, 7, cell=cell, pressure_GPa=4.0, dump_every=0, thermo_every=5)
    thermo = run_md(system, settings, tmp_path, Resources()).thermo
    late = thermo["step"] > 500
    pressure = {name: thermo[name][late].mean() * 1e-4 for name in ("pxx", "pyy", "pzz")}
    assert pressure["pzz"] == pytest.approx(4.0, abs=0.6)
    if cell == "stack":
        assert abs(pressure["pxx"]) < 0.6
        assert abs(pressure["pyy"]) < 0.6
    else:
        assert np.ptp(thermo["lx"]) == np.ptp(thermo["ly"]) == 0


@pytest.mark.engine
def test_a_small_series_runs_to_its_report(tmp_path):
    (tmp_path / "series.yaml").write_text(SERIES)
    jobs, report = run_campaign(tmp_path / "series.yaml", tmp_path / "run")
    assert {job.state for job in jobs} == {"done"}
    results = json.loads((tmp_path / "run" / "results.json").read_text())
    (part,) = results["parts"]
    by_label = {(group["label"], group.get("temperature_K")): group for group in part["groups"]}
    names = {q["name"]: q for q in by_label["a-Li15Si4", 300.0]["quantities"]}
    assert names["volume_expansion"]["n_effective"] == 2
    assert 200 < names["volume_expansion"]["value"] < 400
    volume = {
        label: next(q["value"] for q in group["quantities"] if q["name"] == "volume_per_host_atom")
        for (label, at), group in by_label.items()
        if at == 300.0
    }
    expected = 100 * (volume["a-Li15Si4"] / volume["c-Si"] - 1)
    assert names["volume_expansion"]["value"] == pytest.approx(expected, rel=1e-6)
    assert any("voltages are not to be trusted" in text for text in results["warnings"])
    text = report.read_text()
    assert text.index("voltages are not to be trusted") < text.index("Volume expansion")
    assert {plot["key"] for plot in part["plots"]} >= {"expansion", "voltage", "hull", "moduli", "strength"}
    again, _ = run_campaign(tmp_path / "series.yaml", tmp_path / "run")
    assert all(job.reused for job in again)


@pytest.mark.engine
def test_a_small_front_runs_to_its_report(tmp_path):
    (tmp_path / "front.yaml").write_text(FRONT)
    jobs, report = run_campaign(tmp_path / "front.yaml", tmp_path / "run")
    assert {job.state for job in jobs} == {"done"}
    results = json.loads((tmp_path / "run" / "results.json").read_text())
    (part,) = results["parts"]
    assert [group["label"] for group in part["groups"]] == ["Si(100)", "a-Si"]
    for group in part["groups"]:
        names = {q["name"]: q for q in group["quantities"]}
        assert names["front_compression"]["reference"] is not None
        balanced = names["normal_stress_imbalance"]["converged"]
        assert names["front_compression"]["converged"] == balanced
        assert (f"Stress across {group['label']} (not equilibrated)" in report.read_text()) != balanced
    run = next((tmp_path / "run").glob("Si-100-front-*"))
    output = json.loads((run / "result.json").read_text())["output"]
    share = np.array(output["profile"]["lithium_share"], dtype=float)
    assert share[1] < 0.1 < 0.5 < share.max()
    assert output["profile"]["host_neighbours"][1] == pytest.approx(4, abs=0.3)
    thermo = read_logs(sorted((run / "1-front").glob("log.*.lammps")))
    late = thermo["step"] > 200
    whole = np.mean(output["profile"]["stress_zz_GPa"])
    assert whole == pytest.approx(-thermo["pzz"][late].mean() * 1e-4, abs=0.02)
    assert not list(run.rglob("*.lammpstrj"))
