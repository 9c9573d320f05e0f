"""Levels of a ladder by name, and from cards of the user's."""

import numpy as np
import pytest
from anodeflow.engines.levels import find_level, level_names
from anodeflow.errors import InputError
from anodeflow.potentials.source_file import wheel_potentials
from anodeflow.structures.phases import phase
from anodeflow.workflows.barrier.campaign import read_barrier_campaign
from pymatgen.io.ase import AseAtomsAdaptor

pytestmark = pytest.mark.engine

LADDER = """
name: ladder
crystal: {phase: Si}
species: Li
hops:
  one: {kind: vacancy, path: [[0, 0, 0], [0.25, 0.25, 0.25]]}
levels:
  - {name: own.yaml}
  - {name: Si-SW1985}
"""


@pytest.fixture
def own(tmp_path):
    (tmp_path / "own.sw").write_text((wheel_potentials() / "Si.sw").read_text())
    (tmp_path / "own.yaml").write_text("elements: [Si]\nmodel: {style: sw, file: own.sw}\n")
    return tmp_path / "own.yaml"


def test_own_card_is_a_level(own, tmp_path):
    """It is the same model as the packaged one, which it copies."""
    energies = []
    for name in (str(own), "Si-SW1985"):
        atoms = AseAtomsAdaptor.get_atoms(phase("Si").structure)
        atoms.set_cell(atoms.cell[:] @ np.array([[1, 0.05, 0], [0, 1, 0.03], [0, 0, 1]]), scale_atoms=True)
        atoms.calc = find_level(name).factory(tmp_path / "files")
        energies.append(atoms.get_potential_energy())
    assert energies[0] == pytest.approx(energies[1], abs=1e-10)


def test_own_card_is_looked_for_beside_the_ladder(own, tmp_path):
    (tmp_path / "ladder.yaml").write_text(LADDER)
    levels = read_barrier_campaign(tmp_path / "ladder.yaml").levels
    assert [level.name for level in levels] == [str(own), "Si-SW1985"]


def test_unknown_level_names_those_there_are():
    with pytest.raises(InputError, match="chgnet"):
        find_level("nothing")
    assert "gpaw-fast" in level_names()


def test_missing_own_card_is_said(tmp_path):
    with pytest.raises(InputError, match="no such potential card"):
        find_level(str(tmp_path / "none.yaml"))
