"""Molecular dynamics on real LAMMPS: continuation, frames, ramps, and runs that are killed."""

from __future__ import annotations

import multiprocessing
import os
import shutil
import signal
import time
from pathlib import Path

import numpy as np
import pytest
from anodeflow.analysis.reading.trajectory import read_trajectory
from anodeflow.engines.lammps.failures import KilledError, WallTimeError
from anodeflow.engines.lammps.layers import STRESS_PROFILE, LayerSampling, layer_files
from anodeflow.engines.lammps.log import last_step
from anodeflow.engines.lammps.md import DUMP_FILE, MDSettings, run_md
from anodeflow.engines.lammps.restart import restart_step
from anodeflow.engines.lammps.setup import System
from anodeflow.engines.resources import Resources
from anodeflow.errors import InputError, OutOfTimeError
from anodeflow.potentials.cards import card
from anodeflow.structures.phases import phase

pytestmark = pytest.mark.engine

ONE = Resources()
NPT = MDSettings(
    "npt", 3000, 700.0, 11, final_temperature_K=400.0, cell="tri", dump_every=50, thermo_every=25, restart_every=400
)


def _frames(directory):
    return read_trajectory(directory / DUMP_FILE, timestep_fs=1.0)


@pytest.fixture(scope="module")
def undisturbed(triclinic, tmp_path_factory):
    return run_md(triclinic, NPT, tmp_path_factory.mktemp("undisturbed") / "md", ONE)


def test_run_has_all_frames_and_the_right_time(undisturbed, triclinic):
    trajectory = _frames(undisturbed.directory)
    assert np.allclose(trajectory.time_ps, np.arange(0, 3001, 50) * 1e-3)
    assert list(trajectory.species) == triclinic.symbols
    assert undisturbed.thermo.steps.tolist() == list(range(0, 3001, 25))
    assert undisturbed.segments == 1


def test_first_frame_is_the_structure_in_a_triclinic_cell(undisturbed, triclinic):
    trajectory = _frames(undisturbed.directory)
    assert np.allclose(trajectory.cells[0], triclinic.structure.lattice.matrix, atol=1e-6)
    assert np.allclose(trajectory.positions[0], triclinic.structure.cart_coords, atol=1e-6)


def test_final_structure_is_the_last_frame(undisturbed):
    trajectory = _frames(undisturbed.directory)
    inside = trajectory.positions[-1] - trajectory.origins[-1]  # the barostat moves the corner of the box
    assert np.allclose(undisturbed.structure.cart_coords, inside, atol=1e-6)
    assert np.shape(undisturbed.structure.site_properties["velocities"]) == (len(undisturbed.structure), 3)


def test_ramp_follows_the_temperature(undisturbed):
    temperature = undisturbed.thermo["temp"]
    assert temperature[40:60].mean() - temperature[-20:].mean() > 60


def _kill_half_way(directory, settings, system, step):
    """Run in another process and kill LAMMPS and all with SIGKILL once the log has passed `step`."""
    context = multiprocessing.get_context("fork")
    process = context.Process(target=_run_in_group, args=(system, settings, directory))
    process.start()
    for _ in range(1200):
        logs = sorted(directory.glob("log.*.lammps"))
        if logs and (last_step(logs[-1]) or 0) > step:
            break
        time.sleep(0.02)
    else:
        pytest.fail("the run never reached the step at which it was to be killed")
    os.killpg(process.pid, signal.SIGKILL)
    process.join()


def _run_in_group(system, settings, directory):
    os.setpgid(0, 0)
    run_md(system, settings, directory, ONE)


def test_killed_run_goes_on_to_the_same_end(undisturbed, triclinic, tmp_path):
    directory = tmp_path / "md"
    _kill_half_way(directory, NPT, triclinic, 1500)
    joint = max(restart_step(path) or 0 for path in directory.glob("restart.?"))
    assert 400 <= joint < 3000
    resumed = run_md(triclinic, NPT, directory, ONE)
    assert resumed.segments == 2
    ours, theirs = _frames(directory), _frames(undisturbed.directory)
    assert ours.time_ps.tolist() == theirs.time_ps.tolist()
    assert resumed.thermo.steps.tolist() == undisturbed.thermo.steps.tolist()
    assert np.array_equal(ours.positions, theirs.positions)  # to the last digit written, long after the joint
    assert np.abs(ours.cells - theirs.cells).max() < 1e-12


@pytest.mark.parametrize("cell", ["crystal", "triclinic"])
def test_killed_run_with_layers_goes_on_to_the_last_digit(cell, tmp_path, request):
    system = request.getfixturevalue(cell)
    layers = LayerSampling(4, every=20, window=200)
    settings = MDSettings("npt", 2000, 900.0, 5, cell="stack", layers=layers, dump_every=50, restart_every=400)
    calm, killed = tmp_path / "calm", tmp_path / "killed"
    _kill_half_way(killed, settings, system, 900)
    joint = max(restart_step(path) or 0 for path in killed.glob("restart.?"))
    assert 400 <= joint < 2000
    run_md(system, settings, killed, ONE)
    run_md(system, settings, calm, ONE)
    assert np.array_equal(_frames(killed).positions, _frames(calm).positions)
    since = {step: lines for step, lines in _windows(calm).items() if step > joint}
    assert since
    assert since.items() <= _windows(killed).items()


def _windows(directory):
    """Return the lines of the stress in layers by the last step of their window."""
    windows, step = {}, None
    for path in layer_files(directory, STRESS_PROFILE):
        for line in path.read_text().splitlines():
            if line.startswith(" "):
                windows[step].append(line)
            elif not line.startswith("#"):
                step = int(line.split()[0])
                windows[step] = []
    return windows


def test_finished_run_is_only_read(undisturbed, triclinic):
    before = sorted(path.name for path in undisturbed.directory.iterdir())
    again = run_md(triclinic, NPT, undisturbed.directory, ONE)
    assert again.segments == 1
    assert sorted(path.name for path in undisturbed.directory.iterdir()) == before


def test_torn_restart_file_is_passed_over(undisturbed, triclinic, tmp_path):
    directory = tmp_path / "md"
    shutil.copytree(undisturbed.directory, directory)
    (directory / "restart.end").unlink()
    (directory / "final.data").unlink()
    steps = {name: restart_step(directory / name) for name in ("restart.a", "restart.b")}
    newest = max(steps, key=lambda name: steps[name])
    content = (directory / newest).read_bytes()
    (directory / newest).write_bytes(content[: len(content) // 2])
    resumed = run_md(triclinic, NPT, directory, ONE)
    assert _frames(directory).time_ps.tolist() == _frames(undisturbed.directory).time_ps.tolist()
    assert np.array_equal(_frames(directory).positions, _frames(undisturbed.directory).positions)
    assert resumed.thermo.steps[-1] == 3000


def test_wall_time_stops_cleanly_and_goes_on(crystal, tmp_path):
    settings = MDSettings("nvt", 6000, 500.0, 3, dump_every=100, thermo_every=50, restart_every=100)
    whole = _frames(run_md(crystal, settings, tmp_path / "whole", ONE).directory)
    with pytest.raises(WallTimeError, match="wall time of 2 s"):
        run_md(crystal, settings, tmp_path / "md", Resources(wall_time_s=2))
    assert restart_step(tmp_path / "md" / "restart.end") is None, "a piece had ended, and the run goes on from there"
    joint = max(restart_step(tmp_path / "md" / f"restart.{name}") or 0 for name in "ab")
    assert joint % 100 == 0
    assert 0 < joint < 6000
    run = run_md(crystal, settings, tmp_path / "md", ONE)
    assert run.thermo.steps[-1] == 6000
    frames = _frames(tmp_path / "md")
    assert frames.time_ps.tolist() == whole.time_ps.tolist() == (np.arange(0, 6001, 100) * 1e-3).tolist()
    assert np.array_equal(frames.positions, whole.positions)


def test_wall_time_shorter_than_a_piece_still_moves_on(crystal, tmp_path):
    settings = MDSettings("nvt", 40_000, 500.0, 3, dump_every=0, thermo_every=50, restart_every=40_000)
    with pytest.raises(OutOfTimeError, match="wall time of 1 s"):
        run_md(crystal, settings, tmp_path / "md", Resources(wall_time_s=1))
    joint = restart_step(tmp_path / "md" / "restart.end")
    assert 0 < joint < 40_000
    with pytest.raises(OutOfTimeError):
        run_md(crystal, settings, tmp_path / "md", Resources(wall_time_s=1))
    assert joint < restart_step(tmp_path / "md" / "restart.end")


def test_two_mpi_ranks_give_the_same_start(crystal, tmp_path):
    settings = MDSettings("nvt", 200, 500.0, 3, dump_every=20, thermo_every=20)
    one = run_md(crystal, settings, tmp_path / "one", ONE)
    two = run_md(crystal, settings, tmp_path / "two", Resources(mpi_ranks=2))
    assert "on 2 procs" in (tmp_path / "two" / "log.000.lammps").read_text()
    assert np.abs(_frames(one.directory).positions - _frames(two.directory).positions).max() < 1e-6


def test_velocities_of_the_structure_are_taken_over(crystal, tmp_path):
    first = run_md(crystal, MDSettings("nvt", 100, 600.0, 5, dump_every=0), tmp_path / "a", ONE)
    second = run_md(
        System.of(first.structure, crystal.card), MDSettings("nvt", 50, 600.0, None, dump_every=0), tmp_path / "b", ONE
    )
    assert second.thermo["temp"][0] == pytest.approx(first.thermo["temp"][-1], abs=1e-6)


def test_folder_of_another_run_is_refused(undisturbed, triclinic):
    other = MDSettings(
        "npt", 3000, 701.0, 11, final_temperature_K=400.0, cell="tri", thermo_every=25, restart_every=400
    )
    with pytest.raises(InputError, match="another run"):
        run_md(triclinic, other, undisturbed.directory, ONE)


@pytest.mark.parametrize("ranks", [1, 2])
def test_lammps_alone_killed_is_an_error_that_says_so(crystal, ranks, tmp_path):
    """Of two ranks the system ends one, as it does when memory runs out."""
    settings = MDSettings("nvt", 100000, 500.0, 3, dump_every=100)

    def kill(step, total, rate):
        for entry in Path("/proc").glob("[0-9]*"):
            try:
                program = (entry / "cmdline").read_bytes().split(b"\0")[0]
                if program.endswith(b"/lmp") and (entry / "cwd").readlink() == tmp_path / "md":
                    os.kill(int(entry.name), signal.SIGKILL)
                    break
            except OSError:
                continue

    with pytest.raises(KilledError, match="SIGKILL"):
        run_md(crystal, settings, tmp_path / "md", Resources(mpi_ranks=ranks), progress=kill)


@pytest.mark.parametrize("steps", [0, -5])
def test_no_steps_is_refused(steps):
    with pytest.raises(InputError, match="steps"):
        MDSettings("nvt", steps, 300.0, 1)


def test_element_that_the_model_does_not_know_is_refused():
    with pytest.raises(InputError, match="Sn"):
        System.of(phase("LiSn").structure, card("LiSi-MEAM-Cui2012"))
