"""A run packed as an RO-Crate, checked file by file, and run again somewhere else."""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
import sys
import zipfile

import numpy as np
import pytest
import yaml
from anodeflow.errors import InputError
from anodeflow.hpc.barriers import run_barrier
from anodeflow.hpc.campaigns import run_campaign
from anodeflow.hpc.distil import prepare_folder
from anodeflow.hpc.export import METADATA_FILE, export_run
from anodeflow.potentials.cards import card
from anodeflow.structures.phases import phase
from anodeflow.workflows.distil.campaign import read_distil_campaign
from pymatgen.core import Lattice, Structure
from rocrate.rocrate import ROCrate

pytestmark = pytest.mark.engine

CAMPAIGN = """\
name: packed
seed: 9
potential: LiSi-MEAM-Cui2012
systems:
  sheared: {phase: mine/own.cif}
diffusion:
  temperatures_K: [900, 1200]
  equilibration_ps: 0.3
  production_ps: 0.6
  frame_interval_fs: 20
"""


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A campaign on a triclinic structure of the user's, whose files are gone afterwards."""
    folder = tmp_path_factory.mktemp("here")
    structure = phase("LiSi").structure
    sheared = np.array(structure.lattice.matrix) @ np.array([[1, 0.06, 0.04], [0, 1, 0.05], [0, 0, 1]])
    (folder / "mine").mkdir()
    Structure(Lattice(sheared), structure.species, structure.frac_coords).to(str(folder / "mine" / "own.cif"))
    (folder / "packed.yaml").write_text(CAMPAIGN)
    jobs, report = run_campaign(folder / "packed.yaml", folder / "run", cores=1)
    assert all(job.state == "done" for job in jobs)
    shutil.rmtree(folder / "mine")
    return report.parent


def test_the_crate_runs_again_elsewhere_with_the_same_hashes_and_numbers(run, tmp_path):
    crate = export_run(run, tmp_path / "packed.crate.zip")
    assert not crate.unfinished
    there = tmp_path / "elsewhere"
    with zipfile.ZipFile(crate.path) as archive:
        archive.extractall(there)
    words = crate.command.split()
    assert words[0] == "anodeflow"
    subprocess.run([sys.executable, "-m", *words, "--cores", "1"], cwd=there, check=True, capture_output=True)
    ours, theirs = (json.loads((root / "results.json").read_text()) for root in (run, there / "again"))
    assert [job["folder"] for job in theirs["jobs"]] == [job["folder"] for job in ours["jobs"]]
    assert [q["value"] for q in theirs["quantities"]] == [q["value"] for q in ours["quantities"]]
    assert not (there / "again" / ours["jobs"][0]["folder"]).samefile(run / ours["jobs"][0]["folder"])


def test_the_metadata_describe_every_file_and_the_run(run, tmp_path):
    crate = export_run(run, tmp_path / "packed.crate.zip")
    with zipfile.ZipFile(crate.path) as archive:
        content = {name: archive.read(name) for name in archive.namelist()}
    document = json.loads(content.pop(METADATA_FILE))
    assert document["@context"] == "https://w3id.org/ro/crate/1.1/context"
    entities = {entity["@id"]: entity for entity in document["@graph"]}
    assert len(entities) == len(document["@graph"])
    assert entities[METADATA_FILE]["about"] == {"@id": "./"}
    root = entities["./"]
    assert {part["@id"] for part in root["hasPart"]} == set(content)
    for name, data in content.items():
        assert entities[name]["@type"] == "File"
        assert entities[name]["sha256"] == hashlib.sha256(data).hexdigest()
        assert entities[name]["contentSize"] == str(len(data))
    action = entities["#run"]
    assert {part["@id"] for part in action["object"]} == {"campaign.yaml", "inputs/sheared/own.cif"}
    assert {"results.json", "report.html"} <= {part["@id"] for part in action["result"]}
    assert action["startTime"] <= action["endTime"]
    programs = {entities[part["@id"]]["name"]: entities[part["@id"]] for part in action["instrument"]}
    assert set(programs) == {"anodeflow", "LAMMPS"}
    assert all(program["softwareVersion"] for program in programs.values())
    for entity in entities.values():  # nothing refers to what is not described
        for value in entity.values():
            for one in value if isinstance(value, list) else [value]:
                if isinstance(one, dict) and not one["@id"].startswith("http"):
                    assert one["@id"] in entities

    assert not any(name.endswith(".lammpstrj") or "restart" in name for name in content)
    whole = export_run(run, tmp_path / "whole.zip", trajectories=True)
    assert sum(name.endswith(".lammpstrj") for name in whole.files) == 2


def test_another_library_reads_the_crate(run, tmp_path):
    """The reader of the people who write RO-Crate's specification finds the workflow, the run and every file."""
    packed = export_run(run, tmp_path / "packed.crate.zip")
    with zipfile.ZipFile(packed.path) as archive:
        archive.extractall(tmp_path / "crate")
        names = set(archive.namelist()) - {METADATA_FILE}
    crate = ROCrate(tmp_path / "crate")
    assert {entity.id for entity in crate.data_entities} == names
    assert crate.mainEntity.id == "campaign.yaml"
    (action,) = crate.get_by_type("CreateAction")
    assert {entity.id for entity in action["object"]} == {"campaign.yaml", "inputs/sheared/own.cif"}
    assert crate.license
    crate.write(tmp_path / "again")
    again = json.loads((tmp_path / "again" / METADATA_FILE).read_text())
    before = json.loads((tmp_path / "crate" / METADATA_FILE).read_text())
    assert {entity["@id"] for entity in again["@graph"]} == {entity["@id"] for entity in before["@graph"]}


def test_what_is_no_run_is_refused(run, tmp_path):
    with pytest.raises(InputError, match="holds no run"):
        export_run(tmp_path)


LADDER = """\
name: ladder
crystal: {phase: mine.cif}
species: Li
hops:
  T-H-T: {kind: interstitial, path: [[0.5, 0.5, 0.5], [0.75, 0.75, 0.75]]}
levels:
  - {name: LiSi-MEAM-Cui2012, image_distance_A: 5, images: 3, vibrations: none, force_tolerance_eV_A: 0.1}
"""


def test_a_ladder_takes_its_crystal_with_it(tmp_path):
    here, there = tmp_path / "here", tmp_path / "there"
    here.mkdir()
    phase("Si").structure.to(str(here / "mine.cif"))
    (here / "ladder.yaml").write_text(LADDER)
    _, results, root = run_barrier(here / "ladder.yaml", here / "run", cores=1)
    crate = export_run(root)
    assert crate.path == here / "run.crate.zip"
    with zipfile.ZipFile(crate.path) as archive:
        archive.extractall(there)
    shutil.rmtree(here)
    assert str(tmp_path) not in (there / "barrier.yaml").read_text()
    _, again, _ = run_barrier(there / "barrier.yaml", there / "again", cores=1)
    assert [q["value"] for q in again["quantities"]] == [q["value"] for q in results["quantities"]]


DISTILLATION = """\
name: small
seed: 4
teacher: teacher.yaml
temperature_K: 600
systems:
  sheared: {phase: mine.cif}
  other: {phase: other/mine.cif}
"""


def test_a_distillation_takes_its_structures_and_its_teacher_with_it(tmp_path):
    """What its jobs give is not needed: the crate is read again elsewhere and asks for the same."""
    here, there = tmp_path / "here", tmp_path / "there"
    (here / "other").mkdir(parents=True)
    phase("LiSi").structure.to(str(here / "mine.cif"))
    phase("Si").structure.to(str(here / "other" / "mine.cif"))
    content = card("LiSi-MEAM-Cui2012").model_dump(mode="json", exclude={"reference_table"})
    (here / "teacher.yaml").write_text(yaml.safe_dump(content))
    (here / "distil.yaml").write_text(DISTILLATION)
    asked = read_distil_campaign(here / "distil.yaml")
    prepare_folder(asked, here / "run", ["anodeflow", "distil", "distil.yaml"], {})
    (here / "run" / "jobs.json").write_text(json.dumps({"jobs": []}))
    crate = export_run(here / "run")
    assert crate.command == "anodeflow distil distil.yaml --dir again"
    with zipfile.ZipFile(crate.path) as archive:
        archive.extractall(there)
    shutil.rmtree(here)
    assert "report.html" not in (there / "README.md").read_text()
    again = read_distil_campaign(there / "distil.yaml")
    formulas = [Structure.from_file(system.phase).composition.reduced_formula for system in again.systems.values()]
    assert formulas == ["LiSi", "Si"]
    assert card(again.teacher).fingerprint == card("LiSi-MEAM-Cui2012").fingerprint
