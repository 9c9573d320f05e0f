"""Atoms dropped on faces, in any cell."""

import numpy as np
import pytest
from anodeflow.errors import InputError
from anodeflow.structures.adsorption import adsorb
from anodeflow.structures.phases import phase
from anodeflow.structures.surface import slab
from pymatgen.core import Lattice, Structure


def flat(third=(0.0, 0.0, 20.0)):
    """A square layer of Si in a cell whose third vector may lean."""
    return Structure(Lattice([[3.0, 0, 0], [0, 3.0, 0], third]), ["Si"], [[0.0, 0.0, 0.0]])


@pytest.mark.parametrize("third", [(0.0, 0.0, 20.0), (2.0, -1.5, 20.0), (0.0, 0.0, -20.0)])
def test_an_atom_stops_where_it_touches(third):
    up = np.sign(third[2])
    on_top = adsorb(flat(third), "Li", (0.0, 0.0), distance_A=2.5)
    assert on_top[-1].specie.symbol == "Li" and on_top.cart_coords[-1] @ [0, 0, up] == pytest.approx(2.5)
    hollow = adsorb(flat(third), "Li", (0.5, 0.5), distance_A=2.5)
    np.testing.assert_allclose(hollow.cart_coords[-1], [1.5, 1.5, up * np.sqrt(2.5**2 - 4.5)], atol=1e-9)
    assert hollow.distance_matrix[0, 1] == pytest.approx(2.5)
    # a place outside the cell is the same place
    again = adsorb(flat(third), "Li", (-1.5, 2.5), distance_A=2.5)
    assert again.distance_matrix[0, 1] == pytest.approx(2.5)


@pytest.mark.parametrize("aside", [(5.0, -4.0), (0.0, 7.0)])
def test_atoms_may_lie_many_cells_aside(aside):
    """As positions that were never folded back do, or those at the top of a cell that leans far."""
    far = Structure(flat().lattice, ["Si"], [[*aside, 0.0]])
    assert adsorb(far, "Li", (0.0, 0.0), distance_A=2.5).distance_matrix[0, 1] == pytest.approx(2.5)
    assert adsorb(far, "Li", (5.5, -3.5), distance_A=2.5).distance_matrix[0, 1] == pytest.approx(2.5)
    leaning = Structure(flat((14.0, -11.0, 20.0)).lattice, ["Si"] * 2, [[0, 0, 0], [0, 0, 0.95]])
    assert adsorb(leaning, "Li", (0.0, 0.0), distance_A=2.5).distance_matrix[2, :2].min() == pytest.approx(2.5)


def test_the_slab_may_lie_across_the_end_of_the_cell_and_stays_whole():
    made = slab(phase("Si").structure, (1, 1, 1), thickness_A=8).structure
    made.remove_site_property("layer")
    moved = made.copy()
    moved.translate_sites(range(len(moved)), [0, 0, 0.75])  # wrapped into the cell
    for one in (made, moved):
        found = adsorb(one, "Li", (0.2, 0.4))
        above = found.cart_coords[-1, 2] - found.cart_coords[:-1, 2].max()
        assert 0.3 < above < 3.0
        assert np.ptp(found.cart_coords[:-1, 2]) == pytest.approx(np.ptp(made.cart_coords[:, 2]))
    distance = [adsorb(one, "Li", (0.2, 0.4)).distance_matrix[-1, :-1].min() for one in (made, moved)]
    assert distance[0] == pytest.approx(distance[1], abs=1e-6)


def test_what_is_no_face_is_refused():
    with pytest.raises(InputError, match="vacuum leaves"):
        adsorb(phase("Si").structure, "Li", (0.0, 0.0))
    with pytest.raises(InputError, match="'Xx' is not an element"):
        adsorb(flat(), "Xx", (0.0, 0.0))
    with pytest.raises(InputError, match="two fractions"):
        adsorb(flat(), "Li", (0.0, np.nan))
