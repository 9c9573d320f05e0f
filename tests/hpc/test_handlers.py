"""Jobs that fail for good or for a while: what is tried again, and what the record says of it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from anodeflow.engines.lammps.failures import OutOfMemoryError, WallTimeError
from anodeflow.engines.lammps.launch import find_program
from anodeflow.engines.lammps.md import MDSettings
from anodeflow.errors import EngineError
from anodeflow.hpc.handlers import HANDLERS, SchedulerError, kernel_kills, name_of, name_of_exit, patiently
from anodeflow.hpc.local import run_flow
from anodeflow.hpc.store import read_result
from anodeflow.potentials.cards import card
from anodeflow.structures.phases import phase
from anodeflow.workflows.jobs import EquilibrateMaker
from jobflow import Flow
from pymatgen.core import Lattice, Structure

sys.path.insert(0, str(Path(__file__).parent))
import flow_functions as functions

PAGE = Path(__file__).parents[2] / "docs" / "failures.md"


def test_a_killed_process_is_started_again_and_the_record_says_so(tmp_path):
    (state,) = run_flow(Flow([functions.die_until(7, 3)]), tmp_path)
    assert (state.state, state.attempt) == ("done", 3)
    assert [one.handler for one in state.handled] == ["node failure"] * 2
    result = read_result(state.folder)
    assert result["output"] == 7
    assert [row["attempt"] for row in result["handled"]] == [1, 2]
    assert "exit code -9" in result["handled"][0]["message"]
    table = json.loads((tmp_path / "jobs.json").read_text())
    assert table["jobs"][0]["handled"] == result["handled"]


def test_what_always_dies_is_given_up_after_its_tries(tmp_path):
    (state,) = run_flow(Flow([functions.die(1)]), tmp_path)
    assert (state.state, state.attempt) == ("failed", 1 + HANDLERS["node failure"].tries)
    (again,) = run_flow(Flow([functions.die(1)]), tmp_path)
    assert again.attempt == 2 * state.attempt, "the same command tries as often again"


def test_out_of_memory_is_tried_again_alone(tmp_path):
    others = [functions.slow_add(1, number, 0.3) for number in range(3)]
    states = run_flow(Flow([functions.hungry(5), *others]), tmp_path, cores=2)
    hungry = next(state for state in states if state.job.name == "hungry")
    assert [state.state for state in states] == ["done"] * 4
    assert [(one.handler, one.changed) for one in hungry.handled] == [("out of memory", "it has the machine to itself")]
    assert "MemoryError" in hungry.handled[0].message
    results = {state.job.uuid: read_result(state.folder) for state in states}
    begin = results[hungry.job.uuid]["started"]
    assert all(results[state.job.uuid]["finished"] <= begin for state in states if state is not hungry)


def test_a_full_disk_stops_the_flow(tmp_path):
    full = functions.fill_the_disk(1)
    full.update_metadata({"natoms": 10, "steps": 10})  # so that it comes first
    states = {state.job.name: state for state in run_flow(Flow([full, functions.add(1, 1)]), tmp_path, cores=1)}
    assert (states["fill_the_disk"].state, states["add"].state) == ("failed", "blocked")
    assert "No space left" in states["fill_the_disk"].message
    error = json.loads((states["fill_the_disk"].folder / "error.json").read_text())
    assert error["handler"] == "disk full"


@pytest.mark.engine
def test_out_of_time_goes_on_to_the_total(tmp_path):
    """The same job with a wall time of a third of what it takes, and without: the same numbers."""
    structure = phase("LiSi").structure
    sheared = np.array(structure.lattice.matrix) @ np.array([[1, 0.06, 0.04], [0, 1, 0.05], [0, 0, 1]])
    structure = Structure(Lattice(sheared), structure.species, structure.frac_coords)

    def flow(limit):
        settings = MDSettings("npt", 4000, 600.0, 3, cell="tri", dump_every=0, restart_every=250)
        job = EquilibrateMaker(card("LiSi-MEAM-Cui2012"), settings).make(structure)
        job.update_metadata({"natoms": 32, "steps": 4000, "resources": {"wall_time_s": limit}})
        return Flow([job])

    (calm,) = run_flow(flow(None), tmp_path / "calm", cores=1)
    result = read_result(calm.folder)
    loop_s = result["output"]["engine"]["loop_time_s"]
    (limited,) = run_flow(flow(max(1.0, loop_s / 3)), tmp_path / "limited", cores=1)
    assert limited.state == "done", limited.message
    assert {one.handler for one in limited.handled} == {"out of time"}
    assert limited.attempt == len(limited.handled) + 1
    again = read_result(limited.folder)
    for ours, theirs in zip(again["output"]["quantities"], result["output"]["quantities"], strict=True):
        assert ours["value"] == pytest.approx(theirs["value"], rel=1e-6), ours["name"]
    assert again["output"]["engine"]["launches"] > 1
    provenance = again["provenance"]
    assert provenance["seed"] == 3 and "in.000.lammps" in provenance["files"]


_LIMITED = """
import sys
from pathlib import Path
from anodeflow.engines.lammps.launch import run_lammps
from anodeflow.engines.resources import Resources
from anodeflow.hpc.handlers import name_of
try:
    run_lammps(Path(sys.argv[1]), "in", "log", Resources())
except Exception as error:
    print(name_of(error), type(error).__name__, error)
"""


@pytest.mark.engine
def test_lammps_without_memory_has_a_name(tmp_path):
    """Sixty million atoms under a limit of 1.5 GB."""
    (tmp_path / "in").write_text(
        "units metal\nlattice fcc 4.0\nregion box block 0 250 0 250 0 250\ncreate_box 1 box\ncreate_atoms 1 box\n"
    )
    program = find_program()
    limited = tmp_path / "limited"
    limited.write_text(f'#!/bin/sh\nulimit -v 1500000\nexec {program.lmp} "$@"\n')
    limited.chmod(0o755)
    environment = dict(os.environ, ANODEFLOW_LAMMPS=str(limited), LD_LIBRARY_PATH=program.library_path)
    words = [sys.executable, "-c", _LIMITED, str(tmp_path)]
    answer = subprocess.run(words, env=environment, capture_output=True, text=True, check=True)
    assert answer.stdout.startswith("out of memory OutOfMemoryError"), answer.stdout
    assert "Failed to" in answer.stdout


def test_names_of_failures():
    assert name_of(OutOfMemoryError("x")) == "out of memory"
    assert name_of(WallTimeError("x")) == "out of time"
    assert name_of(ValueError("x")) == ""
    assert name_of(OSError(28, "No space left on device")) == "disk full"
    assert (name_of_exit(-9, 0), name_of_exit(-9, 1), name_of_exit(1, 0)) == ("node failure", "out of memory", "")
    assert kernel_kills() >= 0


def _busy_scheduler(folder, failures, message):
    """Return a command that fails so often with Slurm's own words before it works."""
    script = folder / "sbatch"
    script.write_text(
        f"#!/bin/sh\necho x >> {folder}/calls\nif [ $(wc -l < {folder}/calls) -le {failures} ]; then\n"
        f'echo "{message}" >&2; exit 1; fi\necho "Submitted batch job 12"\n'
    )
    script.chmod(0o755)
    return [str(script)]


def test_a_busy_scheduler_is_asked_again(tmp_path):
    busy = "sbatch: error: Batch job submission failed: Socket timed out on send/recv operation"
    told = []
    answer = patiently(_busy_scheduler(tmp_path, 2, busy), first_wait_s=0.01, told=told.append)
    assert "Submitted batch job 12" in answer.stdout
    assert [(one.handler, one.attempt) for one in told] == [("scheduler hiccup", 1), ("scheduler hiccup", 2)]


def test_a_refusal_is_told_at_once(tmp_path):
    refused = "sbatch: error: invalid partition specified: gpuu"
    with pytest.raises(SchedulerError, match="invalid partition specified: gpuu"):
        patiently(_busy_scheduler(tmp_path, 2, refused), first_wait_s=0.01)
    assert (tmp_path / "calls").read_text().count("x") == 1
    with pytest.raises(EngineError, match="no command 'sbatch-of-nowhere'"):
        patiently(["sbatch-of-nowhere"])


def test_a_scheduler_that_stays_away_is_given_up(tmp_path):
    with pytest.raises(SchedulerError, match="did not answer 5 times"):
        patiently(_busy_scheduler(tmp_path, 99, "Unable to contact slurm controller"), first_wait_s=0.001)


def test_the_page_lists_every_handler():
    text = PAGE.read_text()
    for handler in HANDLERS.values():
        assert f"| {handler.name} |" in text and handler.changed in text, handler.name
