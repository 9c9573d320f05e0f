"""Figures of structure, stress, jumps, barriers and voltages. One function each, one file each."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from .figures import _COLOURS, _axes, _save

if TYPE_CHECKING:
    from .energetics import VoltageProfile
    from .hops.jumps import JumpRecord
    from .hops.neb import NebBarrier
    from .mechanics.stress import StressProfile
    from .structure.bulk import RadialDistribution


def draw_radial(results: Sequence[RadialDistribution], path: Path) -> Path:
    """Draw radial distribution functions with the error of blocks as bands.

    Parameters
    ----------
    results
        One for each pair.
    path
        File to write; its ending gives the format.
    """
    figure, axes = _axes("distance (Å)", "radial distribution g(r)")
    for result, colour in zip(results, _COLOURS * len(results), strict=False):
        axes.plot(result.r_A, result.g, color=colour, lw=1.2, label="–".join(result.pair))
        if np.isfinite(result.g_error).all():
            error = 1.96 * result.g_error
            axes.fill_between(result.r_A, result.g - error, result.g + error, color=colour, alpha=0.2, lw=0)
    axes.axhline(1, color="grey", lw=0.7)
    axes.legend(frameon=False)
    return _save(figure, path)


def draw_stress(profile: StressProfile, path: Path) -> Path:
    """Draw the normal stresses of a profile, the hydrostatic and the von Mises stress; tension is up.

    Parameters
    ----------
    profile
        Of a cell.
    path
        File to write.
    """
    figure, axes = _axes(f"position along {'xyz'[profile.axis]} (Å)", "stress (GPa)")
    z = profile.position_A
    for k, (name, colour) in enumerate(zip(("σxx", "σyy", "σzz"), _COLOURS, strict=False)):
        value, error = profile.stress_GPa[:, k], 1.96 * profile.error_GPa[:, k]
        axes.plot(z, value, color=colour, lw=1.2, label=name)
        if np.isfinite(error).all():
            axes.fill_between(z, value - error, value + error, color=colour, alpha=0.2, lw=0)
    axes.plot(z, profile.hydrostatic_GPa, "--", color="black", lw=1, label="hydrostatic")
    axes.plot(z, profile.von_mises_GPa, ":", color="black", lw=1, label="von Mises")
    axes.axhline(0, color="grey", lw=0.7)
    axes.legend(frameon=False)
    return _save(figure, path)


def draw_jumps(record: JumpRecord, path: Path) -> Path:
    """Draw how many jumps of each length there were.

    Parameters
    ----------
    record
        Of a run.
    path
        File to write.
    """
    figure, axes = _axes("length of jump (Å)", "number of jumps")
    length = np.linalg.norm(record.vector_A, axis=1)
    axes.hist(length, bins=min(60, max(5, len(length) // 5)), color=_COLOURS[0])
    return _save(figure, path)


def draw_bands(barriers: Sequence[NebBarrier], path: Path) -> Path:
    """Draw bands: images, slopes from forces, and the interpolated path.

    Parameters
    ----------
    barriers
        One for each band.
    path
        File to write.
    """
    figure, axes = _axes("path length (Å)", "energy over the first image (eV)")
    for barrier, colour in zip(barriers, _COLOURS * len(barriers), strict=False):
        s, energy = barrier.path.arc_length_A, barrier.path.energy_eV - barrier.path.energy_eV[0]
        axes.plot(barrier.curve_A, barrier.curve_eV, color=colour, lw=1.2, label=Path(barrier.path.source).name)
        axes.plot(s, energy, "o", color=colour, ms=4)
        if barrier.path.slope_eV_A is not None:
            half = 0.15 * np.diff(s).min()
            for place, value, slope in zip(s, energy, barrier.path.slope_eV_A, strict=True):
                axes.plot(
                    [place - half, place + half], [value - half * slope, value + half * slope], color="black", lw=1
                )
    axes.legend(frameon=False)
    return _save(figure, path)


def draw_voltages(profile: VoltageProfile, path: Path) -> Path:
    """Draw the plateaus of a voltage profile.

    Parameters
    ----------
    profile
        Voltages.
    path
        File to write.
    """
    figure, axes = _axes("lithium per host atom", "voltage against Li/Li⁺ (V)")
    x = [phase.x for phase in profile.stable]
    axes.stairs([plateau.value or 0.0 for plateau in profile.plateaus], x, color=_COLOURS[0], lw=1.5, baseline=None)
    for phase in profile.stable[1:]:
        axes.annotate(phase.label, (phase.x, axes.get_ylim()[0]), rotation=90, fontsize=7, va="bottom", ha="right")
    return _save(figure, path)
