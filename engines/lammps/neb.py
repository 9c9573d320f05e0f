"""LAMMPS' own ``neb``: one replica an image through ``-partition``, resumable from the images on disk.

Every image is dumped after every step, so a run that was killed goes on from the last step that all of them have.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from ...files import write_text
from ...structures.lammps_data import lammps_oriented
from ...structures.paths import Band
from ..images import Evaluated, load_arrays, save_arrays
from ..neb import NebResult, NebSettings, band_forces
from ..resources import Resources
from .evaluate import evaluate, read_columns, refuse_shells
from .launch import run_lammps
from .script import (
    AtomModify,
    Command,
    DumpModify,
    Fix,
    MinStyle,
    Neb,
    ReplicaDump,
    Replicas,
    Timestep,
    render,
)
from .setup import System

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from numpy.typing import NDArray

    from ...potentials.cards import PotentialCard

    Array = NDArray[np.float64]

_SCRIPT, _LOG, _IMAGE, _DUMP = "in.neb.lammps", "log.neb.lammps", "image.", "dump.image."
_FINISHED = "finished.npz"
_EVERY = 10
_TIMESTEP_PS = 0.01  # of the damped dynamics; LAMMPS' manual asks for about ten times that of MD


def run_lammps_neb(
    start: Band,
    card: PotentialCard,
    folder: Path,
    settings: NebSettings | None = None,
    *,
    resources: Resources | None = None,
    progress: Callable[[int, int, float], None] | None = None,
) -> NebResult:
    """Relax a band with LAMMPS' own ``neb``, or go on with the one that the folder holds.

    Both ends are free to relax too. At least one MPI rank an image is started, also on fewer cores.

    Parameters
    ----------
    start
        Path to start from.
    card
        The energy model.
    folder
        Folder of this band alone.
    settings
        Tolerances and limits; `steps` holds before and again after the highest image starts to climb, and
        `climb_below_eV_A` and `max_step_A` do not apply.
    resources
        Processors; ranks beyond one an image are shared out evenly.
    progress
        Called with the step, the limit, and LAMMPS' largest force on a replica.

    Raises
    ------
    LammpsError
        A named failure; the images are on disk as they were after the last step.
    """
    settings, resources = settings or NebSettings(), resources or Resources()
    structure = start.structure(0)
    turn = _rotation(start, lammps_oriented(structure).lattice.matrix)
    system = System.of(structure, card)
    refuse_shells(system)
    done = load_arrays(folder / _FINISHED)
    if done is None:
        positions, segment = _resume(folder, start.positions @ turn)
        _run(system, positions, folder, segment, settings, resources, progress)
        positions = _last(folder, segment, positions)
        save_arrays(folder / _FINISHED, {"positions": positions, "segments": segment + 1})
        for path in folder.glob(f"*.{_DUMP}*"):
            path.unlink()
    else:
        positions = done["positions"]
    found = evaluate(system, positions, folder / "evaluate", replace(resources, mpi_ranks=1))
    history, climbing, steps = _history(folder)
    return _result(start, positions, found.energies_eV, found.forces_eV_A, turn, settings, history, climbing, steps)


def _rotation(band: Band, oriented: Array) -> Array:
    """Return the matrix that turns row vectors of the band into LAMMPS' frame."""
    handed = np.diag([1.0, 1.0, np.sign(np.linalg.det(band.cell))])
    return np.asarray(np.linalg.inv(band.cell) @ handed @ np.asarray(oriented))


def _resume(folder: Path, start: Array) -> tuple[Array, int]:
    """Return the positions to start from and the number of this launch."""
    segment = 0
    positions = start
    while (folder / f"{segment}.{_SCRIPT}").exists():
        positions = _last(folder, segment, positions)
        segment += 1
    return positions, segment


def _last(folder: Path, segment: int, otherwise: Array) -> Array:
    """Return the images at the last step that all of them have on disk."""
    frames = [read_columns(folder / f"{segment}.{_DUMP}{image}", otherwise.shape[1]) for image in range(len(otherwise))]
    common = set(frames[0][0]).intersection(*(steps for steps, _ in frames[1:]))
    if not common:
        return otherwise
    last = max(common)
    return np.stack([values[steps.index(last)] for steps, values in frames])


def _run(
    system: System,
    positions: Array,
    folder: Path,
    segment: int,
    settings: NebSettings,
    resources: Resources,
    progress: Callable[[int, int, float], None] | None,
) -> None:
    """Start LAMMPS once for the whole band."""
    images = len(positions)
    system.write_files(folder)
    for image, frame in enumerate(positions):
        rows = [f"{atom} {x:.17g} {y:.17g} {z:.17g}" for atom, (x, y, z) in enumerate(frame, start=1)]
        write_text(folder / f"{segment}.{_IMAGE}{image}", f"{len(frame)}\n" + "\n".join(rows) + "\n")
    limit = max(_EVERY, settings.steps - settings.steps % _EVERY)
    climbs = segment > 0 and _history(folder)[1] is not None
    head, *tail = system.commands(thermo_every=_EVERY)
    commands: list[Command] = [Replicas(images), head, AtomModify(("map", "array")), *tail, Timestep(_TIMESTEP_PS)]
    commands += [
        Fix("neb", "all", "neb", (settings.spring_eV_A2, "parallel", "ideal")),
        MinStyle("fire"),
        ReplicaDump("images", "all", "custom", 1, f"{segment}.{_DUMP}", ("id", "xu", "yu", "zu")),
        DumpModify("images", ("sort", "id", "flush", True, "format", "float", "%.17g")),
        Neb(0.0, settings.force_tolerance_eV_A, _EVERY if climbs else limit, limit, _EVERY, f"{segment}.{_IMAGE}"),
    ]
    script, log = f"{segment}.{_SCRIPT}", f"{segment}.{_LOG}"
    write_text(folder / script, render(commands))

    def watch() -> None:
        history, _, steps = _history(folder)
        if progress and history:
            progress(steps, 2 * limit, history[-1]["band_force_eV_A"])

    ranks = max(images, resources.mpi_ranks - resources.mpi_ranks % images)
    run_lammps(folder, script, log, Resources(mpi_ranks=ranks), partitions=images, watch=watch)


def _history(folder: Path) -> tuple[list[dict[str, Any]], int | None, int]:
    """Read the logs of all launches: rows, the climbing image, and the steps in all."""
    rows: list[dict[str, Any]] = []
    climbing: int | None = None
    before, segment = 0, 0
    while (path := folder / f"{segment}.{_LOG}").exists():
        last = 0
        lines = path.read_text(errors="replace").split("\n")[:-1]
        climbing_here: int | None = None
        for line in lines:
            if found := re.match(r"Climbing replica = (\d+)", line):
                climbing = climbing_here = int(found.group(1)) - 1
            words = line.split()
            if len(words) < 9 or not words[0].isdigit():
                continue
            last = int(words[0])
            row = {"step": before + last, "band_force_eV_A": float(words[1]), "climbing": climbing_here}
            rows.append(row | {"highest_eV": float(words[6])})
        before += last
        segment += 1
    unique = {row["step"]: row for row in rows}
    return list(unique.values()), climbing, before


def _result(
    start: Band,
    positions: Array,
    energies: Array,
    forces: Array,
    turn: Array,
    settings: NebSettings,
    history: list[dict[str, Any]],
    climbing: int | None,
    steps: int,
) -> NebResult:
    """Judge the band by the same force as every other driver."""
    back = np.linalg.inv(turn)
    band = Band(start.symbols, start.cell, positions @ back)
    true = forces @ back
    evaluated = [Evaluated(float(e), f) for e, f in zip(energies, true, strict=True)]
    # LAMMPS keeps the images apart by springs of its own kind, so those of the common definition are left out
    of_band, highest = band_forces(band, evaluated, spring_eV_A2=1e-12, climb=True)
    largest = float(np.linalg.norm(of_band, axis=2).max())
    climbs = climbing is not None and climbing == highest
    converged = climbs and largest < settings.force_tolerance_eV_A
    reason = ""
    if not converged:
        reason = f"The force of the band is {largest:.3g} eV/Å after {steps} steps of LAMMPS"
        reason += f", {settings.force_tolerance_eV_A:g} eV/Å are wanted"
        reason += "." if climbs else ", and the highest image did not climb."
    return NebResult(
        band=band,
        energies_eV=energies,
        forces_eV_A=true,
        band_force_eV_A=largest,
        climbing_image=highest if climbs else None,
        converged=converged,
        steps=steps,
        force_calls=steps * len(band),
        history=tuple(history),
        reason=reason,
    )
