"""What a front's run says: fronts against time, mean profiles, and whether the stress is in balance."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ...analysis.mechanics.layers import FrontTrack, layer_stress_profile, track_front
from ...analysis.mechanics.stress import block_error, von_mises
from ...analysis.series import correlation_time
from ...files import write_text
from ...quantity import Quantity
from .jobs import FrontProfiles

if TYPE_CHECKING:
    from pathlib import Path

    from ...analysis.mechanics.stress import StressProfile
    from ...engines.lammps.md import MDRun

FloatArray = NDArray[np.float64]
_M_S = 100.0
"""m/s in Å/ps."""
_FEWEST_WINDOWS = 8


def analyse_front(
    run: MDRun, host: str, *, middle: float, equilibration_ps: float, source: str, table: Path
) -> dict[str, Any]:
    """Return the part of a document that is about the front; `table` gets the mean profiles as CSV.

    Parameters
    ----------
    run
        Finished run with layers.
    host
        Element of the slab.
    middle
        Middle of the slab as a fraction of the height.
    equilibration_ps
        Time that is left out of the mean profiles.
    source
        Name of the job.
    table
        File to write.
    """
    profiles = FrontProfiles.of(run, host)
    track = track_front(profiles.lithium, profiles.host, middle)
    thickness = track.thickness * profiles.height_A
    late = profiles.time_ps > equilibration_ps
    later = replace(
        profiles.stress,
        step=profiles.stress.step[late],
        count=profiles.stress.count[late],
        values=profiles.stress.values[late],
    )
    stress = layer_stress_profile(later, profiles.volume_A3[late], profiles.height_A[late], source=source)
    balance = stress.normal_balance()
    quantities = [
        balance,
        _velocity(profiles.time_ps[late], thickness[late], source),
        _consumed(thickness, source),
        *_compression(stress, track, late, balance),
        _rich_stress(stress, profiles, track, late),
    ]
    mean = _mean_profiles(profiles, stress, late)
    rows = [",".join(mean), *(",".join(f"{value:.6g}" for value in row) for row in zip(*mean.values(), strict=True))]
    write_text(table, "\n".join(rows) + "\n")
    plain = {name: [None if not np.isfinite(v) else float(f"{v:.5g}") for v in column] for name, column in mean.items()}
    return {
        "quantities": [quantity.to_dict() for quantity in quantities],
        "profile": plain,
        "balanced": balance.converged,
        "track": {
            "time_ps": [float(value) for value in profiles.time_ps],
            "host_thickness_A": [None if not np.isfinite(v) else float(f"{v:.5g}") for v in thickness],
        },
        "warnings": list(balance.warnings),
    }


def _mean_profiles(profiles: FrontProfiles, stress: StressProfile, late: NDArray[np.bool_]) -> dict[str, FloatArray]:
    lithium, host = profiles.lithium[late].mean(axis=0), profiles.host[late].mean(axis=0)
    with np.errstate(invalid="ignore", divide="ignore"):
        neighbours = profiles.neighbours[late].mean(axis=0) / host
        share = lithium / (lithium + host)
    return {
        "position_A": stress.position_A,
        "lithium_share": share,
        "lithium_per_A3": lithium / stress.layer_volume_A3,
        "host_per_A3": host / stress.layer_volume_A3,
        "host_neighbours": np.where(host > 0.05, neighbours, np.nan),
        "stress_xx_GPa": stress.stress_GPa[:, 0],
        "stress_yy_GPa": stress.stress_GPa[:, 1],
        "stress_zz_GPa": stress.stress_GPa[:, 2],
        "stress_zz_error_GPa": stress.error_GPa[:, 2],
        "hydrostatic_GPa": stress.hydrostatic_GPa,
        "hydrostatic_error_GPa": _hydrostatic_error(stress),
        "von_mises_GPa": stress.von_mises_GPa,
    }


def _hydrostatic_error(stress: StressProfile) -> FloatArray:
    blocks = stress.blocks_GPa[:, :, :3].mean(axis=2)
    if len(blocks) < _FEWEST_WINDOWS:
        return np.full(blocks.shape[1], np.nan)
    return block_error(blocks)


def _velocity(time_ps: FloatArray, thickness_A: FloatArray, source: str) -> Quantity:
    """Return how fast a front goes into the host: half the rate at which the host gets thinner."""
    good = np.isfinite(thickness_A)
    t, h = time_ps[good], thickness_A[good]
    method = "half the slope of the host's thickness against time; error from its correlated scatter about the line"
    if len(t) < _FEWEST_WINDOWS:
        why = (f"the host was followed over {len(t)} windows; {_FEWEST_WINDOWS} are needed",)
        return Quantity("front_velocity", None, "m/s", method=method, converged=False, warnings=why, source=source)
    slope, start = np.polyfit(t, h, 1)
    rest = h - slope * t - start
    correlation = 2 * correlation_time(rest)
    error = float(np.sqrt((rest**2).sum() / (len(t) - 2) / ((t - t.mean()) ** 2).sum() * max(correlation, 1.0)))
    value, error = -float(slope) / 2 * _M_S, error / 2 * _M_S
    seen = abs(value) > 2 * error
    needed = float(t[-1] - t[0]) * (2 * error / max(abs(value), 1e-9)) ** (2 / 3)
    still = f"the front did not move beyond its error in {t[-1] - t[0]:.3g} ps; at this pace it takes {needed:.3g} ps"
    warnings = () if seen else (still,)
    return Quantity(
        "front_velocity", value, "m/s", uncertainty=error, interval95=(value - 1.96 * error, value + 1.96 * error),
        method=method, n_effective=float(len(t) / max(correlation, 1.0)), converged=seen,
        warnings=warnings, source=source,
    )  # fmt: skip


def _consumed(thickness_A: FloatArray, source: str) -> Quantity:
    good = thickness_A[np.isfinite(thickness_A)]
    method = "mean thickness of the host in the first fifth of the windows less that in the last, for one front"
    share = max(2, len(good) // 5)
    if len(good) < 2 * share:
        why = ("the host was not followed for long enough",)
        return Quantity("front_advance", None, "Å", method=method, converged=False, warnings=why, source=source)
    # neighbouring windows are not independent; a fifth of them is too short to say how far
    place = np.arange(len(good))
    rest = good - np.polyval(np.polyfit(place, good, 1), place)
    independent = max(1.0, share / max(1.0, 2 * correlation_time(rest)))
    error = float(rest.std(ddof=2)) * (2 / independent) ** 0.5 / 2
    value = float(good[:share].mean() - good[-share:].mean()) / 2
    return Quantity("front_advance", value, "Å", uncertainty=error, method=method, source=source)


def _host_layers(stress: StressProfile, track: FrontTrack, late: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return which layers lie within the host in the mean of the late windows."""
    layers = len(stress.position_A)
    lower, upper = float(np.nanmean(track.lower[late])), float(np.nanmean(track.upper[late]))
    place = (np.arange(layers) + 0.5) / layers
    return np.asarray((place - lower) % 1.0 <= upper - lower)


def _compression(
    stress: StressProfile, track: FrontTrack, late: NDArray[np.bool_], balance: Quantity
) -> list[Quantity]:
    """Return the largest in-plane and hydrostatic compression of a layer of the host or next to it."""
    found = []
    inside = np.zeros(len(stress.position_A), dtype=bool)
    if np.isfinite(track.thickness[late]).any():
        inside = _host_layers(stress, track, late)
        inside |= np.roll(inside, 1) | np.roll(inside, -1)
    in_plane = stress.stress_GPa[:, :2].mean(axis=1)
    in_plane_error = np.sqrt((stress.error_GPa[:, :2] ** 2).sum(axis=1)) / 2
    cases = (
        ("front_compression", in_plane, in_plane_error, "in-plane"),
        ("front_hydrostatic_compression", stress.hydrostatic_GPa, _hydrostatic_error(stress), "hydrostatic"),
    )
    for name, values, errors, what in cases:
        method = f"most negative {what} stress among the layers of the host and next to it, sign reversed"
        if not inside.any():
            why = ("the host could not be told from the alloy",)
            found.append(Quantity(name, None, "GPa", method=method, converged=False, warnings=why))
            continue
        place = int(np.where(inside, values, np.inf).argmin())
        error = float(errors[place]) if np.isfinite(errors[place]) else None
        notes = ("the largest of several noisy layers is too large by about its error",)
        found.append(
            Quantity(
                name, -float(values[place]), "GPa", uncertainty=error, method=method, converged=balance.converged,
                warnings=(*notes, *balance.warnings), source=stress.source,
            )
        )  # fmt: skip
    return found


def _rich_stress(
    stress: StressProfile, profiles: FrontProfiles, track: FrontTrack, late: NDArray[np.bool_]
) -> Quantity:
    """Return the mean von Mises stress in the middle of the lithium-rich side."""
    share = profiles.lithium[late].sum(axis=0) / (profiles.lithium[late] + profiles.host[late]).sum(axis=0)
    rich = share > 1.6 * track.threshold
    method = "von Mises stress of the mean tensor over the lithium-rich layers"
    if not rich.any():
        why = ("no layer is lithium-rich any more",)
        return Quantity("alloy_von_mises_stress", None, "GPa", method=method, converged=False, warnings=why)
    blocks = von_mises(stress.blocks_GPa[:, rich].mean(axis=1))
    value = float(von_mises(stress.stress_GPa[rich].mean(axis=0)))
    error = float(block_error(blocks)) if len(blocks) >= _FEWEST_WINDOWS else None
    return Quantity("alloy_von_mises_stress", value, "GPa", uncertainty=error, method=method, source=stress.source)
