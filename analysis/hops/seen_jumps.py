"""Jumps that a trajectory shows, as end points of bands: every atom where it was, in the trajectory's order."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ...errors import InputError
from ...structures.paths import Band
from .density_map import framework_frame

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ..reading.trajectory import Trajectory
    from .jumps import JumpRecord

    Array = NDArray[np.float64]

_CLOSE_FRAMES = 10


@dataclass(frozen=True)
class SeenJump:
    """A jump between two sites in a trajectory.

    Attributes
    ----------
    ion
        Index of the atom in the trajectory.
    sites
        The sites it went from and to.
    frames
        The frames that are nearest to the two sites, before and after.
    time_ps
        Time of arrival.
    ends
        Both configurations as a band of two images: thermal positions, to be quenched. Neighbours that moved along are
        in it, so that a concerted jump stays one.
    """

    ion: int
    sites: tuple[int, int]
    frames: tuple[int, int]
    time_ps: float
    ends: Band


def seen_jumps(trajectory: Trajectory, record: JumpRecord, *, most: int = 5) -> list[SeenJump]:
    """Return end points of jumps, at most one for each pair of sites, those of the most frequent pairs first.

    Parameters
    ----------
    trajectory
        With a constant cell.
    record
        From `anodeflow.analysis.hops.jumps.find_jumps` of the same trajectory.
    most
        At most so many.

    Raises
    ------
    InputError
        If the cell changes, or no ion jumps from one site to another.
    """
    even = trajectory.evenly_spaced()
    if not even.constant_cell:
        raise InputError(
            "the cell changes in the run", where=trajectory.source, remedy="Take a run at constant volume."
        )
    moves = [number for number in range(record.n_jumps) if record.start[number] != record.end[number]]
    if not moves:
        raise InputError(
            f"no {record.species} jumps from one site to another",
            where=trajectory.source,
            remedy="Run longer or hotter.",
        )
    pairs: dict[tuple[int, int], list[int]] = {}
    for number in moves:
        pair = sorted((int(record.start[number]), int(record.end[number])))
        pairs.setdefault((pair[0], pair[1]), []).append(number)
    ions = [index for index, symbol in enumerate(even.species) if symbol == record.species]
    fractions, _ = framework_frame(even, record.species, None)
    found = []
    for _, numbers in sorted(pairs.items(), key=lambda item: (-len(item[1]), item[0]))[:most]:
        number = max(numbers, key=lambda one: _stay(record, one))
        column, arrival = int(record.ion[number]), int(record.frame[number])
        # close to the jump: neighbours wander off in a long stay and would be taken for a part of it
        stay = range(max(_left(record, number), arrival - _CLOSE_FRAMES), arrival)
        next_stay = range(arrival, min(_stays_until(record, number), arrival + _CLOSE_FRAMES))
        before = _nearest(fractions[:, column], record, int(record.start[number]), stay)
        after = _nearest(fractions[:, column], record, int(record.end[number]), next_stay)
        cell = np.asarray(even.cells[0], dtype=float)
        positions = np.asarray(even.positions[[before, after]], dtype=float)
        found.append(
            SeenJump(
                ion=ions[column],
                sites=(int(record.start[number]), int(record.end[number])),
                frames=(before, after),
                time_ps=float(even.time_ps[arrival]),
                ends=Band(tuple(even.species), cell, _without_drift(positions)),
            )
        )
    return found


def _left(record: JumpRecord, number: int) -> int:
    """Return the first frame of the stay that a jump ends."""
    earlier = [
        int(record.frame[other])
        for other in np.flatnonzero(record.ion == record.ion[number])
        if record.frame[other] < record.frame[number]
    ]
    return max(earlier, default=0)


def _stays_until(record: JumpRecord, number: int) -> int:
    """Return the frame after the stay that a jump begins."""
    later = [
        int(record.frame[other])
        for other in np.flatnonzero(record.ion == record.ion[number])
        if record.frame[other] > record.frame[number]
    ]
    return min(later, default=len(record.occupation))


def _stay(record: JumpRecord, number: int) -> int:
    """Return how long the shorter of the stays before and after a jump is, in frames."""
    arrival = int(record.frame[number])
    return min(arrival - _left(record, number), _stays_until(record, number) - arrival)


def _nearest(fractions: Array, record: JumpRecord, site: int, frames: range) -> int:
    """Return the frame in which the ion is nearest to a site."""
    difference = fractions[list(frames)] - record.sites[site]
    distance = np.linalg.norm((difference - np.rint(difference)) @ record.cell, axis=1)
    return frames[int(distance.argmin())]


def _without_drift(positions: Array) -> Array:
    moved = positions[1] - positions[0]
    return np.stack([positions[0], positions[1] - np.median(moved, axis=0)])
