"""A model outside its card runs only when that is accepted, and then the results say so first."""

from __future__ import annotations

import re

import pytest
import yaml
from anodeflow.errors import InputError
from anodeflow.potentials.cards import card
from anodeflow.structures.side import read_side, side_elements
from anodeflow.workflows.barrier.campaign import read_barrier_campaign
from anodeflow.workflows.barrier.flow import barrier_flow
from anodeflow.workflows.campaign import read_campaign
from anodeflow.workflows.diffusion.flow import diffusion_flow, extrapolations
from anodeflow.workflows.distil.campaign import read_distil_campaign
from anodeflow.workflows.distil.flow import DistilMaker
from anodeflow.workflows.results import collect
from anodeflow.workflows.sections import campaign_extrapolations, campaign_flow

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


GRAINS = "grain_boundary: {crystal: Si, sigma: 3, axis: [1, 1, 0], plane: [1, 1, 1], thickness_A: 6}"


@pytest.mark.parametrize(
    ("potential", "section", "said"),
    [
        (
            "Oxides-Pedone2006",
            "screen: {cells: {x: {crystal: Si}}}",
            r"extrapolates for x: it was made for systems with O",
        ),
        (
            "made.yaml",
            "screen: {cells: {x: {crystal: Si, anneal: {temperature_K: 900}}}}",
            "extrapolates for x: it was tested up to 600 K and not at 900 K",
        ),
        (
            "made.yaml",
            "screen: {cells: {x: {crystal: Si, repeat: [2, 2]}}, element: Si, dopants: [Li], boundary_sites: 1}",
            "extrapolates for Li in x: it is known to be wrong for Li-Si",
        ),
        (
            "LiX-EIM-Zhou2010",
            "energetics: {adsorption: {s: {surface: {crystal: LiCl, plane: [1, 0, 0], thickness_A: 4}, "
            "species: Li, sites: {t: [0, 0]}}}}",
            "extrapolates for the reference of Li: it is known to be wrong for Li",
        ),
        (
            "made.yaml",
            "energetics: {solution: {s: {crystal: Si, element: Si, solute: Li}}}",
            "for s: .*wrong for Li-Si",
        ),
        (
            "Oxides-Pedone2006",
            "energetics: {sliding: {s: {" + GRAINS + ", steps: [2, 1]}}}",
            "extrapolates for s: it was made for systems with O",
        ),
    ],
)
def test_every_section_shows_all_elements_and_its_hottest_run_to_the_card(tmp_path, potential, section, said):
    made = card("LiSi-MEAM-Cui2012").model_dump(mode="json", exclude={"reference_table"})
    made["domain"] = {"excludes": ["Li-Si"], "highest_temperature_K": 600.0}
    (tmp_path / "made.yaml").write_text(yaml.safe_dump(made))
    path = tmp_path / "campaign.yaml"
    text = f"name: test\nseed: 1\npotential: {potential}\n{section}\n"
    path.write_text(text)
    with pytest.raises(InputError, match=said):
        campaign_flow(read_campaign(path))
    path.write_text(text + "accept_extrapolation: true\n")
    campaign = read_campaign(path)
    assert list(campaign_flow(campaign).iterflow())
    assert re.search(said, campaign_extrapolations(campaign, card(campaign.potential))[0])


def test_a_ladder_and_a_distillation_outside_a_card_are_refused_too(tmp_path):
    path = tmp_path / "file.yaml"
    ladder = (
        "name: b\ncrystal: {phase: Si}\nspecies: Si\n"
        "hops: {v: {kind: vacancy, path: [[0, 0, 0], [0.25, 0.25, 0.25]]}}\n"
        "levels: [{name: Oxides-Pedone2006, image_distance_A: 7}]\n"
    )
    path.write_text(ladder)
    with pytest.raises(InputError, match=r"for systems with O \(levels\).*accept_extrapolation: true"):
        barrier_flow(read_barrier_campaign(path))
    path.write_text(ladder + "accept_extrapolation: true\n")
    assert barrier_flow(read_barrier_campaign(path))[1] is not None
    distillation = "name: d\nseed: 1\nteacher: Oxides-Pedone2006\ntemperature_K: 600\nsystems: {s: {phase: Si}}\n"
    path.write_text(distillation)
    with pytest.raises(InputError, match=r"extrapolates for s: .* with O \(teacher\).*accept_extrapolation: true"):
        DistilMaker(read_distil_campaign(path)).make()
    path.write_text(distillation + "accept_extrapolation: true\n")
    assert DistilMaker(read_distil_campaign(path)).make().name == "d"


@pytest.mark.parametrize("side", ["Si(100)", "a-Li15Si4:8", "LiPON", "Li6PS5Cl"])
def test_the_elements_of_a_side_are_known_before_it_is_built(side):
    built = read_side(side, thickness_A=1.0, seed=1).composition
    assert side_elements(side) == {element.symbol for element in built}
