"""SevenNet through our own evaluation: the numbers of its package, and what is said where it is not installed."""

from __future__ import annotations

from importlib.util import find_spec

import numpy as np
import pytest
from anodeflow.errors import InputError
from anodeflow.potentials.cards import card
from anodeflow.structures.phases import phase
from pymatgen.io.ase import AseAtomsAdaptor

CARD = "sevennet-mf-r2scan"
there = pytest.mark.skipif(not find_spec("sevenn"), reason="sevenn is not installed: pip install 'anodeflow[sevennet]'")


@pytest.mark.skipif(bool(find_spec("sevenn")), reason="sevenn is installed, so nothing is missing")
def test_missing_package_names_the_extra():
    with pytest.raises(InputError, match=r"the weights of sevenn are not here") as caught:
        card(CARD).ase_calculator()
    assert "pip install 'anodeflow[sevennet]'" in str(caught.value)


def _shaken(name):
    atoms = AseAtomsAdaptor.get_atoms(phase(name).structure)
    atoms.rattle(0.05, seed=3)
    atoms.set_cell(atoms.cell[:] @ np.array([[1, 0.04, 0.03], [0, 1, 0.05], [0, 0, 1]]), scale_atoms=True)
    return atoms


@there
@pytest.mark.ml
@pytest.mark.parametrize("name", ["LiSn", "Li2O"])
def test_numbers_are_those_of_the_package(name):
    """Energy, forces and stress in a cell without right angles; in double precision to more digits."""
    from sevenn.calculator import SevenNetCalculator

    found = card(CARD)
    theirs, ours = _shaken(name), _shaken(name)
    theirs.calc = SevenNetCalculator(str(found.model.weights.path()), device="cpu", modal="R2SCAN")
    for model in (found, found.for_relaxation()):
        ours.calc = model.ase_calculator()
        assert ours.get_potential_energy() == pytest.approx(theirs.get_potential_energy(), abs=1e-6 * len(ours))
        assert np.abs(ours.get_forces() - theirs.get_forces()).max() < 1e-5
        assert np.abs(ours.get_forces()).max() > 0.05
        assert np.abs(ours.get_stress() - theirs.get_stress()).max() < 1e-6
    assert np.allclose(ours.get_stresses().sum(axis=0), ours.get_stress(), atol=1e-12)


@there
@pytest.mark.ml
def test_forces_are_derivatives_of_the_energy():
    atoms = _shaken("LiSn")
    atoms.calc = card(CARD).for_relaxation().ase_calculator()
    forces = atoms.get_forces()
    up, down = atoms.copy(), atoms.copy()
    for copy, sign in ((up, 1), (down, -1)):
        copy.calc = atoms.calc
        copy.positions[2, 1] += sign * 1e-3
    numerical = -(up.get_potential_energy() - down.get_potential_energy()) / 2e-3
    assert forces[2, 1] == pytest.approx(numerical, abs=1e-5)


@there
@pytest.mark.ml
def test_level_of_theory_has_to_be_named():
    model = card(CARD).model
    for arguments in ({}, {"fidelity": "B3LYP"}):
        with pytest.raises(InputError, match="the model has the levels PBE, R2SCAN, and not"):
            model.model_copy(update={"arguments": arguments}).make()
