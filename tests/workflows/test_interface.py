"""Interfaces: what is refused, chemistry of known frames, and small real ones from file to report."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest
import yaml
from anodeflow.analysis.report import read_results
from anodeflow.analysis.structure.interface import track_interface
from anodeflow.engines.lammps.relax import relax
from anodeflow.engines.lammps.setup import System
from anodeflow.engines.resources import Resources
from anodeflow.errors import InputError
from anodeflow.hpc.campaigns import run_campaign
from anodeflow.hpc.needs import asked_needs
from anodeflow.potentials.cards import card
from anodeflow.potentials.guard import Guard
from anodeflow.structures.candidates import interface_candidates
from anodeflow.structures.phases import phase
from anodeflow.workflows.campaign import read_campaign
from anodeflow.workflows.interface.analysis import belonging
from anodeflow.workflows.interface.chemistry import follow_chemistry
from anodeflow.workflows.interface.flow import bulks_of, runs_of
from anodeflow.workflows.interface.jobs import InterfaceMaker
from anodeflow.workflows.interface.separation import rigid_adhesion, separate
from anodeflow.workflows.sections import campaign_flow

EXAMPLES = Path(__file__).parents[2] / "examples"
MODEL = card("LiSi-MEAM-Cui2012")
SMALL = """\
name: small
seed: 7
potential: LiSi-MEAM-Cui2012
interface:
  lower: Si(100)
  upper: LiSi(110)
  candidates: {thickness_A: 5, max_strain: 0.05, max_area_A2: 160, max_atoms: 300, terminations: 1, shifts: 2}
  temperature_K: 600
  stack_pressure_MPa: 50
  equilibration_ps: 0.2
  production_ps: 0.4
  replicas: 2
  frame_interval_fs: 10
  sample_every: 5
  window_ps: 0.05
"""
FILES = ("silicon_lpscl", "silicon_li21si5_lpscl", "tin_li3ps4", "antimony_libh4", "silicon_lipon", "silicon_llzo")


def _read(tmp_path, text, *changes):
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    path = tmp_path / "campaign.yaml"
    path.write_text(text)
    return read_campaign(path)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("lower: Si(100)", "lower: Sn(110)", "does not describe Sn"),
        ("replicas: 2", "replicas: 2\n  interlayers: [none, LiF:6]", "does not describe F.*interlayer LiF:6"),
        ("replicas: 2", "replicas: 2\n  interlayers: [none, none]", "an entry of interlayers stands twice"),
        ("replicas: 2", "replica: 2", "Did you mean 'replicas'"),
        ("max_strain: 0.05", "max_strain: 0.0001", "the best found is.*interlayer none"),
        ("production_ps: 0.4", "production_ps: 0.3", "eight windows"),
        ("sample_every: 5", "sample_every: 15", "whole number of samples"),
        ("lower: Si(100)", "lower: Si(000)", "000|no plane|Miller"),
    ],
)
def test_faults_are_told_before_anything_runs(tmp_path, old, new, message):
    with pytest.raises(InputError, match=message):
        campaign_flow(_read(tmp_path, SMALL, (old, new)))


def test_every_interlayer_has_its_jobs_and_every_run_its_velocities(tmp_path):
    campaign = _read(tmp_path, SMALL, ("replicas: 2", "replicas: 2\n  interlayers: [none, 'Li:4']"))
    flow = campaign_flow(campaign)
    jobs = [job for job, _ in flow.iterflow()]
    assert [job.name for job in jobs] == [
        f"{layer} {what}" for layer in ("none", "Li") for what in ("rank", "separate", "run 1", "run 2")
    ]
    assert len({runs_of(campaign, job.name)[0].seed for job in jobs if "run" in job.name}) == 4
    assert {job.metadata["section"] for job in jobs} == {"interface"}
    assert [needs.kind for needs in asked_needs(flow)][:3] == ["rank", "separate", "interface"]


@pytest.mark.engine
@pytest.mark.parametrize("lean", [False, True])
def test_a_relaxation_along_the_normal_keeps_the_plane(tmp_path, lean):
    cell = phase("Si").structure
    cell = cell.get_primitive_structure() if lean else cell
    system = System.of(cell, MODEL)
    strained = system.structure.copy()
    strained.apply_strain([0.02, 0.02, 0.0])
    before = System.of(strained, MODEL).structure.lattice.matrix
    rest = relax(System.of(strained, MODEL), tmp_path / "relax", Resources(), cell="normal", pressure_GPa=0.5)
    assert rest.converged
    after = rest.structure.lattice.matrix
    assert after[:2] == pytest.approx(before[:2], abs=1e-6)
    assert after[2, 2] < before[2, 2] - 0.01
    assert rest.stress_GPa[2] == pytest.approx(0.5, abs=0.02)


def test_a_torn_thiophosphate_is_counted_and_a_vibration_is_not():
    cell = np.array([[12.0, 0, 0], [3.0, 12.0, 0], [0, 0, 14.0]])
    arms = 2.05 / 3**0.5 * np.array([[1, 1, 1], [1, -1, -1], [-1, 1, -1], [-1, -1, 1]])
    centre = np.array([0.5, 0.2, 0.3])  # bonds cross the faces of the cell
    lithium = np.array([[4.0, 6, 7], [6.0, 6, 7]])
    start = np.concatenate([[centre], centre + arms, lithium])
    species = ["P", "S", "S", "S", "S", "Li", "Li"]
    stretched, torn = start.copy(), start.copy()
    stretched[1] += 0.35 * arms[0]  # longer than a bond that is made, shorter than one that is lost
    torn[1] += 1.2 * arms[0]
    frames = np.array([start, stretched, torn, stretched, start]) + cell[0]
    found = follow_chemistry(frames, np.repeat(cell[None], 5, axis=0), species, np.arange(5.0))
    assert found.at_start == {"P-S": 4}
    assert found.lost["P-S"].tolist() == [0, 0, 1, 1, 0]
    assert found.broken.tolist() == [0, 0, 1, 1, 0]
    assert found.units is not None
    assert found.units.tolist() == [1, 1, 0, 0, 1]
    assert found.free_anions["Li2S"].tolist() == [0, 0, 1, 1, 0]
    assert not found.new.any()


def test_a_bond_is_new_only_if_it_was_nowhere_near():
    cell = np.array([[9.0, 0, 0], [2.0, 9.0, 0], [1.0, 2.0, 9.0]])
    lengths = np.array([2.5, 2.1, 2.5, 4.0, 2.5, 2.1, 2.5])  # Sn-O: made within 2.56 Å, lost beyond 3.08 Å
    for shift, expected in ((0.3, [0, 0, 0, 0, 0, 1, 1]), (1.0, [0, 1, 0, 0, 0, 1, 0])):
        away = lengths + shift * (lengths != 2.1)
        positions = np.zeros((len(away), 2, 3))
        positions[:, 1] = away[:, None] * np.array([0.6, 0.0, 0.8])
        found = follow_chemistry(positions, np.repeat(cell[None], 7, axis=0), ["Sn", "O"], np.arange(7.0))
        assert not found.at_start
        assert found.new.tolist() == expected, shift


def test_lithium_that_both_sides_exchange_is_no_interphase():
    random = np.random.default_rng(4)
    period, count = 40.0, 4000
    sides = np.repeat([0, 1], count)
    height = np.concatenate([random.uniform(0, 20, count), random.uniform(20, 40, count)])
    species = np.array(["Li", "Si", "Li", "S"])[2 * sides + (random.random(2 * count) < 0.4)]
    part = belonging(species.tolist(), sides, 0, 1)
    assert set(part[species == "Si"]) == {1.0}
    assert set(part[species == "S"]) == {0.0}
    assert 0.4 < part[species == "Li"][0] < 0.6
    swapped = height.copy()
    lithium = np.flatnonzero((species == "Li") & (np.abs(height - 20) < 6))
    swapped[lithium] = swapped[random.permutation(lithium)]
    for chosen, grows in ((sides == 0, True), (part, False)):
        widths = [
            track_interface(
                np.repeat(one[None], 4, axis=0), chosen, window_A=(10, 30), period_A=period, time_step_ps=1.0, blocks=1
            ).width_A[0]
            for one in (height, swapped)
        ]
        assert widths[0] < 1.5
        assert (widths[1] > 5.0) == grows, widths


@pytest.mark.engine
def test_an_oxide_pair_parts_between_its_sides(tmp_path):
    oxides = card("Oxides-Pedone2006")
    found, _ = interface_candidates(["Li2O(100)"], ["MgO(100)"], thickness_A=4, max_strain=0.05, max_area_A2=60)
    made = found[0].interface.structure
    ranked = rigid_adhesion(made, oxides.ase_calculator(), vacuum_A=12)
    assert ranked.gap_A < 1.3
    parted = separate(
        ranked.structure, bulks_of(found[0]), oxides, tmp_path, Resources(), pressure_GPa=0.0, scan_A=3.0,
        vacuum_A=12.0, relaxed=False, source="test",
    )  # fmt: skip
    values = {quantity.name: quantity for quantity in parted.quantities}
    assert 0 < values["weakest_rigid_work"].value <= values["rigid_work_of_separation"].value + 1e-9
    assert values["rigid_work_of_separation"].uncertainty is not None  # two contacts
    assert values["interface_energy"].value is not None
    # parted far from each other two surfaces are made; the sum over the whole is the interface energy they leave
    assert all(min(one["work_J_m2"]) > 0 for one in parted.planes)
    assert parted.structure.site_properties["side"].count(0) == made.site_properties["side"].count(0)


LAYERED = (
    ("upper: LiSi(110)", "upper: Li(100)\n  interlayers: [none, 'a-Li3Si:4']"),
    ("thickness_A: 5", "thickness_A: 4"),
    ("max_area_A2: 160", "max_area_A2: 100"),
    ("shifts: 2}", "shifts: 1}\n  separation: {scan_A: 2, relaxed: false}"),
)


@pytest.mark.engine
def test_interlayers_stand_side_by_side(tmp_path):
    _read(tmp_path, SMALL, *LAYERED)
    run_campaign(tmp_path / "campaign.yaml", directory=tmp_path / "run", cores=2)
    (part,) = read_results(tmp_path / "run" / "results.json").parts
    groups = {group.label: {q.name: q for q in group.quantities} for group in part.groups}
    names = ["no interlayer", "no interlayer as built", "a-Li3Si", "a-Li3Si as built", "What a-Li3Si changes"]
    assert list(groups) == names
    bare, layered, changed = groups["no interlayer"], groups["a-Li3Si"], groups["What a-Li3Si changes"]
    for name in ("weakest_rigid_work", "peak_compression"):
        change = changed[f"change_of_{name}"]
        assert change.value == pytest.approx(layered[name].value - bare[name].value)
        assert change.uncertainty == pytest.approx(np.hypot(layered[name].uncertainty, bare[name].uncertainty))
    assert layered["interface_energy"].value is None
    assert "glass" in layered["interface_energy"].warnings[0]
    assert "change_of_interface_energy" not in changed
    assert "What a-Li3Si changes" in (tmp_path / "run" / "report.html").read_text()


@pytest.fixture(scope="module")
def ran(tmp_path_factory):
    folder = tmp_path_factory.mktemp("interface")
    (folder / "campaign.yaml").write_text(SMALL)
    return run_campaign(folder / "campaign.yaml", directory=folder / "run", cores=2), folder


@pytest.mark.engine
def test_a_campaign_runs_to_its_report(ran):
    _, folder = ran
    results = read_results(folder / "run" / "results.json")
    (part,) = results.parts
    label = "Si(100) | LiSi(110)"
    assert [group.label for group in part.groups] == [label, f"{label} as built"]
    own = {quantity.name: quantity for quantity in part.groups[0].quantities}
    assert set(part.overview) <= set(own)
    works = own["work_of_separation"]
    assert works.n_effective == 2
    assert works.uncertainty is not None
    assert works.value > 0
    built = {quantity.name: quantity for quantity in part.groups[1].quantities}
    assert built["interface_energy"].value == pytest.approx(own["interface_energy"].value, abs=1.0)
    assert own["side_1_diffusivity_along"].value is None  # there is no lithium in silicon
    assert "no Li is in the layer" in own["side_1_diffusivity_along"].warnings
    wanted = re.compile("no side 1 diffusivity along[^:;]*: no Li is in the layer")
    assert any(wanted.search(text) for text in results.warnings)
    assert {plot.key for plot in part.plots} >= {"planes", "thickness", "composition-0", "stress-0"}
    assert len(part.drawings) == 2
    assert part.tables[0].rows[0][1] >= part.tables[0].rows[1][1]
    page = (folder / "run" / "report.html").read_text()
    assert "ranked by adhesion without relaxation" in page
    continuum = json.loads((folder / "run" / "continuum.json").read_text())
    told = {row["property"] for row in continuum["rows"]} | {text.split(" of ")[0] for text in continuum["left_out"]}
    assert told >= {"work_of_separation", "interface_energy"}


@pytest.mark.engine
def test_a_second_run_reads_what_is_there(ran):
    _, folder = ran
    before = {path: path.stat().st_mtime_ns for path in (folder / "run").glob("*/result.json")}
    assert len(before) == 4
    run_campaign(folder / "campaign.yaml", directory=folder / "run", cores=2)
    assert {path: path.stat().st_mtime_ns for path in (folder / "run").glob("*/result.json")} == before


@pytest.mark.engine
def test_a_guard_that_stops_the_run_is_a_result(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    found, _ = interface_candidates(["Si(100)"], ["LiSi(110)"], thickness_A=5, max_area_A2=160, terminations=1)
    (tmp_path / "campaign.yaml").write_text(SMALL)
    first, second = runs_of(read_campaign(tmp_path / "campaign.yaml"), "none run 1")
    splines = card(str(EXAMPLES / "distilled-Si-Li6PS5Cl.yaml"))
    model = splines.model.model_copy(update={"guard": Guard(every=50, shortest_A={"Li-Si": 3.2})})
    watched = splines.model_copy(update={"model": model})
    structure = found[0].interface.structure.copy()
    for key in ("layer", "charge"):
        if key in structure.site_properties:
            structure.remove_site_property(key)
    document = InterfaceMaker.make.original(
        InterfaceMaker(watched, first, second, name="guarded"), structure, bulks_of(found[0])
    )
    assert "the guard of the model stopped the run" in document["stopped"]
    assert 0 < document["stopped_at_ps"] <= 0.2
    assert document["quantities"]
    assert not any(quantity["converged"] for quantity in document["quantities"])


@pytest.mark.engine
def test_a_crystal_cut_in_two_has_no_interface_energy_whatever_a_run_made_of_its_plane(tmp_path, monkeypatch):
    """The plane of a run with free sides ends strained, and so has the bulk that it is held against."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "campaign.yaml").write_text(SMALL)
    first, second = runs_of(read_campaign(tmp_path / "campaign.yaml"), "none run 1")
    bulk = phase("Si").structure
    whole = bulk.copy()
    whole.make_supercell([[1, 0, 0], [1, 2, 0], [0, 0, 3]])
    whole.add_site_property("side", [int(site.frac_coords[2] > 0.5) for site in whole])
    maker = InterfaceMaker(MODEL, first, second, sample_every=5, window=50, relaxed=False, name="none")
    document = InterfaceMaker.make.original(maker, whole, [bulk, bulk])
    assert document["structure"].lattice.a != pytest.approx(whole.lattice.a, rel=1e-3)
    energy = next(one for one in document["quantities"] if one["name"] == "interface_energy")
    assert energy["value"] == pytest.approx(0.0, abs=1e-5)


@pytest.mark.parametrize("name", [name for name in FILES if (EXAMPLES / f"{name}.yaml").exists()])
def test_the_examples_are_read_built_and_resolved(name, tmp_path):
    text = (EXAMPLES / f"{name}.yaml").read_text()
    if "potential: chgnet" in text:
        pytest.importorskip("chgnet")
    campaign = read_campaign(EXAMPLES / f"{name}.yaml")
    resolved = tmp_path / "resolved.yaml"
    resolved.write_text(yaml.safe_dump(campaign.resolved()))
    assert read_campaign(resolved) == campaign
    jobs = [job for job, _ in campaign_flow(campaign).iterflow()]
    assert {job.metadata["section"] for job in jobs} == {"interface"}
    assert all(job.metadata["natoms"] > 1 and job.metadata["fingerprint"] for job in jobs)
