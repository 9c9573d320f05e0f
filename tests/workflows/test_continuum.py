"""The table for continuum models."""

from __future__ import annotations

import csv
import json

import pytest
from anodeflow.quantity import Quantity
from anodeflow.workflows.continuum import COLUMNS, write_continuum


def _results():
    def group(label, phase, x, *quantities, temperature_K=300.0):
        documents = [quantity.to_dict() for quantity in quantities]
        return {"label": label, "phase": phase, "x": x, "temperature_K": temperature_K, "quantities": documents}

    def volume(value, error):
        return Quantity("volume_per_host_atom", value, "Å^3", uncertainty=error)

    none = Quantity("yield_strength", None, "GPa", converged=False, warnings=("it does not bend",))
    groups = [
        group("a-LiSi", "amorphous", 1.0, volume(35.0, 0.3), Quantity("youngs_modulus", 60.0, "GPa", uncertainty=2.0)),
        group("a-Si", "amorphous", 0.0, volume(20.0, 0.4), none),
        group("c-Si", "crystal", 0.0, volume(20.1, 0.1), Quantity("mean_voltage", 0.1, "V")),
    ]
    run = {
        "temperature_K": 900.0,
        "quantities": [Quantity("tracer_diffusivity", 2e-5, "cm^2/s", 1e-6, species="Li").to_dict()],
    }
    energy = Quantity("activation_energy", 0.3, "eV", 0.02, species="Li").to_dict()
    system = {
        "name": "c-Li15Si4",
        "formula": "Li15Si4",
        "kind": "crystal",
        "runs": [run],
        "arrhenius": {"Li": {"activation_energy": energy}},
    }
    return {
        "anodeflow": "0",
        "campaign": {"name": "test"},
        "potential": {"name": "model", "known_faults": ["voltages are wrong"]},
        "warnings": ["careful"],
        "parts": [{"groups": groups}],
        "systems": [system],
    }


def test_every_row_has_a_unit_and_an_error_and_what_failed_is_named(tmp_path):
    files = write_continuum(_results(), tmp_path)
    assert [path.name for path in files] == ["continuum.json", "continuum.csv"]
    document = json.loads(files[0].read_text())
    assert document["left_out"] == ["yield_strength of a-Si"]
    assert document["known_faults"] and document["warnings"] == ["careful"]
    with files[1].open() as stream:
        rows = list(csv.DictReader(stream))
    assert tuple(rows[0]) == COLUMNS
    assert len(rows) == len(document["rows"])
    assert all(row["unit"] for row in rows)
    modulus = next(row for row in rows if row["property"] == "youngs_modulus")
    assert (modulus["x"], modulus["material"], float(modulus["low95"])) == (
        "1.0",
        "a-LiSi",
        pytest.approx(56.08, abs=0.01),
    )
    diffusivity = next(row for row in rows if row["property"] == "tracer_diffusivity")
    assert (diffusivity["species"], float(diffusivity["x"]), diffusivity["temperature_K"]) == ("Li", 3.75, "900.0")
    assert "mean_voltage" not in {row["property"] for row in rows}


def test_the_partial_volume_is_the_slope_between_neighbours_of_one_kind(tmp_path):
    write_continuum(_results(), tmp_path)
    rows = json.loads((tmp_path / "continuum.json").read_text())["rows"]
    (local,) = [row for row in rows if row["property"] == "lithium_partial_volume"]
    assert local["value"] == pytest.approx(15.0)
    assert local["uncertainty"] == pytest.approx(0.5)
    assert (local["x"], local["material"]) == (0.5, "a-Si → a-LiSi")


def test_the_partial_volume_does_not_lead_from_one_host_to_another(tmp_path):
    systems = []
    for formula, volume in (("Li15Si4", 76.0), ("Li7Sn3", 50.0), ("Li13Si4", 70.0), ("Li17Sn4", 95.0)):
        run = {"temperature_K": 800.0, "quantities": [Quantity("volume_per_host_atom", volume, "Å^3").to_dict()]}
        systems.append({"name": formula, "formula": formula, "kind": "crystal", "runs": [run], "arrhenius": {}})
    write_continuum(_results() | {"parts": [], "systems": systems}, tmp_path)
    rows = json.loads((tmp_path / "continuum.json").read_text())["rows"]
    local = {row["host"]: row for row in rows if row["property"] == "lithium_partial_volume"}
    assert {host: row["material"] for host, row in local.items()} == {
        "Si": "Li13Si4 → Li15Si4",
        "Sn": "Li7Sn3 → Li17Sn4",
    }
    assert local["Si"]["value"] == pytest.approx(6.0 / 0.5)


def test_nothing_is_written_where_there_is_nothing(tmp_path):
    empty = _results() | {"parts": [], "systems": []}
    assert write_continuum(empty, tmp_path) == []
    assert not list(tmp_path.iterdir())


def test_how_well_an_interface_holds_is_taken_over(tmp_path):
    quantities = [
        Quantity("work_of_separation", 1.8, "J/m^2", uncertainty=0.1),
        Quantity("segregation_energy", -0.09, "eV", uncertainty=0.02, species="Al"),
        Quantity("substitution_energy", 0.9, "eV", species="Al"),
    ]
    group = {"label": "Al", "quantities": [quantity.to_dict() for quantity in quantities]}
    write_continuum(_results() | {"parts": [{"groups": [group]}], "systems": []}, tmp_path)
    rows = {row["property"]: row for row in json.loads((tmp_path / "continuum.json").read_text())["rows"]}
    assert set(rows) == {"work_of_separation", "segregation_energy"}
    assert (rows["work_of_separation"]["low95"], rows["work_of_separation"]["unit"]) == (
        pytest.approx(1.604, abs=1e-4),
        "J/m^2",
    )
    assert (rows["segregation_energy"]["species"], rows["segregation_energy"]["x"]) == ("Al", None)
