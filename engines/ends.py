"""Relaxation of both end points of a band over any ASE calculator, side by side and resumable after every step."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ..errors import InputError
from ..structures.paths import Band, minimum_image
from .images import ImageSet, evaluate_band, load_arrays, save_arrays
from .optimizer import QuasiNewton

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from numpy.typing import NDArray

    from ..structures.band_symmetry import Reversal
    from .images import CalculatorFactory

    Array = NDArray[np.float64]

ENDS_FILE = "ends.npz"

SAME_STATE_A = 0.2
"""Two relaxed end points with no atom farther apart than this, in Å, are one state."""


@dataclass(frozen=True)
class EndPoints:
    """Both ends of a hop, relaxed.

    Attributes
    ----------
    band
        Two images.
    energies_eV
        Shape (2,).
    max_force_eV_A
        Largest force on an atom of each end, shape (2,).
    converged
        Whether both are below the tolerance.
    steps, force_calls
        Steps in all, and evaluations in this process.
    """

    band: Band
    energies_eV: Array
    max_force_eV_A: Array
    converged: bool
    steps: int
    force_calls: int

    @property
    def same_state(self) -> bool:
        """Whether both ends relaxed into one and the same state, so that there is no hop."""
        return same_state(self.band)


def same_state(band: Band) -> bool:
    """Whether the two ends of a band are one state; a shift of the whole crystal does not count."""
    difference = minimum_image(band.cell, band.positions[-1] - band.positions[0])
    difference = difference - np.median(difference, axis=0)
    return bool(np.linalg.norm(difference, axis=1).max() < SAME_STATE_A)


def relax_ends(
    ends: Band,
    factory: CalculatorFactory,
    folder: Path,
    *,
    force_tolerance_eV_A: float = 0.02,
    steps: int = 200,
    workers: int = 1,
    reversal: Reversal | None = None,
    progress: Callable[[int, int, float], None] | None = None,
) -> EndPoints:
    """Relax the positions of the first and the last image in their fixed cell.

    Parameters
    ----------
    ends
        Band whose ends are taken.
    factory
        Makes a calculator for each end.
    folder
        Folder of this relaxation alone; goes on with what it holds.
    force_tolerance_eV_A
        Largest force that may be left on an atom.
    steps
        At most so many steps.
    workers
        Processes; 2 relax both ends at the same time.
    reversal
        Symmetry operation that makes the second end of the first: only that one is evaluated then.
    progress
        Called after each step with the step, the limit, and the largest force in eV/Å.

    Raises
    ------
    InputError
        If the folder holds the ends of another crystal.
    EngineError
        If an end cannot be evaluated; the last positions are on disk.
    """
    positions = np.stack([ends.positions[0], ends.positions[-1]])
    optimizers = [QuasiNewton(), QuasiNewton()]
    step = 0
    saved = load_arrays(folder / ENDS_FILE)
    if saved is not None:
        if saved["start"].shape != positions.shape or not np.allclose(saved["start"], positions, atol=1e-6):
            raise InputError("the folder holds other end points", where=str(folder / ENDS_FILE))
        step = int(saved["step"])
        for number, optimizer in enumerate(optimizers):
            mark = f"{number}_"
            optimizer.restore({key.removeprefix(mark): saved[key] for key in saved if key.startswith(mark)})
        start, positions = positions, saved["positions"]
    else:
        start = positions.copy()
    workers = 1 if reversal is not None else min(workers, 2)
    with ImageSet(factory, ends.symbols, ends.cell, folder / "images", workers=workers) as images:
        while True:
            if reversal is not None:
                positions[1] = reversal.positions(positions[0])
            found = evaluate_band(images, Band(ends.symbols, ends.cell, positions), reversal)
            forces = np.array([found[end].forces_eV_A for end in (0, 1)])
            largest = np.linalg.norm(forces, axis=2).max(axis=1)
            if progress:
                progress(step, steps, float(largest.max()))
            if largest.max() < force_tolerance_eV_A or step >= steps:
                break
            positions = positions.copy()
            for end in (0, 1):
                if largest[end] >= force_tolerance_eV_A:
                    positions[end] += optimizers[end].step(positions[end], forces[end])
            step += 1
            memory = {f"{end}_{key}": value for end in (0, 1) for key, value in optimizers[end].arrays().items()}
            save_arrays(folder / ENDS_FILE, {"start": start, "positions": positions, "step": step, **memory})
        calls = images.calls
    return EndPoints(
        band=Band(ends.symbols, ends.cell, positions),
        energies_eV=np.array([found[0].energy_eV, found[1].energy_eV]),
        max_force_eV_A=largest,
        converged=bool(largest.max() < force_tolerance_eV_A),
        steps=step,
        force_calls=calls,
    )
