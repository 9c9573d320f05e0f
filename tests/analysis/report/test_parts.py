"""Parts of the report: quantities in groups, an overview, plots of curves, and what is said first."""

from __future__ import annotations

import copy
import re

import pytest
from anodeflow.analysis.report import Results, report_html
from anodeflow.analysis.report.findings import asked, cautions, doubts, found, gaps
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


def test_quantities_with_reasons_of_their_own_are_missed_in_sentences_of_their_own(part_document):
    empty, sparse, moving = "part of the layer is empty", "only 3 ions visit the layer", "the slope still changes"
    reasons = {"across": [empty, moving], "along": [sparse], "side_1_across": [empty], "side_2_along": [moving]}
    part_document["parts"][0]["groups"][1]["quantities"] = [
        {"name": name, "value": None, "unit": "cm^2/s", "converged": False, "species": "Li", "warnings": warnings}
        for name, warnings in reasons.items()
    ]
    part_document["quantities"] = []
    told = {gap.what.split(" of Li")[0]: gap.reasons for gap in gaps(Results.model_validate(part_document))}
    assert told == {
        "No across or side 1 across": ("Part of the layer is empty.",),
        "No along": ("Only 3 ions visit the layer.",),
        "No side 2 along": ("The slope still changes.",),
    }


def test_warnings_that_differ_in_a_number_are_one_with_its_range(part_document):
    first, second = (group["quantities"][0] for group in part_document["parts"][0]["groups"])
    first["warnings"] = ["the curve falls 0.05 eV in 12 ps", "LiSi is carried from 600–875 K"]
    second["warnings"] = ["the curve falls -0.31 eV in 12 ps", "Li2Si is carried from 600–875 K"]
    assert cautions(Results.model_validate(part_document)) == [
        "Volume expansion in a-LiSi and a-Li15Si4: the curve falls −0.31 to 0.05 eV in 12 ps.",
        "Volume expansion in a-LiSi: LiSi is carried from 600–875 K.",
        "Volume expansion in a-Li15Si4: Li2Si is carried from 600–875 K.",
    ]


def test_a_number_brings_its_reference_and_gets_a_verdict(part_document):
    (comparison,) = comparisons(Results.model_validate(part_document))
    assert comparison.located.label == "a-Li15Si4"
    assert comparison.verdict.word == "differs"
    assert (comparison.published.low, comparison.published.high) == (280.0, 300.0)


def test_a_reference_that_is_of_something_else_gives_its_reason_and_no_verdict(part_document):
    quantity = part_document["parts"][0]["groups"][1]["quantities"][0]
    quantity["reference"]["why_not"] = "that is a film on copper"
    (comparison,) = comparisons(Results.model_validate(part_document))
    assert (comparison.verdict.word, comparison.verdict.reason) == ("cannot be compared", "that is a film on copper")


def test_the_table_of_a_part_says_what_each_number_belongs_to(part_document):
    lines = csv_text(Results.model_validate(part_document)).splitlines()
    assert len(lines) == 4
    assert any("a-Li15Si4" in line and "volume_expansion" in line for line in lines)


def test_a_curve_of_unequal_lists_is_refused(part_document):
    document = copy.deepcopy(part_document)
    document["parts"][0]["plots"][0]["curves"][0]["y"] = [1.0]
    with pytest.raises(ValueError, match="of different length"):
        Results.model_validate(document)
