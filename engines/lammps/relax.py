"""Relaxation of positions and cell to a given pressure."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np

from ...files import write_text
from ...structures.lammps_data import lammps_oriented, read_lammps_data, write_lammps_data
from ...units import BAR_TO_GPA, EV_A3_TO_GPA, GPA_TO_BAR
from ..ase_relax import relax_atoms
from ..images import load_arrays, save_arrays
from .failures import WallTimeError
from .launch import run_lammps
from .log import read_logs
from .pieces import GridVariables, OnGrid, end_of_piece
from .restart import restart_step
from .script import Command, Fix, Minimize, MinStyle, Timer, Unfix, WriteData, render
from .setup import System

if TYPE_CHECKING:
    from ase import Atoms
    from pymatgen.core import Structure

    from ..resources import Resources

_SCRIPT, _LOG, _STAGE, _PLAN = "in.relax.{}.lammps", "log.relax.{}.lammps", "restart.stage.{}", "relax.plan"
_REACHED = "reached.npz"
_FINISHED = "relax.finished"
_THERMO_EVERY = 10
_ROUNDS = 5  # the strain of fix box/relax is measured from where a round starts
_LEAST_FORCE = 1e-6
_STALLED_FORCE = 1e-4
_FORCE_TOLERANCE_EV_A = 1e-3
_PRESSURE_TOLERANCE_GPA = 0.01


@dataclass(frozen=True)
class Relaxation:
    """A relaxed structure.

    Attributes
    ----------
    structure
        In LAMMPS' frame.
    energy_eV
        Potential energy of the cell.
    max_force_eV_A
        Largest component of a force.
    stress_GPa
        Pressure tensor xx, yy, zz, xy, xz, yz, positive under compression.
    converged
        Forces below 1 meV/Å and the pressures that were let go within 0.01 GPa of what was asked.
    """

    structure: Structure
    energy_eV: float
    max_force_eV_A: float
    stress_GPa: tuple[float, ...]
    converged: bool

    @property
    def energy_eV_atom(self) -> float:
        """Potential energy per atom."""
        return self.energy_eV / len(self.structure)


def relax(
    system: System,
    directory: Path,
    resources: Resources,
    *,
    cell: Literal["fixed", "iso", "aniso", "tri", "normal"] = "aniso",
    pressure_GPa: float = 0.0,
) -> Relaxation:
    """Relax positions, and the cell as far as `cell` lets it, by conjugate gradients.

    A model that runs in Python is relaxed in this process, by `ase_relax.relax_atoms`.

    Parameters
    ----------
    system
        Structure and model.
    directory
        Folder of this relaxation alone. One that is finished is read. One that was interrupted goes on from the last of
        its stages that came to its end, and then equals one that was not. Another one is begun anew.
    resources
        Processors and wall time.
    cell
        ``fixed``, ``iso`` (scaled), ``aniso`` (lengths), ``tri`` (lengths and angles), ``normal`` (the height along z
        only).
    pressure_GPa
        Pressure to reach.

    Raises
    ------
    LammpsError
        A named failure; see `failures`. `WallTimeError` means that it stopped cleanly and can go on.
    """
    directory = Path(directory)
    system = system.at_rest()
    if system.model.external:
        return _relax_external(system, directory, cell, pressure_GPa)
    stages = _stages(cell, pressure_GPa)
    done = _stages_done(system, stages, directory)
    finished = directory / _FINISHED
    if not finished.exists():
        system.write_files(directory)
        _run_stages(system, stages, done, directory, resources)
    logs = sorted(directory.glob(_LOG.format("*")))
    thermo = read_logs(logs)
    stress = np.array([thermo[name][-1] for name in ("pxx", "pyy", "pzz", "pxy", "pxz", "pyz")]) * BAR_TO_GPA
    free = {
        "fixed": np.zeros(0),
        "iso": stress[:3].mean(keepdims=True) - pressure_GPa,
        "aniso": stress[:3] - pressure_GPa,
        "normal": stress[2:3] - pressure_GPa,
        "tri": stress - pressure_GPa * np.array([1, 1, 1, 0, 0, 0]),
    }[cell]
    force = float(thermo["fmax"][-1])
    write_text(finished, "all stages came to their end\n")
    for path in directory.glob(_STAGE.format("*")):
        path.unlink()
    final = replace(system, structure=read_lammps_data(directory / "final.data", system.element_map))
    return Relaxation(
        structure=final.at_rest().structure,
        energy_eV=float(thermo["pe"][-1]),
        max_force_eV_A=force,
        stress_GPa=tuple(float(value) for value in stress),
        converged=force < _FORCE_TOLERANCE_EV_A and bool((np.abs(free) < _PRESSURE_TOLERANCE_GPA).all()),
    )


def _stages(cell: str, pressure_GPa: float) -> list[list[Command]]:
    """Return the minimisations one after the other.

    Each begins afresh, without the memory of the one before, so that it does not matter whether both are done by the
    same process.
    """
    # Conjugate gradients first; where their line search stalls, as it does in stiff ionic crystals, damped dynamics.
    atoms: list[list[Command]] = [
        [MinStyle("cg"), Minimize(0.0, _LEAST_FORCE, 2000, 20000)],
        [MinStyle("fire"), Minimize(0.0, _STALLED_FORCE, 500, 5000)],
    ]
    if cell == "fixed":
        return atoms
    free: tuple[str | float, ...] = (cell, pressure_GPa * GPA_TO_BAR)
    if cell == "normal":  # a strain along z alone, also where the third vector leans
        free = ("z", pressure_GPa * GPA_TO_BAR, "scaleyz", "no", "scalexz", "no")
    free_cell = Fix("cell", "all", "box/relax", (*free, "vmax", 0.005))
    box: list[Command] = [MinStyle("cg"), free_cell, Minimize(0.0, _LEAST_FORCE, 2000, 20000), Unfix("cell")]
    return [box, *atoms] * _ROUNDS


def _stages_done(system: System, stages: list[list[Command]], directory: Path) -> int:
    """Return how many stages of this very relaxation the folder holds, and remove what it holds of another."""
    plan = render([*system.commands(thermo_every=_THERMO_EVERY), *(command for stage in stages for command in stage)])
    lattice, structure = system.structure.lattice.matrix, system.structure
    numbers = hashlib.sha256(lattice.tobytes() + structure.cart_coords.tobytes() + " ".join(system.symbols).encode())
    content = f"# structure {numbers.hexdigest()}\n# potential {system.card.fingerprint}\n{plan}"
    record = directory / _PLAN
    if not record.exists() or record.read_text() != content:
        (directory / _FINISHED).unlink(missing_ok=True)
        for pattern in (_STAGE, _LOG, _SCRIPT):
            for path in directory.glob(pattern.format("*")):
                path.unlink()
        write_text(record, content)
        return 0
    whole = [n for n in range(len(stages) + 1) if restart_step(_stage_file(directory, n)) is not None]
    return max(whole, default=0)


def _stage_file(directory: Path, number: int) -> Path:
    """Return the restart file after a number of stages; after none there is one only if the first was interrupted."""
    return directory / _STAGE.format(f"{number:02d}")


def _run_stages(system: System, stages: list[list[Command]], done: int, directory: Path, resources: Resources) -> None:
    """Run what is left of the stages, and raise if the wall time came first."""
    resources.check_time(directory.name)
    segment = len(list(directory.glob(_LOG.format("*"))))
    start = _stage_file(directory, done)
    commands = system.commands(restart=start.name if start.exists() else None, thermo_every=_THERMO_EVERY)
    commands.append(GridVariables())
    if start.exists():
        commands.append(OnGrid())
    if resources.time_left_s is not None:
        commands.append(Timer.after(resources.time_left_s))
    for number, stage in enumerate(stages[done:], start=done + 1):
        commands += [*stage, *end_of_piece(_stage_file(directory, number).name)]
    if done == len(stages):
        commands.append(Minimize(0.0, _LEAST_FORCE, 0, 0))  # nothing is left but to say what it came to
    commands.append(WriteData("final.data"))
    script, log = _SCRIPT.format(f"{segment:03d}"), _LOG.format(f"{segment:03d}")
    write_text(directory / script, render(commands))
    run_lammps(directory, script, log, resources)
    ended = re.findall(r"^ *Stopping criterion = (.*)$", (directory / log).read_text(errors="replace"), re.MULTILINE)
    stopped = next((number for number, why in enumerate(ended) if "time" in why), None)
    if stopped is None:
        return
    # The stages from this one on wrote where the clock stopped them. Where no stage came to its end, the first goes
    # on from there, so that a stage longer than the wall time moves on too.
    for number in range(done + stopped + 1, len(stages) + 1):
        unfinished = _stage_file(directory, number)
        if stopped == 0 and number == done + 1:
            unfinished.replace(start)
        unfinished.unlink(missing_ok=True)
    raise WallTimeError(
        f"the wall time of {resources.wall_time_s:g} s was met in stage {done + stopped + 1} of {len(stages)}",
        where=directory.name,
        remedy=WallTimeError.advice,
    )


def _relax_external(
    system: System, directory: Path, cell: Literal["fixed", "iso", "aniso", "tri", "normal"], pressure_GPa: float
) -> Relaxation:
    """Relax with the model in this process; the folder gets the same final data file."""
    from pymatgen.core import Lattice, Structure
    from pymatgen.io.ase import AseAtomsAdaptor

    atoms = AseAtomsAdaptor.get_atoms(system.structure)
    start = hashlib.sha256(atoms.cell.array.tobytes() + atoms.positions.tobytes() + atoms.numbers.tobytes())
    name = f"{start.hexdigest()} {system.card.fingerprint} {cell} {pressure_GPa!r}"
    reached = load_arrays(directory / _REACHED)
    if reached is not None and str(reached["of"]) == name:  # another process came this far with the same relaxation
        atoms.set_cell(reached["cell_A"])
        atoms.set_positions(reached["positions_A"])
    atoms.calc = system.card.for_relaxation().ase_calculator()
    lines: list[str] = ["step energy_eV volume_A3 max_force_eV_A"]

    def keep(number: int, now: Atoms) -> None:
        force = np.abs(now.get_forces()).max()
        lines.append(f"{number} {now.get_potential_energy():.10g} {now.get_volume():.10g} {force:.4g}")
        write_text(directory / "relax.log", "\n".join(lines) + "\n")
        content = {"of": name, "cell_A": now.cell.array, "positions_A": now.positions}
        save_arrays(directory / _REACHED, content)

    converged = relax_atoms(
        atoms,
        cell=cell,
        pressure_GPa=pressure_GPa,
        force_tolerance_eV_A=_FORCE_TOLERANCE_EV_A,
        pressure_tolerance_GPa=_PRESSURE_TOLERANCE_GPA,
        progress=keep,
    )
    final = Structure(
        Lattice(atoms.cell[:]), system.structure.species, atoms.get_positions(), coords_are_cartesian=True
    )
    oriented = lammps_oriented(final)
    turn = np.linalg.solve(np.asarray(final.lattice.matrix), np.asarray(oriented.lattice.matrix))
    tensor = -turn.T @ atoms.get_stress(voigt=False) @ turn * EV_A3_TO_GPA
    write_lammps_data(oriented, directory / "final.data", system.element_map)
    return Relaxation(
        structure=oriented,
        energy_eV=float(atoms.get_potential_energy()),
        max_force_eV_A=float(np.abs(atoms.get_forces()).max()),
        stress_GPa=tuple(float(tensor[index]) for index in ((0, 0), (1, 1), (2, 2), (0, 1), (0, 2), (1, 2))),
        converged=converged,
    )
