"""Parts of the report: quantities in groups, an overview, plots of curves, and what is said first."""

from __future__ import annotations

import copy
import re

import pytest
from anodeflow.analysis.report import Results, report_html
from anodeflow.analysis.report.findings import asked, doubts, found, gaps
from anodeflow.analysis.report.quantities import comparisons
from anodeflow.analysis.report.table import csv_text


def test_every_number_of_a_part_stands_in_the_page_as_in_the_document(part_document):
    results = Results.model_validate(part_document)
    text = report_html(results)
    assert "Lithiation series of Si" in re.search(r"<title>(.*?)</title>", text)[1]
    shown = {(path, float(value)) for value, path in re.findall(r'<data value="([^"]+)" data-of="([^"]+)"', text)}
    assert ("parts.0.groups.0.quantities.0", 74.2) in shown
    assert ("parts.0.groups.1.quantities.0", 271.0) in shown
    assert not any(path.startswith("quantities.") for path, _ in shown)  # none is listed twice
    assert text.count('id="series-expansion"') == 1


def test_a_part_is_asked_found_doubted_and_missed_in_words(part_document):
    results = Results.model_validate(part_document)
    assert "What does lithium do to silicon?" in " ".join(asked(results))
    sentences = {finding.label: " ".join(finding.sentences) for finding in found(results)}
    assert sentences["a-LiSi"].startswith("Volume expansion <data")
    assert "yield" not in sentences["a-Li15Si4"]
    assert doubts(results) == ["The voltages of this model are wrong."]
    (gap,) = gaps(results)
    assert "yield stress in a-Li15Si4" in gap.what
    assert gap.reasons == ("The curve does not bend.",)


def test_a_number_brings_its_reference_and_gets_a_verdict(part_document):
    (comparison,) = comparisons(Results.model_validate(part_document))
    assert comparison.located.label == "a-Li15Si4"
    assert comparison.verdict.word == "differs"
    assert (comparison.published.low, comparison.published.high) == (280.0, 300.0)


def test_the_table_of_a_part_says_what_each_number_belongs_to(part_document):
    lines = csv_text(Results.model_validate(part_document)).splitlines()
    assert len(lines) == 4
    assert any("a-Li15Si4" in line and "volume_expansion" in line for line in lines)


def test_a_curve_of_unequal_lists_is_refused(part_document):
    document = copy.deepcopy(part_document)
    document["parts"][0]["plots"][0]["curves"][0]["y"] = [1.0]
    with pytest.raises(ValueError, match="of different length"):
        Results.model_validate(document)
