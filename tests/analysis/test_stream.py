from __future__ import annotations

import os
import time

import numpy as np
import pytest
from anodeflow.analysis.reading import dump_cache, dump_index
from anodeflow.analysis.reading.lammps_dump import LammpsDump
from anodeflow.analysis.reading.stream import DumpStream
from anodeflow.analysis.reading.trajectory import read_trajectory
from anodeflow.errors import InputError
from dumps import frame_text, random_walk, write_dump


@pytest.fixture
def eager(monkeypatch):
    """Keep an index and a cache of small files too."""
    monkeypatch.setattr(dump_index, "_SMALL", 0)
    monkeypatch.setattr(dump_cache, "_WORTH_IT", 0)


@pytest.mark.parametrize("suffix", [".dump", ".dump.gz"])
def test_second_pass_comes_from_the_cache_and_is_the_same(tmp_path, eager, suffix):
    positions = random_walk() + 500.0
    path = write_dump(tmp_path / f"run{suffix}", positions)
    stream = DumpStream(path, timestep_fs=1)
    first = np.array([frame.positions for frame in stream])
    assert dump_cache.load_cache(path) is not None
    second = np.array([frame.positions for frame in stream])
    third = np.array([frame.positions for frame in DumpStream(path, timestep_fs=1)])
    assert np.allclose(first, positions, atol=1e-8)
    assert np.allclose(second, first, atol=1e-6)
    assert np.array_equal(third, second)
    assert np.array_equal(read_trajectory(path, timestep_fs=1).positions, second)
    assert np.array_equal(dump_cache.load_cache(path).positions(7), second[7])


def test_a_cache_that_no_longer_belongs_to_the_file_is_not_used(tmp_path, eager):
    positions = random_walk()
    path = write_dump(tmp_path / "run.dump", positions)
    read_trajectory(path, timestep_fs=1)
    data = dump_index.sidecar(path, "frames.f32")
    whole = data.read_bytes()
    data.write_bytes(b"\1" * 1200 + whole[1200:])  # another first frame
    assert dump_cache.load_cache(path) is None
    data.write_bytes(whole[:-4])
    assert dump_cache.load_cache(path) is None
    data.write_bytes(whole)
    assert dump_cache.load_cache(path) is not None
    write_dump(path, positions + 0.25)  # same size, other content
    os.utime(path, ns=(time.time_ns(), time.time_ns() + 10))
    assert dump_cache.load_cache(path) is None
    assert np.allclose(read_trajectory(path, timestep_fs=1).positions, positions + 0.25, atol=1e-8)


def test_no_cache_is_left_where_it_is_forbidden(tmp_path, eager, monkeypatch):
    monkeypatch.setenv("ANODEFLOW_CACHE", "0")
    path = write_dump(tmp_path / "run.dump", random_walk())
    read_trajectory(path, timestep_fs=1)
    assert [entry.name for entry in tmp_path.iterdir()] == ["run.dump"]


def test_a_pass_that_ends_early_leaves_no_cache(tmp_path, eager):
    path = write_dump(tmp_path / "run.dump", random_walk())
    next(iter(DumpStream(path, timestep_fs=1)))
    assert not [entry for entry in tmp_path.iterdir() if "f32" in entry.name or "npz" in entry.name]


def test_index_goes_on_where_the_file_has_grown(tmp_path, eager, monkeypatch):
    positions = random_walk()
    path = write_dump(tmp_path / "run.dump", positions[:8])
    assert len(dump_index.dump_index(LammpsDump(path))) == 8
    with path.open("a") as stream:
        for i in range(8, 20):
            stream.write(frame_text(positions[i], i * 100))
        stream.write(frame_text(positions[0], 2000)[:700])
    started = []
    scan = dump_index._scan
    monkeypatch.setattr(dump_index, "_scan", lambda path, start, gz: started.append(start) or scan(path, start, gz))
    index = dump_index.dump_index(LammpsDump(path))
    assert index.steps.tolist() == (np.arange(20) * 100).tolist()
    assert started[0] > 0
    text = path.read_text()
    assert all(text[offset:].startswith("ITEM: TIMESTEP\n") for offset in index.offsets)


def test_restarted_and_cut_off_frames_in_one_file(tmp_path):
    positions = random_walk()
    texts = [frame_text(p, i * 100) for i, p in enumerate(positions)]
    cut = texts[9][: len(texts[9]) // 2]
    path = tmp_path / "run.dump"
    path.write_text("".join(texts[:9]) + cut + "".join(texts[7:]))
    for frames in (
        read_trajectory(path, timestep_fs=1).positions,
        np.array([frame.positions for frame in DumpStream(path, timestep_fs=1)]),
    ):
        assert np.allclose(frames, positions, atol=1e-8)
    stream = DumpStream(path, timestep_fs=1)
    list(stream)
    assert any("came twice" in text for text in stream.warnings)
    assert any("cut off" in text for text in stream.warnings)


def test_frames_out_of_order_are_refused(tmp_path):
    path = write_dump(tmp_path / "run.dump", random_walk(6), steps=[300, 400, 500, 0, 100, 200])
    with pytest.raises(InputError, match="go back to 0"):
        read_trajectory(path, timestep_fs=1)
    with pytest.raises(InputError, match="go back to 0"):
        DumpStream(path, timestep_fs=1)


def test_leaping_over_long_frames_finds_what_reading_all_finds(tmp_path):
    frames = [frame_text(p, 100 * i).encode() for i, p in enumerate(random_walk(frames=8, atoms=900))]
    assert len(frames[0]) > dump_index._LONG_FRAME
    cuts = [frames[2][:40], frames[3][: len(frames[3]) // 3], frames[4][:-200], frames[5] + b"1 2 3\n" * 200]
    for odd in ([], [cuts[0]], [cuts[1]], [cuts[2]], [cuts[3]], cuts, cuts[::-1]):
        path = tmp_path / "run.dump"
        path.write_bytes(b"".join([*frames[:3], *odd, *frames[3:], *odd]))
        everything = dump_index._scan(path, 0, 909)
        leaped = dump_index._leap(path, 0)
        assert leaped is not None
        assert np.array_equal(everything.offsets, leaped.offsets)
        assert np.array_equal(everything.steps, leaped.steps)
    path.write_bytes(b"".join(frames[:1]))
    assert dump_index._leap(path, 0) is None
