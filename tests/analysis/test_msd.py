from __future__ import annotations

import warnings

import numpy as np
import pytest
from anodeflow.analysis.reading.displacements import toroidal_walk, walk
from anodeflow.analysis.reading.trajectory import Trajectory, read_trajectory
from anodeflow.analysis.transport import msd
from anodeflow.analysis.transport.msd import (
    mean_squared_displacement,
    msd_by_element,
    msd_components,
    non_gaussian_parameter,
    van_hove_distinct,
    van_hove_self,
)
from anodeflow.analysis.transport.van_hove import van_hove
from anodeflow.errors import InputError
from dumps import ORIGIN, TRICLINIC, random_walk, write_dump
from MDAnalysis.coordinates.LAMMPS import DumpReader


def direct(positions):
    x = np.asarray(positions, dtype=np.longdouble)
    rows = [((x[lag:] - x[: len(x) - lag]) ** 2).mean(axis=(0, 1)) for lag in range(len(x))]
    return np.array(rows, dtype=float)


@pytest.mark.parametrize("case", ["walk", "far", "drift", "bound", "one atom", "one frame"])
def test_every_lag_agrees_with_the_direct_sum(case):
    rng = np.random.default_rng(7)
    atoms = 1 if case == "one atom" else 9
    frames = 1 if case == "one frame" else 301
    x = np.cumsum(rng.normal(0, 0.1, (frames, atoms, 3)), axis=0)
    if case == "far":
        x += 1e4
    if case == "drift":
        x += np.arange(frames)[:, None, None] * np.array([0.5, -0.2, 0.0])
    if case == "bound":
        x = rng.normal(0, 0.1, (frames, atoms, 3)) + 300.0
    truth = direct(x)
    ours = msd_components(x)
    assert ours[0] == pytest.approx([0, 0, 0])
    assert np.abs(ours[1:] / truth[1:] - 1).max(initial=0) < 1e-9
    assert np.allclose(mean_squared_displacement(x), truth.sum(axis=1), rtol=1e-9)


def test_unwrapping_in_a_hexagonal_cell_where_mdanalysis_fails(tmp_path):
    positions = random_walk(frames=120, atoms=300, step_A=0.4)
    truth = mean_squared_displacement(positions)
    path = write_dump(tmp_path / "run.dump", positions, layout="x", flags=True)
    ours = mean_squared_displacement(read_trajectory(path, timestep_fs=1).positions)
    assert np.allclose(ours, truth, rtol=1e-6)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        theirs = np.array([ts.positions.copy() for ts in DumpReader(str(path), unwrap_images=True)], dtype=float)
    assert mean_squared_displacement(theirs)[50] > 1.3 * truth[50]


def test_drift_of_the_cell_or_of_a_framework_is_taken_out():
    rng = np.random.default_rng(0)
    frames = 200
    lithium = np.cumsum(rng.normal(0, 0.2, (frames, 40, 3)), axis=0)
    framework = rng.normal(0, 0.05, (frames, 60, 3))
    drift = np.arange(frames)[:, None, None] * np.array([0.3, 0.1, -0.2])
    cells = np.broadcast_to(np.eye(3) * 20, (frames, 3, 3))
    t = Trajectory(
        np.concatenate([lithium, framework], axis=1) + drift,
        cells,
        ("Li",) * 40 + ("Si",) * 60,
        np.arange(frames) * 0.1,
    )
    by_framework = msd_by_element(t, ["Li"], drift="Si")["Li"]
    assert by_framework.msd_A2[50] == pytest.approx(mean_squared_displacement(lithium)[50], rel=0.05)
    assert by_framework.lag_time_ps[50] == pytest.approx(5.0)
    assert np.allclose(walk(t, drift="all").mean(axis=1), 0, atol=1e-9)
    assert msd_by_element(t, ["Li"], drift=None)["Li"].msd_A2[50] > 10 * by_framework.msd_A2[50]
    with pytest.raises(InputError, match="no P among Li, Si"):
        walk(t, drift="P")


def npt_walk(frames=400, atoms=400, step_A=0.25, seed=5):
    """A walk of known displacements in a tilted cell that breathes: truth, wrapped positions, images and cells."""
    rng = np.random.default_rng(seed)
    scale = 1 + 0.03 * np.sin(np.arange(frames) * 0.9)
    cells = TRICLINIC[None] * scale[:, None, None]
    cells[:, 1, 0] += 0.2 * np.sin(np.arange(frames) * 0.37)
    steps = rng.normal(0, step_A, (frames, atoms, 3))
    steps[0] = 0
    inside = rng.random((atoms, 3)) @ cells[0]
    image = np.zeros((atoms, 3))
    unwrapped = np.empty((frames, atoms, 3))
    for i in range(frames):
        inside = inside + steps[i]
        turns = np.floor(inside @ np.linalg.inv(cells[i]))
        inside = inside - turns @ cells[i]
        image += turns
        unwrapped[i] = inside + image @ cells[i]  # what LAMMPS writes as xu yu zu
    return np.cumsum(steps, axis=0), unwrapped, cells


def test_a_walk_in_a_breathing_cell_is_found_exactly():
    truth, unwrapped, cells = npt_walk()
    assert np.allclose(toroidal_walk(unwrapped, cells), truth, atol=1e-8)
    from_flags = mean_squared_displacement(unwrapped)[1]
    assert from_flags > 1.1 * mean_squared_displacement(truth)[1]  # why differences of xu are not used


def test_a_wrapped_walk_in_a_breathing_cell_is_found_too(tmp_path):
    truth, unwrapped, cells = npt_walk(frames=60, atoms=50)
    path = write_dump(tmp_path / "npt.dump", unwrapped + ORIGIN, cells, layout="x")
    t = read_trajectory(path, timestep_fs=1)
    assert np.allclose(walk(t, drift=None), truth, atol=1e-6)
    # and positions differ from those inside the cell by whole vectors of their own frame
    turns = (t.positions - ORIGIN - unwrapped) @ np.linalg.inv(cells)
    assert np.allclose(turns, np.rint(turns), atol=1e-7)


def test_displacements_do_not_depend_on_rotation_or_order():
    truth, unwrapped, cells = npt_walk(frames=50, atoms=20)
    q, _ = np.linalg.qr(np.random.default_rng(1).normal(size=(3, 3)))
    assert np.allclose(toroidal_walk(unwrapped @ q, cells @ q), truth @ q, atol=1e-8)
    order = np.random.default_rng(2).permutation(20)
    assert np.allclose(toroidal_walk(unwrapped[:, order], cells), truth[:, order], atol=1e-8)


def test_van_hove_and_non_gaussian_of_known_walks():
    rng = np.random.default_rng(3)
    brown = np.cumsum(rng.normal(0, 0.3, (400, 200, 3)), axis=0)
    assert np.abs(non_gaussian_parameter(brown, [1, 10, 50])).max() < 0.05
    hops = np.cumsum((rng.random((400, 200, 1)) < 0.01) * rng.normal(0, 1, (400, 200, 3)), axis=0)
    assert non_gaussian_parameter(hops, [1])[0] == pytest.approx(1 / 0.01 - 1, rel=0.2)
    edges = np.linspace(0, 6, 61)
    middle = (edges[1:] + edges[:-1]) / 2
    s2 = 10 * 0.3**2
    maxwell = 4 * np.pi * middle**2 * np.exp(-(middle**2) / (2 * s2)) / (2 * np.pi * s2) ** 1.5
    found = van_hove_self(brown, [10], edges)[0]
    assert found.sum() * 0.1 == pytest.approx(1, abs=1e-3)
    assert np.abs(found - maxwell).max() < 0.03 * maxwell.max()


def test_distinct_van_hove_of_an_ideal_gas_is_one_everywhere():
    positions = np.random.default_rng(0).random((60, 60, 3)) @ TRICLINIC
    t = Trajectory(positions, np.broadcast_to(TRICLINIC, (60, 3, 3)), ("Li",) * 30 + ("Si",) * 30, np.arange(60.0))
    edges = np.linspace(0, 4, 5)
    assert van_hove_distinct(t, "Li", [0, 3], edges, n_origins=60)[:, 1:] == pytest.approx(1, abs=0.05)
    assert van_hove_distinct(t, "Li", [1], edges, other="Si", n_origins=60)[0, 1:] == pytest.approx(1, abs=0.05)
    with pytest.raises(InputError, match="half the cell"):
        van_hove_distinct(t, "Li", [1], np.linspace(0, 9, 5))


def test_van_hove_of_a_trajectory_finds_when_ions_hop(monkeypatch):
    # a cage, hops between cages at random, and a drift of everything: α₂ is largest between cage and diffusion
    rng = np.random.default_rng(4)
    frames, ions = 400, 40
    hops = (rng.random((frames, ions, 1)) < 0.01) * rng.choice([-2.5, 2.5], (frames, ions, 3))
    start = rng.random((2 * ions, 3)) @ TRICLINIC
    positions = start + rng.normal(0, 0.15, (frames, 2 * ions, 3))
    positions[:, :ions] += np.cumsum(hops, axis=0)
    positions += np.arange(frames)[:, None, None] * np.array([0.02, 0.0, -0.01])
    species = ("Li",) * ions + ("Si",) * ions
    t = Trajectory(positions, np.broadcast_to(TRICLINIC, (frames, 3, 3)), species, np.arange(frames) * 0.1)
    found = van_hove(t, "Li", lag_times_ps=[0.1, 5], other="Si", drift=["Si"])
    assert found.lag_time_ps == pytest.approx([0.1, 5])
    assert found.self_1_A.sum(axis=1) * 0.1 == pytest.approx(1)  # nothing lies beyond the bins
    caged = walk(t, "Li", drift=["Si"])
    plain = non_gaussian_parameter(caged, [1])[0]
    assert found.alpha[0] == pytest.approx(plain)
    assert found.maximum.interval95[0] > 0
    assert found.alpha_time_ps[0] <= found.maximum_time.value < found.alpha_time_ps[-1]
    # silicon stands still but for its drift and its cage: where it was seen from itself is far from Gaussian nowhere
    still = van_hove(t, "Si", drift=["Si"])
    assert still.maximum.value < 0.1
    assert not still.maximum.converged
    # the distinct part is taken in the frame of what stands still, too
    ramp = np.arange(frames)[:, None, None] * np.array([0.02, 0.0, -0.01])
    unmoved = van_hove(Trajectory(positions - ramp, t.cells, species, t.time_ps), "Si", drift=["Si"])
    assert np.allclose(still.distinct, unmoved.distinct, atol=1e-2)
    assert np.abs(van_hove(t, "Si", drift=None).distinct[-1] - unmoved.distinct[-1])[20:].max() > 0.1
    monkeypatch.setattr(msd, "_BLOCK_PAIRS", 100)  # blocks of ions give the same
    again = van_hove(t, "Li", lag_times_ps=[0.1, 5], other="Si", drift=["Si"])
    assert np.array_equal(again.distinct, found.distinct)
    with pytest.raises(InputError, match=r"between 0.1 and 39.9 ps"):
        van_hove(t, "Li", lag_times_ps=[100])
