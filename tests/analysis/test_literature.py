"""Published values: found for the right systems, and compared without flattering anybody."""

from __future__ import annotations

import csv

import pytest
from anodeflow.analysis.literature import compare, interval95, literature_values
from anodeflow.quantity import Quantity


def diffusivity(value, low, high, **keys):
    return Quantity("tracer_diffusivity", value, "cm^2/s", interval95=(low, high), species="Li", **keys)


def test_every_row_is_whole():
    rows = literature_values()
    assert len(rows) > 150
    for row in rows:
        assert row.low <= row.high
        assert row.unit
        assert row.source
        assert row.phase in ("crystal", "amorphous", "any")
        assert row.approach in ("experiment", "simulation", "computed", "review")
        assert row.status in ("seen", "recalled", "computed", "review")
        assert row.note or not row.flagged, "a flag without a reason"


def test_no_row_of_the_source_changed(shared):
    with (shared / "reference" / "literature-values.csv").open() as stream:
        source = list(csv.DictReader(stream))
    barriers = {float(r["value"]) for r in source if r["property"] == "migration barrier by site class"}
    barriers |= {float(r["value"]) for r in source if r["property"].startswith("Li migration (vacancy")}
    shipped = {row.low for row in literature_values(property="migration_barrier")}
    assert barriers <= shipped
    with (shared / "reference" / "review-values.csv").open() as stream:
        flagged = {r["system"] for r in csv.DictReader(stream) if r["note"].startswith("FLAG")}
    ours = [row for row in literature_values() if row.flagged]
    assert ours
    assert {row.system for row in ours} <= flagged


def test_the_phase_decides():
    crystal = literature_values("c-Li15Si4", "tracer_diffusivity")
    amorphous = literature_values("a-Li15Si4", "tracer_diffusivity")
    assert crystal == ()
    assert {row.high for row in amorphous} == {3.53e-7, 1e-7}
    assert literature_values("Li15Si4", "tracer_diffusivity", phase="amorphous") == amorphous


def test_a_series_covers_its_range_only():
    assert literature_values("a-Li5Si1", "tracer_diffusivity") == ()
    assert len(literature_values("a-Li4Si1", "tracer_diffusivity")) == 1  # 4.8 is inside one range, not in 3.75
    assert literature_values("a-Li2Sn", "youngs_modulus") == ()
    assert len(literature_values("Li5Si2", "youngs_modulus", phase="amorphous")) == 1


def test_multiples_of_a_formula_are_the_same_system():
    of_cell, of_unit = (literature_values(name, "volume_per_host_atom") for name in ("Li60Si16", "Li15Si4"))
    assert of_cell == of_unit != ()


def test_agreement_needs_the_interval_to_meet_the_range():
    published = literature_values("a-Li15Si4", "tracer_diffusivity")[0]
    inside = compare(diffusivity(1e-6, 3e-7, 2e-6), published, temperature_K=300, extrapolated=True)
    assert inside.word == "agrees"
    assert "both extrapolated" in inside.reason
    outside = compare(diffusivity(1e-6, 5e-7, 2e-6), published, temperature_K=300, extrapolated=True)
    assert outside.word == "differs"
    assert "2.8 times higher" in outside.reason


@pytest.mark.parametrize(
    ("quantity", "keys", "reason"),
    [
        (Quantity("tracer_diffusivity", None, "cm^2/s", converged=False), {}, "no converged result"),
        (Quantity("tracer_diffusivity", 1e-7, "cm^2/s"), {}, "no error bar"),
        (diffusivity(1e-7, 5e-8, 2e-7), {"temperature_K": 900.0}, "900 K here, 300 K there"),
        (Quantity("tracer_diffusivity", 1e-7, "m^2/s", uncertainty=1e-8), {}, "not in m^2/s"),
    ],
)
def test_no_verdict_where_one_would_mislead(quantity, keys, reason):
    published = literature_values("a-Li15Si4", "tracer_diffusivity")[0]
    verdict = compare(quantity, published, **keys)
    assert verdict.word == "cannot be compared"
    assert reason in verdict.reason


def test_an_extrapolation_is_not_held_against_a_measurement():
    (measured,) = [row for row in literature_values("Li4Sn", "tracer_diffusivity") if row.approach == "experiment"]
    verdict = compare(diffusivity(2e-7, 1e-7, 4e-7), measured, temperature_K=300, extrapolated=True)
    assert verdict.word == "cannot be compared"
    assert "inside the 95 % interval" in verdict.reason


def test_a_flagged_row_gives_no_verdict():
    (row,) = [row for row in literature_values("Li3Bi", "volume_expansion") if row.flagged]
    result = Quantity("volume_expansion", 42.0, "%", uncertainty=1.0)
    assert compare(result, row).word == "cannot be compared"


def test_units_are_one_spelling():
    row = literature_values("c-Li15Si4", "volume_per_host_atom")[0]
    result = Quantity("volume_per_host_atom", 77.5, "Å^3", uncertainty=0.5)
    assert compare(result, row, temperature_K=300).word == "agrees"


def test_interval_from_the_standard_error():
    low, high = interval95(Quantity("density", 1.0, "g/cm^3", uncertainty=0.1))
    assert (low, high) == pytest.approx((0.804, 1.196), abs=1e-3)
