"""Files of the user's in every section: found beside the campaign file, carried into the run, moved with it."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pytest
import yaml
from anodeflow.errors import InputError
from anodeflow.hpc.campaigns import prepare_folder, report_campaign, run_campaign
from anodeflow.hpc.export import export_run
from anodeflow.hpc.inputs import carried
from anodeflow.potentials.cards import card
from anodeflow.structures.phases import phase
from anodeflow.workflows.campaign import read_campaign
from anodeflow.workflows.distil.campaign import read_distil_campaign
from anodeflow.workflows.sections import campaign_flow
from pymatgen.core import Lattice, Structure

EVERY = """\
name: every
seed: 1
potential: mine/card.yaml
systems: {a: {phase: mine/own.cif}}
diffusion: {temperatures_K: [300, 400]}
series: {host: Si, x: [0, 1], crystals: [mine/own.cif]}
lithiation_front: {faces: ['mine/own.cif(100)', 'a-Si'], alloy: Li15Si4}
interface: {lower: 'mine/own.cif(100)', upper: a-Li15Si4, interlayers: [none, 'other/own.cif:8']}
screen:
  cells:
    x: {grain_boundary: {crystal: mine/own.cif, plane: [2, 1, 0]}}
    y: {interface: {lower: 'mine/own.cif(100):6', upper: Si}}
    z: {surface: {crystal: mine/own.cif, plane: [1, 0, 0]}}
  references: {Si: mine/own.cif}
stability: {electrolytes: [LiSi], phases: [Li, mine/own.cif, other/own.cif]}
barrier:
  species: Li
  seen: {trajectory: mine/run.lammpstrj, data: mine/run.data}
  levels: [{name: mine/card.yaml}, {name: LiSi-MEAM-Cui2012}]
electronic: {structures: {a: {phase: mine/own.cif}}}
energetics:
  level: mine/card.yaml
  references: {Si: mine/own.cif}
  adsorption: {a: {surface: {crystal: mine/own.cif, plane: [1, 0, 0]}, species: Li, sites: {t: [0, 0]}}}
  sliding: {s: {grain_boundary: {crystal: mine/own.cif, plane: [2, 1, 0]}}}
"""
TWO = """\
name: two
seed: 1
potential: LiSi-MEAM-Cui2012
screen: {cells: {x: {crystal: own.cif}}}
stability: {electrolytes: [LiSi], phases: [Li, own.cif, sheared.cif], against: [Li]}
"""


def _files(folder):
    """Write silicon, a strained cell of LiSi with three different angles, and a card into a folder."""
    folder.mkdir(parents=True)
    phase("Si").structure.to(str(folder / "own.cif"))
    structure = phase("LiSi").structure
    sheared = np.array(structure.lattice.matrix) @ np.array([[1, 0.02, 0.01], [0, 1, 0.015], [0, 0, 1]])
    Structure(Lattice(sheared), structure.species, structure.frac_coords).to(str(folder / "sheared.cif"))
    content = card("LiSi-MEAM-Cui2012").model_dump(mode="json", exclude={"reference_table"})
    (folder / "card.yaml").write_text(yaml.safe_dump(content))
    (folder / "run.lammpstrj").write_text("frames\n")
    (folder / "run.data").write_text("types\n")


def _texts(value):
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return [value] if isinstance(value, str) else [text for one in inner for text in _texts(one)]


def test_every_section_finds_its_files_beside_the_campaign_and_carries_them(tmp_path, monkeypatch):
    here, root = tmp_path / "here", tmp_path / "run"
    _files(here / "mine")
    _files(here / "other")
    (here / "every.yaml").write_text(EVERY)
    monkeypatch.chdir(tmp_path)
    campaign = read_campaign(here / "every.yaml")
    asked = [text for text in _texts(yaml.safe_load(EVERY)) if "/" in text]
    found = [text for text in _texts(campaign.resolved()) if text.startswith(str(here))]
    assert sorted(text.removeprefix(f"{here}/") for text in found) == sorted(asked)
    prepare_folder(campaign, root, here / "every.yaml", [])
    shutil.rmtree(here)
    written = (root / "campaign.yaml").read_text()
    assert str(tmp_path) not in written
    assert "inputs/stability/own.cif" in written and "inputs/stability/2/own.cif" in written
    moved = shutil.move(root, tmp_path / "moved")
    again = read_campaign(tmp_path / "moved" / "campaign.yaml")
    carried_texts = [text for text in _texts(again.resolved()) if text.startswith(str(moved))]
    assert len(carried_texts) == len(asked)
    settings, copies = carried(again, tmp_path / "moved")
    assert not copies and yaml.safe_dump(settings.resolved(), sort_keys=False, allow_unicode=True) == written
    (tmp_path / "moved" / "inputs" / "stability" / "own.cif").unlink()
    with pytest.raises(InputError, match=r"not there any more \(.*stability/own\.cif\)"):
        carried(again, tmp_path / "moved")


def test_a_distillation_finds_its_files_too(tmp_path, monkeypatch):
    _files(tmp_path / "here")
    systems = "{a: {phase: own.cif}, b: {interface: {lower: 'own.cif(100)', upper: Si}}}"
    text = f"name: d\nseed: 1\nteacher: card.yaml\nsystems: {systems}\n"
    (tmp_path / "here" / "d.yaml").write_text(text)
    monkeypatch.chdir(tmp_path)
    asked, copies = carried(read_distil_campaign(tmp_path / "here" / "d.yaml"), tmp_path / "run")
    assert set(copies) == {"inputs/card.yaml", "inputs/a/own.cif", "inputs/b/interface/own.cif"}
    assert asked.systems["b"].interface.lower == "inputs/b/interface/own.cif(100)"


def test_a_run_that_was_moved_has_the_same_names_and_hashes(tmp_path):
    """What a side is called holds no folder, so neither do seeds, labels and the hashes of jobs."""
    section = "interface: {lower: 'own.cif(100)', upper: a-LiSi, candidates: {max_atoms: 400}}"
    made = []
    for name in ("one", "two"):
        _files(tmp_path / name)
        (tmp_path / name / "c.yaml").write_text(f"name: c\nseed: 1\npotential: LiSi-MEAM-Cui2012\n{section}\n")
        flow = campaign_flow(read_campaign(tmp_path / name / "c.yaml"))
        made.append([(job.name, str(job.function_args)) for job, _ in flow.iterflow()][:1])
    assert made[0] == made[1]
    assert str(tmp_path) not in str(made)


@pytest.mark.engine
def test_a_campaign_with_files_is_moved_and_reported_on_from_another_folder(tmp_path, monkeypatch):
    here, elsewhere = tmp_path / "here", tmp_path / "elsewhere"
    _files(here)
    elsewhere.mkdir()
    (here / "two.yaml").write_text(TWO)
    monkeypatch.chdir(elsewhere)
    jobs, _ = run_campaign(here / "two.yaml", tmp_path / "run", cores=1)
    assert all(job.state == "done" for job in jobs)
    before = json.loads((tmp_path / "run" / "results.json").read_text())
    shutil.rmtree(here)
    moved = tmp_path / "far" / "away"
    moved.parent.mkdir()
    shutil.move(tmp_path / "run", moved)
    report_campaign(moved)
    after = json.loads((moved / "results.json").read_text())
    assert [q["value"] for q in after["quantities"]] == [q["value"] for q in before["quantities"]]
    assert str(here) not in json.dumps(after["campaign"]) + after["methods"]
    assert {"inputs/stability/own.cif", "inputs/cells/x/own.cif"} <= set(export_run(moved).files)
