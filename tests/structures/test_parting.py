"""Contacts of a stack, planes of cleavage, and gaps; in a leaning cell too."""

from __future__ import annotations

import numpy as np
import pytest
from anodeflow.errors import InputError
from anodeflow.structures.parting import cleavage_planes, cleaved, lay_out, one_side, with_gaps
from pymatgen.core import Lattice, Structure

CELLS = {
    "square": Lattice([[6, 0, 0], [0, 6, 0], [0, 0, 20]]),
    "triclinic": Lattice([[6, 0, 0], [2, 6, 0], [1.5, -1, 20]]),
}
HEIGHTS = (1.0, 3.0, 5.0, 8.0, 11.0, 14.0, 17.0)
SIDES = [0, 0, 0, 0, 1, 1, 1]


def _stack(cell: Lattice, shift: float = 0.0) -> Structure:
    fraction = [[0.1 * k, 0.2, ((height + shift) / 20) % 1.0] for k, height in enumerate(HEIGHTS)]
    return Structure(cell, ["Si"] * 4 + ["Li"] * 3, fraction)


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("shift", [0.0, 13.0])
def test_contacts_lie_between_the_sides_wherever_the_cell_ends(cell, shift):
    laid = lay_out(_stack(CELLS[cell], shift), SIDES)
    assert laid.period_A == pytest.approx(20)
    assert [(height - shift) % 20 for height in laid.contacts_A] == pytest.approx([9.5, 19.0])
    planes = cleavage_planes(laid, 0, within_A=3.5)
    assert [(height - shift) % 20 for height in planes] == pytest.approx([6.5, 9.5, 12.5])


def test_an_atom_that_crossed_does_not_move_the_contact():
    structure = _stack(CELLS["triclinic"])
    structure.translate_sites([4], [0, 0, -0.3], to_unit_cell=True)  # lithium deep in silicon, at 5 Å
    laid = lay_out(structure, SIDES)
    assert 8.0 < laid.contacts_A[0] < 14.0


@pytest.mark.parametrize("cell", CELLS)
def test_a_gap_parts_and_leaves_every_other_distance(cell):
    structure = _stack(CELLS[cell])
    parted = cleaved(structure, 9.5, 10.0)
    assert parted.volume / structure.volume == pytest.approx(1.5)
    before, after = structure.distance_matrix, parted.distance_matrix
    same = np.ix_([0, 1, 2, 3], [0, 1, 2, 3])
    assert after[same] == pytest.approx(before[same], abs=1e-9)
    assert after[3, 4] > before[3, 4] + 3  # the shortest way is now through the image
    wider = with_gaps(structure, SIDES, 0.5)
    assert wider.lattice.matrix[2][2] == pytest.approx(21.0)
    assert lay_out(wider, SIDES).contacts_A == pytest.approx([9.75, 19.75])
    alone = one_side(structure, SIDES, 1, 10.0)
    assert len(alone) == 3
    assert alone.lattice.matrix[2][2] == pytest.approx(16.0)


def test_labels_that_are_no_stack_are_refused():
    with pytest.raises(InputError, match="do not make a stack"):
        lay_out(_stack(CELLS["square"]), [0] * 7)
