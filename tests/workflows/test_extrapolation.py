"""A model outside its card runs only when that is accepted, and then the results say so first."""

from __future__ import annotations

import pytest
from anodeflow.errors import InputError
from anodeflow.potentials.cards import card
from anodeflow.workflows.campaign import read_campaign
from anodeflow.workflows.diffusion.flow import diffusion_flow, extrapolations
from anodeflow.workflows.results import collect

TEXT = """name: test
seed: 1
potential: {potential}
{more}
systems:
  metal: {{phase: Li, supercell: [3, 3, 3]}}
diffusion: {{temperatures_K: [300, 400]}}
"""


def _campaign(tmp_path, potential, more=""):
    path = tmp_path / "campaign.yaml"
    path.write_text(TEXT.format(potential=potential, more=more))
    return read_campaign(path)


def test_model_outside_its_card_is_refused(tmp_path):
    with pytest.raises(InputError, match=r"LiX-EIM-Zhou2010 extrapolates for metal: .*accept_extrapolation: true"):
        diffusion_flow(_campaign(tmp_path, "LiX-EIM-Zhou2010"))


def test_accepted_extrapolation_is_the_first_warning(tmp_path):
    campaign = _campaign(tmp_path, "LiX-EIM-Zhou2010", "accept_extrapolation: true")
    assert len(list(diffusion_flow(campaign).iterflow())) > 3
    results = collect(campaign, [], [], command=["anodeflow"], inputs={})
    assert results["warnings"][0].startswith("LiX-EIM-Zhou2010 extrapolates for metal")


def test_model_inside_its_card_is_not_warned_about(tmp_path):
    campaign = _campaign(tmp_path, "LiSi-MEAM-Cui2012")
    assert extrapolations(campaign, card(campaign.potential)) == []


def test_card_of_the_user_stands_beside_the_campaign(tmp_path):
    (tmp_path / "own.yaml").write_text(
        "elements: [Li]\nmodel: {style: lammps, pair_style: zero 5.0, pair_coeff: ['* *']}\n"
    )
    campaign = _campaign(tmp_path, "own.yaml")
    assert campaign.potential == str(tmp_path / "own.yaml")
    assert diffusion_flow(campaign).name == "test"
