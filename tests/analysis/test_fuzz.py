"""Damage at random in every kind of file: an answer, or one sentence, and the same from every way of reading.

``ANODEFLOW_FUZZ=20000 python -m pytest tests/analysis -k fuzz`` goes on for a long time.
"""

from __future__ import annotations

import gzip
import re
import struct
from pathlib import Path

import ase
import ase.io
import numpy as np
import pytest
from anodeflow.analysis.hops.neb_read import read_neb
from anodeflow.analysis.reading.lammps_data import read_types
from anodeflow.analysis.reading.stream import DumpStream
from anodeflow.analysis.reading.trajectory import read_trajectory
from anodeflow.errors import InputError
from anodeflow.units import FS_TO_PS
from dumps import frame_text
from hypothesis import given, settings
from hypothesis import strategies as st
from test_bad_input import EXAMPLES, FRAMES, POSITIONS, TEXT, damaged, whatever_happens
from test_bad_input import QUIET as MANY

QUIET = settings(MANY, max_examples=max(1, EXAMPLES // 5))

DATA = (
    "made by hand\n\n6 atoms\n2 atom types\n\n0 10 xlo xhi\n0 8.66 ylo yhi\n0 12 zlo zhi\n-5 2 1 xy xz yz\n\n"
    "Masses\n\n1 28.085 # Si\n2 6.94 # Li\n\nAtoms # atomic\n\n"
    + "".join(f"{i + 1} {i % 2 + 1} {i} 0 0\n" for i in range(6))
)

OTHER = "ITEM: UNITS\nmetal\n" + "".join(
    frame_text(p, 100 * i, layout="xs", flags=True) for i, p in enumerate(POSITIONS)
)

NEB_LOG = "Step MaxReplicaForce MaxAtomForce GradV0 GradV1 GradVc EBF EBR RDT RD1 PE1 RD2 PE2 RD3 PE3\n" + "".join(
    f"{100 * k} 0.1 0.05 0.1 0.2 0.1 0.5 0.5 3.1 0 -10.0 0.5 -9.{5 + k} 1 -10.0\n" for k in range(4)
)


def binary_dump() -> bytes:
    """A binary dump of LAMMPS since 2021: magic string, byte order, revision, step, box, columns, rows."""
    content = b""
    names = b"id type xu yu zu"
    for frame in range(3):
        magic = b"DUMPCUSTOM"
        content += struct.pack("<q", -len(magic)) + magic + struct.pack("<iiqq", 1, 2, 100 * frame, 6)
        content += struct.pack("<i6i", 1, *([0] * 6)) + struct.pack("<6d", 0, 10, 0, 8.66, 0, 12)
        content += struct.pack("<3d", -5.0, 2.0, 1.0) + struct.pack("<ii", 5, 0) + struct.pack("<c", b"\0")
        content += struct.pack("<i", len(names)) + names + struct.pack("<i", 1) + struct.pack("<i", 30)
        for i, place in enumerate(POSITIONS[frame]):
            content += struct.pack("<5d", i + 1, i % 2 + 1, *place)
    return content


def vasprun_text() -> str:
    def rows(name, values):
        return f'<varray name="{name}">' + "".join("<v>{} {} {}</v>".format(*row) for row in values) + "</varray>"

    text = '<?xml version="1.0" encoding="ISO-8859-1"?>\n<modeling>\n<incar><i type="int" name="IBRION">0</i>'
    text += '<i name="POTIM">2.0</i></incar>\n<atominfo><array name="atoms"><set>'
    text += "".join(f"<rc><c>{name}</c><c>1</c></rc>" for name in ("Si", "Li") * 3) + "</set></array></atominfo>\n"
    cell = [[10, 0, 0], [-5, 8.66, 0], [2, 1, 12]]
    for place in POSITIONS:
        inside = rows("positions", (place @ np.linalg.inv(cell)) % 1)
        text += f"<calculation><structure><crystal>{rows('basis', cell)}</crystal>{inside}</structure></calculation>\n"
    return text + "</modeling>\n"


@pytest.fixture(scope="module")
def ase_trajectory(tmp_path_factory):
    path = tmp_path_factory.mktemp("ase") / "run.traj"
    ase.io.write(path, [ase.Atoms("SiLi" * 3, positions=p, cell=np.eye(3) * 12, pbc=True) for p in POSITIONS])
    return path.read_bytes()


def test_the_undamaged_files_are_read(tmp_path, ase_trajectory):
    (tmp_path / "b.bin").write_bytes(binary_dump())
    (tmp_path / "vasprun.xml").write_text(vasprun_text())
    (tmp_path / "f.traj").write_bytes(ase_trajectory)
    (tmp_path / "log.lammps").write_text(NEB_LOG)
    (tmp_path / "d.data").write_text(DATA)
    assert np.allclose(read_trajectory(tmp_path / "b.bin", timestep_fs=1).positions, POSITIONS[:3])
    assert read_trajectory(tmp_path / "vasprun.xml").n_frames == len(POSITIONS)
    assert read_trajectory(tmp_path / "f.traj", timestep_fs=1).n_frames == len(POSITIONS)
    assert read_neb(tmp_path / "log.lammps").energy_eV[1] == pytest.approx(-9.8)
    assert read_types(tmp_path / "d.data", ids=range(1, 7))


@QUIET
@given(data=damaged(binary_dump()))
def test_fuzz_binary_dump(tmp_path, data):
    (tmp_path / "f.bin").write_bytes(data)
    whatever_happens(tmp_path / "f.bin")


@QUIET
@given(data=damaged(vasprun_text().encode()))
def test_fuzz_vasprun(tmp_path, data):
    (tmp_path / "vasprun.xml").write_bytes(data)
    whatever_happens(tmp_path / "vasprun.xml")


@QUIET
@given(data=st.data())
def test_fuzz_ase_trajectory(tmp_path, ase_trajectory, data):
    (tmp_path / "f.traj").write_bytes(data.draw(damaged(ase_trajectory)))
    whatever_happens(tmp_path / "f.traj")


@QUIET
@given(data=damaged(DATA.encode()))
def test_fuzz_data_file(tmp_path, data):
    (tmp_path / "f.data").write_bytes(data)
    try:
        types = read_types(tmp_path / "f.data", ids=range(1, 7))
    except InputError:
        return
    assert all(isinstance(name, str) for name in types)


@QUIET
@given(data=damaged(NEB_LOG.encode()))
def test_fuzz_neb_log(tmp_path, data):
    (tmp_path / "log.lammps").write_bytes(data)
    try:
        path = read_neb(tmp_path / "log.lammps")
    except InputError:
        return
    assert np.isfinite(path.energy_eV).all()
    assert np.isfinite(path.arc_length_A).all()


def both_ways(path: Path) -> None:
    """Assert that the frame-by-frame and the whole reading give the same, or that both refuse."""
    for left in path.parent.glob(f".{path.name}*"):
        left.unlink()
    try:
        stream = DumpStream(path, timestep_fs=1.0)
        frames = [(frame.step, frame.positions.copy(), frame.cell) for frame in stream]
        assert len(stream) == len(frames)
    except InputError:
        frames = []
    try:
        whole = read_trajectory(path, timestep_fs=1.0, unwrap=False)
    except InputError as error:
        assert not frames, f"only the whole reading refuses: {error}"
        return
    assert len(frames) == whole.n_frames
    assert np.allclose([step * FS_TO_PS for step, _, _ in frames], whole.time_ps)
    assert all(np.array_equal(one, other) for (_, one, _), other in zip(frames, whole.positions, strict=True))
    assert all(np.array_equal(one, other) for (_, _, one), other in zip(frames, whole.cells, strict=True))
    assert sorted(text.removeprefix(f"{path.name}: ") for text in whole.warnings) == sorted(stream.warnings)


@QUIET
@given(data=damaged(TEXT.encode()))
def test_fuzz_stream_and_whole_reading_agree(tmp_path, data):
    (tmp_path / "f.dump").write_bytes(data)
    both_ways(tmp_path / "f.dump")


@QUIET
@given(data=damaged(OTHER.encode()))
def test_fuzz_stream_and_whole_reading_agree_on_tilted_scaled_frames(tmp_path, data):
    (tmp_path / "f.dump").write_bytes(data)
    both_ways(tmp_path / "f.dump")


@QUIET
@given(data=damaged(gzip.compress(TEXT.encode(), mtime=0)))
def test_fuzz_stream_and_whole_reading_agree_on_gzip(tmp_path, data):
    (tmp_path / "f.dump.gz").write_bytes(data)
    both_ways(tmp_path / "f.dump.gz")


def test_a_header_cut_anywhere_is_one_frame_less_both_ways(tmp_path):
    mark, columns = len("ITEM: TIMESTEP"), TEXT.index("ITEM: ATOMS")
    for cut in range(mark + 4, columns, 3):
        (tmp_path / "f.dump").write_text(TEXT[:cut] + TEXT)
        both_ways(tmp_path / "f.dump")
        (tmp_path / "f.dump").write_text(FRAMES[0] + FRAMES[1][:cut] + FRAMES[2] + FRAMES[3])
        both_ways(tmp_path / "f.dump")
        got = read_trajectory(tmp_path / "f.dump", timestep_fs=1.0)
        assert np.allclose(got.positions, POSITIONS[[0, 2, 3]], atol=1e-8)
        assert len(got.warnings) == 1
        assert re.search(r"the frame( of step 100)? is cut off and was left out", got.warnings[0])
