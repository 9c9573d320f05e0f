"""What is said of fronts from their documents: order of faces, fronts that retreat, stress out of balance."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from anodeflow.quantity import Quantity
from anodeflow.workflows.campaign import read_campaign
from anodeflow.workflows.front.analysis import _consumed
from anodeflow.workflows.front.results import front_part

EXAMPLE = Path(__file__).parents[2] / "examples" / "lithiation_front.yaml"


def _part(speeds, *, balanced=True):
    rows, documents = [], []
    for face, (value, error) in speeds.items():
        quantities = [
            Quantity("front_velocity", value, "m/s", uncertainty=error),
            Quantity("front_compression", 2.0, "GPa", uncertainty=0.3, converged=balanced),
            Quantity("front_hydrostatic_compression", 1.6021766, "GPa", uncertainty=0.1, converged=balanced),
        ]
        numbers = [0.0, 1.0]
        names = ("position_A", "lithium_share", "host_neighbours", "hydrostatic_GPa", "hydrostatic_error_GPa")
        stress = [f"stress_{name}_GPa" for name in ("xx", "yy", "zz", "zz_error")]
        output = {
            "kind": "front",
            "quantities": [quantity.to_dict() for quantity in quantities],
            "balanced": balanced,
            "track": {"time_ps": numbers, "host_thickness_A": numbers},
            "profile": dict.fromkeys((*names, *stress, "von_mises_GPa"), numbers),
        }
        rows.append({"metadata": {"section": "lithiation_front", "system": face}})
        documents.append({"output": output})
    return front_part(read_campaign(EXAMPLE), rows, documents)


def _leads(part):
    return {q["species"]: q for g in part["groups"] if g["label"] == "Orientation" for q in g["quantities"]}


def test_the_order_of_faces_is_known_only_beyond_the_errors():
    leads = _leads(_part({"Si(100)": (3.0, 0.5), "Si(110)": (9.0, 0.5), "Si(111)": (8.8, 0.5), "a-Si": (40.0, 1.0)}))
    assert set(leads) == {"Si(110) over Si(100)", "Si(110) over Si(111)"}  # a glass has no orientation
    assert leads["Si(110) over Si(100)"]["converged"]
    assert leads["Si(110) over Si(100)"]["value"] == pytest.approx(6.0)
    assert not leads["Si(110) over Si(111)"]["converged"]


def test_a_front_that_retreats_is_said_first_and_is_not_ranked():
    part = _part({"Si(100)": (3.0, 0.5), "Si(110)": (-9.0, 0.5)})
    assert "The front of Si(110) retreats" in part["warnings"][0]
    (lead,) = _leads(part).values()
    assert not lead["converged"]
    assert "retreats" in lead["warnings"][0]


def test_stress_out_of_balance_is_said_first_and_in_the_plots():
    part = _part({"Si(100)": (3.0, 0.5)}, balanced=False)
    assert "shown as not equilibrated" in part["warnings"][0]
    titles = [plot["title"] for plot in part["plots"]]
    assert "Stress across Si(100) (not equilibrated)" in titles
    good = _part({"Si(100)": (3.0, 0.5)})
    assert good["warnings"] == []
    quantities = {q["name"]: q for q in good["groups"][0]["quantities"]}
    assert quantities["stress_overpotential"]["value"] == pytest.approx(148.0, rel=1e-6)  # 14.8 Å³ × 0.01 eV/Å³
    assert quantities["front_compression"]["reference"]["value"] == 6.0


@pytest.mark.parametrize("correlation", [0.1, 2.0])
def test_a_front_that_rests_advances_by_nothing_within_its_error(correlation):
    """Windows of a thickness that is correlated over so many of them; the rate of first order."""
    rng, memory = np.random.default_rng(7), np.exp(-1 / correlation)
    held = 0
    for _ in range(200):
        thickness = [0.0]
        for push in rng.normal(size=110):
            thickness.append(memory * thickness[-1] + (1 - memory**2) ** 0.5 * push)
        found = _consumed(30 + np.array(thickness[-60:]), "front")
        held += abs(found.value) <= 1.96 * found.uncertainty
    assert held >= 160
