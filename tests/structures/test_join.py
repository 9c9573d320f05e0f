"""A slab joined with a packing."""

from __future__ import annotations

import numpy as np
import pytest
from anodeflow.errors import InputError
from anodeflow.structures.join import join_with_packing
from anodeflow.structures.phases import phase


def _slab():
    crystal = phase("LiSi").structure.copy()
    primitive = phase("Si").structure.get_primitive_structure()  # 60°: a triclinic plane
    primitive.make_supercell([3, 3, 1])
    return crystal, primitive


def test_the_packing_fills_the_rest_of_a_triclinic_cell():
    _, slab = _slab()
    joined = join_with_packing(slab, "Li15Si4", thickness_A=15, gap_A=2.2, seed=4)
    sides = np.array(joined.site_properties["side"])
    assert (sides == 0).sum() == len(slab)
    assert joined.composition["Li"] / ((sides == 1).sum() - joined.composition["Li"]) == pytest.approx(3.75)
    assert np.allclose(joined.lattice.matrix[:2], slab.lattice.matrix[:2])
    normal = np.cross(*joined.lattice.matrix[:2])
    assert np.allclose(np.cross(normal, joined.lattice.matrix[2]), 0, atol=1e-9)
    distances = joined.distance_matrix + 100 * np.eye(len(joined))
    across = distances[np.ix_(sides == 0, sides == 1)]
    assert across.min() > 1.8
    again = join_with_packing(slab, "Li15Si4", thickness_A=15, gap_A=2.2, seed=4)
    assert again == joined
    assert join_with_packing(slab, "Li15Si4", thickness_A=15, gap_A=2.2, seed=5) != joined


def test_a_packing_without_height_is_refused():
    _, slab = _slab()
    with pytest.raises(InputError, match="high"):
        join_with_packing(slab, "Li15Si4", thickness_A=0, seed=1)
