"""Hops from a trajectory: the jump in it, its neighbours as they moved, and the barrier of the crystal's own hop."""

import numpy as np
import pytest
from anodeflow.analysis.hops.jumps import find_jumps
from anodeflow.analysis.hops.seen_jumps import seen_jumps
from anodeflow.analysis.reading.trajectory import Trajectory
from anodeflow.errors import InputError
from anodeflow.hpc.barriers import run_barrier
from anodeflow.quantity import Quantity
from anodeflow.structures.hop_ends import CrystalHop, hop_ends
from anodeflow.structures.paths import interpolate
from anodeflow.structures.phases import phase
from anodeflow.workflows.barrier.campaign import read_barrier_campaign
from anodeflow.workflows.barrier.flow import barrier_flow

FILE = """
name: seen
species: Li
seen: {trajectory: run.lammpstrj, sites: sites.vasp, most: 2}
levels:
  - {name: LiSi-MEAM-Cui2012, images: 3, force_tolerance_eV_A: 0.01, vibrations: none}
"""


def thermal_run(seed=3) -> tuple[Trajectory, np.ndarray]:
    """Li waits at a site of silicon in an oblique cell, goes to the next one, and waits there; all atoms shake."""
    random = np.random.default_rng(seed)
    crystal = phase("Si").structure
    crystal.make_supercell([[2, 0, 0], [0, 2, 0], [0, 1, 2]])
    cell = crystal.lattice.matrix
    unit = phase("Si").structure.lattice.matrix
    start, end = (np.array(place) @ unit @ np.linalg.inv(cell) for place in ([0.5, 0.5, 0.5], [0.75, 0.75, 0.75]))
    hop = CrystalHop("interstitial", "Li", (tuple(start), tuple(end)))
    path = interpolate(hop_ends(crystal, hop, (1, 1, 1)), 5)
    images = [0] * 15 + [1, 2, 3] + [4] * 15
    frames = np.array([path.positions[image] for image in images])
    frames = frames + random.normal(scale=0.06, size=frames.shape) + np.arange(len(images))[:, None, None] * 0.002
    cells = np.repeat(np.array(cell)[None], len(images), axis=0)
    return Trajectory(frames, cells, path.symbols, np.arange(len(images)) * 0.05, source="run"), np.array([start, end])


def write_dump(trajectory, path):
    a, b, c = trajectory.cells[0]
    turn = np.linalg.qr(trajectory.cells[0].T)
    lower = turn[1].T * np.sign(np.diag(turn[1]))[None, :]
    to_lower = np.linalg.inv(trajectory.cells[0]) @ lower
    xy, xz, yz = lower[1, 0], lower[2, 0], lower[2, 1]
    low, high = [min(0, xy, xz, xy + xz), min(0, yz), 0], [max(0, xy, xz, xy + xz), max(0, yz), 0]
    types = {"Si": 2, "Li": 1}
    with path.open("w") as stream:
        for frame, positions in enumerate(trajectory.positions @ to_lower):
            stream.write(f"ITEM: TIMESTEP\n{frame * 50}\nITEM: NUMBER OF ATOMS\n{len(positions)}\n")
            stream.write("ITEM: BOX BOUNDS xy xz yz pp pp pp\n")
            for axis, tilt in enumerate((xy, xz, yz)):
                stream.write(f"{low[axis]:.10f} {lower[axis, axis] + high[axis]:.10f} {tilt:.10f}\n")
            stream.write("ITEM: ATOMS id type element xu yu zu\n")
            for number, (symbol, place) in enumerate(zip(trajectory.species, positions, strict=True), start=1):
                stream.write(f"{number} {types[symbol]} {symbol} {place[0]:.8f} {place[1]:.8f} {place[2]:.8f}\n")
    return np.linalg.norm([a, b, c], axis=1)


def test_the_jump_is_cut_out_close_to_its_sites_without_the_drift():
    trajectory, sites = thermal_run()
    record = find_jumps(trajectory, "Li", sites)
    (jump,) = seen_jumps(trajectory, record)
    assert jump.sites == (0, 1) and trajectory.species[jump.ion] == "Li"
    before, after = jump.frames
    assert 4 <= before < 15 and 18 <= after < 29
    moved = jump.ends.positions[1] - jump.ends.positions[0]
    assert np.linalg.norm(moved[jump.ion]) == pytest.approx(2.351, abs=0.35)
    others = np.delete(moved, jump.ion, axis=0)
    assert np.abs(np.median(others, axis=0)).max() < 0.03  # the drift of 0.002 Å a frame is gone
    assert np.linalg.norm(others, axis=1).max() < 0.5


def test_no_jump_and_a_changing_cell_are_said():
    trajectory, sites = thermal_run()
    still = Trajectory(trajectory.positions[:14], trajectory.cells[:14], trajectory.species, trajectory.time_ps[:14])
    with pytest.raises(InputError, match="no Li jumps from one site to another"):
        seen_jumps(still, find_jumps(still, "Li", sites))
    swelling = trajectory.cells * (1 + 1e-3 * np.arange(len(trajectory.cells)))[:, None, None]
    npt = Trajectory(trajectory.positions, swelling, trajectory.species, trajectory.time_ps)
    record = find_jumps(trajectory, "Li", sites)
    with pytest.raises(InputError, match="the cell changes in the run"):
        seen_jumps(npt, record)


@pytest.mark.engine
def test_both_sides_are_quenched_to_the_hop_of_the_crystal(tmp_path):
    trajectory, sites = thermal_run()
    write_dump(trajectory, tmp_path / "run.lammpstrj")
    lattice = trajectory.cells[0]
    rows = "\n".join(" ".join(f"{x:.10f}" for x in row) for row in (*lattice, *sites))
    header, places = rows.splitlines()[:3], rows.splitlines()[3:]
    text = ["sites", "1.0", *header, "Li", "2", "Direct", *places]
    (tmp_path / "sites.vasp").write_text("\n".join(text) + "\n")
    (tmp_path / "file.yaml").write_text(FILE)
    jobs, results, _ = run_barrier(tmp_path / "file.yaml", tmp_path / "run", cores=1)
    assert [job.state for job in jobs] == ["done", "done"], [job.message for job in jobs]
    (row,) = results["levels"]
    assert row["converged"] and row["hop"].startswith("jump-1-atom64-")
    barrier = Quantity.from_dict(next(q for q in results["quantities"] if q["name"] == "migration_barrier"))
    # the same hop in the relaxed crystal of another, cubic supercell: 0.5537 eV
    assert barrier.value == pytest.approx(0.554, abs=0.02)
    assert row["reverse_eV"] == pytest.approx(barrier.value, abs=2e-3)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("species: Li\n", "species: Na\n", "there is no Na in the trajectory"),
        ("species: Li\n", "species: Li\ncrystal: {phase: Si}\n", "'seen' has none"),
        ("vibrations: none", "vibrations: none, finite_size_A: [15]", "for the hops of a crystal"),
        ("run.lammpstrj", "nothing.lammpstrj", "nothing.lammpstrj"),
    ],
)
def test_what_cannot_be_done_is_refused(tmp_path, old, new, message):
    trajectory, _ = thermal_run()
    write_dump(trajectory, tmp_path / "run.lammpstrj")
    (tmp_path / "file.yaml").write_text(FILE.replace(", sites: sites.vasp", "").replace(old, new))
    with pytest.raises(InputError, match=message):
        barrier_flow(read_barrier_campaign(tmp_path / "file.yaml"))
