"""One hop at one level: end points, band, barrier, saddle and attempt frequency, as a document."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ...analysis.hops.barriers import barrier_quantities, saddle_quantities
from ...engines.ends import relax_ends
from ...engines.images import ImageSet
from ...engines.neb import NebResult, NebSettings, run_neb
from ...engines.resources import Resources
from ...errors import InputError
from ...quantity import Quantity
from ...structures.band_symmetry import reversal
from ...structures.paths import Band, interpolate, moved_atoms
from ..folders import progress_writer

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from ...engines.levels import Level
    from .settings import LevelSettings

_DISPLACEMENT_A = 0.01


def relax_hop(
    settings: LevelSettings,
    level: Level,
    label: str,
    unrelaxed: Band,
    guess: Band | None,
    folder: Path,
    workers: int,
    source: str,
) -> dict[str, Any]:
    """Relax end points and band of a hop, and return its document.

    Parameters
    ----------
    settings, level
        The rung, and what evaluates it.
    label
        Name of the hop.
    unrelaxed
        End points, as a band of two images.
    guess
        Band to start from instead of an interpolation, or None.
    folder
        Folder of this hop alone; goes on with what it holds.
    workers
        Processes for the images of an expensive level.
    source
        Name of the job.
    """
    workers = workers if level.expensive else 1
    progress = progress_writer(folder, resources=Resources.of_this_process())
    # the whole band of a cheap level shows whether the path keeps the symmetry, and then its guess no longer fits
    turn = reversal(unrelaxed) if level.expensive else None
    if turn is not None and guess is not None:
        turn, guess = (turn, turn.complete(guess)) if turn.fits(guess) else (None, guess)
    ends = relax_ends(
        unrelaxed if guess is None else guess,
        level.factory,
        folder / "ends",
        force_tolerance_eV_A=settings.force_tolerance_eV_A,
        workers=workers,
        reversal=turn,
        progress=progress,
    )
    head = {
        "kind": "barrier",
        "level": settings.name,
        "hop": label,
        "natoms": len(unrelaxed.symbols),
        "settings": level.settings | settings.model_dump(mode="json"),
        "started_from": "the level below" if guess is not None else "IDPP",
        "turned_around_by_symmetry": turn is not None,
    }
    if ends.same_state:
        why = "Both end points relax into one and the same state: there is no such hop at this level."
        return head | _without_hop(why, source, same_state_eV=float(ends.energies_eV.mean()))
    try:
        start = interpolate(ends.band, settings.images) if guess is None else _between(ends.band, guess)
    except InputError as error:
        return head | _without_hop(str(error), source)
    if turn is not None and not turn.fits(start):
        turn = None
    how = NebSettings(settings.force_tolerance_eV_A, steps=settings.steps)
    result = run_neb(start, level.factory, folder / "neb", how, workers=workers, reversal=turn, progress=progress)
    barrier = barrier_quantities(
        result.band,
        result.energies_eV,
        result.forces_eV_A,
        climbing_image=result.climbing_image,
        reason=" ".join(filter(None, [result.reason, _ends_reason(ends)])),
        method=f"{settings.name}, {len(result.band)} images, {len(unrelaxed.symbols)} atoms",
        source=source,
    )
    quantities, vibrations = list(barrier.quantities), None
    if settings.vibrations != "none" and result.climbing_image is not None:
        vibrations = _vibrations(settings, level, result, folder / "vibrations", workers, source)
        quantities += vibrations.pop("quantities")
    calls = ends.force_calls + result.force_calls
    return head | {
        "quantities": [quantity.to_dict() for quantity in quantities],
        "warnings": [*barrier.quantities[0].warnings, *level.cautions],
        "converged": result.converged and ends.converged,
        "band": _plain_band(result),
        "curve": {"arc_length_A": barrier.curve_A, "energy_eV": barrier.curve_eV},
        "history": list(result.history),
        "vibrations": vibrations,
        "force_calls": calls,
        "steps": {"ends": ends.steps, "band": result.steps},
    }


def _vibrations(
    settings: LevelSettings, level: Level, result: NebResult, folder: Path, workers: int, source: str
) -> dict[str, Any]:
    """Confirm the saddle and find the attempt frequency by finite differences."""
    from ase.data import atomic_masses, atomic_numbers

    from ...analysis.hops.vibrations import displaced, normal_modes

    band = result.band
    if settings.vibrations == "all":
        atoms = list(range(len(band.symbols)))
    else:
        atoms = moved_atoms(band)[:3] or [int(band.displacements_A.argmax())]
    masses = [float(atomic_masses[atomic_numbers[symbol]]) for symbol in band.symbols]
    modes = []
    assert result.climbing_image is not None
    for name, image in (("start", 0), ("saddle", result.climbing_image)):
        configurations = displaced(band.positions[image], atoms, displacement_A=_DISPLACEMENT_A)
        with ImageSet(level.factory, band.symbols, band.cell, folder / name, workers=workers, shared=True) as images:
            found = images.evaluate_many(configurations)
        forces = np.array([one.forces_eV_A for one in found])
        modes.append(normal_modes(forces, atoms, masses, displacement_A=_DISPLACEMENT_A))
    return saddle_quantities(*modes, source=source)


def _ends_reason(ends: Any) -> str:
    if ends.converged:
        return ""
    return f"Forces of {float(ends.max_force_eV_A.max()):.2g} eV/Å are left at the end points."


def _without_hop(why: str, source: str, *, same_state_eV: float | None = None) -> dict[str, Any]:
    quantity = Quantity("migration_barrier", None, "eV", converged=False, warnings=(why,), source=source)
    return {
        "quantities": [quantity.to_dict()],
        "warnings": [why],
        "converged": False,
        "band": None,
        "same_state_eV": same_state_eV,
        "curve": None,
        "history": [],
        "vibrations": None,
        "force_calls": 0,
        "steps": {},
    }


def _plain_band(result: NebResult) -> dict[str, Any]:
    band = result.band
    return {
        "symbols": list(band.symbols),
        "cell": np.asarray(band.cell).tolist(),
        "positions": band.positions.tolist(),
        "energies_eV": result.energies_eV.tolist(),
        "forces_eV_A": result.forces_eV_A.tolist(),
        "arc_length_A": band.arc_length_A.tolist(),
        "climbing_image": result.climbing_image,
        "band_force_eV_A": result.band_force_eV_A,
    }


def band_of(document: Mapping[str, Any]) -> Band:
    """Return the band of a document of `BandMaker`."""
    plain = document["band"]
    return Band(tuple(plain["symbols"]), np.array(plain["cell"]), np.array(plain["positions"]))


def band_below(below: Mapping[str, Any] | None, unrelaxed: Band, images: int) -> Band | None:
    """Return the band of the level below in the cell of this one, with an image on its saddle; None if unlike.

    Its atoms are put into the periodic images that those of `unrelaxed` are in.
    """
    if below is None or below["band"] is None or below["band"]["climbing_image"] is None:
        return None
    band = band_of(below)
    if band.symbols != unrelaxed.symbols:
        return None
    saddle = float(band.arc_length_A[below["band"]["climbing_image"]])
    band = band.respaced(images, through_A=saddle)
    fractions = band.positions @ np.linalg.inv(band.cell)
    fractions -= np.rint(fractions[0] - unrelaxed.positions[0] @ np.linalg.inv(unrelaxed.cell))
    return Band(band.symbols, unrelaxed.cell, fractions @ unrelaxed.cell)


def _between(ends: Band, guess: Band) -> Band:
    """Put a guess of the path between relaxed ends: each image follows the ends in proportion."""
    parts = (guess.arc_length_A / guess.arc_length_A[-1])[:, None, None]
    first, last = ends.positions[0] - guess.positions[0], ends.positions[-1] - guess.positions[-1]
    return Band(guess.symbols, guess.cell, guess.positions + (1 - parts) * first + parts * last)
