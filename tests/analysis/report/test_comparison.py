"""Campaigns side by side."""

from __future__ import annotations

import json
import re

import pytest
from anodeflow.analysis.report import Results
from anodeflow.analysis.report.comparison import compared_rows, comparison_document, comparison_html, named_results
from anodeflow.cli import app
from anodeflow.errors import InputError
from anodeflow.quantity import Quantity
from typer.testing import CliRunner


def _document(name, expansion, error, *, more=()):
    quantities = [Quantity("volume_expansion", expansion, "%", uncertainty=error), *more]
    group = {"label": "a-LiSi", "temperature_K": 300.0, "quantities": [one.to_dict() for one in quantities]}
    curve = {"label": "glass", "x": [0.0, 1.0], "y": [0.0, expansion]}
    plot = {"key": "expansion", "title": "Expansion", "x_label": "x", "y_label": "%", "curves": [curve]}
    part = {"key": "series", "title": "Series", "groups": [group], "plots": [plot]}
    return {"anodeflow": "0", "systems": [], "parts": [part], "campaign": {"name": name}, "warnings": ["careful"]}


def test_differences_are_judged_by_both_errors():
    more = (Quantity("density", 1.2, "g/cm^3"), Quantity("yield_strength", 2.0, "GPa"))
    none = (
        Quantity("density", 1.3, "g/cm^3"),
        Quantity("yield_strength", None, "GPa", converged=False, warnings=("no bend",)),
        Quantity("hardness", 3.0, "GPa"),
    )
    documents = [
        _document("one", 60.0, 2.0, more=more),
        _document("one", 64.0, 2.0),
        _document("two", 80.0, 2.0, more=none),
    ]
    campaigns = named_results([Results.model_validate(document) for document in documents])
    assert [one.name for one in campaigns] == ["one (1)", "one (2)", "two"]
    rows = {row.name: row for row in compared_rows(campaigns)}
    assert set(rows) == {"volume_expansion", "density", "yield_strength"}  # one campaign alone has a hardness
    assert [rows["volume_expansion"].verdict(index) for index in range(3)] == ["", "the same", "differs"]
    value, error = rows["volume_expansion"].difference(2)
    assert (value, error) == (20.0, pytest.approx(8**0.5))
    assert rows["density"].verdict(2) == "no error bar"
    assert rows["yield_strength"].verdict(2) == ""
    document = comparison_document(campaigns, list(rows.values()))
    text = comparison_html(campaigns, list(rows.values()))
    shown = re.findall(r'<data value="([^"]+)" data-of="rows\.(\d+)\.values\.(\d)"', text)
    assert len(shown) == 6
    for printed, row, place in shown:
        assert float(printed) == document["rows"][int(row)]["values"][int(place)]["value"]
    assert 'id="compared-series-expansion"' in text
    assert text.count("glass, one (1)") and text.count("glass, two")
    with pytest.raises(InputError, match="two or more"):
        named_results([campaigns[0].results])


def _ladder(name, *levels):
    groups = [
        {
            "label": f"{hop} {level}",
            "compared_as": hop,
            "level": level,
            "quantities": [Quantity("migration_barrier", barrier + shift, "eV", uncertainty=0.001).to_dict()],
        }
        for level, barrier in levels
        for hop, shift in (("vacancy", 0.0), ("ring", 0.5))
    ]
    part = {"key": "barrier", "title": f"Migration barriers of Li in {name}", "groups": groups}
    return Results.model_validate({"anodeflow": "0", "systems": [], "parts": [part], "campaign": {"name": name}})


def _values(*results):
    rows = compared_rows(named_results(results))
    return {
        (row.label, row.condition.rsplit(", ")[-1]): [one and one.quantity.value for one in row.found] for row in rows
    }


def test_the_same_hop_is_compared_at_levels_that_ladders_share_or_at_the_last_of_each():
    low, both, high = (
        _ladder("a", ("meam", 0.4)),
        _ladder("b", ("meam", 0.3), ("dft", 0.2)),
        _ladder("c", ("dft", 0.1)),
    )
    assert _values(low, both) == {("vacancy", "meam"): [0.4, 0.3], ("ring", "meam"): [0.9, 0.8]}
    assert _values(low, high) == {("vacancy", "meam beside dft"): [0.4, 0.1], ("ring", "meam beside dft"): [0.9, 0.6]}
    three = _values(low, both, high)
    assert three["vacancy", "meam"] == [0.4, 0.3, None]
    assert three["vacancy", "dft"] == [None, 0.2, 0.1]


def test_the_command_writes_the_page_and_the_document(tmp_path):
    folders = []
    for name, value in (("one", 60.0), ("two", 90.0)):
        folders.append(tmp_path / name)
        folders[-1].mkdir()
        (folders[-1] / "results.json").write_text(json.dumps(_document(name, value, 1.0)))
    page = tmp_path / "page.html"
    words = ["compare", *map(str, folders), "--out", str(page)]
    said = CliRunner().invoke(app, words)
    assert said.exit_code == 0, said.output
    assert "two: 1 of 1 quantities differ from one" in said.output
    (folders[1] / "results.json").write_text(json.dumps(_document("two", 90.0, None)))
    assert "it shares 1 quantities, none of which has" in CliRunner().invoke(app, words).output
    (folders[1] / "results.json").write_text(json.dumps(_document("two", 90.0, 1.0)))
    document = json.loads(CliRunner().invoke(app, [*words, "--json"]).stdout)
    assert document["rows"][0]["verdicts"] == ["", "differs"]
    assert page.read_text().startswith("<!doctype html>")
    assert "<script src" not in page.read_text()
