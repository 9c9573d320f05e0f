"""The phase library holds what its sources say, and is found by the names people use."""

from __future__ import annotations

import dataclasses
import json
import time
from fractions import Fraction

import numpy as np
import pytest
from anodeflow.errors import InputError
from anodeflow.structures import phases
from anodeflow.structures.phases import EVIDENCE, find_structure, phase, phase_names
from anodeflow.structures.record import minimum_distance
from pymatgen.core import Composition, Lattice, Structure
from pymatgen.symmetry.analyzer import SpacegroupAnalyzer


def test_every_reference_record_is_in_the_library_as_it_stands_there(shared):
    records = json.loads((shared / "reference" / "phases.json").read_text())
    records = [record for record in records if record["sites"]]
    assert len(records) >= 62
    for record in records:
        item = phase(record["id"])
        structure = item.structure
        assert len(structure) == record["natoms"], record["id"]
        assert item.verified == record["verified"]
        assert structure.density == pytest.approx(record["density"], rel=1e-2), record["id"]
        rank = list(EVIDENCE).index
        assert rank(item.evidence) <= rank(record["evidence"]), record["id"]
        if item.version > 1:  # read again from a better source: only the class and the last digits may change
            assert rank(item.evidence) < rank(record["evidence"]), record["id"]
            continue
        assert structure.density == pytest.approx(record["density"], rel=1e-3), record["id"]
        assert item.citation == record["citation"]
        if item.is_ordered:
            nearest = min(record["min_distance"], *item.cell[:3])  # the records leave out own images
            assert minimum_distance(structure) == pytest.approx(nearest, abs=2e-3)


@pytest.mark.parametrize("name", phase_names())
def test_phase_has_the_composition_and_space_group_it_claims(name):
    item = phase(name)
    structure = item.structure
    claimed = item.composition.fractional_composition
    built = structure.composition.fractional_composition
    for element in claimed.elements:
        assert built[element] == pytest.approx(claimed[element], rel=0.02, abs=1e-3)
    assert set(built.elements) == set(claimed.elements)
    assert SpacegroupAnalyzer(structure, symprec=0.01).get_space_group_number() == item.space_group_number
    assert minimum_distance(structure) > 0.7


def test_every_entry_says_where_it_comes_from():
    for name in phase_names():
        item = phase(name)
        assert item.evidence in EVIDENCE
        assert len(item.citation) > 10
        assert len(item.origin) > 10
        assert item.coordinates
        assert item.version >= 1
        if item.evidence == "D":
            assert "derived" in item.origin


def test_thirds_are_exact():
    for name in phase_names():
        for site in phase(name).sites:
            for value in site.xyz:
                nearest = Fraction(round(3 * value), 3)
                assert value == nearest or abs(value - nearest) > 1e-5


def test_orbits_agree_with_pymatgen():
    for name in ("Li15Si4", "Li5Sn2", "LiP", "Li6PS5Cl"):
        item = phase(name)
        expected = Structure.from_spacegroup(
            item.space_group_number,
            Lattice.from_parameters(*item.cell),
            [dict(site.species) for site in item.sites],
            [[float(value) for value in site.xyz] for site in item.sites],
        )
        assert np.allclose(item.structure.frac_coords, expected.frac_coords)
        assert item.structure.species_and_occu == expected.species_and_occu


def test_a_rounded_third_is_an_error_and_not_more_atoms(monkeypatch):
    item = phase("Li5Sn2")
    assert len(item.structure) == 21
    first = dataclasses.replace(item.sites[0], xyz=(Fraction("0.3333"), Fraction("0.6667"), item.sites[0].xyz[2]))
    broken = dataclasses.replace(item, name="broken", sites=(first, *item.sites[1:]))
    monkeypatch.setitem(phases._library(), "broken", broken)
    with pytest.raises(ValueError, match="6c site of Sn has"):
        phases._build.__wrapped__("broken")


@pytest.mark.parametrize(
    ("spelling", "name"),
    [
        ("β-Sn", "beta-Sn"),
        ("Sn", "beta-Sn"),
        ("Li3PS4-gamma", "gamma-Li3PS4"),
        ("γ-Li₃PS₄", "gamma-Li3PS4"),
        ("LLZO", "cubic-LLZO"),
        ("LiTi2(PO4)3", "LiTi2P3O12"),
        ("PS5ClLi6", "Li6PS5Cl"),
        ("Si_diamond", "Si"),
        ("Li3Sb", "cubic-Li3Sb"),
    ],
)
def test_names_as_people_write_them(spelling, name):
    assert phase(spelling).name == name


def test_unknown_name_gives_the_nearest_ones():
    with pytest.raises(InputError, match="Li15Si4") as caught:
        phase("Li15Si5")
    assert caught.value.exit_code == 2


def test_structure_is_a_copy():
    phase("Si").structure.remove_sites([0])
    assert len(phase("Si").structure) == 8


def test_find_structure_carries_the_evidence_class():
    structure, source = find_structure("Li21Si5")
    assert structure.composition.reduced_composition == Composition("Li21Si5")
    assert source.evidence == "D"
    assert "Nesper" in source.citation


def test_the_whole_library_builds_within_ten_seconds():
    for function in (phases._library, phases._build, phases._space_group, phases._keys, phases._by_formula):
        function.cache_clear()
    start = time.process_time()
    for name in phase_names():
        minimum_distance(phase(name).structure)
    assert time.process_time() - start < 10
