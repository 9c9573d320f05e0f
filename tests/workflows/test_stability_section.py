"""The section ``stability``: what is refused, windows from relaxed and brought energies, molecules as references."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from anodeflow.errors import InputError
from anodeflow.hpc.campaigns import run_campaign
from anodeflow.potentials.cards import card
from anodeflow.quantity import Quantity
from anodeflow.structures.molecules import crown, molecule_in_box
from anodeflow.workflows.campaign import read_campaign
from anodeflow.workflows.sections import campaign_flow
from anodeflow.workflows.stability.flow import stability_part, structures

STABILITY = """\
name: small
seed: 3
potential: LiSi-MEAM-Cui2012
stability:
  electrolytes: [LiSi]
  phases: [Li, Si, LiSi]
  against: [Li, Si]
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
        ("[Li, Si, LiSi]\n  against: [Li, Si]", "[Li, LiSi]", "no phase of the element Si"),
        ("electrolytes: [LiSi]", "electrolytes: [Li15Si4]", "Li15Si4 is not among the phases"),
        ("phases: [Li, Si, LiSi]", "phases: [Li, Si, Si, LiSi]", "two phases are Si"),
        ("LiSi]\n  against", "LiSi, LiCl]\n  energies_eV_atom: {Cl: -1}\n  against", "does not describe Cl"),
        ("phases: [Li, Si, LiSi]", "phases: [Li, Si, LiSj]", "LiSj"),
        ("electrolytes: [LiSi]", "electrolytes: ['Li Si(']", r"'Li Si\(': this is not a chemical formula"),
        ("  against", "  energies_eV_atom: {'foo bar': -1}\n  against", "'foo bar': .*stability.energies_eV_atom"),
        ("  against", "  molecules: [Q7]\n  against", "no molecule.*stability.molecules: Q7"),
        ("  against", "  molecules: [Cl2]\n  box_A: 9\n  against", "Leave 8 Å of vacuum"),
        ("  against", "  molecules: [Li2, Li2]\n  against", "two phases are Li"),
    ],
)
def test_faults_of_a_window_are_told_before_anything_runs(tmp_path, old, new, message):
    with pytest.raises(InputError, match=message):
        campaign_flow(_read(tmp_path, STABILITY, (old, new)))


@pytest.mark.engine
def test_a_window_comes_from_relaxed_and_from_brought_energies(tmp_path):
    (tmp_path / "window.yaml").write_text(STABILITY)
    jobs, report = run_campaign(tmp_path / "window.yaml", tmp_path / "run")
    assert {job.state for job in jobs} == {"done"}
    results = json.loads((tmp_path / "run" / "results.json").read_text())
    (part,) = results["parts"]
    found = {q["name"]: q["value"] for q in part["groups"][0]["quantities"]}
    energies = {}
    for job in jobs:
        output = json.loads((job.folder / "result.json").read_text())["output"]
        formula = job.job.metadata["system"]
        energies[formula] = next(q["value"] for q in output["quantities"] if q["name"] == "energy_per_atom")
    assert found["oxidation_limit"] == pytest.approx(energies["Li"] + energies["Si"] - 2 * energies["LiSi"], rel=1e-6)
    assert found["reduction_limit"] == pytest.approx(0.0, abs=1e-9)
    assert found["energy_above_hull"] == pytest.approx(0.0, abs=1e-9)
    assert all(quantity["reference"] is None for quantity in part["groups"][0]["quantities"])  # that is of sulfides
    brought = STABILITY.replace("[Li, Si, LiSi]", f"[Li, Si]\n  energies_eV_atom: {{LiSi: {energies['LiSi']}}}")
    (tmp_path / "brought.yaml").write_text(brought)
    run_campaign(tmp_path / "brought.yaml", tmp_path / "other")
    (other,) = json.loads((tmp_path / "other" / "results.json").read_text())["parts"]
    assert {q["name"]: q["value"] for q in other["groups"][0]["quantities"]} == pytest.approx(found)
    assert "Oxidation limit" in report.read_text() or "oxidation limit" in report.read_text()


@pytest.mark.parametrize(("count", "angle"), [(8, 108.0), (6, 102.0), (12, 106.0)])
def test_a_crown_closes_with_equal_bonds_and_angles(count, angle):
    ring = crown(count, 2.05, angle)
    bonds = ring - np.roll(ring, 1, axis=0)
    assert np.linalg.norm(bonds, axis=1) == pytest.approx(np.full(count, 2.05))
    cosines = -(bonds * np.roll(bonds, -1, axis=0)).sum(axis=1) / 2.05**2
    assert np.degrees(np.arccos(cosines)) == pytest.approx(np.full(count, angle))
    assert ring.mean(axis=0) == pytest.approx(np.zeros(3), abs=1e-12)


def test_crowns_that_do_not_close_are_refused():
    for count, angle in ((7, 108.0), (8, 136.0), (2, 90.0)):
        with pytest.raises(InputError, match="no crown"):
            crown(count, 2.05, angle)


def test_a_molecule_stands_alone_in_its_box():
    ring = molecule_in_box("S8", box_A=16.0)
    own = ring.distance_matrix[np.triu_indices(8, 1)]
    assert own.max() < 5.0
    assert np.ptp(ring.cart_coords, axis=0).max() < 16.0 - 8.0
    assert molecule_in_box("PH3").composition.reduced_formula == "PH3"
    with pytest.raises(InputError, match="single atom"):
        molecule_in_box("H")


def test_molecules_stand_for_their_elements(tmp_path):
    text = STABILITY.replace("phases: [Li, Si, LiSi]", "phases: [Si, LiSi]\n  molecules: [Li2]")
    campaign = _read(tmp_path, text)
    assert set(structures(campaign)) == {"Si", "LiSi", "Li"}
    jobs = {job.name: job for job, _ in campaign_flow(campaign).iterflow()}
    assert jobs["Li relax"].maker.cell == "fixed"
    assert jobs["Si relax"].maker.cell == "tri"


@pytest.mark.engine
def test_a_molecule_shifts_the_window_by_its_own_energy(tmp_path):
    text = STABILITY.replace("phases: [Li, Si, LiSi]", "phases: [Si, LiSi]\n  molecules: [Li2]").replace(
        "against: [Li, Si]", "against: [Li]"
    )
    (tmp_path / "window.yaml").write_text(text)
    jobs, report = run_campaign(tmp_path / "window.yaml", tmp_path / "run")
    assert {job.state for job in jobs} == {"done"}
    results = json.loads((tmp_path / "run" / "results.json").read_text())
    energies = {}
    for job in jobs:
        output = json.loads((job.folder / "result.json").read_text())["output"]
        energies[job.job.metadata["system"]] = next(
            q["value"] for q in output["quantities"] if q["name"] == "energy_per_atom"
        )
    found = {q["name"]: q["value"] for q in results["parts"][0]["groups"][0]["quantities"]}
    assert found["oxidation_limit"] == pytest.approx(energies["Li"] + energies["Si"] - 2 * energies["LiSi"], rel=1e-6)
    assert any("as molecules alone" in text for text in results["warnings"])
    shown = report.read_text()
    assert shown.index("as molecules alone") < shown.index('<section id="part-stability"')


def test_energies_that_are_brought_stand_beside_those_of_splines(tmp_path):
    """Splines leave out an energy of each element: here lithium 2.25, silicon 3.81 eV; the brought LiSi holds them."""
    potential = Path(__file__).parents[2] / "examples" / "distilled-Si-Li6PS5Cl.yaml"
    brought = ("[Li, Si, LiSi]", "[Li, Si]\n  energies_eV_atom: {LiSi: -4.2}")
    campaign = _read(tmp_path, STABILITY, ("LiSi-MEAM-Cui2012", str(potential)), brought)
    references = card(str(potential)).model.reference_eV
    own = {"Li": -1.9 - references["Li"], "Si": -5.4 - references["Si"]}
    rows = [{"metadata": {"section": "stability", "system": formula}} for formula in own]
    energies = [Quantity("energy_per_atom", energy, "eV").to_dict() for energy in own.values()]
    part = stability_part(campaign, rows, [{"output": {"quantities": [energy]}} for energy in energies])
    found = {one["name"]: one["value"] for one in part["groups"][0]["quantities"]}
    assert found["oxidation_limit"] == pytest.approx(-1.9 - 5.4 + 2 * 4.2)


def test_what_rests_on_a_phase_that_did_not_relax_does_not_count_as_converged(tmp_path):
    text = STABILITY.replace("[LiSi]", "[LiSi, LiCl]").replace("LiSi]\n  against", "LiSi, LiCl, Cl]\n  against")
    energies = {"Li": (-1.6, True), "Si": (-4.6, False), "LiSi": (-3.4, True), "LiCl": (-3.5, True), "Cl": (-1.8, True)}
    rows = [{"metadata": {"section": "stability", "system": formula}} for formula in energies]
    documents = [
        {"output": {"quantities": [Quantity("energy_per_atom", energy, "eV", converged=relaxed).to_dict()]}}
        for energy, relaxed in energies.values()
    ]
    groups = stability_part(_read(tmp_path, text), rows, documents)["groups"]
    sure = {
        group["label"]: {(q["name"], q["species"]): q["converged"] for q in group["quantities"]} for group in groups
    }
    assert not any(sure["LiSi"].values())
    assert sure["LiCl"]["oxidation_limit", None] and sure["LiCl"]["reaction_energy", "LiCl | Li"]
    assert not sure["LiCl"]["reaction_energy", "LiCl | Si"]
