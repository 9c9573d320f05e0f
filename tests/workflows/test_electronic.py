"""The section ``electronic``: what is refused before anything runs, and a campaign from a cell to its report."""

import importlib.util
import json
import sys

import numpy as np
import pytest
from anodeflow.engines import gpaw
from anodeflow.errors import EngineError, InputError
from anodeflow.hpc.campaigns import run_campaign
from anodeflow.hpc.plan import plan_flow
from anodeflow.hpc.probes import ProbeCache
from anodeflow.quantity import Quantity
from anodeflow.workflows.barrier.jobs import CrystalMaker
from anodeflow.workflows.campaign import read_campaign
from anodeflow.workflows.electronic.flow import part_atoms
from anodeflow.workflows.electronic.settings import PartSettings
from anodeflow.workflows.sections import campaign_flow
from jobflow import Flow
from pymatgen.core import Lattice, Structure

needs_gpaw = pytest.mark.skipif(
    importlib.util.find_spec("gpaw") is None, reason="GPAW is not installed: pip install 'anodeflow[dft]'"
)
pytestmark = pytest.mark.dft


def campaign_file(tmp_path, section):
    indented = "\n".join(f"  {line}" for line in section.strip().splitlines())
    path = tmp_path / "campaign.yaml"
    path.write_text(f"name: electrons\nseed: 3\npotential: LiX-EIM-Zhou2010\nelectronic:\n{indented}\n")
    return path


def oblique(path):
    """Write the primitive cell of LiCl, strained to three different angles."""
    strain = np.array([[1.02, 0.01, 0], [0.01, 0.99, 0.015], [0, 0.015, 1]])
    cell = 5.13 / 2 * np.array([[0, 1, 1], [1, 0, 1], [1, 1, 0]]) @ strain
    Structure(Lattice(cell), ["Li", "Cl"], [[0, 0, 0], [0.5, 0.5, 0.5]]).to(str(path), fmt="cif")


@needs_gpaw
@pytest.mark.parametrize(
    ("section", "said"),
    [
        ("structures: {}", "at least 1 item"),
        ("structures: {a: {phase: Si}}\nlevel: gpaw-best", "no DFT level is called 'gpaw-best'"),
        ("structures: {a: {phase: Xq9}}", r"no phase is called 'Xq9' \(electronic\.structures\.a"),
        ("structures: {a: {phase: Li6PS5Cl}}", "partly filled sites"),
        ("structures: {a: {phase: Si, supercell: [3, 3, 3]}}", "216 atoms are too many for DFT here"),
        ("structures: {a: {phase: Si, substitute: {element: Ge, dopant: Al}}}", r"electronic\.structures\.a"),
        ("structures: {a: {phase: Si, relax: positions}}", r"electronic\.structures\.a\.relax"),
        ("structures: {a: {phase: Si}}\ndifference: {b: {atoms: [0]}}", "'difference' names 'b'"),
        ("structures: {a: {phase: Si}}\ndifference: {a: {atoms: [9]}}", "there is no atom 9.*Count from 0 to 7"),
        ("structures: {a: {phase: Si}}\ndifference: {a: {elements: [Li]}}", "the part holds 0 of 8 atoms"),
        ("structures: {a: {phase: Si}}\ndifference: {a: {}}", "exactly one of 'elements', 'atoms' and 'above_A'"),
        ("structures: {a: {phase: Si}}\ncompute: []", "nothing is asked for"),
        ("structures: {a: {phase: Si, held_against: Si9}}", "no published gap of 'Si9' is known"),
        ("structures: {a: {phase: Si}}\nwindow_eV: [3, 3]", "window_eV has to rise"),
    ],
)
def test_what_is_wrong_is_one_sentence_before_anything_runs(tmp_path, section, said):
    with pytest.raises(InputError, match=said):
        campaign_flow(read_campaign(campaign_file(tmp_path, section)))
    assert [path.name for path in tmp_path.iterdir()] == ["campaign.yaml"]


def test_without_gpaw_the_campaign_says_so(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "gpaw", None)
    with pytest.raises(EngineError, match="GPAW is not installed"):
        campaign_flow(read_campaign(campaign_file(tmp_path, "structures: {a: {phase: Si}}")))


def test_atoms_above_a_height_are_taken_along_the_normal_of_a_tilted_cell():
    cell = Lattice([[4, 0, 0], [0, 4, 0], [2, 1, 8]])
    structure = Structure(cell, ["Li", "Si", "Si"], [[0, 0, 0.1], [0, 0, 0.4], [0, 0, 0.6]])
    assert part_atoms(structure, PartSettings(above_A=4.0), "a") == (2,)
    assert part_atoms(structure, PartSettings(above_A=3.0), "a") == (1, 2)
    assert part_atoms(structure, PartSettings(elements=("Si",)), "a") == (1, 2)


@needs_gpaw
@pytest.mark.engine
def test_a_campaign_goes_from_a_cell_to_gap_charges_and_the_difference(tmp_path, monkeypatch):
    """A coarse level, so that it takes seconds; relaxed first with a classical potential."""
    coarse = gpaw.GpawProtocol("gpaw-fast", 200.0, 200.0, 1.0, 0.05, 1e-3, "PBE", "seconds")
    monkeypatch.setitem(gpaw.PROTOCOLS, "gpaw-fast", coarse)
    oblique(tmp_path / "cell.cif")
    section = """
level: gpaw-fast
structures: {LiCl: {phase: cell.cif, relax: positions, held_against: LiPON}}
difference: {LiCl: {elements: [Li]}}
window_eV: [-6, 9]
"""
    jobs = run_campaign(campaign_file(tmp_path, section), tmp_path / "run", cores=1)[0]
    assert [job.state for job in jobs] == ["done"] * 3, [job.message for job in jobs]
    (part,) = json.loads((tmp_path / "run" / "results.json").read_text())["parts"]
    (group,) = part["groups"]
    found = {(one["name"], one["species"]): Quantity.from_dict(one) for one in group["quantities"]}
    gap = found["band_gap", None]
    assert 5 < gap.value < 8 and "too small" in gap.warnings[0]
    assert gap.reference.value == 6.3 and "322" in gap.reference.source
    lithium, chlorine = found["bader_charge", "Li"], found["bader_charge", "Cl"]
    assert lithium.value == pytest.approx(-chlorine.value, abs=1e-3) and lithium.value > 0.8
    assert found["charge_transfer", None].value == pytest.approx(lithium.value, abs=0.02)
    assert found["displaced_charge", None].value > 0.05
    states, difference = part["plots"]
    assert [curve["label"] for curve in states["curves"]] == ["total", "Li", "Cl"]
    assert difference["curves"][1]["y"][-1] == pytest.approx(0.0, abs=1e-3)
    page = (tmp_path / "run" / "report.html").read_text()
    assert "Density of states of LiCl" in page and "Charge-density difference of LiCl" in page
    (cube,) = (tmp_path / "run").glob("*/density_difference.cube")
    assert cube.read_text().splitlines()[2].split()[0] == "2"


@needs_gpaw
def test_the_plan_times_a_force_call_and_so_it_does_for_the_crystal_of_a_dft_ladder(tmp_path, monkeypatch):
    coarse = gpaw.GpawProtocol("gpaw-fast", 150.0, 150.0, 1.2, 0.05, 1e-3, "PBE", "seconds")
    monkeypatch.setitem(gpaw.PROTOCOLS, "gpaw-fast", coarse)
    oblique(tmp_path / "cell.cif")
    section = "level: gpaw-fast\nstructures: {LiCl: {phase: cell.cif}}\ndifference: {LiCl: {elements: [Li]}}\n"
    flow = campaign_flow(read_campaign(campaign_file(tmp_path, section)))
    cache = ProbeCache(tmp_path / "probes.json")
    jobs = plan_flow(flow, cores=1, cache=cache).jobs
    assert [job.kind for job in jobs] == ["electronic", "density difference"]
    assert all(job.probed and job.cpu_s > 0.5 for job in jobs) and cache.taken == 1

    job = CrystalMaker("gpaw-fast", name="crystal").make(Structure.from_file(tmp_path / "cell.cif"))
    (crystal,) = plan_flow(Flow([job]), cores=1, cache=cache).jobs
    assert crystal.kind == "crystal" and crystal.probed and crystal.cpu_s > 0.5
