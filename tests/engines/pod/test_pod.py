"""Descriptors, fit, sampling and the runs of a teacher, on real LAMMPS."""

from __future__ import annotations

import numpy as np
import pytest
from anodeflow.engines.lammps.failures import OutsideRangeError
from anodeflow.engines.lammps.md import MDSettings, run_md
from anodeflow.engines.lammps.setup import System
from anodeflow.engines.pod.card import distilled_card, guard_of
from anodeflow.engines.pod.configurations import atoms_of, from_document, structure_of, to_document
from anodeflow.engines.pod.descriptors import Descriptors
from anodeflow.engines.pod.fit import Accuracy, fit
from anodeflow.engines.pod.sampling import amorphous, defective, farthest_points, strained, too_close
from anodeflow.engines.pod.teacher import label, teacher_md
from anodeflow.engines.resources import Resources
from anodeflow.errors import EngineError, InputError
from anodeflow.potentials.cards import card
from anodeflow.potentials.guard import Guard
from anodeflow.potentials.pod import Pod, PodBasis
from anodeflow.structures.phases import phase
from ase import Atoms
from pymatgen.core import Lattice, Structure

pytestmark = pytest.mark.engine

ELEMENTS = ("Li", "Si")
BASIS = PodBasis(cutoff_A=4.5, two_body=4, three_body=3, three_body_degree=2)


def triclinic() -> Atoms:
    """LiSi without right angles, shaken."""
    cell = [[6.1, 0, 0], [1.3, 5.7, 0], [-0.8, 1.1, 6.4]]
    sites = [[x, y, z] for x in (0, 0.5) for y in (0, 0.5) for z in (0, 0.5)]
    structure = Structure(Lattice(cell), ["Li", "Si"] * 4, sites)
    atoms = atoms_of(structure)
    atoms.positions += np.random.default_rng(4).normal(scale=0.15, size=(8, 3))
    return atoms


def test_rows_give_the_energy_forces_and_stress_of_pair_style_pod_in_a_turned_triclinic_cell() -> None:
    atoms = triclinic()
    atoms.rotate(37, (1, 2, 3), rotate_cell=True)
    with Descriptors(BASIS, ELEMENTS) as descriptors:
        rows = descriptors.design(atoms)
        local = descriptors.per_atom(atoms)
    weights = np.random.default_rng(1).normal(size=rows.shape[1])
    atoms.calc = distilled_card("x", BASIS, ELEMENTS, weights).ase_calculator()
    values = rows @ weights
    assert values[0] == pytest.approx(atoms.get_potential_energy(), abs=1e-8)
    assert values[1:-6].reshape(-1, 3) == pytest.approx(atoms.get_forces(), abs=1e-8)
    assert values[-6:] == pytest.approx(atoms.get_stress(), rel=1e-4, abs=1e-6)
    assert local.shape == (8, rows.shape[1] // 2 - 1)
    assert np.abs(values[-6:]).min() > 1e-4  # all six components are tested


def test_a_fit_finds_the_coefficients_that_made_the_labels() -> None:
    rng = np.random.default_rng(2)
    with Descriptors(BASIS, ELEMENTS) as descriptors:
        size = descriptors.design(triclinic()).shape[1]
    weights = rng.normal(size=size)
    truth = distilled_card("truth", BASIS, ELEMENTS, weights).ase_calculator()
    known = []
    for atoms in strained(triclinic(), 24, rng):
        atoms.calc = truth
        atoms.get_stress()
        known.append(from_document(to_document(atoms)))
    found = fit(BASIS, ELEMENTS, known, Accuracy())
    assert found.left_out_error < 0.05
    assert found.committee.shape == (4, size)
    new = strained(triclinic(), 1, np.random.default_rng(9))[0]
    new.calc = truth
    forces = new.get_forces()
    new.calc = distilled_card("fit", BASIS, ELEMENTS, found.coefficients).ase_calculator()
    assert np.abs(new.get_forces() - forces).max() < 0.01 * forces.std()


def test_too_few_configurations_are_refused() -> None:
    with pytest.raises(InputError, match="too few"):
        fit(BASIS, ELEMENTS, [triclinic()], Accuracy())


def test_samples_keep_their_distance_and_defects_change_the_crystal() -> None:
    crystal = atoms_of(phase("Li15Si4").structure, "Li15Si4")
    rng = np.random.default_rng(3)
    made = strained(crystal, 3, rng) + defective(crystal, 6, rng) + amorphous(crystal, 1, rng)
    assert len(made) == 10
    assert not any(too_close(atoms) for atoms in made)
    assert {len(atoms) for atoms in made[3:9]} == {75, 76}
    assert made[0].cell.volume != pytest.approx(crystal.cell.volume, rel=1e-4)
    squeezed = crystal.copy()
    squeezed.positions[1] = squeezed.positions[0] + 0.3
    assert too_close(squeezed)


def test_farthest_points_cover_a_line_from_its_middle() -> None:
    points = np.arange(11.0)[:, None]
    assert farthest_points(points, 3)[0] == 5
    assert set(farthest_points(points, 3)) == {0, 5, 10}
    assert farthest_points(points, 1, known=np.array([[0.0], [1.0]])) == [10]
    assert farthest_points(np.zeros((4, 2)), 3) == [0]


def test_a_run_of_the_teacher_goes_on_to_the_same_positions(tmp_path) -> None:
    calculator = card("LiSi-MEAM-Cui2012").ase_calculator()
    crystal = atoms_of(phase("Li15Si4").structure)
    asked = {"temperature_K": 500.0, "steps": 30, "timestep_fs": 2.0, "frame_every": 3, "seed": 7}
    whole = teacher_md(crystal, calculator, tmp_path, **asked)
    assert len(whole.frames) == 10 and whole.frame_interval_ps == pytest.approx(0.006)
    (tmp_path / "md-0001.json").unlink()
    again = teacher_md(crystal, calculator, tmp_path, **asked)
    assert np.array_equal(again.frames[-1].positions, whole.frames[-1].positions)
    assert again.frames[-1].get_forces() == pytest.approx(whole.frames[-1].get_forces(), abs=1e-7)


def test_labels_leave_out_what_explodes_and_are_kept(tmp_path) -> None:
    calculator = card("Si-SW1985").ase_calculator()
    crystal = atoms_of(phase("Si").structure)
    exploding = crystal.copy()
    exploding.positions[1] = exploding.positions[0] + 0.5
    labelled = label([crystal, exploding], calculator, tmp_path)
    assert len(labelled) == 1
    assert from_document(labelled[0]).get_potential_energy() == pytest.approx(-4.337 * 8, rel=0.01)
    (tmp_path / "labels-0000.json").write_text('{"configurations": []}')
    assert label([crystal, exploding], calculator, tmp_path) == []


def test_a_teacher_that_explodes_says_so(tmp_path) -> None:
    crystal = atoms_of(phase("Li15Si4").structure)
    with pytest.raises(EngineError) as error:
        teacher_md(
            crystal,
            card("LiSi-MEAM-Cui2012").ase_calculator(),
            tmp_path,
            temperature_K=600.0,
            steps=100,
            timestep_fs=60.0,
            frame_every=5,
            seed=1,
        )
    assert str(error.value).startswith("the teacher's molecular dynamics explodes at 600 K. ")


@pytest.mark.parametrize(
    "guard",
    [Guard(every=10, shortest_A={"Li-Si": 2.9}), Guard(every=10, energy_eV={"Li": (-1.0, 1.0), "Si": (-50.0, 50.0)})],
)
def test_a_guard_stops_molecular_dynamics_that_leaves_its_range(tmp_path, guard) -> None:
    basis = PodBasis(cutoff_A=4.5, two_body=4, three_body=0, three_body_degree=0)
    with Descriptors(basis, ELEMENTS) as descriptors:
        size = descriptors.design(triclinic()).shape[1]
    weights = np.zeros(size)
    weights[0] = 5.0  # every Li has an energy of 5 eV, and no atom feels another
    settings = MDSettings("nvt", 200, 1500.0, 3, dump_every=0)
    structure = structure_of(triclinic())
    free = run_md(
        System.of(structure, distilled_card("free", basis, ELEMENTS, weights)), settings, tmp_path / "free", Resources()
    )
    assert free.thermo["step"][-1] == 200
    guarded = System.of(structure, distilled_card("guarded", basis, ELEMENTS, weights, guard=guard))
    with pytest.raises(OutsideRangeError, match="guard"):
        run_md(guarded, settings, tmp_path / "guarded", Resources())


def test_the_guard_holds_what_was_learnt_with_a_margin() -> None:
    with Descriptors(BASIS, ELEMENTS) as descriptors:
        size = descriptors.design(triclinic()).shape[1]
    weights = np.random.default_rng(1).normal(size=size)
    model = distilled_card("x", BASIS, ELEMENTS, weights)
    guard = guard_of(model, [triclinic()])
    assert set(guard.shortest_A) == {"Li-Li", "Li-Si", "Si-Si"}
    assert all(low < high for low, high in guard.energy_eV.values())


def test_a_coefficient_file_that_is_cut_off_is_refused() -> None:
    whole = distilled_card("x", BASIS, ELEMENTS, np.ones(30)).model
    assert isinstance(whole, Pod)
    cut = whole.model_dump()
    cut["coefficients"]["text"] = cut["coefficients"]["text"][:-4]
    with pytest.raises(ValueError, match="cut off"):
        Pod.model_validate(cut)
