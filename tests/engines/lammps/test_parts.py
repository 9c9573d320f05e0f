"""The parts of the engine that need no run: script, restart header, logs, failures, dumps."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
from anodeflow.engines.lammps import script
from anodeflow.engines.lammps.dump import check_first_frame, truncate_dump
from anodeflow.engines.lammps.failures import (
    DiskFullError,
    KilledError,
    LammpsError,
    LostAtomsError,
    MissingFileError,
    UnstableError,
    failure,
)
from anodeflow.engines.lammps.launch import Program, launch_line
from anodeflow.engines.lammps.log import COLUMNS, last_step, read_logs
from anodeflow.engines.lammps.restart import restart_step
from anodeflow.engines.resources import Resources
from anodeflow.errors import EngineError, InputError
from anodeflow.structures.element_map import ElementMap


def test_commands_render_in_lammps_order():
    commands = [script.Units(), script.Mass(2, 28.0855), script.Fix("a", "all", "nvt", ("temp", 300.0, 300.0, 0.1))]
    assert script.render(commands) == "units metal\nmass 2 28.0855\nfix a all nvt temp 300.0 300.0 0.1\n"


@pytest.mark.parametrize("word", ["a b", "x\nshell rm", "$(x)", "", "a&", '"', "#"])
def test_a_word_that_could_start_a_command_is_refused(word):
    with pytest.raises(InputError, match="cannot stand in a LAMMPS input"):
        script.ReadData(word).render()


def test_element_map_has_one_order_whatever_the_input_and_the_hash_seed():
    # alphabetical: Li P Sn; electronegativity: Li Sn P; input: Sn Li P
    code = (
        "from anodeflow.structures.element_map import ElementMap as E;"
        "m = E.of({'Sn', 'Li', 'P'}); print(m.elements, m.types_of(['Sn', 'Li', 'P', 'Sn']))"
    )
    for seed in ("0", "1", "2", "17", "4242"):
        answer = subprocess.run(
            [sys.executable, "-c", code],
            env=dict(os.environ, PYTHONHASHSEED=seed),
            capture_output=True,
            text=True,
            check=True,
        )
        assert answer.stdout.strip() == "('Li', 'P', 'Sn') [3, 1, 2, 3]"


def test_element_map_refuses_what_is_no_element_or_missing():
    with pytest.raises(InputError, match="not a chemical element"):
        ElementMap(("Li", "Xx"))
    with pytest.raises(InputError, match="twice"):
        ElementMap(("Li", "Li"))
    with pytest.raises(InputError, match="Ge"):
        ElementMap.of(["Li"]).types_of(["Li", "Ge"])


def _row(step, temperature=300.0):
    return " ".join([str(step), str(temperature)] + ["1.0"] * (len(COLUMNS) - 2))


def _log(path, steps, *, end="", temperature=300.0):
    header = "Step Temp " + " ".join(f"c{i}" for i in range(len(COLUMNS) - 2))
    path.write_text(header + "\n" + "\n".join(_row(step, temperature) for step in steps) + "\n" + end)
    return path


def test_logs_of_continuations_join_without_doubles(tmp_path):
    first = _log(tmp_path / "log.000.lammps", [0, 10, 20, 30], end="40 300.0 1.0")
    second = _log(
        tmp_path / "log.001.lammps",
        [20, 30, 40],
        end="Loop time of 2.5 on 1 procs for 20 steps with 8 atoms\n",
        temperature=301.0,
    )
    thermo = read_logs([first, second])
    assert thermo.steps.tolist() == [0, 10, 20, 30, 40]
    assert thermo["temp"].tolist() == [300.0, 300.0, 300.0, 301.0, 301.0]
    assert (thermo.loop_time_s, thermo.loop_steps) == (2.5, 20)


def test_log_with_a_value_that_is_no_number_is_unstable(tmp_path):
    path = _log(tmp_path / "log.000.lammps", [0, 10])
    path.write_text(path.read_text() + _row(20, "nan") + "\n")
    with pytest.raises(UnstableError, match="step 20"):
        read_logs([path])


def test_last_step_ignores_a_line_that_is_not_whole(tmp_path):
    path = _log(tmp_path / "log.000.lammps", [0, 10, 20], end=_row(30)[:-1])
    assert last_step(path) == 20
    assert last_step(tmp_path / "none") is None


@pytest.mark.parametrize(
    ("line", "kind"),
    [
        ("ERROR: Lost atoms: original 152 current 151 (src/thermo.cpp:523)", LostAtomsError),
        ("ERROR on proc 0: Non-numeric pressure - simulation unstable (src/fix_nh.cpp:1053)", UnstableError),
        ("ERROR: Cannot open MEAM library file library.meam: No such file or directory", MissingFileError),
        ("ERROR: Error writing dump trajectory: No space left on device", DiskFullError),
        ("ERROR: Unknown command: frobnicate (src/input.cpp:300)", LammpsError),
    ],
)
def test_failures_have_names_and_quote_lammps(tmp_path, line, kind):
    log = tmp_path / "log.000.lammps"
    log.write_text("Step Temp\n0 300\n" + line + "\nLast input line: run 100\n")
    error = failure(tmp_path, log, 1)
    assert type(error) is kind
    assert line in str(error)
    assert error.remedy
    assert error.exit_code == 3


def test_a_signal_without_an_error_line_is_a_kill(tmp_path):
    error = failure(tmp_path, tmp_path / "none", -9, "")
    assert isinstance(error, KilledError)
    assert "SIGKILL" in str(error)


def test_exit_code_without_any_line_is_still_an_error(tmp_path):
    assert "exit code 7" in str(failure(tmp_path, tmp_path / "none", 7))


def test_restart_step_of_a_file_that_is_none(tmp_path):
    path = tmp_path / "restart.a"
    assert restart_step(path) is None
    path.write_bytes(b"LammpS RestartT\0" + b"\1\0\0\0")
    assert restart_step(path) is None


def _frame(step, elements):
    head = f"ITEM: TIMESTEP\n{step}\nITEM: NUMBER OF ATOMS\n{len(elements)}\nITEM: BOX BOUNDS pp pp pp\n"
    head += "0 5\n0 5\n0 5\nITEM: ATOMS id element xu yu zu\n"
    return head + "".join(f"{i + 1} {element} 0.0 0.0 0.0\n" for i, element in enumerate(elements))


def test_dump_is_cut_to_whole_frames_up_to_a_step(tmp_path):
    path = tmp_path / "dump"
    frames = [_frame(step, ["Li", "Si"]) for step in (0, 10, 20)]
    path.write_text("".join(frames) + _frame(30, ["Li", "Si"])[:-4])
    assert truncate_dump(path, 25) == 20
    assert path.read_text() == "".join(frames)
    assert truncate_dump(path, 10) == 10
    assert path.read_text() == "".join(frames[:2])
    assert truncate_dump(tmp_path / "none", 20) is None


def test_wrong_element_in_the_first_frame_is_an_error(tmp_path):
    path = tmp_path / "dump"
    assert check_first_frame(path, ["Li", "Si"]) is False
    path.write_text(_frame(0, ["Li", "Si"])[:-10])
    assert check_first_frame(path, ["Li", "Si"]) is False
    path.write_text(_frame(0, ["Li", "Si"]))
    assert check_first_frame(path, ["Li", "Si"]) is True
    with pytest.raises(EngineError, match="atom 1 is Li in the first frame and Si in the structure"):
        check_first_frame(path, ["Si", "Li"])


def test_launch_line_follows_the_resources():
    program = Program("/p/lmp", "/p/mpiexec", "", "")
    assert launch_line(program, Resources(), "in", "log")[0] == "/p/lmp"
    both = launch_line(program, Resources(mpi_ranks=4, threads=2), "in", "log")
    assert both[:4] == ["/p/mpiexec", "-n", "4", "/p/lmp"]
    assert both[-5:] == ["-suffix", "omp", "-package", "omp", "2"]
    with pytest.raises(EngineError, match="no mpiexec"):
        launch_line(Program("/p/lmp", None, "", ""), Resources(mpi_ranks=2), "in", "log")


def test_resources_of_this_process_come_from_the_runner_then_from_slurm(monkeypatch):
    for name in ("ANODEFLOW_MPI_RANKS", "ANODEFLOW_THREADS", "ANODEFLOW_WALL_TIME_S"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("SLURM_NTASKS", "8")
    monkeypatch.setenv("SLURM_CPUS_PER_TASK", "2")
    assert Resources.of_this_process() == Resources(8, 2)
    monkeypatch.setenv("ANODEFLOW_MPI_RANKS", "3")
    monkeypatch.setenv("ANODEFLOW_WALL_TIME_S", "90")
    assert Resources.of_this_process() == Resources(3, 2, 90.0)
