"""Damaged files give a clear sentence or the right numbers, never a crash, a hang or a wrong number."""

from __future__ import annotations

import gzip
import os
from pathlib import Path

import ase
import ase.io
import numpy as np
import pytest
from anodeflow.analysis.reading.trajectory import read_trajectory
from anodeflow.errors import InputError
from dumps import frame_text, random_walk, write_dump
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

POSITIONS = random_walk(frames=4, atoms=6)
FRAMES = [frame_text(p, 100 * i) for i, p in enumerate(POSITIONS)]
TEXT = "".join(FRAMES)
EXAMPLES = int(os.environ.get("ANODEFLOW_FUZZ", "150"))  # raise it for a long run


def read(tmp_path: Path, text: str | bytes, name="run.dump", **how):
    path = tmp_path / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return read_trajectory(path, timestep_fs=how.pop("timestep_fs", 1.0), **how)


def test_a_text_cut_off_anywhere_keeps_exactly_its_whole_frames(tmp_path):
    ends = np.cumsum([len(frame) for frame in FRAMES])
    for cut in range(1, len(TEXT), 7):
        whole = int((ends <= cut).sum())
        if whole == 0:
            with pytest.raises(InputError, match=r"cut off|empty|not a LAMMPS"):
                read(tmp_path, TEXT[:cut])
            continue
        got = read(tmp_path, TEXT[:cut])
        assert np.allclose(got.positions, POSITIONS[:whole], atol=1e-8)
        assert bool(got.warnings) == (cut not in ends)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda t: "", "the file is empty"),
        (lambda t: " \n", "the file is empty"),
        (lambda t: t.replace("\n6\n", "\n5\n", 1), "a row stands where none belongs"),
        (lambda t: FRAMES[0] + FRAMES[1].replace("\n6\n", "\n7\n"), "changes from 6 to 7"),
        (lambda t: FRAMES[0] + FRAMES[1].replace(" 3 1 \n", " 9 1 \n"), "the first frame does not have"),
        (lambda t: FRAMES[0] + FRAMES[1].replace(" 3 1 \n", " 5 1 \n"), "atom id is repeated"),
        (lambda t: FRAMES[0].replace(" 3 1 \n", " 5 1 \n"), "ids are repeated"),
        (lambda t: FRAMES[0] + FRAMES[1].replace(" 3 1 \n", " 3 2 \n"), "atom 3 changes its type"),
        (lambda t: FRAMES[0] + FRAMES[1].replace("Si ", "Si nan ", 1), "proper columns|finite"),
        (lambda t: t.replace(f"{POSITIONS[2, 1, 1]:.12g}", "nan"), "not a finite number"),
        (lambda t: t.replace(f"{POSITIONS[2, 1, 1]:.12g}", "-inf"), "not a finite number"),
        (lambda t: t.replace(f"{POSITIONS[2, 1, 1]:.12g}", "1e999"), "not a finite number"),
        (lambda t: t.replace(f"{POSITIONS[2, 1, 1]:.12g}", "1.2.3"), "proper columns"),
        (lambda t: t.replace(f"{POSITIONS[2, 1, 1]:.12g} ", ""), "proper columns"),
        (lambda t: t.replace("xu yu zu", "xu yu fz"), "no coordinates along all three axes"),
        (lambda t: t.replace(" id ", " mol "), "no atom ids"),
        (lambda t: t.replace("element xu yu zu", "element xu yu zu element xu yu zu", 1), "announced twice"),
    ],
)
def test_each_kind_of_damage_is_named(tmp_path, change, sentence):
    with pytest.raises(InputError, match=sentence):
        read(tmp_path, change(TEXT))


def test_a_box_without_volume(tmp_path):
    lines = TEXT.split("\n")
    lines[7] = lines[7].split()[0] + " " + lines[7].split()[0] + " 0"
    with pytest.raises(InputError, match="no volume"):
        read(tmp_path, "\n".join(lines))


def test_one_frame_has_no_time_but_a_structure(tmp_path):
    got = read(tmp_path, FRAMES[0], timestep_fs=None)
    assert got.n_frames == 1
    with pytest.raises(InputError, match="one frame has no time interval"):
        _ = got.interval_ps


def test_an_odd_first_interval_is_dropped_and_other_unevenness_refused(tmp_path):
    path = write_dump(tmp_path / "a.dump", POSITIONS, steps=[37, 100, 200, 300])
    even = read_trajectory(path, timestep_fs=1).evenly_spaced()
    assert even.n_frames == 3
    assert "first frame was left out" in even.warnings[-1]
    path = write_dump(tmp_path / "b.dump", POSITIONS, steps=[0, 100, 200, 350])
    with pytest.raises(InputError, match="not constant"):
        read_trajectory(path, timestep_fs=1).evenly_spaced()


def test_units_that_mix_or_have_no_angstrom(tmp_path):
    metal = "ITEM: UNITS\nmetal\n" + FRAMES[0]
    real = "ITEM: UNITS\nreal\n" + FRAMES[1]
    with pytest.raises(InputError, match="units change from metal to real"):
        read(tmp_path, metal + real)
    (tmp_path / "m").write_text(metal)
    (tmp_path / "r").write_text(real)
    with pytest.raises(InputError, match="mix metal and real"):
        read_trajectory([tmp_path / "m", tmp_path / "r"], timestep_fs=1)
    with pytest.raises(InputError, match="'lj' units"):
        read(tmp_path, "ITEM: UNITS\nlj\n" + FRAMES[0])


def test_damaged_gzip(tmp_path):
    packed = gzip.compress(TEXT.encode())
    for cut in (1, 5, 30, len(packed) // 2, len(packed) - 4):
        try:
            got = read(tmp_path, packed[:cut], "run.dump.gz")
        except InputError:
            continue
        assert np.allclose(got.positions, POSITIONS[: got.n_frames], atol=1e-8)
    broken = bytearray(packed)
    broken[len(packed) // 2] ^= 0xFF
    with pytest.raises(InputError):
        read(tmp_path, bytes(broken), "run.dump.gz")


def test_species_that_cannot_be_right(tmp_path):
    (tmp_path / "run.data").write_text(
        "x\n\n6 atoms\n\nMasses\n\n1 6.94 # Li\n2 28.085 # Si\n\nAtoms # atomic\n\n"
        + "".join(f"{i + 1} {i % 2 + 1} 0 0 0\n" for i in range(6))
    )
    with pytest.raises(InputError, match="atom 1 is Si in the dump and Li by its type"):
        read(tmp_path, TEXT, data=tmp_path / "run.data")
    assert read(tmp_path, TEXT, species={1: "P", 2: "S"}).species == ("P", "S") * 3
    carbon = TEXT.replace("Li ", "C ").replace("Si ", "C ")
    got = read(tmp_path, carbon)
    assert got.species == ("1", "2") * 3
    assert "every atom is called C" in got.warnings[0]
    assert read(tmp_path, carbon, data=tmp_path / "run.data").species == ("Li", "Si") * 3
    with pytest.raises(InputError, match="type 2 has no element"):
        read(tmp_path, TEXT, species={1: "Li"})
    (tmp_path / "bad.data").write_text("x\n\nMasses\n\n1 6.94 # Si\n2 28.085\n")
    with pytest.raises(InputError, match="called Si but has the mass of Li"):
        read(tmp_path, TEXT, data=tmp_path / "bad.data")


def whatever_happens(path: Path) -> None:
    try:
        got = read_trajectory(path, timestep_fs=1.0)
    except InputError:
        return
    assert np.isfinite(got.positions).all()
    assert (got.volume > 0).all()
    assert (np.diff(got.time_ps) > 0).all()


@st.composite
def damaged(draw, content: bytes):
    """Content after a few random edits: bytes changed, stretches cut out, doubled or replaced."""
    data = bytearray(content)
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, max(0, len(data) - 1)))
        length = draw(st.integers(0, 60))
        kind = draw(st.sampled_from(["cut", "double", "bytes", "digit", "end"]))
        if kind == "cut":
            del data[at : at + length]
        elif kind == "double":
            data[at:at] = data[at : at + length]
        elif kind == "bytes":
            data[at : at + length] = draw(st.binary(max_size=12))
        elif kind == "digit":
            data[at : at + 1] = draw(
                st.sampled_from([b"9", b"-", b".", b"e", b" ", b"\n", b"\0", b"99999999999999999999"])
            )
        else:
            del data[at:]
    return bytes(data)


QUIET = settings(
    max_examples=EXAMPLES,
    deadline=5000,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


@QUIET
@given(data=damaged(TEXT.encode()))
def test_fuzz_lammps_text(tmp_path, data):
    (tmp_path / "f.dump").write_bytes(data)
    whatever_happens(tmp_path / "f.dump")


@QUIET
@given(data=damaged(gzip.compress(TEXT.encode(), mtime=0)))
def test_fuzz_gzip(tmp_path, data):
    (tmp_path / "f.dump.gz").write_bytes(data)
    whatever_happens(tmp_path / "f.dump.gz")


def xdatcar_text() -> str:
    text = "t\n1.0\n10 0 0\n-5 8.66 0\n2 1 12\nSi Li\n3 3\n"
    for i in range(4):
        text += f"Direct configuration= {i + 1}\n" + "".join(
            "{:.6f} {:.6f} {:.6f}\n".format(*row) for row in POSITIONS[i] / 20
        )
    return text


@QUIET
@given(data=damaged(xdatcar_text().encode()))
def test_fuzz_xdatcar(tmp_path, data):
    (tmp_path / "XDATCAR").write_bytes(data)
    whatever_happens(tmp_path / "XDATCAR")


@pytest.fixture(scope="module")
def extxyz(tmp_path_factory):
    path = tmp_path_factory.mktemp("xyz") / "run.extxyz"
    ase.io.write(path, [ase.Atoms("SiLi" * 3, positions=p, cell=np.eye(3) * 12, pbc=True) for p in POSITIONS])
    return path.read_bytes()


@pytest.mark.parametrize(("good", "bad"), [(b"6\n", b"99999999999999999999\n"), (b"pos:R:3", b"pos:R:399999999")])
def test_what_an_extended_xyz_cannot_hold_is_refused_at_once(tmp_path, extxyz, good, bad):
    assert good in extxyz
    with pytest.raises(InputError, match=r"announced|too many columns"):
        read(tmp_path, extxyz.replace(good, bad, 1), "run.extxyz")


@QUIET
@given(data=st.data())
def test_fuzz_extended_xyz(tmp_path, extxyz, data):
    (tmp_path / "f.extxyz").write_bytes(data.draw(damaged(extxyz)))
    whatever_happens(tmp_path / "f.extxyz")


@QUIET
@given(data=st.binary(max_size=300))
def test_fuzz_anything(tmp_path, data):
    (tmp_path / "f.dump").write_bytes(b"ITEM: TIMESTEP\n" + data)
    whatever_happens(tmp_path / "f.dump")
    (tmp_path / "f").write_bytes(data)
    whatever_happens(tmp_path / "f")
