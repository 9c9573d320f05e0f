"""Percolation of hops: known networks, and nothing changes with the order or the choice of the cell's origin."""

import numpy as np
import pytest
from anodeflow.analysis.hops.hop_percolation import Passage, percolation
from anodeflow.errors import InputError


def test_a_chain_leads_along_its_axis_alone_and_its_highest_saddle_counts():
    hops = [Passage(0, 1, (0, 0, 0), 0.2, "short"), Passage(1, 0, (1, 0, 0), 0.5, "long")]
    a, b, c = percolation(2, hops)
    assert (a.saddle_eV, a.hop) == (0.5, "long")
    assert b.saddle_eV is None and c.saddle_eV is None


def test_loops_inside_a_cell_lead_nowhere():
    ring = [Passage(0, 1, (0, 0, 0), 0.1), Passage(1, 2, (0, 0, 0), 0.1), Passage(2, 0, (0, 0, 0), 0.1)]
    assert all(one.saddle_eV is None for one in percolation(3, ring))
    there_and_back = [Passage(0, 1, (1, 0, 0), 0.1), Passage(1, 0, (-1, 0, 0), 0.1)]
    assert all(one.saddle_eV is None for one in percolation(2, there_and_back))


def test_a_plane_in_a_skew_direction_needs_both_of_its_windings():
    hops = [Passage(0, 0, (1, 1, 0), 0.3, "diagonal"), Passage(0, 0, (1, -1, 0), 0.7, "other")]
    a, b, c = percolation(1, hops)
    assert a.saddle_eV == b.saddle_eV == 0.7 and a.hop == "other" and c.saddle_eV is None


def test_a_way_may_have_to_lead_through_a_site():
    hops = [Passage(0, 0, (1, 0, 0), 0.1, "valley"), Passage(0, 1, (0, 0, 0), 0.4, "rim")]
    assert [percolation(2, hops, through=site)[0].hop for site in (0, 1)] == ["valley", "rim"]


@pytest.mark.parametrize("seed", range(5))
def test_order_numbering_and_origin_do_not_matter(seed):
    random = np.random.default_rng(seed)
    hops = [
        Passage(int(i), int(j), tuple(int(x) for x in random.integers(-1, 2, 3)), float(random.random()))
        for i, j in random.integers(0, 6, (14, 2))
    ]
    truth = [one.saddle_eV for one in percolation(6, hops)]
    number = random.permutation(6)
    shift = random.integers(-2, 3, (6, 3))  # every site named by another of its images
    other = [
        Passage(
            int(number[hop.start]),
            int(number[hop.end]),
            tuple(int(x) for x in np.array(hop.cells) + shift[hop.end] - shift[hop.start]),
            hop.energy_eV,
        )
        for hop in random.permutation(np.array(hops, dtype=object))
    ]
    assert [one.saddle_eV for one in percolation(6, other)] == truth
    assert any(value is not None for value in truth)


def test_a_hop_to_nowhere_is_refused():
    with pytest.raises(InputError, match="no hop from site 0 to 3 among 2 sites"):
        percolation(2, [Passage(0, 3, (0, 0, 0), 0.1)])
