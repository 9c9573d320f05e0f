"""Climbing-image nudged elastic bands over any ASE calculator, resumable after every step.

ASE projects the forces (improved tangent, climbing image); here is what it lacks: images in processes of their own, the
state of every image and of the optimiser on disk after every step, and convergence judged on the force of the band.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import InputError
from ..structures.paths import Band
from .images import ImageSet, evaluate_band, load_arrays, save_arrays
from .optimizer import QuasiNewton

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from ..structures.band_symmetry import Reversal
    from .images import CalculatorFactory, Evaluated

    Array = NDArray[np.float64]

STATE_FILE = "band.npz"


@dataclass(frozen=True)
class NebSettings:
    """How a band is relaxed.

    Attributes
    ----------
    force_tolerance_eV_A
        The band is converged when no atom of an inner image feels a larger force of the band: the true force across
        the path plus the spring force along it; on the climbing image the true force with its part along the path
        reversed.
    spring_eV_A2
        Spring constant between neighbouring images.
    steps
        At most so many steps.
    climb_below_eV_A
        The highest image starts to climb when the force of the band is below this.
    max_step_A
        Longest displacement of an atom in a step.
    """

    force_tolerance_eV_A: float = 0.03
    spring_eV_A2: float = 0.5
    steps: int = 200
    climb_below_eV_A: float = 0.3
    max_step_A: float = 0.1

    def __post_init__(self) -> None:
        if not (self.force_tolerance_eV_A > 0 and self.spring_eV_A2 > 0 and self.max_step_A > 0 and self.steps > 0):
            raise InputError("tolerance, spring constant, largest step and number of steps have to be positive")


@dataclass(frozen=True)
class NebResult:
    """A relaxed band, or as far as it came.

    Attributes
    ----------
    band
        The images.
    energies_eV
        Energy of each image, shape (images,).
    forces_eV_A
        True forces, shape (images, N, 3), not those of the band.
    band_force_eV_A
        Largest force of the band on an atom, which convergence is judged on; NaN before the first step.
    climbing_image
        Number of the image that climbs, or None.
    converged
        Whether `band_force_eV_A` is below the tolerance with an image climbing.
    steps, force_calls
        Steps of the band in all, and evaluations of single images in this process.
    history
        After each step: ``step``, ``band_force_eV_A``, ``highest_eV`` above the first image, ``climbing``.
    reason
        Why it is not converged, as a sentence; empty if it is.
    """

    band: Band
    energies_eV: Array
    forces_eV_A: Array
    band_force_eV_A: float
    climbing_image: int | None
    converged: bool
    steps: int
    force_calls: int
    history: tuple[dict[str, Any], ...]
    reason: str


def band_forces(
    band: Band,
    evaluated: Sequence[Evaluated],
    *,
    spring_eV_A2: float,
    climb: bool,
    reversal: Reversal | None = None,
) -> tuple[Array, int | None]:
    """Return the forces of the band and the climbing image.

    Henkelman & Jónsson, J. Chem. Phys. 113 (2000) 9978, and with Uberuaga 113 (2000) 9901, through ASE.

    Parameters
    ----------
    band
        Images.
    evaluated
        What the model gives for each.
    spring_eV_A2
        Spring constant.
    climb
        Whether the highest inner image climbs.
    reversal
        Symmetry operation that turns the hop around. Of two equally high images both climb then, and the first counts.

    Returns
    -------
    forces : ndarray, shape (images - 2, N, 3)
        On the inner images, in eV/Å.
    climbing_image : int or None
        Its number, counted from the first end point.
    """
    from ase import Atoms
    from ase.calculators.singlepoint import SinglePointCalculator
    from ase.mep.neb import NEB

    images = []
    for positions, result in zip(band.positions, evaluated, strict=True):
        atoms = Atoms(band.symbols, positions=positions, cell=band.cell, pbc=False)  # positions are unwrapped
        atoms.calc = SinglePointCalculator(atoms, energy=result.energy_eV, forces=result.forces_eV_A)
        images.append(atoms)
    neb = NEB(images, k=spring_eV_A2, climb=climb, method="improvedtangent")
    forces = np.asarray(neb.get_forces()).reshape(len(band) - 2, -1, 3)
    climbing = int(neb.imax) if climb else None
    if reversal is None:
        return forces, climbing
    last = len(band) - 1
    first = climbing is None or 2 * climbing <= last  # the half that holds the image that climbs
    for image in range(1, (last + 1) // 2):
        here, there = (image, last - image) if first else (last - image, image)
        forces[there - 1] = reversal.forces(forces[here - 1])
    return forces, climbing if first or climbing is None else last - climbing


def run_neb(
    start: Band,
    factory: CalculatorFactory,
    folder: Path,
    settings: NebSettings | None = None,
    *,
    workers: int = 1,
    reversal: Reversal | None = None,
    progress: Callable[[int, int, float], None] | None = None,
) -> NebResult:
    """Relax a band, or go on with the one that the folder holds.

    Parameters
    ----------
    start
        Path to start from, its ends relaxed with the same model.
    factory
        Makes a calculator for each image.
    folder
        Folder of this band alone.
    settings
        Tolerances and limits.
    workers
        Processes that evaluate images side by side.
    reversal
        Symmetry operation that turns the hop around: only the first half of the images is evaluated then.
    progress
        Called after each step with the step, the limit, and the force of the band in eV/Å.

    Returns
    -------
    NebResult
        Also when it is not converged; `NebResult.reason` then says why.

    Raises
    ------
    InputError
        If the folder holds a band between other ends.
    EngineError
        If an image cannot be evaluated. The band is on disk as it was before this step.
    """
    settings = settings or NebSettings()
    whole = (lambda band: band) if reversal is None else reversal.complete
    state = _resume(start, folder / STATE_FILE) or _State.new(whole(start))
    optimizer = QuasiNewton(max_step_A=settings.max_step_A)
    optimizer.restore(state.memory)
    with ImageSet(factory, start.symbols, start.cell, folder / "images", workers=workers) as images:
        while True:
            evaluated = evaluate_band(images, state.band, reversal)
            forces, climbing = band_forces(
                state.band, evaluated, spring_eV_A2=settings.spring_eV_A2, climb=state.climbing, reversal=reversal
            )
            largest = float(np.linalg.norm(forces, axis=2).max())
            if not state.climbing and largest < settings.climb_below_eV_A:
                state.climbing = True
                optimizer.forget()
                forces, climbing = band_forces(
                    state.band, evaluated, spring_eV_A2=settings.spring_eV_A2, climb=True, reversal=reversal
                )
                largest = float(np.linalg.norm(forces, axis=2).max())
            energies = np.array([result.energy_eV for result in evaluated])
            if not state.history or state.history[-1]["step"] < state.step:
                row = {"step": state.step, "band_force_eV_A": largest, "climbing": climbing}
                state.history.append(row | {"highest_eV": float(energies.max() - energies[0])})
            if progress:
                progress(state.step, settings.steps, largest)
            converged = state.climbing and largest < settings.force_tolerance_eV_A
            if converged or state.step >= settings.steps:
                break
            moved = state.band.positions.copy()
            moved[1:-1] += optimizer.step(moved[1:-1], forces)
            state.band = whole(Band(start.symbols, start.cell, moved))
            state.step += 1
            state.memory = optimizer.arrays()
            state.save(folder / STATE_FILE)
        state.save(folder / STATE_FILE)
        calls = images.calls
    reason = "" if converged else _reason(state, largest, settings)
    return NebResult(
        band=state.band,
        energies_eV=energies,
        forces_eV_A=np.array([result.forces_eV_A for result in evaluated]),
        band_force_eV_A=largest,
        climbing_image=climbing,
        converged=converged,
        steps=state.step,
        force_calls=calls,
        history=tuple(state.history),
        reason=reason,
    )


def _reason(state: _State, largest: float, settings: NebSettings) -> str:
    climb = "" if state.climbing else ", and no image climbs yet"
    return (
        f"The force of the band is {largest:.3g} eV/Å after {state.step} steps, "
        f"{settings.force_tolerance_eV_A:g} eV/Å are wanted{climb}."
    )


@dataclass
class _State:
    """What has to survive: images, optimiser, how far it is."""

    band: Band
    step: int
    climbing: bool
    memory: dict[str, Array]
    history: list[dict[str, Any]]

    @classmethod
    def new(cls, start: Band) -> _State:
        if len(start) < 3:
            raise InputError("a band needs at least one image between its ends", remedy="Interpolate it first.")
        return cls(start, 0, False, {}, [])

    def save(self, path: Path) -> None:
        arrays: dict[str, Any] = {
            "positions": self.band.positions,
            "cell": self.band.cell,
            "symbols": np.array(self.band.symbols),
            "step": self.step,
            "climbing": self.climbing,
            "history": json.dumps(self.history),
        }
        save_arrays(path, arrays | self.memory)


def _resume(start: Band, path: Path) -> _State | None:
    """Return the state that a folder holds, or None."""
    content = load_arrays(path)
    if content is None:
        return None
    same = (
        content["positions"].shape == start.positions.shape
        and tuple(content["symbols"].tolist()) == start.symbols
        and np.allclose(content["positions"][[0, -1]], start.positions[[0, -1]], atol=1e-6)
    )
    if not same:
        raise InputError("the folder holds a band between other ends", where=str(path), remedy="Use a new folder.")
    return _State(
        Band(start.symbols, start.cell, content["positions"]),
        int(content["step"]),
        bool(content["climbing"]),
        {name: array for name, array in content.items() if name.startswith("optimizer_")},
        json.loads(str(content["history"])),
    )
