"""Damage at random in binary trajectories, in what is kept beside a dump, and in bands of ASE."""

from __future__ import annotations

import warnings
from pathlib import Path

import ase
import ase.io
import MDAnalysis
import numpy as np
import pytest
from anodeflow.analysis.hops.neb_read import read_neb
from anodeflow.analysis.reading import dump_cache, dump_index
from anodeflow.analysis.reading.stream import DumpStream
from anodeflow.analysis.reading.trajectory import read_trajectory
from anodeflow.errors import InputError
from ase.calculators.singlepoint import SinglePointCalculator
from dumps import TRICLINIC, write_dump
from hypothesis import given, settings
from hypothesis import strategies as st
from MDAnalysis.lib.mdamath import triclinic_box
from test_bad_input import EXAMPLES, POSITIONS, damaged
from test_bad_input import QUIET as MANY

QUIET = settings(MANY, max_examples=max(1, EXAMPLES // 5))
SPECIES = ("Si", "Li") * 3
KINDS = ("dcd", "xtc", "trr", "ncdf")


@pytest.fixture(scope="module")
def binary(tmp_path_factory):
    """One small file of each kind that MDAnalysis writes."""
    folder = tmp_path_factory.mktemp("binary")
    universe = MDAnalysis.Universe.empty(len(SPECIES), trajectory=True)
    found = {}
    for kind in KINDS:
        path = folder / f"run.{kind}"
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with MDAnalysis.Writer(str(path), n_atoms=len(SPECIES)) as writer:
                for frame, position in enumerate(POSITIONS):
                    universe.atoms.positions = position
                    universe.trajectory.ts.frame = frame
                    universe.trajectory.ts.time = 0.5 * frame
                    universe.dimensions = triclinic_box(*TRICLINIC)
                    writer.write(universe.atoms)
        found[kind] = path.read_bytes()
    return found


@pytest.mark.parametrize("kind", KINDS)
def test_the_undamaged_binary_is_read(tmp_path, binary, kind):
    (tmp_path / f"run.{kind}").write_bytes(binary[kind])
    got = read_trajectory(tmp_path / f"run.{kind}", timestep_fs=None if kind != "dcd" else 500, species=SPECIES)
    assert np.allclose(got.cells[0], TRICLINIC, atol=1e-3)
    assert np.allclose(got.interval_ps, 0.5)
    moved = got.positions - got.positions[0] - (POSITIONS - POSITIONS[0])
    assert np.abs(moved).max() < 0.02


def whatever_the_binary_gives(tmp_path, kind, content):
    for left in Path(tmp_path).glob(".*"):
        left.unlink()  # the offsets that MDAnalysis keeps of the file before
    (tmp_path / f"f.{kind}").write_bytes(content)
    try:
        got = read_trajectory(tmp_path / f"f.{kind}", timestep_fs=500 if kind == "dcd" else None, species=SPECIES)
    except InputError:
        return
    assert np.isfinite(got.positions).all()
    assert (got.volume > 0).all()
    assert (np.diff(got.time_ps) > 0).all()


@pytest.mark.parametrize("kind", ["dcd", "ncdf"])
@QUIET
@given(data=st.data())
def test_fuzz_mdanalysis(tmp_path, binary, kind, data):
    whatever_the_binary_gives(tmp_path, kind, data.draw(damaged(binary[kind])))


@pytest.mark.parametrize("kind", ["xtc", "trr"])
@settings(QUIET, max_examples=max(1, EXAMPLES // 100), deadline=20_000)  # each starts a process
@given(data=st.data())
def test_fuzz_in_a_child(tmp_path, binary, kind, data):
    whatever_the_binary_gives(tmp_path, kind, data.draw(damaged(binary[kind])))


@pytest.mark.parametrize(("kind", "at", "word"), [("trr", 8, b"\0\0\0\1"), ("xtc", 4, b"\x7f\xff\xff\xff")])
def test_a_file_that_kills_its_reader_is_an_error(tmp_path, binary, kind, at, word):
    content = bytearray(binary[kind])
    content[at : at + 4] = word
    (tmp_path / f"f.{kind}").write_bytes(content)
    with pytest.raises(InputError, match="damaged"):
        read_trajectory(tmp_path / f"f.{kind}", species=SPECIES)


@pytest.fixture(scope="module")
def kept(tmp_path_factory):
    """A dump with its index and its copy, all small."""
    folder = tmp_path_factory.mktemp("kept")
    write_dump(folder / "run.dump", POSITIONS)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(dump_cache, "_WORTH_IT", 0)
        patch.setattr(dump_index, "_SMALL", 0)
        list(DumpStream(folder / "run.dump", timestep_fs=1.0))
    names = sorted(path.name for path in folder.glob(".run.dump*"))
    assert len(names) == 3
    return folder / "run.dump", {name: (folder / name).read_bytes() for name in names}


@QUIET
@given(data=st.data())
def test_fuzz_what_is_kept_beside_a_dump(kept, data):
    path, files = kept
    name = data.draw(st.sampled_from(sorted(files)))
    for each, content in files.items():
        (path.parent / each).write_bytes(data.draw(damaged(content)) if each == name else content)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(dump_cache, "_WORTH_IT", 0)
        patch.setattr(dump_index, "_SMALL", 0)
        frames = [frame.positions.copy() for frame in DumpStream(path, timestep_fs=1.0)]
    if len(frames) == len(POSITIONS) and name.endswith("f32"):
        # checksums stand for the first and the last frame, and the size for all
        assert np.allclose(frames[0], POSITIONS[0], atol=1e-5)
        assert np.allclose(frames[-1], POSITIONS[-1], atol=1e-5)
    else:
        assert np.allclose(frames, POSITIONS, atol=1e-5)


@pytest.fixture(scope="module")
def band(tmp_path_factory):
    path = tmp_path_factory.mktemp("band") / "neb.traj"
    images = []
    for k in range(5):
        atoms = ase.Atoms("SiLi", positions=[[0, 0, 0], [2 + 0.5 * k, 0, 0]], cell=np.eye(3) * 12, pbc=True)
        energy = float(np.sin(np.pi * k / 4))
        atoms.calc = SinglePointCalculator(atoms, energy=energy, forces=np.full((2, 3), 0.1))
        images.append(atoms)
    ase.io.write(path, images)
    return path.read_bytes()


@QUIET
@given(data=st.data())
def test_fuzz_band_of_ase(tmp_path, band, data):
    (tmp_path / "neb.traj").write_bytes(data.draw(damaged(band)))
    try:
        path = read_neb(tmp_path / "neb.traj")
    except InputError:
        return
    assert np.isfinite(path.energy_eV).all()
    assert np.isfinite(path.arc_length_A).all()


def test_a_band_with_an_element_that_does_not_exist(tmp_path, band):
    (tmp_path / "whole.traj").write_bytes(band)
    images = ase.io.read(tmp_path / "whole.traj", ":")
    for image in images:
        image.numbers = np.full(len(image), 4000)
    ase.io.write(tmp_path / "neb.traj", images)
    with pytest.raises(InputError):
        read_neb(tmp_path / "neb.traj")
