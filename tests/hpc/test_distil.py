"""A whole distillation with a cheap teacher, killed and gone on with, and a campaign that runs on its card."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import yaml
from anodeflow.errors import InputError
from anodeflow.hpc.campaigns import run_campaign
from anodeflow.hpc.distil import distil, distillation_of, run_distil
from anodeflow.hpc.local import raise_first_failure
from anodeflow.potentials.cards import card
from anodeflow.workflows.campaign import Campaign
from anodeflow.workflows.distil.campaign import DistilCampaign

SMALL = {
    "name": "small",
    "seed": 3,
    "teacher": "LiSi-MEAM-Cui2012",
    "temperature_K": 500,
    "systems": {"LiSi": {"phase": "Li15Si4", "strained": 16, "defective": 2, "amorphous": 1, "hot_steps": 50}},
    "basis": {"style": "pod", "cutoff_A": 4.5, "two_body": 4, "three_body": 2, "three_body_degree": 2},
    "loop": {"rounds": 1, "steps": 50, "per_round": 4, "temperatures": [1.0], "threshold_percent": 0.5},
    "test": {"temperatures_K": [400], "steps": 100, "student_steps": 200, "density_steps": 200},
}


@pytest.mark.engine
def test_a_distillation_learns_in_rounds_goes_on_and_serves_a_campaign(tmp_path: Path) -> None:
    root = tmp_path / "run" / "distil"
    root.parent.mkdir()
    (root.parent / ".lock").touch()  # what a campaign that was killed while it distilled leaves
    jobs, results = distil(DistilCampaign.model_validate(SMALL), root)
    raise_first_failure(jobs)
    assert [row["round"] for row in results["history"]] == [0, 1]
    assert results["history"][0]["configurations"] >= 1 + 16 + 2 + 5  # five frames of the teacher's hot run among them
    assert results["history"][1]["configurations"] > results["history"][0]["configurations"]
    made = card(results["card"])
    assert made.kind == "distilled" and made.domain.highest_temperature_K == 500
    table = {row.property: row for row in made.reference_table}
    assert 0 < table["force error of the spread"].model < 60
    assert table["density at 300 K"].model == pytest.approx(table["density at 300 K"].reference, rel=0.1)
    assert made.lammps is not None and made.model.guard.shortest_A["Li-Si"] > 1.2  # type: ignore[union-attr]

    # killed during the test: nothing else is computed again, and it ends with the same numbers
    for folder in root.glob("test-*"):
        (folder / "result.json").unlink()
    again, same = distil(DistilCampaign.model_validate(SMALL), root)
    assert {job.job.name for job in again if not job.reused} == {"test"}
    assert same["card"] == results["card"]
    assert [row["model"] for row in same["table"]] == [row["model"] for row in results["table"]]

    (tmp_path / "small.yaml").write_text(yaml.safe_dump(SMALL))
    text = {
        "name": "run",
        "seed": 1,
        "potential": {"distil": "small.yaml"},
        "systems": {"LiSi": {"phase": "Li15Si4"}},
        "diffusion": {
            "temperatures_K": [300, 400],
            "equilibration_ps": 0.1,
            "production_ps": 0.4,
            "frame_interval_fs": 10,
        },
    }
    (tmp_path / "campaign.yaml").write_text(yaml.safe_dump(text))
    jobs, report = run_campaign(tmp_path / "campaign.yaml", tmp_path / "run")
    raise_first_failure(jobs)
    assert report.exists()
    run = yaml.safe_load((tmp_path / "run" / "campaign.yaml").read_text())
    assert not run["potential"].startswith("distil:")


def test_a_campaign_of_crystals_says_itself_what_has_to_be_learnt() -> None:
    data = {
        "name": "x",
        "seed": 1,
        "potential": {"distil": "chgnet"},
        "systems": {"a": {"phase": "Li15Si4"}},
        "diffusion": {"temperatures_K": [600, 900]},
    }
    campaign = Campaign.model_validate(data)
    assert campaign.potential == "distil:chgnet"
    asked = distillation_of(campaign, "chgnet")
    assert asked.temperature_K == 900 and set(asked.systems) == {"a"} and asked.teacher == "chgnet"
    glass = {**data, "systems": {"a": {"amorphous": {"composition": "LiSi", "atoms": 64}}}}
    with pytest.raises(InputError, match="what a model has to learn"):
        distillation_of(Campaign.model_validate(glass), "chgnet")


def test_a_model_that_is_not_there_yet_is_said_in_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="yet to be distilled"):
        card("distil:chgnet")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"teacher": "nobody"}, "no teacher is called 'nobody'"),
        ({"systems": {"a": {"phase": "Li6PS5Cl"}}}, "does not describe"),
        ({"basis": {"style": "pod", "cutoff_A": 0.5}}, "inner_cutoff_A"),
        ({"systems": {"a": {}}}, "exactly one of"),
    ],
)
def test_bad_files_are_one_sentence(tmp_path: Path, change: dict, message: str) -> None:
    path = tmp_path / "d.yaml"
    path.write_text(yaml.safe_dump({**SMALL, **change}))
    with pytest.raises(InputError, match=message) as error:
        run_distil(path, tmp_path / "run")
    assert "\n" not in str(error.value)
    assert not (tmp_path / "run").exists()


def test_a_teacher_whose_weights_are_missing_is_one_sentence(tmp_path: Path) -> None:
    teacher = card("chgnet").model_dump(mode="json", exclude={"model"})
    calculator = "anodeflow.potentials.chgnet:ChgnetCalculator"
    teacher["model"] = {"style": "ase", "calculator": calculator, "weights": "no.pth"}
    (tmp_path / "mine.yaml").write_text(yaml.safe_dump({**teacher, "name": "mine"}))
    (tmp_path / "d.yaml").write_text(yaml.safe_dump({**SMALL, "teacher": "mine.yaml"}))
    with pytest.raises(InputError, match=r"no file .*no\.pth .*mine\.yaml: model\.ase\.weights"):
        run_distil(tmp_path / "d.yaml", tmp_path / "run")
    assert not (tmp_path / "run").exists()


@pytest.mark.ml
def test_chgnet_labels_a_crystal(tmp_path: Path) -> None:
    pytest.importorskip("chgnet")
    from anodeflow.engines.pod.configurations import atoms_of, from_document
    from anodeflow.engines.pod.teacher import label
    from anodeflow.structures.phases import phase

    atoms = atoms_of(phase("Li2S").structure)
    atoms.positions[0] += 0.1
    labelled = from_document(label([atoms], card("chgnet").ase_calculator(), tmp_path)[0])
    assert np.abs(labelled.get_forces()).max() > 0.05
    assert json.loads((tmp_path / "labels-0000.json").read_text())["configurations"]
