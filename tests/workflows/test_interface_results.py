"""What the report of interfaces says, from the documents of runs that came out differently."""

from __future__ import annotations

from pathlib import Path

import pytest
from anodeflow.quantity import Quantity
from anodeflow.workflows.campaign import read_campaign
from anodeflow.workflows.interface.flow import asked
from anodeflow.workflows.interface.results import _over_runs, interface_part

ARGYRODITE = Path(__file__).parents[2] / "examples" / "silicon_lpscl.yaml"

CAMPAIGN = """\
name: small
seed: 1
potential: LiSi-MEAM-Cui2012
interface:
  lower: [Si(100), Si(111)]
  upper: LiSi(110)
  interlayers: [{layers}]
  equilibration_ps: 1
  production_ps: 8
"""


def _rate(value, unit):
    why = () if value is not None else ("no growth is seen",)
    return Quantity("interphase_growth_rate", value, unit, uncertainty=0.1, converged=value is not None, warnings=why)


def _width(value):
    return Quantity("interphase_thickness", value, "Å", uncertainty=0.1, interval95=(value - 0.2, value + 0.2))


def _part(tmp_path, runs, layers="none"):
    """Return the part of the results of runs: (interlayer, quantities, where and why it was stopped)."""
    path = tmp_path / "campaign.yaml"
    path.write_text(CAMPAIGN.format(layers=layers))
    found = []
    for layer in dict.fromkeys(run[0] for run in runs):
        best = [{"label": "Si(111)#1 | LiSi(110)#2, shift 1"}]
        table = [best[0] | {"adhesion_J_m2": 1.0, "gap_A": 0.0, "misfit": 0.01, "area_A2": 90.0, "natoms": 200}]
        found.append((layer, {"kind": "ranking", "table": table, "best": best}))
        found.append((layer, {"kind": "separation", "quantities": [], "planes": [], "structure": {}}))
    for layer, quantities, (time_ps, why) in runs:
        output = {"kind": "interface", "quantities": [q.to_dict() for q in quantities], "stopped": why}
        found.append((layer, output | {"stopped_at_ps": time_ps, "structure": {}, "reacted": ""}))
    rows = [{"metadata": {"section": "interface", "interlayer": layer, "number": 0}} for layer, _ in found]
    return interface_part(read_campaign(path), rows, [{"output": output} for _, output in found])


def _named(part, label, name):
    (group,) = [group for group in part["groups"] if group["label"] == label]
    return next(Quantity.from_dict(one) for one in group["quantities"] if one["name"] == name)


def test_a_list_of_sides_is_called_by_the_pair_that_was_chosen(tmp_path):
    part = _part(tmp_path, [("none", [_width(3.0)], (0.0, ""))])
    assert [group["label"] for group in part["groups"]] == [
        "Si(111)#1 | LiSi(110)#2, shift 1",
        "Si(111)#1 | LiSi(110)#2, shift 1 as built",
    ]


def test_two_runs_that_chose_other_candidates_are_compared_as_what_was_asked(tmp_path):
    groups = _part(tmp_path, [("none", [_width(3.0)], (0.0, ""))])["groups"]
    assert [group["compared_as"] for group in groups] == [
        "Si(100), Si(111) | LiSi(110)",
        "Si(100), Si(111) | LiSi(110) as built",
    ]


def test_every_run_that_a_guard_stopped_says_why(tmp_path):
    runs = [("none", [_width(3.0)], (1.2, "too near")), ("none", [_width(3.1)], (0.4, "too hot"))]
    text = _part(tmp_path, runs)["warnings"][0]
    assert "2 of 2 runs were stopped: at 1.2 ps too near; at 0.4 ps too hot." in text


def test_a_diffusivity_that_is_missing_is_said_with_its_own_reason(tmp_path):
    reasons = {"interface": "a run of 60 ps or more is needed", "side_1": "no Li is in the layer"}
    missing = [
        Quantity(f"{region}_diffusivity_{way}", None, "cm^2/s", species="Li", converged=False, warnings=(why,))
        for region, why in reasons.items()
        for way in ("along", "across")
    ]
    (text,) = [text for text in _part(tmp_path, [("none", missing, (0.0, ""))])["warnings"] if "diffusivity" in text]
    assert text.endswith(
        "no interface diffusivity along, interface diffusivity across: a run of 60 ps or more is needed; "
        "no side 1 diffusivity along, side 1 diffusivity across: no Li is in the layer."
    )


def test_the_peak_of_an_electrode_that_swells_stands_beside_a_contact_without_a_verdict():
    peak = Quantity("peak_compression", 0.2, "GPa", uncertainty=0.05)
    (mean,) = _over_runs([{"quantities": [peak.to_dict()], "stopped": ""}], asked(read_campaign(ARGYRODITE)))
    assert mean.reference.value == 10.0 and "takes up lithium" in mean.reference.why_not


@pytest.mark.parametrize("other", [_rate(0.5, "Å/ps"), _rate(None, "Å/ps")])
def test_runs_of_different_growth_laws_have_no_common_rate(tmp_path, other):
    runs = [("none", [one], (0.0, "")) for one in (_rate(1.0, "Å²/ps"), other)]
    rate = _named(_part(tmp_path, runs), "Si(111)#1 | LiSi(110)#2, shift 1", "interphase_growth_rate")
    if other.value is None:
        assert (rate.value, rate.unit, rate.converged) == (1.0, "Å²/ps", False)
    else:
        assert rate.value is None and "different laws" in rate.warnings[0]


def test_a_change_is_seen_only_beyond_the_intervals_of_few_runs(tmp_path):
    """Two runs a side: the errors are small by chance, the intervals of Student's t say so."""
    runs = [("none", [_width(value)], (0.0, "")) for value in (3.0, 3.2)]
    runs += [("Li:4", [_width(value), _rate(1.0, "Å/ps")], (0.0, "")) for value in (3.6, 3.8)]
    change = _named(_part(tmp_path, runs, "none, 'Li:4'"), "What Li changes", "change_of_interphase_thickness")
    assert change.value == pytest.approx(0.6) and change.uncertainty == pytest.approx(0.1414, rel=1e-3)
    assert change.value > 1.96 * change.uncertainty
    low, high = change.interval95
    assert low < 0 < high and not change.converged


@pytest.mark.parametrize("runs", [1, 3])
def test_a_count_that_never_changes_has_no_error_and_not_one_of_nothing(tmp_path, runs):
    none = Quantity("broken_bonds", 0.0, "1/nm^2", uncertainty=0.0, interval95=(0.0, 0.0))
    part = _part(tmp_path, [("none", [none], (0.0, ""))] * runs)
    found = _named(part, "Si(111)#1 | LiSi(110)#2, shift 1", "broken_bonds")
    assert (found.value, found.uncertainty, found.interval95) == (0.0, None, None)
    assert "its error is not known" in found.warnings[-1]
