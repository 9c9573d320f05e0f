"""Small real systems for the engine's tests."""

from __future__ import annotations

import numpy as np
import pytest
from anodeflow.engines.lammps.setup import System
from anodeflow.engines.resources import Resources
from anodeflow.potentials.cards import card
from anodeflow.structures.phases import phase
from pymatgen.core import Lattice, Structure

ONE_CORE = Resources()


@pytest.fixture(scope="session")
def lithium_silicon():
    return card("LiSi-MEAM-Cui2012")


@pytest.fixture(scope="session")
def triclinic(lithium_silicon) -> System:
    """Thirty-two atoms of LiSi in a cell without a right angle."""
    structure = phase("LiSi").structure
    sheared = np.array(structure.lattice.matrix) @ np.array([[1, 0.06, 0.04], [0, 1, 0.05], [0, 0, 1]])
    return System.of(Structure(Lattice(sheared), structure.species, structure.frac_coords), lithium_silicon)


@pytest.fixture(scope="session")
def crystal(lithium_silicon) -> System:
    """The cubic cell of Li15Si4, 76 atoms."""
    return System.of(phase("Li15Si4").structure, lithium_silicon)
