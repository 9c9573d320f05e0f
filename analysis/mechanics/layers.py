"""Profiles that LAMMPS averaged in layers while it ran (``fix ave/chunk``): stress, composition, coordination."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ...errors import InputError
from ...units import BAR_TO_GPA
from .stress import BlockMean, StressProfile

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

FloatArray = NDArray[np.float64]


@dataclass(frozen=True)
class LayerWindows:
    """Means over windows of time in layers.

    Attributes
    ----------
    step
        Last step of each window, shape ``(W,)``.
    count
        Mean number of atoms of the group in each layer, shape ``(W, B)``.
    values
        Sums over the atoms of a layer, as LAMMPS writes them with ``norm none``, shape ``(W, B, K)``.
    """

    step: NDArray[np.int64]
    count: FloatArray
    values: FloatArray

    def after(self, step: int) -> LayerWindows:
        """Return the windows that begin at or after a step."""
        length = int(self.step[1] - self.step[0]) if len(self.step) > 1 else 0
        kept = self.step >= step + length
        return LayerWindows(self.step[kept], self.count[kept], self.values[kept])


def read_layers(paths: Sequence[Path]) -> LayerWindows:
    """Read the profile files of a run and its continuations.

    Parameters
    ----------
    paths
        In the order in which they were written. A window that a later file holds again replaces the earlier one; an
        incomplete last block of a run that was killed is left out.

    Raises
    ------
    InputError
        If there is no whole window, or the number of layers changes.
    """
    found: dict[int, FloatArray] = {}
    for path in paths:
        rows: list[list[float]] = []
        step, wanted = -1, 0
        for line in path.read_text(errors="replace").splitlines():
            words = line.split()
            if not words or words[0].startswith("#"):
                continue
            if len(words) == 3 and not line.startswith(" "):
                step, wanted, rows = int(words[0]), int(words[1]), []
                continue
            try:
                rows.append([float(word) for word in words])
            except ValueError:
                continue
            if len(rows) == wanted and len({len(row) for row in rows}) == 1 and step > 0:
                found[step] = np.array(rows)
    if not found or len({table.shape for table in found.values()}) > 1:
        where = str(paths[0]) if paths else ""
        raise InputError("the profiles hold no whole window, or their layers differ", where=where)
    steps = sorted(found)
    tables = np.array([found[step] for step in steps])
    return LayerWindows(np.array(steps, dtype=np.int64), tables[:, :, 2], tables[:, :, 3:])


def layer_stress_profile(
    stress: LayerWindows, volume_A3: FloatArray, height_A: FloatArray, *, source: str = ""
) -> StressProfile:
    """Return the stress profile of windows of summed per-atom stress × volume in bar·Å³.

    Parameters
    ----------
    stress
        Six values a layer: xx, yy, zz, xy, xz, yz, with the kinetic part.
    volume_A3, height_A
        Mean volume of the cell and its height in each window, shape ``(W,)``.
    source
        For the quantities.

    Raises
    ------
    InputError
        If there is no window, or not six values.
    """
    windows, layers, components = stress.values.shape
    if not windows or components != 6 or len(volume_A3) != windows or len(height_A) != windows:
        raise InputError("a stress profile needs windows with six values and a volume each", where=source)
    mean = BlockMean((layers, 6))
    for values, volume in zip(stress.values, volume_A3, strict=True):
        mean.add(values * (layers / volume) * BAR_TO_GPA)
    volume, height = float(np.mean(volume_A3)), float(np.mean(height_A))
    few = windows < 8
    return StressProfile(
        position_A=(np.arange(layers) + 0.5) * height / layers,
        stress_GPa=mean.mean(),
        error_GPa=mean.error(),
        blocks_GPa=mean.blocks(),
        cell_stress_GPa=mean.mean().mean(axis=0),
        layer_volume_A3=volume / layers,
        area_A2=volume / height,
        atoms_per_A3=stress.count.mean(axis=0) * layers / volume,
        axis=2,
        n_frames=windows,
        warnings=(f"{windows} windows give no error",) if few else (),
        source=source,
    )


@dataclass(frozen=True)
class FrontTrack:
    """Where a layer of host ends on both sides, window by window.

    Attributes
    ----------
    lower, upper
        Fractions of the cell's height at which the lithium content first reaches the threshold, below and above the
        middle of the host, shape ``(W,)``; NaN where it never does or the host has gone.
    threshold
        Share of lithium among the atoms that counts as the front.
    """

    lower: FloatArray
    upper: FloatArray
    threshold: float

    @property
    def thickness(self) -> FloatArray:
        """What is left of the host, as a fraction of the cell's height, shape ``(W,)``."""
        return self.upper - self.lower


def track_front(lithium: FloatArray, host: FloatArray, middle: float) -> FrontTrack:
    """Follow the two fronts of a host layer between lithium-rich ones.

    The front is where the share of lithium, linear between layers, reaches half of that in the lithium-rich side of
    the first window.

    Parameters
    ----------
    lithium, host
        Mean numbers of atoms in each layer, shape ``(W, B)``.
    middle
        Middle of the host as a fraction of the height; the layers are periodic.

    Raises
    ------
    InputError
        If the shapes differ or there is no lithium.
    """
    if lithium.shape != host.shape or lithium.ndim != 2 or not lithium.any():
        raise InputError("the profiles of lithium and host do not fit together")
    windows, layers = lithium.shape
    share = lithium / np.maximum(lithium + host, 1e-9)
    rich = share[0] > 0.5 * share[0].max()
    threshold = 0.5 * float(share[0][rich].mean())
    centre = round(middle * layers - 0.5) % layers
    ends = np.full((2, windows), np.nan)
    for window in range(windows):
        for side, direction in enumerate((-1, 1)):
            ends[side, window] = _crossing(share[window], centre, direction, threshold)
    base = (centre + 0.5) / layers
    return FrontTrack(base - ends[0] / layers, base + ends[1] / layers, threshold)


def _crossing(share: FloatArray, centre: int, direction: int, threshold: float) -> float:
    """Return after how many layers the share of lithium reaches the threshold; NaN if it does nowhere or at once."""
    layers = len(share)
    previous = share[centre]
    if previous >= threshold:
        return float("nan")
    for k in range(1, layers // 2 + 1):
        here = share[(centre + direction * k) % layers]
        if here >= threshold:
            return float(k - 1 + (threshold - previous) / (here - previous))
        previous = here
    return float("nan")
