"""Ladders under pressure, under strain, in larger cells, and as a section of a campaign with its report."""

import json
import re

import numpy as np
import pytest
from anodeflow.errors import InputError
from anodeflow.hpc.campaigns import run_campaign
from anodeflow.quantity import Quantity
from anodeflow.workflows.barrier.campaign import read_barrier_campaign
from anodeflow.workflows.barrier.flow import barrier_flow
from anodeflow.workflows.barrier.jobs import strained
from anodeflow.workflows.barrier.section import _together, ladder_part
from anodeflow.workflows.barrier.settings import StrainSettings
from anodeflow.workflows.barrier.variants import activation_volume, compare_variants, infinite_cell
from anodeflow.workflows.campaign import read_campaign
from anodeflow.workflows.sections import campaign_flow
from pymatgen.core import Lattice, Structure

LADDER = """
crystal: {phase: Si}
species: Li
hops:
  T-H-T: {kind: interstitial, path: [[0.5, 0.5, 0.5], [0.75, 0.75, 0.75]]}
levels:
  - {name: LiSi-MEAM-Cui2012, images: 3, force_tolerance_eV_A: 0.02, image_distance_A: 5, finite_size_A: [10],
     vibrations: none}
pressure_GPa: [2, -2]
strain: [{xx: 0.02, xy: 0.01}]
"""


def campaign_file(tmp_path, ladder=LADDER):
    indented = "\n".join(f"  {line}" for line in ladder.strip().splitlines())
    path = tmp_path / "campaign.yaml"
    path.write_text(f"name: barriers\nseed: 3\npotential: LiSi-MEAM-Cui2012\nbarrier:\n{indented}\n")
    return path


def _many_hops_are_drawn_in_part(tmp_path):
    asked = read_campaign(tmp_path / "campaign.yaml").barrier
    documents = [json.loads(path.read_text())["output"] for path in (tmp_path / "run").glob("*/result.json")]
    band = next(one for one in documents if one["kind"] == "barrier" and one["band"] and not one["variant"])
    part = ladder_part(asked, [band | {"hop": f"hop {number}"} for number in range(8)])
    assert len(part["plots"]) == 8
    assert len(part["drawings"]) == 6
    assert part["drawings"][-1]["label"].endswith("; the paths of 2 further hops are not drawn")


@pytest.mark.engine
def test_a_campaign_reports_bands_their_picture_and_the_activation_volume(tmp_path):
    jobs, report = run_campaign(campaign_file(tmp_path), tmp_path / "run", cores=1)
    assert [job.state for job in jobs] == ["done"] * 9, [job.message for job in jobs]
    results = json.loads((tmp_path / "run" / "results.json").read_text())
    (part,) = results["parts"]
    barriers = {
        group["label"]: Quantity.from_dict(group["quantities"][0])
        for group in part["groups"]
        if group["headline"] == ["migration_barrier"]
    }
    assert set(barriers) == {
        f"T-H-T LiSi-MEAM-Cui2012{mark}" for mark in ("", " 10A", " xx+0.02xy+0.01", " +2GPa", " -2GPa")
    }
    small, large = barriers["T-H-T LiSi-MEAM-Cui2012"].value, barriers["T-H-T LiSi-MEAM-Cui2012 10A"].value
    assert large == pytest.approx(0.5537, abs=0.003) and small != pytest.approx(large, abs=1e-3)
    found = {entry["name"]: entry for entry in results["quantities"]}
    slope = (barriers["T-H-T LiSi-MEAM-Cui2012 +2GPa"].value - barriers["T-H-T LiSi-MEAM-Cui2012 -2GPa"].value) / 4
    assert found["activation_volume"]["value"] == pytest.approx(slope * 160.2177, abs=1e-3)
    # 9 and 65 atoms: the line in 1/N goes on from the large cell away from the small one
    assert found["barrier_infinite_cell"]["value"] == pytest.approx(large + (large - small) * 9 / 56, abs=1e-4)
    page = report.read_text()
    assert "Energy along the path of T-H-T" in page and "Path of T-H-T" in page and 'id="barrier-drawing0"' in page
    values = [float(value) for value in re.findall(r'<data value="([^"]+)" data-of="parts\.0\.groups', page)]
    assert any(abs(value - small) < 1e-9 for value in values)
    points = next(curve for curve in part["plots"][0]["curves"] if curve["label"].endswith("images"))
    assert len(points["x"]) == len(points["slope"]) == 3 and abs(points["slope"][1]) < 0.05
    assert points["as_before"] and "Li, moving" in page
    drawn = Structure.from_dict(part["drawings"][0]["structure"])
    _many_hops_are_drawn_in_part(tmp_path)
    assert [site.specie.symbol for site in drawn if site.properties["moving"]] == ["Li"] * 3 and len(drawn) == 11


def test_the_line_in_the_inverse_size_and_the_slope_with_pressure():
    size = infinite_cell([(9, 0.5 + 0.9 / 9), (65, 0.5 + 0.9 / 65), (217, 0.5 + 0.9 / 217)])
    assert size.value == pytest.approx(0.5) and size.uncertainty == pytest.approx(0.9 / 217)
    exact = activation_volume([(0.0, 0.3), (1.0, 0.31), (2.0, 0.32)])
    assert exact.value == pytest.approx(1.602177, rel=1e-5) and exact.uncertainty < 1e-9
    rough = activation_volume([(0.0, 0.3), (1.0, 0.32), (2.0, 0.32)])
    # residuals -1/300, 2/300, -1/300 eV: s = sqrt(6/300² / 1), over sqrt(sum of squares of the pressures) = sqrt(2)
    assert rough.uncertainty == pytest.approx(np.sqrt(6) / 300 / np.sqrt(2) * 160.2177, rel=1e-4)
    two = activation_volume([(0.0, 0.3), (1.0, 0.31)])
    assert two.uncertainty is None and "Two pressures" in two.warnings[0]


def test_a_variant_that_did_not_converge_is_said_and_left_out():
    def document(value, converged=True):
        quantity = Quantity("migration_barrier", value, "eV").to_dict()
        return {"level": "model", "quantities": [quantity], "converged": converged, "natoms": 9}

    variants = [
        {"kind": "pressure", "value": 1.0, "hop": "h", "document": document(0.31)},
        {"kind": "pressure", "value": 2.0, "hop": "h", "document": document(0.9, converged=False)},
    ]
    rows, quantities, warnings = compare_variants(["h"], [[document(0.3)]], variants)
    assert [row["barrier_eV"] for row in rows] == [0.31, None]
    assert rows[0]["difference_eV"] == pytest.approx(0.01)
    assert [quantity.name for quantity in quantities] == ["activation_volume"]
    assert quantities[0].value == pytest.approx(1.602, abs=1e-3)
    assert warnings == ["h: the band of pressure 2.0 is not converged."]


@pytest.mark.parametrize(("strain", "same"), [({"xx": 0.02}, False), ({"xx": 0.01, "yy": 0.01, "zz": 0.01}, True)])
def test_a_strain_that_breaks_the_symmetry_of_hops_is_said(strain, same):
    quantity = Quantity("migration_barrier", 0.3, "eV").to_dict()
    document = {"level": "model", "quantities": [quantity], "converged": True, "natoms": 9}
    state = StrainSettings(**strain)
    about = {"kind": "strain", "value": state.label, "components": state.components}
    variant = about | {"hop": "h", "document": document}
    warnings = compare_variants(["h"], [[document]], [variant])[2]
    assert len(warnings) == (not same)
    assert all("direction that was asked for" in text for text in warnings)


def test_a_strain_turns_the_cell_and_keeps_the_fractions():
    crystal = Structure(Lattice([[5, 0, 0], [0.8, 6, 0], [0.5, -0.7, 7]]), ["Li", "Si"], [[0, 0, 0], [0.4, 0.3, 0.2]])
    found = strained(crystal, (0.01, 0.0, -0.02, 0.0, 0.0, 0.03))
    np.testing.assert_allclose(found.frac_coords, crystal.frac_coords)
    np.testing.assert_allclose(found.lattice.matrix[0], [5.05, 0.15, 0])
    np.testing.assert_allclose(found.lattice.matrix[1], [0.8 * 1.01 + 6 * 0.03, 0.8 * 0.03 + 6, 0])
    assert found.lattice.matrix[2, 2] == pytest.approx(6.86)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("pressure_GPa: [2, -2]", "pressure_GPa: [0]", "a pressure of 0 is computed anyway"),
        ("xx: 0.02, xy: 0.01", "xx: 2", "1 is one per cent|at most 0.2"),
        ("xx: 0.02, xy: 0.01", "", "different from 0"),
        ("{phase: Si}", "{phase: Si, relax: none}", "needs a crystal whose cell may relax"),
        ("{phase: Si}", "{phase: Si, relax: plane}", "needs a crystal whose cell may relax"),
        ("finite_size_A: [10]", "finite_size_A: [300]", "too large"),
        ("[0.75, 0.75, 0.75]", "[0.5, 0.5, 0.5]", "leads from a place to itself.*hops.T-H-T"),
        (LADDER[LADDER.index("hops:") : LADDER.index("levels:")], "hops: {}\n", "at least 1 item.*barrier.hops"),
    ],
)
def test_what_makes_no_sense_is_refused(tmp_path, old, new, message):
    assert old in LADDER
    with pytest.raises(InputError, match=message):
        campaign_flow(read_campaign(campaign_file(tmp_path, LADDER.replace(old, new))))


def test_a_plane_is_for_dft_alone(tmp_path):
    path = tmp_path / "file.yaml"
    text = LADDER.replace("{phase: Si}", "{phase: Si, relax: plane}").replace("pressure_GPa: [2, -2]", "")
    path.write_text(f"name: plane\n{text}")
    with pytest.raises(InputError, match="a potential cannot scale the plane alone"):
        barrier_flow(read_barrier_campaign(path))


def test_groups_of_a_ladder_say_what_is_compared_whatever_the_level():
    quantities = [
        Quantity("hop_rate", 1e9, "1/s", method="harmonic theory at 300 K, chgnet", source="ring chgnet"),
        Quantity("carrier_diffusivity", 1e-9, "cm^2/s", method="master equation at 300 K, chgnet", source="chgnet"),
        Quantity("percolation_barrier", 0.3, "eV", method="along b: highest saddle", source="chgnet"),
        Quantity("activation_volume", 1.0, "Å^3", method="slope", source="ring chgnet"),
    ]
    bands = [{"hop": "ring", "level": "chgnet", "variant": ""}, {"hop": "ring", "level": "chgnet", "variant": "9A"}]
    groups = _together([quantity.to_dict() for quantity in quantities], bands)
    assert [(group["label"], group["compared_as"], group["level"]) for group in groups] == [
        ("all hops, 300 K", "ring, 300 K", "chgnet"),
        ("all hops, 300 K", "all hops, 300 K", "chgnet"),
        ("all hops", "all hops, along b", "chgnet"),
        ("ring chgnet", "ring", "chgnet"),
    ]
