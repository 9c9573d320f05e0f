"""Measure a distilled model: processor time of a step beside its teacher's, and how long it runs when it is too hot.

    python benchmarks/distil.py CARD.yaml TEACHER PHASE [--repeats 2 2 1] [--steps 1000] [--long-steps 1000000]
        [--no-guard]

Times are processor times of one core, so that other work on the machine matters little. The long run goes at 1.2 times
the highest temperature of the card, with its guard on unless ``--no-guard``; it is left out by default. Without the
guard the potential energy of the first and the last fifth tells a run that went on from one that went wrong.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from pathlib import Path

import numpy as np
from anodeflow.engines.lammps.md import MDSettings, run_md
from anodeflow.engines.lammps.setup import System
from anodeflow.engines.pod.configurations import atoms_of
from anodeflow.engines.resources import Resources
from anodeflow.errors import EngineError
from anodeflow.potentials.cards import card
from anodeflow.structures.ordering import order
from anodeflow.structures.phases import find_structure


def main() -> None:
    """Print one JSON document."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("card")
    parser.add_argument("teacher")
    parser.add_argument("phase")
    parser.add_argument("--repeats", type=int, nargs=3, default=(2, 2, 1))
    parser.add_argument("--steps", type=int, default=1000)
    parser.add_argument("--long-steps", type=int, default=0)
    parser.add_argument("--timestep-fs", type=float, default=2.0)
    parser.add_argument("--no-guard", action="store_true")
    asked = parser.parse_args()
    structure, source = find_structure(asked.phase)
    if not structure.is_ordered:
        structure = order(structure, source=source, count=1, seed=1)[0].structure
    for key in list(structure.site_properties):
        structure.remove_site_property(key)
    structure.make_supercell(list(asked.repeats))
    student = card(asked.card)
    if asked.no_guard:
        student = student.model_copy(update={"model": student.model.model_copy(update={"guard": None})})
    result: dict[str, object] = {"natoms": len(structure), "card": student.name, "teacher": asked.teacher}
    with tempfile.TemporaryDirectory() as folder:
        begin = children_s()
        system = System.of(structure, student)
        highest = student.domain.highest_temperature_K or 600.0
        settings = MDSettings("nvt", asked.steps, 0.6 * highest, 1, timestep_fs=asked.timestep_fs, dump_every=50)
        run_md(system, settings, Path(folder) / "speed", Resources())
        student_s = (children_s() - begin) / asked.steps
        teacher_s = teacher_step_s(asked.teacher, structure)
        result |= {
            "student_cpu_s_per_step": student_s,
            "teacher_cpu_s_per_step": teacher_s,
            "student_atom_steps_per_cpu_s": len(structure) / student_s,
            "times_faster": teacher_s / student_s,
        }
        if asked.long_steps:
            settings = MDSettings(
                "nvt",
                asked.long_steps,
                1.2 * highest,
                2,
                timestep_fs=asked.timestep_fs,
                dump_every=0,
                restart_every=10000,
            )
            try:
                run = run_md(system, settings, Path(folder) / "long", Resources())
                half = run.thermo["temp"][len(run.thermo.table) // 2 :]
                fifths = np.array_split(run.thermo["pe"] / len(structure), 5)
                result["long_run"] = {
                    "steps": asked.long_steps,
                    "mean_temperature_K": float(np.mean(half)),
                    "energy_eV_atom_first_and_last_fifth": [
                        float(np.mean(part)) / len(structure) for part in fifths[::4]
                    ],
                }
            except EngineError as error:
                result["long_run"] = {"steps": asked.long_steps, "ended": str(error)}
    print(json.dumps(result, indent=1))


def children_s() -> float:
    """Return the processor time of the processes that have ended, LAMMPS among them, in s."""
    import resource

    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def teacher_step_s(name: str, structure: object, steps: int = 4) -> float:
    """Return the processor time of a step of ASE's velocity Verlet with the teacher, in s."""
    from ase import units
    from ase.md.verlet import VelocityVerlet

    atoms = atoms_of(structure)  # type: ignore[arg-type]  # a Structure; pymatgen is not imported for a hint
    atoms.calc = card(name).ase_calculator()
    dynamics = VelocityVerlet(atoms, 1.0 * units.fs)
    dynamics.run(1)
    begin = time.process_time()
    dynamics.run(steps)
    return (time.process_time() - begin) / steps


if __name__ == "__main__":
    main()
