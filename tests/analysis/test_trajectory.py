from __future__ import annotations

import numpy as np
import pytest
from anodeflow.analysis.reading.displacements import walk
from anodeflow.analysis.reading.trajectory import read_trajectory
from anodeflow.errors import InputError
from dumps import TRICLINIC, random_walk, write_dump


@pytest.mark.parametrize("suffix", [".lammpstrj", ".dump.gz"])
@pytest.mark.parametrize(
    ("layout", "flags"),
    [("xu", False), ("x", True), ("xs", True), ("xsu", False), ("x", False), ("xs", False)],
)
def test_every_layout_gives_the_same_walk(tmp_path, layout, flags, suffix):
    positions = random_walk()
    path = write_dump(tmp_path / f"run{suffix}", positions, layout=layout, flags=flags)
    read = read_trajectory(path, timestep_fs=2)
    assert read.species == ("Si", "Li") * 25
    assert read.time_ps == pytest.approx(np.arange(20) * 0.2)
    assert np.allclose(read.cells, TRICLINIC, atol=1e-12)
    moved = read.positions - positions
    assert np.allclose(moved, moved[:1], atol=1e-7)  # one and the same box vector for all frames of an atom
    turns = moved[0] @ np.linalg.inv(TRICLINIC)
    assert np.allclose(turns, np.rint(turns), atol=1e-7)
    if layout in ("xu", "xsu") or flags:
        assert np.allclose(moved, 0, atol=1e-7)
    truth = positions - positions[0] - (positions - positions[0]).mean(axis=1, keepdims=True)
    assert np.allclose(walk(read), truth, atol=1e-7)


def test_pieces_of_a_restarted_run_join_and_the_later_frames_count(tmp_path):
    positions = random_walk()
    first = write_dump(tmp_path / "a.dump", positions[:12], steps=np.arange(12) * 10)
    wrong = positions[:12].copy()
    wrong[10:] += 1.0
    first = write_dump(tmp_path / "a.dump", wrong, steps=np.arange(12) * 10)
    second = write_dump(tmp_path / "b.dump", positions[10:], steps=np.arange(10, 20) * 10)
    read = read_trajectory([first, second], timestep_fs=1)
    assert np.allclose(read.positions, positions, atol=1e-9)
    assert any("2 frames from step 100 on came twice" in text for text in read.warnings)
    with pytest.raises(InputError, match="steps go back to 0"):
        read_trajectory([second, first], timestep_fs=1)


def test_time_is_never_guessed(tmp_path):
    path = write_dump(tmp_path / "run.dump", random_walk(3))
    with pytest.raises(InputError, match="Give timestep_fs"):
        read_trajectory(path)


def test_steps_too_large_to_unwrap_are_refused(tmp_path):
    path = write_dump(tmp_path / "run.dump", random_walk(step_A=4.0), layout="x")
    with pytest.raises(InputError, match="cannot be told"):
        read_trajectory(path, timestep_fs=1)
    assert read_trajectory(path, timestep_fs=1, unwrap=False).n_frames == 20


def test_a_file_cut_into_pieces_reads_as_the_whole(tmp_path):
    positions = random_walk(frames=12)
    whole = read_trajectory(write_dump(tmp_path / "whole.dump", positions), timestep_fs=2)
    pieces = [
        write_dump(tmp_path / f"{i}.dump{'.gz' if i else ''}", positions[a:b], steps=np.arange(a, b) * 100, seed=i)
        for i, (a, b) in enumerate([(0, 5), (5, 6), (5, 12)])
    ]
    joined = read_trajectory(pieces, timestep_fs=2)
    assert np.array_equal(joined.positions, whole.positions)
    assert np.array_equal(joined.time_ps, whole.time_ps)
    part = read_trajectory(pieces, timestep_fs=2, start=2, stop=11, step=3)
    assert np.array_equal(part.positions, whole.positions[2:11:3])
    assert np.array_equal(whole[2:11:3].select("Li").positions, part.positions[:, 1::2])
