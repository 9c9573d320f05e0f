from __future__ import annotations

import numpy as np
import pytest
from anodeflow.analysis.hops.density_map import DensityMap, density_map, density_peaks, percolation_barriers, smooth
from anodeflow.analysis.hops.jumps import (
    correlation_factor,
    find_jumps,
    jump_diffusivity,
    jump_rate,
    residence_time,
)
from anodeflow.analysis.reading.displacements import walk
from anodeflow.analysis.reading.trajectory import Trajectory, read_trajectory
from anodeflow.analysis.transport.diffusion import tracer_diffusivity
from anodeflow.analysis.transport.msd import msd_by_element
from anodeflow.errors import InputError
from anodeflow.units import A2_PS_TO_CM2_S, BOLTZMANN_EV_K
from dumps import TRICLINIC

CELL = np.array([[9.0, 0, 0], [-3.0, 8.0, 0], [1.0, 2.0, 9.0]])


def lattice_walk(frames=1200, ions=60, rate=0.02, back=0.0, seed=0, drift=0.004, thin=10):
    """Ions that hop on a 3 × 3 × 3 lattice of a tilted cell, shake about their sites, and drift with a framework."""
    rng = np.random.default_rng(seed)
    moves = np.concatenate([np.eye(3), -np.eye(3)]).astype(int)
    place = rng.integers(0, 3, (ions, 3))
    last = np.zeros((ions, 3), dtype=int)
    path = np.empty((frames, ions, 3))
    jumps = 0
    for i in range(frames):
        hop = rng.random(ions) < rate if i else np.zeros(ions, dtype=bool)
        move = moves[rng.integers(0, 6, ions)]
        undo = (rng.random(ions) < back) & np.any(last != 0, axis=1)
        move[undo] = -last[undo]
        place[hop] += move[hop]
        last[hop] = move[hop]
        jumps += int(hop.sum())
        path[i] = place
    shake = np.clip(rng.normal(0, 0.25, (frames, ions, 3)), -0.6, 0.6)
    positions = (path / 3) @ CELL + shake
    still = rng.random((20, 3)) @ CELL + rng.normal(0, 0.02, (frames, 20, 3))
    moved = np.concatenate([positions, still], axis=1) + np.arange(frames)[:, None, None] * drift
    cells = np.broadcast_to(CELL, (frames, 3, 3))
    return Trajectory(moved, cells, ("Li",) * ions + ("S",) * 20, np.arange(frames) * 0.1), jumps


SITES = np.stack(np.meshgrid(*[np.arange(3) / 3] * 3, indexing="ij"), -1).reshape(-1, 3)


def test_jumps_rates_and_residence_of_a_known_walk():
    t, jumps = lattice_walk()
    record = find_jumps(t, "Li", SITES)
    assert record.n_jumps == pytest.approx(jumps, rel=0.01)
    assert record.site_occupancy().sum() == pytest.approx(60, rel=0.01)
    rate = jump_rate(record)
    assert rate.value == pytest.approx(0.2, rel=0.05)
    assert rate.interval95[0] < 0.2 < rate.interval95[1]
    stay = residence_time(record)
    assert stay.value == pytest.approx(5.0, rel=0.05)
    one = residence_time(record, site=4)
    assert one.interval95[0] < 5.0 < one.interval95[1]
    lengths = (np.concatenate([np.eye(3)]) / 3 @ CELL) ** 2
    truth = 0.2 * lengths.sum(axis=1).mean() / 6 * A2_PS_TO_CM2_S
    assert jump_diffusivity(record).value == pytest.approx(truth, rel=0.05)


@pytest.mark.parametrize("back", [0.0, 0.4])
def test_correlation_factor_of_a_walk_that_jumps_back(back):
    t, _ = lattice_walk(frames=2500, rate=0.05, back=back, seed=3)
    f = correlation_factor(find_jumps(t, "Li", SITES))
    lengths = ((np.eye(3) / 3 @ CELL) ** 2).sum(axis=1)
    assert np.ptp(lengths) > 0.1  # three kinds of jumps, each with the same memory
    assert f.value == pytest.approx((1 - back) / (1 + back), abs=3 * f.uncertainty + 0.01)
    assert f.uncertainty < 0.05


def test_rate_interval_covers_the_truth():
    hits = 0
    for seed in range(25):
        t, _ = lattice_walk(frames=200, ions=20, rate=0.005, seed=seed, drift=0)
        rate = jump_rate(find_jumps(t, "Li", SITES))
        hits += rate.interval95[0] <= 0.05 <= rate.interval95[1]
    assert hits >= 21


def test_no_jump_is_no_rate_of_zero_certainty():
    t, _ = lattice_walk(frames=50, rate=0.0)
    record = find_jumps(t, "Li", SITES)
    assert jump_rate(record).interval95[1] > 0
    assert residence_time(record).value is None
    assert correlation_factor(record).value is None
    with pytest.raises(InputError, match="apart"):
        find_jumps(t, "Li", np.array([[0, 0, 0], [0.001, 0, 0]]))


def test_peaks_of_the_density_are_the_sites():
    t, _ = lattice_walk(frames=800, ions=60)
    density = density_map(t, "Li", spacing_A=0.3)
    assert density.density_per_A3.mean() * np.linalg.det(CELL) == pytest.approx(60)
    peaks = density_peaks(smooth(density, 0.35))
    assert len(peaks) == 27
    off = peaks[:, None] - SITES[None]
    off -= np.rint(off)
    assert np.linalg.norm(off @ CELL, axis=2).min(axis=1).max() < 0.4


def test_percolation_barrier_of_a_known_potential():
    temperature = 700.0
    n = 40
    x = (np.arange(n) + 0.5) / n
    energy = (
        0.10 * (1 - np.cos(2 * np.pi * x))[:, None, None] / 2
        + 0.20 * (1 - np.cos(2 * np.pi * x))[None, :, None] / 2
        + 0.30 * (1 - np.cos(2 * np.pi * x))[None, None, :] / 2
    )
    weight = np.exp(-energy / (BOLTZMANN_EV_K * temperature))
    density = DensityMap(weight / weight.sum(), TRICLINIC, "Li", 10**9)
    for barrier, truth in zip(percolation_barriers(density, temperature), (0.10, 0.20, 0.30), strict=True):
        assert barrier.value == pytest.approx(truth, abs=0.003)  # voxels miss the very top
    wall = weight.copy()
    wall[20] = 0
    blocked = percolation_barriers(DensityMap(wall, TRICLINIC, "Li", 10**9), temperature)
    assert blocked[0].value is None
    assert blocked[1].value == pytest.approx(0.20, abs=0.003)


def test_argyrodite_lithium_moves_between_sites_and_its_framework_does_not(shared):
    paths = [shared / "data" / "argyrodite_50p" / f"run{i}_XDATCAR.gz" for i in (1, 2, 3, 4)]
    t = read_trajectory(paths, timestep_fs=100)
    density = smooth(density_map(t, "Li", spacing_A=0.5), 0.5)
    record = find_jumps(t, "Li", density_peaks(density, separation_A=1.6))
    assert jump_rate(record).value > 0
    assert 0 < correlation_factor(record).value < 0.9  # rattling between near sites is mostly undone
    # what jumps and their correlation say of D agrees with the mean squared displacement
    curve = msd_by_element(t, ["Li"])["Li"]
    late = slice(200, 300)
    slope = np.polyfit(curve.lag_time_ps[late], curve.msd_A2[late], 1)[0]
    from_jumps = jump_diffusivity(record).value * correlation_factor(record).value
    assert from_jumps == pytest.approx(slope / 6 * A2_PS_TO_CM2_S, rel=0.35)
    framework = find_jumps(t, "P", density_peaks(smooth(density_map(t, "P", spacing_A=0.4), 0.5)))
    assert framework.n_jumps == 0
    assert len(framework.sites) == 32


def test_argyrodite_msd_is_that_of_the_procedure_of_its_paper(shared):
    """B. J. Morgan, Chem. Mater. (2021), doi 10.1021/acs.chemmater.0c03738: pymatgen's frames, shortest moves, all
    origins, drift of the framework (all but lithium) taken out."""
    from pymatgen.io.vasp import Xdatcar

    paths = [shared / "data" / "argyrodite_50p" / f"run{i}_XDATCAR.gz" for i in (1, 2)]
    frames = [structure for path in paths for structure in Xdatcar(str(path)).structures]
    fractions = np.array([structure.frac_coords for structure in frames])
    moved = np.diff(fractions, axis=0)
    moved -= np.rint(moved)
    path = np.concatenate([np.zeros((1, *moved.shape[1:])), np.cumsum(moved, axis=0)]) @ frames[0].lattice.matrix
    lithium = np.array([site.specie.symbol == "Li" for site in frames[0]])
    path = path[:, lithium] - path[:, ~lithium].mean(axis=1, keepdims=True)
    t = read_trajectory(paths, timestep_fs=100)
    ours = msd_by_element(t, ["Li"], drift=["P", "S", "Cl"])["Li"]
    for lag in (1, 10, 50, 100, 200):
        squared = ((path[lag:] - path[:-lag]) ** 2).sum(axis=2).mean()
        assert ours.msd_A2[lag] == pytest.approx(squared, rel=1e-6)


def test_argyrodite_msd_and_coefficient_are_those_that_its_author_published(shared):
    """Runs 1 to 3 in ``outputs/Li6PS5Cl/50p`` of the data set of the paper: ``msd.dat``, ``diffusion_data.yaml``."""
    paths = [shared / "data" / "argyrodite_50p" / f"run{i}_XDATCAR.gz" for i in (1, 2, 3, 4)]
    t = read_trajectory(paths[:3], timestep_fs=100)
    path = walk(t, "Li", drift=["P", "S", "Cl"])
    published = {1.0: 1.6755659068153348, 5.0: 5.24449276009365, 10.0: 9.02640584301193, 20.0: 15.10607043890994,
                 30.0: 21.58342323397653}  # fmt: skip
    for lag_ps, msd_A2 in published.items():
        lag = round(lag_ps / t.interval_ps)
        assert ((path[lag:] - path[:-lag]) ** 2).sum(axis=2).mean() == pytest.approx(msd_A2, rel=1e-9)
    farthest = np.sqrt(((path - path[0]) ** 2).sum(axis=2)).max()
    assert farthest == pytest.approx(16.661542510068653, rel=1e-9)
    # the coefficient there is a least-squares slope of runs 1 to 3; that of all four, by other weights, allows it
    four = walk(read_trajectory(paths, timestep_fs=100), "Li", drift=["P", "S", "Cl"])
    ours = tracer_diffusivity(four, time_step_ps=t.interval_ps).quantity
    assert ours.interval95[0] < 1.1368633640282322e-05 < ours.interval95[1]


def test_argyrodite_with_half_of_its_anions_exchanged_percolates_in_three_directions(shared):
    """The same paper, abstract: disorder of the anions gives a three-dimensional network of pathways."""
    paths = [shared / "data" / "argyrodite_50p" / f"run{i}_XDATCAR.gz" for i in (1, 2, 3, 4)]
    t = read_trajectory(paths, timestep_fs=100)
    barriers = percolation_barriers(smooth(density_map(t, "Li", spacing_A=0.5), 0.5), 500.0)
    assert all(barrier.value is not None and barrier.value < 0.3 for barrier in barriers)
    still = percolation_barriers(smooth(density_map(t, "P", spacing_A=0.5), 0.5), 500.0)
    assert all(barrier.value is None or barrier.value > 0.4 for barrier in still)
