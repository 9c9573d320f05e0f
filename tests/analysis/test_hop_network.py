"""Diffusion on networks with known answers, and against a random walk on one without symmetry."""

import numpy as np
import pytest
from anodeflow.analysis.hops.hop_network import NetworkHop, network_diffusion
from anodeflow.errors import InputError

CELL = np.array([[3.0, 0, 0], [1.0, 3.4, 0], [-0.7, 0.6, 3.8]])


def both_ways(start, end, vector, rate, back=None):
    vector = np.asarray(vector, dtype=float)
    return [
        NetworkHop(start, end, tuple(vector), rate),
        NetworkHop(end, start, tuple(-vector), rate if back is None else back),
    ]


def test_a_simple_cubic_lattice():
    hops = [hop for axis in np.eye(3) * 2.5 for hop in both_ways(0, 0, axis, 1e9)]
    found = network_diffusion(1, hops)
    np.testing.assert_allclose(found.tensor_cm2_s, np.eye(3) * 1e9 * 2.5**2 * 1e-16)
    assert found.dimensions == 3


def test_a_diamond_lattice():
    """Γ d² / 6 with four hops of rate k each."""
    a, k = 5.43, 3e5
    vectors = np.array([[1, 1, 1], [1, -1, -1], [-1, 1, -1], [-1, -1, 1]]) * a / 4
    hops = [hop for v in vectors for hop in both_ways(0, 1, v, k)]
    found = network_diffusion(2, hops)
    np.testing.assert_allclose(found.tensor_cm2_s, np.eye(3) * 4 * k * 3 * a**2 / 16 / 6 * 1e-16, rtol=1e-9, atol=1e-20)


def test_alternating_barriers_in_a_chain_are_resistors_in_series():
    """The slow bond decides, which hops taken one by one would not know."""
    fast, slow = 1e12, 1e6
    hops = both_ways(0, 1, [1.5, 0, 0], fast) + both_ways(1, 0, [2.5, 0, 0], slow)
    found = network_diffusion(2, hops)
    exact = (fast * slow / (fast + slow)) * 4.0**2 / 2 * 1e-16  # two sites a period of 4 Å, equally occupied
    assert found.tensor_cm2_s[0, 0] == pytest.approx(exact, rel=1e-6)
    assert found.dimensions == 1


def test_a_network_without_symmetry_walks_as_it_is_solved():
    """Three sites of different energy in an oblique cell, against an explicit walk in continuous time."""
    random = np.random.default_rng(7)
    energies = np.array([0.0, 0.05, 0.09])
    places = np.array([[0.0, 0, 0], [0.4, 0.45, 0.5], [0.7, 0.1, 0.3]]) @ CELL
    hops = []
    for start, end, image, saddle in [
        (0, 1, [0, 0, 0], 0.2),
        (1, 2, [0, 0, 0], 0.22),
        (2, 0, [1, 0, 0], 0.21),
        (1, 0, [0, 1, 0], 0.23),
        (2, 1, [0, 0, -1], 0.2),
        (0, 0, [0, 0, 1], 0.25),
    ]:
        vector = places[end] + np.array(image) @ CELL - places[start]
        rate = [np.exp(-(saddle - energies[site]) / 0.05) for site in (start, end)]
        hops += both_ways(start, end, vector, rate[0], rate[1])
    found = network_diffusion(3, hops)
    boltzmann = np.exp(-energies / 0.05)
    np.testing.assert_allclose(found.occupation, boltzmann / boltzmann.sum(), rtol=1e-9)

    walkers, end_time = 4000, 4000.0
    tables = []
    for site in range(3):
        own = [hop for hop in hops if hop.start == site]
        rates = np.array([hop.rate_Hz for hop in own])
        tables.append(
            (
                rates.sum(),
                np.cumsum(rates) / rates.sum(),
                np.array([hop.end for hop in own]),
                np.array([hop.vector_A for hop in own]),
            )
        )
    site = random.choice(3, walkers, p=found.occupation)
    clock, where = np.zeros(walkers), np.zeros((walkers, 3))
    active = np.arange(walkers)
    while len(active):
        totals = np.array([tables[s][0] for s in site[active]])
        clock[active] += random.exponential(1 / totals)
        active = active[clock[active] < end_time]
        before = site[active].copy()
        for s in range(3):
            mine = active[before == s]
            pick = np.searchsorted(tables[s][1], random.random(len(mine)))
            where[mine] += tables[s][3][pick]
            site[mine] = tables[s][2][pick]
    walked = where.T @ where / walkers / (2 * end_time) * 1e-16
    scale = np.trace(found.tensor_cm2_s) / 3
    np.testing.assert_allclose(walked / scale, found.tensor_cm2_s / scale, atol=0.12)


@pytest.mark.parametrize(
    ("sites", "hops", "message"),
    [
        (1, [], "needs sites and hops"),
        (1, both_ways(0, 1, [1, 0, 0], 1.0), "no hop from site 0 to 1"),
        (1, both_ways(0, 0, [1, 0, 0], 0.0), "not positive"),
        (2, both_ways(0, 0, [1, 0, 0], 1.0) + both_ways(1, 1, [1, 0, 0], 1.0), "falls into parts"),
        (
            3,
            [NetworkHop(0, 1, (1, 0, 0), 1.0), NetworkHop(1, 2, (1, 0, 0), 1.0), NetworkHop(2, 0, (1, 0, 0), 1.0)],
            "detailed balance",
        ),
    ],
)
def test_networks_that_make_no_sense_are_refused(sites, hops, message):
    with pytest.raises(InputError, match=message):
        network_diffusion(sites, hops)
