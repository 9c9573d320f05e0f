"""What the teacher is asked: labels of configurations, and molecular dynamics of its own, both in pieces on disk.

Everything that is finished lies in a file of its own, so that a job that is killed goes on with the piece it was at.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ...errors import EngineError
from ...files import write_json
from ...units import FS_TO_PS
from .configurations import from_document, to_document

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from ase import Atoms
    from ase.calculators.calculator import Calculator

LABELS_PER_PIECE = 10
FRAMES_PER_PIECE = 5
_THERMOSTAT_FS = 100.0
_LARGEST_FORCE_EV_A = 50.0
_HOTTEST = 20.0


def label(
    configurations: Sequence[Atoms],
    calculator: Calculator,
    directory: Path,
    *,
    progress: Callable[[int, int], None] | None = None,
) -> list[dict[str, Any]]:
    """Return the configurations with energy, forces and stress of the teacher.

    Parameters
    ----------
    configurations
        What to label.
    calculator
        The teacher.
    directory
        Folder for the pieces; those that are there are not computed again.
    progress
        Called with the configurations done and their number.

    Returns
    -------
    list of dict
        Documents of `to_document`. A configuration whose labels are not numbers, or with a force above 50 eV/Å, where
        no model of the kind is meant to be right, is left out.
    """
    documents: list[dict[str, Any]] = []
    for begin in range(0, len(configurations), LABELS_PER_PIECE):
        path = directory / f"labels-{begin // LABELS_PER_PIECE:04d}.json"
        if not path.exists():
            piece = [_labelled(atoms, calculator) for atoms in configurations[begin : begin + LABELS_PER_PIECE]]
            write_json(path, {"configurations": [document for document in piece if document is not None]})
        documents += json.loads(path.read_text())["configurations"]
        if progress:
            progress(min(begin + LABELS_PER_PIECE, len(configurations)), len(configurations))
    return documents


def _labelled(atoms: Atoms, calculator: Calculator) -> dict[str, Any] | None:
    atoms = atoms.copy()
    atoms.calc = calculator
    forces, stress = atoms.get_forces(), atoms.get_stress()
    finite = np.isfinite(forces).all() and np.isfinite(stress).all() and np.isfinite(atoms.get_potential_energy())
    if not finite or np.abs(forces).max() > _LARGEST_FORCE_EV_A:
        return None
    return to_document(atoms)


@dataclass(frozen=True)
class TeacherRun:
    """A finished run of the teacher at constant volume.

    Attributes
    ----------
    frames
        Labelled configurations; positions are not folded back into the cell.
    frame_interval_ps
        Time between them.
    temperatures_K
        Instantaneous temperature of each frame.
    cpu_s
        Processor time of all steps.
    steps
        Number of steps.
    """

    frames: list[Atoms]
    frame_interval_ps: float
    temperatures_K: list[float]
    cpu_s: float
    steps: int


def teacher_md(
    atoms: Atoms,
    calculator: Calculator,
    directory: Path,
    *,
    temperature_K: float,
    steps: int,
    timestep_fs: float,
    frame_every: int,
    seed: int,
    progress: Callable[[int, int], None] | None = None,
) -> TeacherRun:
    """Run molecular dynamics of the teacher at constant volume, or go on with it.

    Velocity Verlet with stochastic velocity rescaling (G. Bussi, D. Donadio, M. Parrinello, J. Chem. Phys. 126 (2007)
    014101), which leaves diffusion as it is.

    Parameters
    ----------
    atoms
        Where it starts.
    calculator
        The teacher.
    directory
        Folder for the pieces.
    temperature_K
        Temperature.
    steps, timestep_fs
        Length; rounded up to whole pieces.
    frame_every
        Steps between frames.
    seed
        Of the velocities and of the thermostat.
    progress
        Called with steps done and steps in all.

    Raises
    ------
    EngineError
        If the teacher's atoms fly apart.
    """
    per_piece = frame_every * FRAMES_PER_PIECE
    pieces = -(-steps // per_piece)
    now, rng = atoms.copy(), np.random.default_rng(seed)
    _start(now, temperature_K, rng)
    documents: list[dict[str, Any]] = []
    temperatures: list[float] = []
    cpu_s = 0.0
    for number in range(pieces):
        path = directory / f"md-{number:04d}.json"
        if path.exists():
            piece = json.loads(path.read_text())
        else:
            piece = _run_piece(now, calculator, rng, temperature_K, timestep_fs, frame_every)
            write_json(path, piece)
        now.positions[:] = piece["state"]["positions"]
        now.set_momenta(np.array(piece["state"]["momenta"]))
        rng.bit_generator.state = piece["state"]["random"]
        documents += piece["frames"]
        temperatures += piece["temperatures_K"]
        cpu_s += piece["cpu_s"]
        if progress:
            progress((number + 1) * per_piece, pieces * per_piece)
    return TeacherRun(
        [from_document(document) for document in documents],
        frame_every * timestep_fs * FS_TO_PS,
        temperatures,
        cpu_s,
        pieces * per_piece,
    )


def _start(atoms: Atoms, temperature_K: float, rng: np.random.Generator) -> None:
    """Draw Maxwell–Boltzmann velocities without total momentum, scaled to the temperature."""
    from ase import units

    spread = np.sqrt(units.kB * temperature_K * atoms.get_masses())
    momenta = rng.normal(size=(len(atoms), 3)) * spread[:, None]
    momenta -= momenta.sum(axis=0) * (atoms.get_masses() / atoms.get_masses().sum())[:, None]
    atoms.set_momenta(momenta)
    atoms.set_momenta(momenta * np.sqrt(temperature_K / atoms.get_temperature()))


def _run_piece(
    atoms: Atoms,
    calculator: Calculator,
    rng: np.random.Generator,
    temperature_K: float,
    timestep_fs: float,
    frame_every: int,
) -> dict[str, Any]:
    import time

    from ase import units
    from ase.md.bussi import Bussi

    atoms.calc = calculator
    dynamics = Bussi(  # type: ignore[no-untyped-call]  # ASE carries no types
        atoms, timestep_fs * units.fs, temperature_K=temperature_K, taut=_THERMOSTAT_FS * units.fs, rng=rng
    )
    frames, temperatures = [], []
    begin = time.process_time()
    for _ in range(FRAMES_PER_PIECE):
        dynamics.run(frame_every)  # type: ignore[no-untyped-call]  # ASE carries no types
        temperature = float(atoms.get_temperature())
        if not np.isfinite(atoms.positions).all() or not temperature < _HOTTEST * temperature_K:
            raise EngineError(
                f"the teacher's molecular dynamics explodes at {temperature_K:g} K",
                remedy="Start from a relaxed structure, or choose another teacher or a shorter timestep.",
            )
        atoms.get_stress()
        frames.append(to_document(atoms))
        temperatures.append(temperature)
    state = {
        "positions": atoms.positions.tolist(),
        "momenta": atoms.get_momenta().tolist(),
        "random": rng.bit_generator.state,
    }
    cpu_s = time.process_time() - begin
    atoms.calc = None
    return {"frames": frames, "temperatures_K": temperatures, "cpu_s": cpu_s, "state": state}
