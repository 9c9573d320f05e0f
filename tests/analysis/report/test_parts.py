"""Parts of the report: quantities in groups, an overview, plots of curves, and what is said first."""

from __future__ import annotations

import re

import pytest
from anodeflow.analysis.report import Results, report_html
from anodeflow.analysis.report.findings import asked, doubts, found, gaps
from anodeflow.analysis.report.quantities import comparisons
from anodeflow.analysis.report.table import csv_text
from anodeflow.quantity import Quantity, Reference


def _document():
    published = Reference((280.0, 300.0), "%", "the review")
    groups = [
        {
            "label": "a-LiSi",
            "headline": ["volume_expansion"],
            "quantities": [Quantity("volume_expansion", 74.2, "%", uncertainty=1.5, source="job 1").to_dict()],
        },
        {
            "label": "a-Li15Si4",
            "headline": ["volume_expansion", "yield_stress"],
            "quantities": [
                Quantity("volume_expansion", 271.0, "%", uncertainty=2.0, reference=published).to_dict(),
                Quantity("yield_stress", None, "GPa", converged=False, warnings=("the curve does not bend",)).to_dict(),
            ],
        },
    ]
    plot = {
        "key": "expansion",
        "title": "Volume against lithium",
        "x_label": "x in LiₓSi",
        "y_label": "expansion (%)",
        "curves": [{"label": "glass", "x": [1.0, 3.75], "y": [74.2, 271.0], "error": [1.5, 2.0], "style": "points"}],
        "published": [{"label": "the review", "low": 280, "high": 300}],
    }
    part = {
        "key": "series",
        "title": "Lithiation series of Si",
        "asked": "What does lithium do to silicon?",
        "warnings": [],
        "overview": ["volume_expansion", "yield_stress"],
        "groups": groups,
        "plots": [plot],
    }
    quantities = [quantity for group in groups for quantity in group["quantities"]]
    warnings = ["the voltages of this model are wrong"]
    return {"anodeflow": "0", "systems": [], "parts": [part], "quantities": quantities, "warnings": warnings}


def test_every_number_of_a_part_stands_in_the_page_as_in_the_document():
    results = Results.model_validate(_document())
    text = report_html(results)
    assert "Lithiation series of Si" in re.search(r"<title>(.*?)</title>", text)[1]
    shown = {(path, float(value)) for value, path in re.findall(r'<data value="([^"]+)" data-of="([^"]+)"', text)}
    assert ("parts.0.groups.0.quantities.0", 74.2) in shown
    assert ("parts.0.groups.1.quantities.0", 271.0) in shown
    assert not any(path.startswith("quantities.") for path, _ in shown)  # none is listed twice
    assert text.count('id="series-expansion"') == 1


def test_a_part_is_asked_found_doubted_and_missed_in_words():
    results = Results.model_validate(_document())
    assert "What does lithium do to silicon?" in " ".join(asked(results))
    sentences = {finding.label: " ".join(finding.sentences) for finding in found(results)}
    assert sentences["a-LiSi"].startswith("Volume expansion <data")
    assert "yield" not in sentences["a-Li15Si4"]
    assert doubts(results) == ["The voltages of this model are wrong."]
    (gap,) = gaps(results)
    assert "yield stress in a-Li15Si4" in gap.what
    assert gap.reasons == ("The curve does not bend.",)


def test_a_number_brings_its_reference_and_gets_a_verdict():
    (comparison,) = comparisons(Results.model_validate(_document()))
    assert comparison.located.label == "a-Li15Si4"
    assert comparison.verdict.word == "differs"
    assert (comparison.published.low, comparison.published.high) == (280.0, 300.0)


def test_the_table_of_a_part_says_what_each_number_belongs_to():
    lines = csv_text(Results.model_validate(_document())).splitlines()
    assert len(lines) == 4
    assert any("a-Li15Si4" in line and "volume_expansion" in line for line in lines)


def test_a_curve_of_unequal_lists_is_refused():
    document = _document()
    document["parts"][0]["plots"][0]["curves"][0]["y"] = [1.0]
    with pytest.raises(ValueError, match="of different length"):
        Results.model_validate(document)
