"""Relaxations that are interrupted, and what they come to."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import time
from pathlib import Path

import numpy as np
import pytest
from anodeflow.engines.lammps.relax import relax
from anodeflow.engines.lammps.setup import System
from anodeflow.engines.resources import Resources
from anodeflow.errors import OutOfTimeError

pytestmark = pytest.mark.engine


@pytest.fixture(scope="module")
def strained(triclinic) -> System:
    """A larger triclinic cell with atoms off their places, so that it takes some seconds."""
    structure = triclinic.structure * (2, 2, 1)
    structure.perturb(0.1, seed=5)
    return System.of(structure, triclinic.card)


@pytest.fixture(scope="module")
def whole(strained, tmp_path_factory):
    return relax(strained, tmp_path_factory.mktemp("whole"), Resources(), cell="tri")


def kill_once_there(system: System, directory, names: tuple[str, ...], wait_ms: float = 0) -> None:
    """Start the relaxation, and kill it soon after these files are there; another process may have written some."""
    process = multiprocessing.get_context("fork").Process(
        target=relax, args=(system, directory, Resources()), kwargs={"cell": "tri"}
    )
    process.start()
    while not all((directory / name).exists() for name in names):
        assert process.is_alive(), "it was over before it could be killed"
        time.sleep(0.001)
    time.sleep(wait_ms / 1000)
    os.kill(process.pid, signal.SIGKILL)
    process.join()


def processes_in(directory) -> list[int]:
    """Return the processes that work in a folder."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if (process / "cwd").readlink() == directory:
                found.append(int(process.name))
    return found


def test_killed_after_some_stages_it_ends_equal_to_the_last_bit(strained, whole, tmp_path):
    for start, last in enumerate((2, 7)):
        kill_once_there(strained, tmp_path, (f"restart.stage.{last:02d}", f"log.relax.{start:03d}.lammps"))
    parts = relax(strained, tmp_path, Resources(), cell="tri")
    assert len(list(tmp_path.glob("log.relax.*.lammps"))) == 3
    assert np.array_equal(parts.structure.cart_coords, whole.structure.cart_coords)
    assert np.array_equal(parts.structure.lattice.matrix, whole.structure.lattice.matrix)
    assert parts.energy_eV == whole.energy_eV
    assert parts.stress_GPa == whole.stress_GPa
    assert not list(tmp_path.glob("restart.stage.*"))
    again = relax(strained, tmp_path, Resources(wall_time_s=0.0), cell="tri")
    assert again.energy_eV == whole.energy_eV
    assert len(list(tmp_path.glob("log.relax.*.lammps"))) == 3, "what is finished is only read"


def test_killed_in_the_first_moment_of_a_start_it_ends_equal_to_the_last_bit(strained, whole, tmp_path):
    kill_once_there(strained, tmp_path, ("restart.stage.04",))
    for wait_ms in np.linspace(0, 4, 40):
        for left in tmp_path.glob("*.launch"):
            left.unlink()
        number = len(list(tmp_path.glob("log.relax.*.lammps")))
        kill_once_there(strained, tmp_path, (f"in.relax.{number:03d}.lammps.launch",), wait_ms)
        time.sleep(0.05)
        assert not processes_in(tmp_path), "LAMMPS went on without the process that had started it"
    parts = relax(strained, tmp_path, Resources(), cell="tri")
    assert np.array_equal(parts.structure.cart_coords, whole.structure.cart_coords)
    assert parts.energy_eV == whole.energy_eV


def test_wall_time_shorter_than_a_stage_comes_to_the_same_minimum(strained, whole, tmp_path):
    tries = 0
    while tries < 60:
        tries += 1
        try:
            parts = relax(strained, tmp_path, Resources(wall_time_s=1), cell="tri")
            break
        except OutOfTimeError as error:
            assert "stage" in str(error)
    assert 1 < tries < 60
    assert parts.converged == whole.converged
    assert parts.energy_eV == pytest.approx(whole.energy_eV, abs=1e-6)
    assert np.abs(parts.structure.lattice.matrix - whole.structure.lattice.matrix).max() < 1e-4


def test_another_relaxation_in_the_folder_is_begun_anew(strained, triclinic, tmp_path):
    with pytest.raises(OutOfTimeError):
        relax(strained, tmp_path, Resources(wall_time_s=1), cell="tri")
    other = relax(triclinic, tmp_path, Resources(), cell="fixed")
    again = relax(triclinic, tmp_path / "again", Resources(), cell="fixed")
    assert other.energy_eV == again.energy_eV
