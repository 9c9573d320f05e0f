"""Jobs that meet a wall time: under plain jobflow they replace themselves and go on to the same result."""

from __future__ import annotations

import numpy as np
import pytest
from anodeflow.engines.lammps.md import MDSettings
from anodeflow.engines.neb import NebSettings, run_neb
from anodeflow.engines.resources import Resources
from anodeflow.errors import OutOfTimeError
from anodeflow.potentials.cards import card
from anodeflow.structures.paths import Band
from anodeflow.structures.phases import phase
from anodeflow.workflows.folders import progress_writer
from anodeflow.workflows.jobs import EquilibrateMaker
from jobflow import Flow, JobStore, run_locally
from maggma.stores import MemoryStore
from pymatgen.core import Lattice, Structure


def _run(job, folder):
    folder.mkdir()
    store = JobStore(MemoryStore())
    run_locally(Flow([job]), store=store, root_dir=folder, ensure_success=True)
    starts = store.query({"uuid": job.uuid}, ["index"])
    return store.get_output(job.uuid), sum(1 for _ in starts), sorted(path.name for path in folder.rglob("in.*.lammps"))


@pytest.mark.engine
def test_molecular_dynamics_goes_back_into_the_queue_and_on_to_its_total(tmp_path, monkeypatch):
    structure = phase("LiSi").structure
    sheared = np.array(structure.lattice.matrix) @ np.array([[1, 0.06, 0.04], [0, 1, 0.05], [0, 0, 1]])
    structure = Structure(Lattice(sheared), structure.species, structure.frac_coords) * (2, 2, 2)
    settings = MDSettings("npt", 2500, 600.0, 3, cell="tri", dump_every=0, restart_every=25)
    maker = EquilibrateMaker(card("LiSi-MEAM-Cui2012"), settings)
    whole, once, _ = _run(maker.make(structure), tmp_path / "whole")
    monkeypatch.setenv("ANODEFLOW_WALL_TIME_S", "3")
    parts, starts, scripts = _run(maker.make(structure), tmp_path / "parts")
    assert once == 1
    assert starts > 1
    assert len(scripts) == starts, "all of them worked in one folder"
    assert parts["quantities"] == whole["quantities"]
    assert np.array_equal(parts["structure"]["sites"][0]["xyz"], whole["structure"]["sites"][0]["xyz"])


class SlowSpring:
    """Makes a calculator that takes its time."""

    def __call__(self, folder):
        import time

        from ase.calculators.emt import EMT

        class Slow(EMT):
            def calculate(self, *arguments, **keywords):
                time.sleep(0.02)
                super().calculate(*arguments, **keywords)

        return Slow()


def _band():
    positions = np.zeros((5, 4, 3))
    positions[:, 1], positions[:, 2], positions[:, 3] = (2.6, 0, 0), (1.3, 2.25, 0), (0.2, 0.1, 2.4)
    positions[:, 3, 0] = np.linspace(0.6, 2.0, 5)
    return Band(("Cu", "Au", "Cu", "Cu"), np.array([[12.0, 0, 0], [1, 12, 0], [0, 1, 12]]), positions)


def test_a_band_that_runs_out_of_time_ends_equal_to_one_that_did_not(tmp_path):
    settings = NebSettings(0.02, steps=15)
    whole = run_neb(_band(), SlowSpring(), tmp_path / "whole", settings)
    tries = 0
    while True:
        tries += 1
        progress = progress_writer(tmp_path / "parts", resources=Resources(wall_time_s=0.8))
        try:
            parts = run_neb(_band(), SlowSpring(), tmp_path / "parts", settings, progress=progress)
            break
        except OutOfTimeError:
            assert tries < 50
    assert tries > 1
    # a new calculator makes its list of neighbours at other positions and adds up in another order
    assert np.allclose(parts.band.positions, whole.band.positions, rtol=0, atol=1e-8)
    assert np.allclose(parts.energies_eV, whole.energies_eV, rtol=0, atol=1e-8)
    assert parts.steps == whole.steps
    assert [row["step"] for row in parts.history] == list(range(parts.steps + 1))
