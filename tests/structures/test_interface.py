"""Interfaces: distances, strain, labels, determinism, bad input; crystalline, amorphous and with interlayers."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from anodeflow.errors import InputError
from anodeflow.structures.checks import check_stack
from anodeflow.structures.distances import contact_distance
from anodeflow.structures.interface import interface, interfaces
from anodeflow.structures.phases import phase
from anodeflow.structures.side import read_side
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pymatgen.core import Lattice, Structure

INDICES = st.tuples(*[st.integers(-1, 2)] * 3).filter(any).map(lambda v: " ".join(map(str, v)))


def judge(made, fraction=0.85):
    """Every pair of atoms from different sides keeps its distance, by pymatgen's own neighbour search."""
    structure = made.structure
    side = structure.site_properties["side"]
    of_side = [{structure[n].specie.symbol for n in made.atoms_of(k)} for k in range(len(made.sides))]
    first, second, _, distance = structure.get_neighbor_list(4.0)
    for i, j, d in zip(first, second, distance, strict=True):
        if side[i] != side[j]:
            a, b = structure[int(i)].specie.symbol, structure[int(j)].specie.symbol
            elements = of_side[side[i]] | of_side[side[j]]
            assert d >= fraction * contact_distance(a, b, elements=elements) - 1e-9
    matrix = structure.lattice.matrix
    assert matrix[0, 1] == matrix[0, 2] == matrix[1, 2] == matrix[2, 0] == matrix[2, 1] == 0
    middles = [np.median(structure.cart_coords[made.atoms_of(k), 2]) for k in range(len(made.sides))]
    assert middles == sorted(middles)


def test_sandwich_of_two_crystals():
    made = interface("Si(100)", "Li2O(100)", max_strain=0.03)
    judge(made)
    assert len(made.contacts.gaps_A) == 2
    assert made.record.composition["Li"] == 2 * made.record.composition["O"]
    assert made.record.charge == 0
    assert 100 * made.match.strain < 0.12
    # the strain is shared by stiffness: both sides are strained, oppositely, and it adds up to the misfit
    lower, upper = (np.array(made.record.strain[s]) for s in made.sides)
    total = np.linalg.eigvalsh(upper) - np.linalg.eigvalsh(lower)
    assert np.allclose(np.abs(total), made.match.strain, atol=1e-4)
    assert np.abs(lower).max() < np.abs(upper).max()


def test_the_side_that_must_not_strain_does_not():
    for share, still in (("upper", 0), ("lower", 1), (1.0, 0)):
        made = interface("Si(111)", "LiF(111)", max_strain=0.03, strain_share=share)
        assert np.allclose(made.record.strain[made.sides[still]], 0, atol=1e-12)
        bulk = phase(("Si", "LiF")[still]).structure
        part = Structure.from_sites([made.structure[k] for k in made.atoms_of(still)])
        shortest = min(n.nn_distance for n in bulk.get_neighbors(bulk[0], 3.0))
        distances = part.get_neighbor_list(shortest + 0.01)[3]
        assert np.allclose(distances, shortest, atol=1e-5)


@pytest.mark.parametrize(
    ("lower", "upper", "options"),
    [
        ("beta-Sn(100)", "gamma-Li3PO4(100)", {"max_strain": 0.03}),
        ("LiSn(010)", "Li2O(110)", {"max_strain": 0.08}),
        ("Li15Si4(100)", "LiF(110)", {"max_strain": 0.08, "vacuum_A": 12}),
        ("Sb(012)", "LiBH4(100)", {"max_strain": 0.08}),
    ],
)
def test_pairs_of_crystals(lower, upper, options):
    made = interface(lower, upper, **options)
    judge(made)
    assert len(made.contacts.gaps_A) == (1 if "vacuum_A" in options else 2)
    for k, side in enumerate(made.sides):
        bulk = phase(side.split("(")[0]).structure
        part = Structure.from_sites([made.structure[n] for n in made.atoms_of(k)])
        assert part.composition.reduced_formula == bulk.composition.reduced_formula


def test_vacuum_is_as_wide_as_asked():
    made = interface("Si(100)", "Li2O(100)", max_strain=0.03, vacuum_A=14)
    heights = np.sort(made.structure.frac_coords[:, 2] % 1) * made.structure.lattice.c
    widest = max(np.diff([*heights, heights[0] + made.structure.lattice.c]))
    assert widest == pytest.approx(14, abs=1e-6)


def test_glass_on_a_crystal_is_packed_to_its_cell_without_strain():
    made = interface("Si(100)", "a-Li3PO4:12")
    judge(made)
    assert np.allclose(made.record.strain["Si(100)"], 0)
    glass = Structure.from_sites([made.structure[k] for k in made.atoms_of(1)])
    for site in glass:
        if site.specie.symbol == "P":
            near = [n for n in glass.get_neighbors(site, 1.7) if n.specie.symbol == "O"]
            assert len(near) == 4
    density = glass.composition.weight / 0.602214076 / (made.record.area_A2 * 12)
    assert density == pytest.approx(2.30, rel=0.08)


@pytest.mark.parametrize("thickness", [6, 9, 13])
def test_a_glass_layer_has_its_density_whatever_its_formula_unit(thickness):
    # 77 atoms are one unit of this LiPON: the thickness gives way, not the density
    made = interface("a-Si:10", f"LiPON:{thickness}", seed=3)
    silicon, lipon = (Structure.from_sites([made.structure[n] for n in made.atoms_of(k)]).composition for k in (0, 1))
    volume = (float(silicon.weight) / 2.285 + float(lipon.weight) / 2.30) / 0.602214076
    notes = " ".join(made.record.warnings)
    room = 1.0 + float(notes.split("given ")[1].split(" %")[0]) / 100 if "more room" in notes else 1.0
    assert made.structure.volume == pytest.approx(room * volume, rel=1e-6)


def test_stack_of_glasses_and_interlayers():
    made = interface("Si(100)", "Li2O(100)", interlayer=["a-SiO2:7", "a-Li3PS4:8"], max_strain=0.03, vacuum_A=12)
    judge(made)
    assert made.sides == ("Si(100)", "a-SiO2", "a-Li3PS4", "Li2O(100)")
    assert len(made.contacts.gaps_A) == 3
    both = interface("a-Si:8", "LiPON:8", seed=4)
    judge(both)


def test_a_crystal_interlayer_that_has_silicon_too():
    made = interface("Si(100)", "Li6PS5Cl(100)", interlayer="Li21Si5:8", max_atoms=800)
    judge(made)
    assert made.sides == ("Si(100)", "Li21Si5", "Li6PS5Cl(100)")
    assert len(made.structure) <= 800
    for strain in made.record.strain.values():
        assert np.abs(np.linalg.eigvalsh(strain)).max() <= 0.05 + 1e-9


def test_same_seed_same_interface():
    one, two, three = (interface("a-Li15Si4:8", "LiPON:8", seed=s).structure for s in (3, 3, 4))
    assert np.array_equal(one.frac_coords, two.frac_coords)
    assert len(one) != len(three) or not np.allclose(one.frac_coords, three.frac_coords)


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(INDICES, INDICES, st.sampled_from(["LiSn", "Li15Si4", "beta-Sn"]), st.floats(0, 1), st.booleans())
def test_random_planes_strains_and_shares(first, second, anode, share, vacuum):
    try:
        made = interface(
            f"{anode}({first})",
            f"Li2O({second})",
            thickness_A=6,
            max_strain=0.06,
            max_area_A2=300,
            max_atoms=700,
            strain_share=share,
            vacuum_A=10 if vacuum else None,
        )
    except InputError as error:
        assert "the best found is" in str(error) or "larger cell" in str(error) or "fewest are" in str(error)
        return
    judge(made)
    for side in made.sides:
        assert np.abs(np.linalg.eigvalsh(made.record.strain[side])).max() <= 0.065


def test_a_triclinic_file_of_the_user(tmp_path):
    lattice = Lattice.from_parameters(5.1, 6.3, 7.2, 81, 97, 104)
    crystal = Structure(
        lattice, ["Li", "Sn", "Li", "P"], [[0.1, 0.15, 0.2], [0.6, 0.55, 0.7], [0.35, 0.8, 0.45], [0.85, 0.3, 0.95]]
    )
    path = tmp_path / "mine.cif"
    crystal.to(filename=str(path))
    made = interface(f"{path}(110)", "a-Si")
    judge(made)
    judge(interface(crystal, "a-Si"))


def test_every_pair_of_terminations():
    made = interfaces("Si(111)", "LiF(111)", max_strain=0.03)
    assert len(made) == 4
    assert len({tuple(sorted(m.record.terminations.items())) for m in made}) == 4
    for one in made:
        judge(one)


def test_the_best_cells_of_one_pair():
    made = interfaces("Si(100)", "Li2O(100)", max_strain=0.03, cells=3, terminations=1)
    assert len({(round(m.record.area_A2, 2), round(m.match.strain, 6)) for m in made}) == 3
    assert [m.match.score for m in made] == sorted(m.match.score for m in made)


def test_checks_refuse_a_gap_that_is_too_small_and_a_crystal_that_was_changed():
    with pytest.raises(InputError, match="apart at"):
        interface("Si(100)", "Li2O(100)", max_strain=0.03, gap_A=0.3)
    made = interface("Si(100)", "Li2O(100)", max_strain=0.03)
    sides = [read_side(text, thickness_A=10, seed=1) for text in made.sides]
    owner = made.structure.site_properties["side"]
    moved = made.structure.copy()
    moved.translate_sites([moved.index(moved[200])], [0.07, 0, 0])
    with pytest.raises(InputError):
        check_stack(moved, owner, sides, made.common, periodic=True)
    other = made.structure.copy()
    other.replace(0, "Ge")
    with pytest.raises(InputError, match="composition"):
        check_stack(other, owner, sides, made.common, periodic=True)


def test_layers_are_numbered_and_registry_beats_the_worst_shift():
    made = interface("Si(100)", "Li2O(100)", max_strain=0.03)
    numbers = made.structure.site_properties["layer"]
    heights = made.structure.cart_coords[:, 2]
    lower = made.atoms_of(0)
    levels = [
        np.mean([heights[k] for k in lower if numbers[k] == n]) for n in range(max(numbers[k] for k in lower) + 1)
    ]
    assert all(b > a for a, b in pairwise(levels))
    assert set(made.record.layers["Si(100)"]) == set(lower)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("Si(000)", "Li2O(100)"), "0 0 0 is no plane"),
        (("Si(100)", "Nope7(100)"), "no phase is called"),
        (("a-Si(100)", "Li2O(100)"), "no planes"),
        (("Si(100)#7", "Li2O(100)"), "termination 7 does not exist"),
        (("Si(100):0", "Li2O(100)"), "no layer"),
        (("Si(100)", ""), "no side"),
    ],
)
def test_sides_that_cannot_be(arguments, message):
    with pytest.raises(InputError, match=message):
        interface(*arguments)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"max_strain": 1e-5}, "the best found is 0.0. %"),
        ({"max_atoms": 20}, "the fewest are"),
        ({"vacuum_A": 2}, "does not part"),
        ({"strain_share": "both"}, "no way to share"),
        ({"strain_share": 1.5}, "outside 0 to 1"),
    ],
)
def test_limits_that_nothing_meets(options, message):
    with pytest.raises(InputError, match=message):
        interface("Si(100)", "Li2O(100)", **options)


@pytest.mark.parametrize("ending", ["data", "vasp", "cif", "xyz"])
def test_written_files_keep_the_order_of_the_labels(tmp_path, ending):
    from anodeflow.structures.io import read_structure, write_structure

    made = interface("Si(100)", "a-Li3PS4:8", seed=2)
    path = tmp_path / f"pair.{ending}"
    write_structure(made.structure, path, made.record)
    back = read_structure(path)[0]
    assert [s.specie.symbol for s in back] == [s.specie.symbol for s in made.structure]
    apart = back.frac_coords - made.structure.frac_coords
    apart -= np.rint(apart)
    assert np.abs(apart).max() < 1e-5
    assert np.allclose(back.lattice.matrix, made.structure.lattice.matrix, atol=1e-5)
