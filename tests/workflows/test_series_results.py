"""What the report of a series says, from the documents of relaxations that came out differently."""

from __future__ import annotations

from pathlib import Path

import pytest
from anodeflow.quantity import Quantity
from anodeflow.workflows.campaign import read_campaign
from anodeflow.workflows.series.results import series_part

EXAMPLE = Path(__file__).parents[2] / "examples" / "lixsi_series.yaml"
ENERGIES = {"c-Li": (None, -1.6), "c-Si": (0.0, -4.6), "c-LiSi": (1.0, -3.4), "c-Li15Si4": (3.75, -2.4)}
VOLUMES = {"c-Si": 20.0, "c-LiSi": 31.0, "c-Li15Si4": 76.0}


def _groups(loose=()):
    rows, documents = [], []
    for system, (x, energy) in ENERGIES.items():
        kinds = {"relaxation": Quantity("energy_per_atom", energy, "eV", converged=system not in loose)}
        if system in VOLUMES:
            volume = Quantity("volume_per_host_atom", VOLUMES[system], "Å^3", converged=system not in loose)
            kinds["equilibration"] = volume
        for kind, quantity in kinds.items():
            about = {"section": "series", "system": system, "phase": "crystal", "x": x, "temperature_K": 300.0}
            rows.append({"metadata": about})
            documents.append({"output": {"kind": kind, "quantities": [quantity.to_dict()]}})
    return series_part(read_campaign(EXAMPLE), rows, documents)["groups"]


def test_a_plateau_stands_between_its_contents():
    plateaus = [group for group in _groups() if group["label"] == "Voltage" and group.get("x") is not None]
    assert [group["x"] for group in plateaus] == [0.5, 2.375]
    (first,) = plateaus[0]["quantities"]
    assert (first["name"], first["species"]) == ("lithiation_voltage", "c-Si → c-LiSi")
    assert first["value"] == pytest.approx(-(2 * -3.4 + 4.6) - 1.6)  # 0.6 V by hand
    assert first["converged"]


def test_what_rests_on_a_cell_that_is_not_relaxed_does_not_count_as_converged():
    found = {}
    for group in _groups(loose=["c-LiSi"]):
        for quantity in group["quantities"]:
            found[quantity["name"], group["label"]] = quantity
    assert found["lithiation_voltage", "Voltage"]["converged"] is False
    assert "the energy of c-LiSi did not converge" in found["mean_voltage", "Voltage"]["warnings"]
    assert found["volume_expansion", "c-LiSi"]["converged"] is False
    assert found["volume_expansion", "c-Li15Si4"]["converged"] is True
