"""Interface stress from a stress profile, and the stress of a slab from that of a cell with vacuum."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ...errors import InputError
from ...quantity import Quantity
from .stress import XX, YY, StressProfile, block_error

FloatArray = NDArray[np.float64]
_GPA_A_TO_N_M = 0.1
_VACUUM_A = 5.0


def interface_stress(
    profile: StressProfile,
    position_A: float,
    left_A: tuple[float, float],
    right_A: tuple[float, float],
) -> tuple[Quantity, Quantity]:
    """Return the interface stress along the two in-plane directions: the excess over the phases on both sides.

    ``f = ∫ (σ∥(z) − σ∥ of the phase on that side) dz``, with the dividing plane at `position_A` (the
    surface stress of J. W. Cahn, F. Larché, Acta Metall. 30 (1982) 51; excess as in R. Shuttleworth, Proc.
    Phys. Soc. A 63 (1950) 444). It depends on the plane chosen only as far as the two phases differ in
    stress.

    Parameters
    ----------
    profile
        From `anodeflow.analysis.mechanics.stress.stress_profile`.
    position_A
        The dividing plane along the normal.
    left_A, right_A
        Ranges along the normal that are bulk of either phase, below and above the plane. The excess is
        taken from the beginning of the first to the end of the second.

    Returns
    -------
    tuple of Quantity
        ``interface_stress_1`` and ``interface_stress_2`` in N/m, tension positive, along the two in-plane
        axes.

    Raises
    ------
    InputError
        If the ranges hold no layer, or do not lie on both sides of the plane.
    """
    if not left_A[0] < left_A[1] <= position_A <= right_A[0] < right_A[1]:
        raise InputError("the ranges do not lie on both sides of the interface", remedy="Give left < plane < right.")
    z = profile.position_A
    left = (z >= left_A[0]) & (z <= left_A[1])
    right = (z >= right_A[0]) & (z <= right_A[1])
    if not left.any() or not right.any():
        raise InputError("a range of bulk holds no layer", remedy="Widen it or take thinner layers.")
    low = z - profile.layer_A / 2
    inside = np.clip(
        np.minimum(low + profile.layer_A, right_A[1]) - np.maximum(low, left_A[0]), 0, None
    )  # Å of each layer within the range
    below = np.clip(np.minimum(low + profile.layer_A, position_A) - np.maximum(low, left_A[0]), 0, None)
    above = inside - below

    def excess(stress: FloatArray) -> FloatArray:
        bulk_left, bulk_right = stress[left].mean(axis=0), stress[right].mean(axis=0)
        total = inside @ stress - below.sum() * bulk_left - above.sum() * bulk_right
        return np.asarray(total * _GPA_A_TO_N_M)

    value = excess(profile.stress_GPa)
    blocks = np.array([excess(block) for block in profile.blocks_GPa])
    in_plane = [k for k in (XX, YY, 2) if k != profile.axis]
    found = []
    for number, k in enumerate(in_plane, 1):
        error = float(block_error(blocks[:, k])) if len(blocks) >= 8 else None
        warnings = profile.warnings + profile.normal_balance().warnings
        found.append(
            Quantity(
                f"interface_stress_{number}",
                float(value[k]),
                "N/m",
                uncertainty=error,
                interval95=None if error is None else (value[k] - 2 * error, value[k] + 2 * error),
                method="excess of the in-plane stress over the bulk on either side",
                n_effective=len(blocks) or None,
                warnings=warnings,
                source=profile.source,
            )
        )
    return found[0], found[1]


def slab_thickness(positions: FloatArray, cell: FloatArray, axis: int = 2) -> float | None:
    """Return the thickness in Å of a slab in vacuum, or None where the cell holds no gap above 5 Å.

    The thickness is that of a slab as dense throughout as its inner half (the equimolar dividing surfaces).

    Parameters
    ----------
    positions
        Shape ``(N, 3)`` in Å.
    cell
        Shape ``(3, 3)`` in Å.
    axis
        Box vector across the slab.
    """
    from ..cells import widths

    height = float(widths(cell)[axis])
    fraction = (positions @ np.linalg.inv(cell))[:, axis]
    place = np.sort((fraction - np.floor(fraction)) * height)
    gaps = np.diff(np.append(place, place[0] + height))
    widest = int(gaps.argmax())
    if gaps[widest] < _VACUUM_A:
        return None
    ordered = np.concatenate([place[widest + 1 :], place[: widest + 1] + height])
    extent = ordered[-1] - ordered[0]
    if extent < 4.0:
        return None
    # Counting between planes of atoms avoids the phase of the layers: distance between the same ranks.
    low, high = len(ordered) // 4, 3 * len(ordered) // 4
    density = (high - low) / (ordered[high] - ordered[low])
    return float(len(ordered) / density)


def slab_stress(cell_stress_GPa: FloatArray, cell_height_A: float, thickness_A: float) -> FloatArray:
    """Return the stress within a slab from that of its cell with vacuum: the same force on less area.

    Parameters
    ----------
    cell_stress_GPa
        Shape ``(6,)``.
    cell_height_A, thickness_A
        Height of the cell and thickness of the slab along the normal.

    Raises
    ------
    InputError
        If the slab is thicker than the cell.
    """
    if not 0 < thickness_A <= cell_height_A * (1 + 1e-9):
        raise InputError(f"a slab of {thickness_A:g} Å does not fit a cell of {cell_height_A:g} Å")
    return np.asarray(cell_stress_GPa) * (cell_height_A / thickness_A)
