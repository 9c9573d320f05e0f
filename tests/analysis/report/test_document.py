"""Reading results.json: whole, newer, and damaged."""

from __future__ import annotations

import copy
import json

import pytest
from anodeflow.analysis.report import read_results, write_report
from anodeflow.analysis.report.quantities import everything
from anodeflow.errors import InputError


def test_additional_keys_are_allowed(synthetic_document, tmp_path):
    document = copy.deepcopy(synthetic_document)
    document["new"] = 1
    document["systems"][0]["runs"][0]["new"] = {"a": 1}
    document["systems"][0]["runs"][0]["quantities"][0]["new"] = "x"
    document["potential"]["citation"] = {"text": "Somebody (2012)", "doi": "10.1/2"}
    document["systems"][0]["relaxed"] = None
    (tmp_path / "results.json").write_text(json.dumps(document))
    results = read_results(tmp_path / "results.json")
    assert results.potential.citation == "Somebody (2012), doi 10.1/2"
    assert results.systems[0].runs[0].quantities[0].name == "tracer_diffusivity"


def set_lag(document):
    document["systems"][0]["runs"][0]["msd"]["Li"]["lag_time_ps"].pop()


def set_value(document):
    document["systems"][1]["runs"][0]["quantities"][1]["value"] = "fast"


def set_uncertainty(document):
    document["systems"][1]["arrhenius"]["Li"]["activation_energy"]["uncertainty"] = -1.0


def drop_systems(document):
    del document["systems"]


def drop_unit(document):
    del document["systems"][0]["runs"][0]["quantities"][0]["unit"]


@pytest.mark.parametrize(
    ("damage", "where", "what"),
    [
        (set_lag, "systems.0.runs.0.msd.Li", "different length"),
        (set_value, "systems.1.runs.0.quantities.1", "value of tracer_diffusivity is not a number"),
        (set_uncertainty, "systems.1.arrhenius.Li.activation_energy", "uncertainty of activation_energy"),
        (drop_systems, "systems", "field required"),
        (drop_unit, "systems.0.runs.0.quantities.0", "needs its unit"),
    ],
)
def test_a_damaged_field_is_named(synthetic_document, tmp_path, damage, where, what):
    document = copy.deepcopy(synthetic_document)
    damage(document)
    (tmp_path / "results.json").write_text(json.dumps(document))
    with pytest.raises(InputError) as caught:
        write_report(tmp_path)
    assert what in str(caught.value)
    assert f", {where})" in str(caught.value)
    assert "\n" not in str(caught.value)
    assert [path.name for path in tmp_path.iterdir()] == ["results.json"], "something was left behind"


def test_half_a_file_and_no_file(synthetic_directory, tmp_path):
    path = synthetic_directory / "results.json"
    path.write_text(path.read_text()[:5000])
    with pytest.raises(InputError, match="not valid JSON"):
        read_results(path)
    with pytest.raises(InputError, match="no results yet"):
        read_results(tmp_path / "elsewhere" / "results.json")


def test_every_quantity_is_found_once_and_its_path_leads_to_it(synthetic_document, synthetic_directory):
    results = read_results(synthetic_directory / "results.json")
    found = everything(results)
    assert len(found) == len(synthetic_document["quantities"])
    for located in found:
        node = synthetic_document
        for part in located.path.split("."):
            node = node[int(part)] if part.isdigit() else node[part]
        assert node["value"] == located.quantity.value
        assert node["name"] == located.quantity.name


def test_a_quantity_of_the_campaign_alone_is_not_lost(synthetic_document, tmp_path):
    document = copy.deepcopy(synthetic_document)
    document["quantities"].append({"name": "voltage", "value": 0.31, "unit": "V", "uncertainty": 0.01})
    (tmp_path / "results.json").write_text(json.dumps(document))
    last = everything(read_results(tmp_path / "results.json"))[-1]
    assert last.quantity.name == "voltage"
    assert last.path == f"quantities.{len(document['quantities']) - 1}"
