"""The section ``screen``: cells, sites, places to adsorb, and small real screens from file to ranked report."""

from __future__ import annotations

import json

import numpy as np
import pytest
from anodeflow.errors import InputError
from anodeflow.hpc.campaigns import run_campaign
from anodeflow.quantity import Quantity
from anodeflow.structures.distances import contact_distance
from anodeflow.structures.phases import phase
from anodeflow.workflows.campaign import read_campaign
from anodeflow.workflows.screen.cells import build_cell, hollows, largest_gap, on_top
from anodeflow.workflows.screen.flow import reference
from anodeflow.workflows.screen.jobs import parted
from anodeflow.workflows.screen.results import screen_part
from anodeflow.workflows.sections import campaign_flow
from pymatgen.core import Lattice, Structure
from pymatgen.symmetry.analyzer import SpacegroupAnalyzer

SCREEN = """\
name: small
seed: 3
potential: LiSi-MEAM-Cui2012
screen:
  cells:
    twist:
      grain_boundary: {crystal: Si, sigma: 5, axis: [0, 0, 1], plane: [2, 1, 0], thickness_A: 8, repeat: [1, 1]}
  element: Si
  dopants: [Li]
  boundary_sites: 2
  interior_sites: 2
"""
FACES = """\
name: faces
seed: 3
potential: LiSi-MEAM-Cui2012
screen:
  cells:
    face: {surface: {crystal: Si, plane: [1, 1, 1], thickness_A: 8, vacuum_A: 12}}
  element: Si
  dopants: [Li]
  boundary_sites: 1
  interior_sites: 2
  adsorbate: Li
  adsorption_sites: 1
"""
SHEET = """\
name: sheet
seed: 3
potential: chgnet
screen:
  cells:
    sheet: {crystal: graphene, repeat: [3, 3]}
  element: C
  dopants: [B]
  adsorbate: Li
"""


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
        ("dopants: [Li]", "dopants: [Si]", "cannot dope itself"),
        ("dopants: [Li]", "dopants: [Al]", "does not describe Al.*screen.dopants"),
        ("dopants: [Li]", "dopants: [Li, Li]", "stands twice"),
        ("sigma: 5", "sigma: 4", "Σ4 does not exist"),
        ("boundary_sites: 2", "boundary_sites: 90", "Ask for fewer sites"),
        ("interior_sites: 2", "interior_sites: 1", "greater than or equal to 2"),
        ("  element: Si\n", "", "'dopants' needs 'element'"),
        ("    twist:\n", "    twist:\n      crystal: Si\n", "give exactly one of 'grain_boundary'"),
        ("dopants: [Li]", "dopants: [Li]\n  adsorbate: Li", "has no free face"),
        ("dopants: [Li]", "dopants: [Li]\n  references: {Li: Si}", "Si is not pure Li"),
        ("dopants: [Li]", "dopants: [Li]\n  rank_by: beauty", "rank_by"),
        ("crystal: Si, sigma", "crystal: Ge, sigma", "does not describe Ge|sites of Si|atoms of Si"),
        ("    twist:\n", "    a/b:\n", "not a plain name"),
    ],
)
def test_faults_of_a_screen_are_told_before_anything_runs(tmp_path, old, new, message):
    with pytest.raises(InputError, match=message):
        campaign_flow(_read(tmp_path, SCREEN, (old, new)))


def test_grains_are_parted_at_one_contact_and_stay_whole(tmp_path):
    cell = build_cell("twist", _read(tmp_path, SCREEN).screen, 3)
    structure, sides = cell.structure.copy(), cell.sides
    structure.translate_sites(range(len(structure)), [0, 0, -0.07])  # some atoms now lie across the end of the cell
    closest = structure.distance_matrix[np.triu_indices(len(structure), 1)].min()
    for contact in (0, 1):
        open_cell = parted(structure, sides, 10.0, contact)
        assert open_cell.lattice.c == pytest.approx(structure.lattice.c + 10)
        assert open_cell.distance_matrix[np.triu_indices(len(structure), 1)].min() == pytest.approx(closest, abs=0.3)
        heights = np.sort(open_cell.frac_coords[:, 2] % 1.0) * open_cell.lattice.c
        gaps = np.diff(np.append(heights, heights[0] + open_cell.lattice.c))
        assert gaps.max() > 10
        across = np.flatnonzero(np.array(sides) == 1)
        below = np.flatnonzero(np.array(sides) == 0)
        kept = open_cell.distance_matrix[np.ix_(across, below)].min()
        assert kept < 3.5  # the other contact still holds
    assert not set(cell.near) & set(cell.far)


def test_sites_of_each_kind_of_cell_are_where_they_should_be(tmp_path):
    text = (
        FACES.replace(
            "  element: Si",
            "    joint: {interface: {lower: 'Si(100)', upper: a-LiSi, thickness_A: 9}}\n"
            "    bulk: {crystal: Li12Si7}\n  element: Si",
        )
        .replace("boundary_sites: 1", "boundary_sites: 4")
        .replace("thickness_A: 8, vacuum_A: 12}}", "thickness_A: 20, vacuum_A: 12}, repeat: [2, 2]}")
    )
    screen = _read(tmp_path, text.replace("  adsorbate: Li\n", "")).screen
    face = build_cell("face", screen, 3)
    heights = face.structure.cart_coords[:, 2]
    assert min(heights[list(face.near)]) > max(heights[list(face.far)])
    assert abs(heights[list(face.far)].mean() - (heights.min() + heights.max()) / 2) < 2
    assert face.free_face
    joint = build_cell("joint", screen, 3)
    assert {joint.sides[k] for k in (*joint.near, *joint.far)} == {0}  # silicon has more of the element
    inside = joint.structure.cart_coords[:, 2]
    top = max(inside[k] for k, side in enumerate(joint.sides) if side == 0)
    assert (top - inside[list(joint.near)]).max() < (top - inside[list(joint.far)]).min()
    assert not joint.free_face
    bulk = build_cell("bulk", screen, 3)
    assert bulk.far == ()
    assert len(bulk.near) == 4
    assert {bulk.structure[k].specie.symbol for k in bulk.near} == {"Si"}


def test_no_two_sites_are_equal_by_symmetry(tmp_path):
    text = SCREEN.replace("repeat: [1, 1]", "repeat: [2, 2]").replace("thickness_A: 8", "thickness_A: 12")
    text = text.replace("boundary_sites: 2", "boundary_sites: 4")
    screen = _read(tmp_path, text).screen
    cell = build_cell("twist", screen, 3)
    bare = Structure(cell.structure.lattice, cell.structure.species, cell.structure.frac_coords)
    same = SpacegroupAnalyzer(bare, symprec=0.01).get_symmetry_dataset().equivalent_atoms
    assert len(set(same)) < len(same) / 3  # the repeats alone make four of each
    assert len({int(same[k]) for k in (*cell.near, *cell.far)}) == len(cell.near) + len(cell.far) == 6
    with pytest.raises(InputError, match="distinct sites of Si at the face"):
        build_cell("face", _read(tmp_path, FACES.replace("boundary_sites: 1", "boundary_sites: 4")).screen, 3)


def test_a_ball_rolls_into_the_hollows_of_a_sheet():
    sheet = phase("graphene").structure.copy()
    sheet.make_supercell([4, 3, 1])
    sheet.translate_sites(range(len(sheet)), [0.0, 0.0, 0.97])
    reach, ring = contact_distance("Li", "C"), 2.464 / np.sqrt(3)
    top, *others = hollows(sheet, "Li", 5, 4, spacing_A=0.08)
    level = on_top(sheet)[:, 2].max()
    assert top[2] - level == pytest.approx(reach)
    assert len(others) == 4
    for point in others:
        assert point[2] - level == pytest.approx(np.sqrt(reach**2 - ring**2), abs=0.04)
        probe = sheet.copy()
        probe.append("Li", point, coords_are_cartesian=True)
        apart = np.sort(probe.distance_matrix[-1][:-1])
        assert apart[:6] == pytest.approx(np.full(6, reach), abs=0.1)
    probe = sheet.copy()
    probe.append("Li", others[0], coords_are_cartesian=True)
    assert probe.get_distance(5, len(sheet)) == pytest.approx(reach, abs=0.1)  # the nearest hollow is one of its own


def test_the_largest_gap_may_lie_across_the_end_of_the_cell():
    slab = Structure(Lattice.orthorhombic(4, 5, 20), ["Si"] * 3, [[0, 0, 0.9], [0, 0, 0.98], [0, 0, 0.1]])
    gap, top = largest_gap(slab)
    assert (gap, top) == (pytest.approx(16.0), pytest.approx(2.0))
    assert on_top(slab)[:, 2] == pytest.approx([-2.0, -0.4, 2.0])


def test_references_come_from_the_library_from_ase_or_from_nowhere(tmp_path):
    screen = _read(tmp_path, SHEET).screen
    assert reference("Al", screen).composition.reduced_formula == "Al"
    assert len(reference("Ta", screen)) == 1
    assert reference("Y", screen).lattice.gamma == pytest.approx(120)
    assert reference("B", screen) is None


def test_a_sheet_is_a_cell_with_a_face_and_a_place_of_each_kind(tmp_path):
    pytest.importorskip("chgnet")
    jobs = [job for job, _ in campaign_flow(_read(tmp_path, SHEET)).iterflow()]
    names = [job.name for job in jobs]
    assert {"sheet relax", "sheet undoped", "sheet undoped Li"} < set(names)
    assert sum("B site" in name for name in names) == 1  # all carbons are equal
    assert "sheet B Li" in names
    assert {"reference C", "reference Li"} <= set(names)


def _screened(tmp_path, *, relaxed=True, inside=(-9.0, -9.2)):
    """Return the quantities of lithium at the lower contact of two solids, whose contacts hold differently."""
    kind = "interface: {lower: 'Si(100)', upper: a-LiSi, thickness_A: 9}"
    (old,) = [line.strip() for line in SCREEN.splitlines() if "grain_boundary" in line]
    campaign = _read(tmp_path, SCREEN, (old, kind))
    found = [("undoped", "boundary", -10.0, (1.2, 0.4))]
    found += [("Li", "boundary", -9.5, (1.0,)), ("Li", "boundary", -9.4, (0.98,))]
    found += [("Li", "interior", energy, ()) for energy in inside]
    rows, documents = [], []
    for system, place, energy, works in found:
        rows.append({"metadata": {"section": "screen", "cell": "twist", "system": system, "place": place}})
        quantities = [Quantity("energy", energy, "eV", converged=relaxed or energy != -9.4)]
        quantities += [Quantity("work_of_separation", work, "J/m^2") for work in works]
        documents.append({"output": {"quantities": [quantity.to_dict() for quantity in quantities]}})
    part = screen_part(campaign, rows, documents)
    group = next(group for group in part["groups"] if group["label"] == "Li")
    return {one["name"]: Quantity.from_dict(one) for one in group["quantities"]}


def test_a_dopant_is_held_against_its_own_contact(tmp_path):
    """By hand: 0.99 less 1.2 J/m², not less the mean of 1.2 and 0.4."""
    strengthening = _screened(tmp_path)["strengthening"]
    assert strengthening.value == pytest.approx(-0.21) and strengthening.uncertainty == pytest.approx(0.01)
    assert "error is not in it" in strengthening.method


def test_an_interval_from_two_sites_is_as_wide_as_two_sites_leave_it(tmp_path):
    """Student's t of one degree of freedom is 12.7, so that 0.4 eV is not seen."""
    segregation = _screened(tmp_path)["segregation_energy"]
    assert segregation.value == pytest.approx(-0.4) and segregation.uncertainty == pytest.approx(0.1414, rel=1e-3)
    low, high = segregation.interval95
    assert (low, high) == pytest.approx((-0.4 - 12.706 * 0.1414, -0.4 + 12.706 * 0.1414), rel=1e-3)


def test_what_rests_on_forces_that_are_left_does_not_count_as_converged(tmp_path):
    assert all(quantity.converged for quantity in _screened(tmp_path).values() if quantity.value is not None)
    assert not any(quantity.converged for quantity in _screened(tmp_path, relaxed=False).values())


def test_a_reference_that_is_not_relaxed_leaves_what_counts_from_it_without_a_verdict(tmp_path):
    places = {("undoped", "surface"): -10.0, ("Li", "surface"): -9.5}
    rows, documents = [], []
    for (system, place), energy in places.items():
        rows.append({"metadata": {"section": "screen", "cell": "face", "system": system, "place": place}})
        documents.append({"output": {"quantities": [Quantity("energy", energy, "eV").to_dict()]}})
        rows.append({"metadata": {"section": "screen", "cell": "face", "system": system, "place": "adsorption"}})
        energies = [Quantity("covered_energy", -12.0, "eV"), Quantity("clean_energy", -10.0, "eV")]
        documents.append({"output": {"quantities": [one.to_dict() for one in energies]}})
    for element, energy, converged in (("Si", -4.6, True), ("Li", -1.6, False)):
        rows.append({"metadata": {"section": "screen", "system": element, "place": "reference"}})
        relaxed = Quantity("energy_per_atom", energy, "eV", converged=converged)
        documents.append({"output": {"quantities": [relaxed.to_dict()]}})
    part = screen_part(_read(tmp_path, FACES), rows, documents)
    found = {one["name"]: one for group in part["groups"] if group["label"] == "Li" for one in group["quantities"]}
    assert found["substitution_energy"]["value"] == pytest.approx(-9.5 + 10.0 - 4.6 + 1.6)
    for name in ("substitution_energy", "adsorption_energy"):
        assert not found[name]["converged"] and "not fully relaxed" in " ".join(found[name]["warnings"])


@pytest.mark.engine
def test_a_small_screen_ranks_and_says_how_sure_it_is(tmp_path):
    (tmp_path / "screen.yaml").write_text(SCREEN)
    jobs, report = run_campaign(tmp_path / "screen.yaml", tmp_path / "run")
    assert {job.state for job in jobs} == {"done"}
    (part,) = json.loads((tmp_path / "run" / "results.json").read_text())["parts"]
    energies, per_atom = {}, {}
    for job in jobs:
        output = json.loads((job.folder / "result.json").read_text())["output"]
        named = {q["name"]: q["value"] for q in output["quantities"]}
        about = job.job.metadata
        if about["place"] == "reference":
            per_atom[about["system"]] = named["energy_per_atom"]
        elif output["kind"] == "solute":
            energies.setdefault((about["system"], about["place"]), []).append(named["energy"])
    found = {q["name"]: q for q in part["groups"][0]["quantities"]}
    segregation = found["segregation_energy"]
    inside = energies["Li", "interior"]
    assert segregation["value"] == pytest.approx(min(energies["Li", "boundary"]) - np.mean(inside))
    assert segregation["uncertainty"] == pytest.approx(np.std(inside, ddof=1))
    expected = np.mean(inside) + per_atom["Si"] - per_atom["Li"] - energies["undoped", "boundary"][0]
    assert found["interior_substitution_energy"]["value"] == pytest.approx(expected)
    difference = found["substitution_energy"]["value"] - found["interior_substitution_energy"]["value"]
    assert difference == pytest.approx(segregation["value"])
    assert found["work_of_separation"]["value"] > 0
    assert part["groups"][-1]["label"] == "undoped"
    assert "trengthening" in report.read_text()


@pytest.mark.engine
def test_an_adsorbate_is_held_more_strongly_where_it_has_its_hollow(tmp_path):
    (tmp_path / "screen.yaml").write_text(FACES)
    jobs, _ = run_campaign(tmp_path / "screen.yaml", tmp_path / "run")
    assert {job.state for job in jobs} == {"done"}
    (part,) = json.loads((tmp_path / "run" / "results.json").read_text())["parts"]
    outputs = {job.job.name: json.loads((job.folder / "result.json").read_text())["output"] for job in jobs}
    lithium = next(q["value"] for q in outputs["reference Li"]["quantities"] if q["name"] == "energy_per_atom")
    for label, name in (("Li", "face Li Li"), ("undoped", "face undoped Li")):
        output = outputs[name]
        assert len(output["places_eV"]) == 2
        group = next(group for group in part["groups"] if group["label"] == label)
        found = {q["name"]: q for q in group["quantities"]}
        assert found["adsorption_energy"]["value"] == pytest.approx(min(output["places_eV"]) - lithium)
    doped = {q["name"]: q["value"] for q in part["groups"][0]["quantities"]}
    assert doped["adsorption_change"] == pytest.approx(doped["adsorption_energy"] - found["adsorption_energy"]["value"])
    again, _ = run_campaign(tmp_path / "screen.yaml", tmp_path / "run")
    assert all(job.reused for job in again)


@pytest.mark.engine
def test_cells_without_dopants_are_ranked_by_how_they_hold(tmp_path):
    text = """\
name: joints
seed: 3
potential: LiSi-MEAM-Cui2012
screen:
  cells:
    low: {interface: {lower: 'Si(100)', upper: a-Li15Si4, thickness_A: 6, max_area_A2: 60}}
    annealed:
      interface: {lower: 'Si(100)', upper: a-Li15Si4, thickness_A: 6, max_area_A2: 60}
      anneal: {temperature_K: 900, length_ps: 0.3}
"""
    (tmp_path / "screen.yaml").write_text(text)
    jobs, _ = run_campaign(tmp_path / "screen.yaml", tmp_path / "run")
    assert {job.state for job in jobs} == {"done"}
    (part,) = json.loads((tmp_path / "run" / "results.json").read_text())["parts"]
    assert {group["label"] for group in part["groups"]} == {"low", "annealed"}
    works = [group["quantities"][0] for group in part["groups"]]
    assert works[0]["value"] > works[1]["value"] > 0
    assert all(work["n_effective"] == 2 for work in works)  # two contacts in each cell
    energy = {
        job.job.name: json.loads((job.folder / "result.json").read_text())["output"]["quantities"][0]["value"]
        for job in jobs
        if job.job.name.endswith(" relax")
    }
    assert energy["annealed relax"] != pytest.approx(energy["low relax"], abs=1e-4)
