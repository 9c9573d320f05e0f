"""Molecular dynamics with CHGNet: inside LAMMPS as campaigns run it, against ASE's own with the same model.

Usage: python benchmarks/python_model_md.py [--phase Li15Si4] [--steps 20]

Three ways through the same steps from the same start, on one thread each: ASE's velocity Verlet with the calculator of
the ``chgnet`` package; the same with ours; LAMMPS with ours through ``fix external``. What is compared is processor
time, so that other work on the machine counts as little as it can.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import os
import re
import tempfile
import time
from pathlib import Path

os.environ["OMP_NUM_THREADS"] = "1"  # before torch is imported

import torch
from anodeflow.engines.lammps.md import MDSettings, run_md
from anodeflow.engines.lammps.setup import System
from anodeflow.engines.resources import Resources
from anodeflow.potentials.cards import card
from anodeflow.structures.phases import phase
from ase import units
from ase.md.velocitydistribution import MaxwellBoltzmannDistribution
from ase.md.verlet import VelocityVerlet
from pymatgen.io.ase import AseAtomsAdaptor

TEMPERATURE_K, TIMESTEP_FS = 600.0, 1.0


def ase_s_step(structure, calculator, steps: int) -> float:
    """Return the processor time of a step of ASE's velocity Verlet, in s."""
    atoms = AseAtomsAdaptor.get_atoms(structure)
    atoms.calc = calculator
    MaxwellBoltzmannDistribution(atoms, temperature_K=TEMPERATURE_K, rng=None)
    run = VelocityVerlet(atoms, TIMESTEP_FS * units.fs)
    run.run(2)  # the first steps allocate
    begin = time.process_time()
    run.run(steps)
    return (time.process_time() - begin) / steps


def lammps_s_step(structure, model, steps: int) -> float:
    """Return the processor time of a step inside LAMMPS' loop, in s."""
    settings = MDSettings(
        "nvt", steps, TEMPERATURE_K, 1, timestep_fs=TIMESTEP_FS, dump_every=10, thermo_every=10, restart_every=steps
    )
    with tempfile.TemporaryDirectory() as scratch:
        run_md(System.of(structure, model), settings, Path(scratch) / "run", Resources())
        log = (Path(scratch) / "run" / "log.000.lammps").read_text()
    wall = float(re.findall(r"Loop time of (\S+) on", log)[-1])
    return wall * float(re.findall(r"([0-9.]+)% CPU use", log)[-1]) / 100 / steps


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--phase", default="Li15Si4")
    parser.add_argument("--steps", type=int, default=20)
    given = parser.parse_args()
    torch.set_num_threads(1)
    from chgnet.model.dynamics import CHGNetCalculator

    structure, model = phase(given.phase).structure, card("chgnet")
    with contextlib.redirect_stdout(io.StringIO()):
        theirs = CHGNetCalculator(use_device="cpu")
    ways = {
        "ASE, the package's calculator": ase_s_step(structure, theirs, given.steps),
        "ASE, our calculator": ase_s_step(structure, model.ase_calculator(), given.steps),
        "LAMMPS, our calculator": lammps_s_step(structure, model, given.steps),
    }
    first = next(iter(ways.values()))
    print(f"{given.phase}, {len(structure)} atoms, {given.steps} steps of {TIMESTEP_FS:g} fs at {TEMPERATURE_K:g} K")
    for name, seconds in ways.items():
        rate = f"{1 / seconds:.2f} steps/s, {len(structure) / seconds:.0f} atom-steps/s"
        print(f"{name}: {1e3 * seconds:.0f} ms CPU a step, {rate}, {first / seconds:.2f} times the first")


if __name__ == "__main__":
    main()
