"""Splines of pairs and triplets: rows, fit and file, against ``pair_style uf3``."""

from __future__ import annotations

import numpy as np
import pytest
from anodeflow.engines.pod.card import distilled_card, guard_of
from anodeflow.engines.pod.configurations import from_document, to_document
from anodeflow.engines.pod.fit import Accuracy, fit
from anodeflow.engines.pod.sampling import strained
from anodeflow.engines.pod.splines import Splines, cubic
from anodeflow.potentials.uf3 import Uf3, Uf3Basis
from ase import Atoms
from scipy.interpolate import BSpline

pytestmark = pytest.mark.engine

ELEMENTS = ("Li", "Si", "S")
BASIS = Uf3Basis(
    cutoff_A=4.5,
    intervals=8,
    three_body_cutoff_A=3.4,
    three_body_intervals=3,
    opposite_intervals=4,
    own_cutoffs_A={"Si-S-S": 3.0},
)


def triclinic() -> Atoms:
    """Three elements without right angles, turned and shaken."""
    cell = np.array([[5.4, 0, 0], [1.2, 5.1, 0], [-0.7, 1.0, 5.6]])
    sites = np.array([[x, y, z] for x in (0, 0.5) for y in (0, 0.5) for z in (0, 0.5)])
    atoms = Atoms("LiSiSLi2SSiLi", positions=sites @ cell, cell=cell, pbc=True)
    atoms.positions += np.random.default_rng(4).normal(scale=0.15, size=(8, 3))
    atoms.rotate(37, (1, 2, 3), rotate_cell=True)
    return atoms


def test_rows_give_the_energy_forces_and_stress_of_lammps() -> None:
    atoms = triclinic()
    weights = np.random.default_rng(1).normal(size=BASIS.size(ELEMENTS))
    values = Splines(BASIS, ELEMENTS).design(atoms) @ np.concatenate([weights, np.zeros(3)])
    atoms.calc = distilled_card("x", BASIS, ELEMENTS, weights).ase_calculator(energies=True)
    assert values[0] == pytest.approx(atoms.get_potential_energy(), abs=1e-6)
    assert values[1:-6].reshape(-1, 3) == pytest.approx(atoms.get_forces(), abs=1e-6)
    assert values[-6:] == pytest.approx(atoms.get_stress(), abs=1e-6)
    assert np.abs(values[-6:]).min() > 1e-3  # all six components are tested
    assert atoms.get_potential_energies().sum() == pytest.approx(values[0], abs=1e-6)


def test_cubic_splines_are_those_of_scipy() -> None:
    knots = np.concatenate([[0.5] * 3, np.linspace(0.5, 4, 6), [4] * 3])
    x = np.linspace(0.5, 3.999, 50)
    first, values, slopes = cubic(knots, x)
    whole = BSpline(knots, np.eye(len(knots) - 4), 3)
    for k in range(4):
        assert values[:, k] == pytest.approx(whole(x)[np.arange(50), first + k], abs=1e-12)
        assert slopes[:, k] == pytest.approx(whole(x, 1)[np.arange(50), first + k], abs=1e-12)


def test_two_neighbours_of_the_same_element_may_be_exchanged() -> None:
    alike = next(one for one in BASIS.triplets(ELEMENTS) if one.elements == ("Si", "S", "S"))
    assert np.array_equal(alike.columns, alike.columns.transpose(1, 0, 2))
    assert np.unique(alike.columns).size == alike.size
    assert alike.legs[-1] == 3.0 and alike.opposite[-1] == 6.0


def test_a_fit_finds_the_forces_that_made_the_labels_and_repels_where_nothing_was_seen() -> None:
    rng = np.random.default_rng(2)
    pure = triclinic()
    pure.symbols[:] = ["Li", "Si"] * 4
    with Splines(BASIS, ("Li", "Si")) as rows:
        prior = rows.prior()[:-2]
        waves = np.sin(np.arange(rows.splines) / 3.0)
    truth = distilled_card("truth", BASIS, ("Li", "Si"), prior + np.where(prior > 5, 0, 0.3 * waves))
    known = []
    for atoms in strained(pure, 40, rng):
        atoms.calc = truth.ase_calculator()
        atoms.get_stress()
        known.append(from_document(to_document(atoms)))
    found = fit(BASIS, ("Li", "Si"), known, Accuracy())
    model = distilled_card("fit", BASIS, ("Li", "Si"), found.coefficients, reference_eV=found.reference_eV)
    new = strained(pure, 1, np.random.default_rng(9))[0]
    new.calc = truth.ase_calculator()
    forces = new.get_forces()
    new.calc = model.ase_calculator()
    nothing = new.copy()
    nothing.calc = distilled_card("prior", BASIS, ("Li", "Si"), prior).ase_calculator()
    errors = [float(np.abs(one.get_forces() - forces).max()) for one in (new, nothing)]
    assert errors[0] < 0.2 * errors[1]
    pair = Atoms("LiSi", positions=[[0, 0, 0], [1.0, 0, 0]], cell=[12, 12, 12], pbc=True)
    pair.calc = model.ase_calculator()
    assert pair.get_forces()[1, 0] > 5
    guard = guard_of(model, known)
    assert guard.energy_eV["Si"][0] < guard.energy_eV["Si"][1]


def test_a_file_that_is_cut_off_or_for_other_elements_is_refused() -> None:
    whole = distilled_card("x", BASIS, ELEMENTS, np.zeros(BASIS.size(ELEMENTS))).model
    assert isinstance(whole, Uf3)
    cut = whole.model_dump()
    cut["splines"]["text"] = cut["splines"]["text"][:-40]
    with pytest.raises(ValueError, match="cut off"):
        Uf3.model_validate(cut)
    other = whole.model_dump() | {"order": ("Li", "Si", "P")}
    with pytest.raises(ValueError, match="is not for Li Si P"):
        Uf3.model_validate(other)
    with pytest.raises(ValueError, match="between inner_A and cutoff_A"):
        Uf3Basis(three_body_cutoff_A=7.0)
