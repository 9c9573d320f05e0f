"""Barriers from the images of a nudged elastic band, by an interpolation that uses forces and states its error."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ...errors import InputError
from ...quantity import Quantity

if TYPE_CHECKING:
    from collections.abc import Callable

FloatArray = NDArray[np.float64]
_FLOOR_EV = 1e-6
_CONVERGED_EV_A = 0.05
"""Largest force across the path of a band that counts as converged."""
_SAFETY = 2.0
"""Times the difference between two interpolations of different order; held against analytic paths in the tests."""
_SHARE_LEFT_OUT = 0.5
"""Times the largest change of the barrier when an image is left out: a coarser band errs far more."""
_WITHOUT_FORCES = 3.0
_FEW_IMAGES = 7
_DIP_EV = 0.01
"""A path that falls farther below both of its ends than this has a state of its own between them."""
_SAMPLES = 801


@dataclass(frozen=True)
class NebPath:
    """Images of a band.

    Attributes
    ----------
    energy_eV
        Shape ``(M,)``.
    arc_length_A
        Length of the path from the first image, in the space of all atoms; shape ``(M,)``, increasing.
    slope_eV_A
        dE/ds at the images, from the forces; shape ``(M,)``; None where forces are not known.
    perpendicular_force_eV_A
        Largest force on an atom across the path, over the inner images; None where forces are not known.
    source
        Folder or file.
    warnings
        Sentences.
    electrons_converged
        Whether those of every image did, as far as the file says.
    """

    energy_eV: FloatArray
    arc_length_A: FloatArray
    slope_eV_A: FloatArray | None = None
    perpendicular_force_eV_A: float | None = None
    source: str = ""
    warnings: tuple[str, ...] = ()
    electrons_converged: bool = True

    def __post_init__(self) -> None:
        if len(self.energy_eV) < 3 or len(self.energy_eV) != len(self.arc_length_A):
            raise InputError(
                f"a band of {len(self.energy_eV)} images",
                where=self.source,
                remedy="Give both ends and images between.",
            )
        if not (np.isfinite(self.energy_eV).all() and np.isfinite(self.arc_length_A).all()):
            raise InputError("an energy or a length of the band is not finite", where=self.source)
        if not (np.diff(self.arc_length_A) > 0).all():
            raise InputError("two images of the band are the same", where=self.source)


@dataclass(frozen=True)
class NebBarrier:
    """Barriers of a band.

    Attributes
    ----------
    forward, reverse
        ``migration_barrier`` and ``reverse_barrier`` in eV; the uncertainty is that of the interpolation
        alone.
    reaction_energy
        Energy of the last image over the first, in eV.
    length
        ``path_length`` in Å.
    saddle_A
        Arc length of the saddle.
    curve_A, curve_eV
        The interpolated path, for a picture; energy relative to the first image.
    path
        The images.
    """

    forward: Quantity
    reverse: Quantity
    reaction_energy: Quantity
    length: Quantity
    saddle_A: float
    curve_A: FloatArray
    curve_eV: FloatArray
    path: NebPath


def path_from_images(
    positions: FloatArray,
    energies_eV: FloatArray,
    forces_eV_A: FloatArray | None,
    cells: FloatArray,
    *,
    source: str = "",
    warnings: tuple[str, ...] = (),
) -> NebPath:
    """Return the path through images: arc length and slope along a spline through all coordinates.

    A spline through the images has a tangent at each, and the energy along it has the slope −F·t there
    whether the band is converged or not; chord lengths would shorten a bent path and so steepen it.

    Parameters
    ----------
    positions
        Shape ``(M, N, 3)`` in Å; steps across a face of the cell are taken the short way.
    energies_eV
        Shape ``(M,)``.
    forces_eV_A
        True forces (without springs), shape ``(M, N, 3)``; None if unknown. Rows of NaN at the ends count
        as zero slope, as relaxed ends have.
    cells
        Shape ``(M, 3, 3)`` in Å.
    source, warnings
        For the result.
    """
    from scipy.interpolate import CubicSpline

    from ..cells import minimum_image

    images = len(positions)
    if images < 3:
        raise InputError(f"a band of {images} images", where=source, remedy="Give both ends and images between.")
    steps = np.array([minimum_image(positions[i + 1] - positions[i], cells[i]) for i in range(images - 1)])
    unwrapped = np.concatenate([np.zeros((1, positions[0].size)), np.cumsum(steps.reshape(images - 1, -1), axis=0)])
    chord = np.linalg.norm(np.diff(unwrapped, axis=0), axis=1)
    if not (chord > 0).all():
        raise InputError("two images of the band are the same", where=source)
    parameter = np.concatenate([[0.0], np.cumsum(chord)])
    spline = CubicSpline(parameter, unwrapped)
    speed = spline.derivative()
    arc = [0.0]
    nodes, weights = np.polynomial.legendre.leggauss(6)
    for low, high in itertools.pairwise(parameter):
        t = (high + low) / 2 + (high - low) / 2 * nodes
        arc.append(arc[-1] + float((np.linalg.norm(speed(t), axis=1) * weights).sum() * (high - low) / 2))
    slope = perpendicular = None
    if forces_eV_A is not None:
        tangent = speed(parameter)
        tangent /= np.linalg.norm(tangent, axis=1, keepdims=True)
        flat = forces_eV_A.reshape(images, -1)
        slope = -np.einsum("ij,ij->i", flat, tangent)
        for end in (0, -1):
            if np.isnan(slope[end]):
                slope[end] = 0.0
        if np.isnan(slope).any():
            raise InputError("an inner image has no forces", where=source)
        across = (flat[1:-1] + slope[1:-1, None] * tangent[1:-1]).reshape(images - 2, -1, 3)
        perpendicular = float(np.linalg.norm(across, axis=2).max())
    return NebPath(np.asarray(energies_eV, dtype=float), np.array(arc), slope, perpendicular, source, warnings)


def neb_barrier(path: NebPath) -> NebBarrier:
    """Return the barriers of a band.

    With forces, energies and slopes of the images are interpolated by piecewise quintics whose curvature
    comes from three neighbouring images; the error adds twice the difference of the barrier from that of
    piecewise cubics (Hermite) and half of the change when an image is left out. Without forces a cubic
    spline with flat ends is held against a monotone one (PCHIP) and against splines with each inner image
    left out, and the largest difference counts threefold. The tests hold both against analytic paths.

    Parameters
    ----------
    path
        Images.

    Returns
    -------
    NebBarrier
        Barriers whose uncertainty is the error of the interpolation; a band that is not converged gives none that is.
    """
    s = path.arc_length_A
    grid = np.linspace(s[0], s[-1], _SAMPLES)
    if path.slope_eV_A is not None:
        curve, rough = _quintic(s, path.energy_eV, path.slope_eV_A), _cubic(s, path.energy_eV, path.slope_eV_A)
        error = _SAFETY * abs(_highest(curve, grid)[1] - _highest(rough, grid)[1])
        error += _SHARE_LEFT_OUT * _without_an_image(path, grid, _highest(curve, grid)[1])
        method = "quintic interpolation of energies and forces"
    else:
        curve, error = _without_forces(s, path.energy_eV, grid)
        error *= _WITHOUT_FORCES
        method = "cubic spline of energies with flat ends, no forces"
    error = max(error, _FLOOR_EV)
    saddle, top = _highest(curve, grid)
    notes = list(path.warnings)
    if len(s) < _FEW_IMAGES:
        notes.append(f"a band of {len(s)} images hides whatever happens between them from the stated error")
    at_rest = path.perpendicular_force_eV_A is None or path.perpendicular_force_eV_A <= _CONVERGED_EV_A
    if not at_rest:
        notes.append(
            f"the force across the path is still {path.perpendicular_force_eV_A:.3g} eV/Å: the band is not converged"
        )
    inner = (saddle > s[0]) and (saddle < s[-1])
    if not inner:
        notes.append("the highest point is an end of the path: there is no barrier between the ends")
    dip = float(min(path.energy_eV[0], path.energy_eV[-1]) - np.min(curve(grid)))
    if dip > max(_DIP_EV, error):
        notes.append(
            f"the curve falls {dip:.2f} eV below both ends: a state between them is lower, and from there the way over "
            "the saddle is higher by as much"
        )
    forward, reverse = top - float(path.energy_eV[0]), top - float(path.energy_eV[-1])

    def quantity(name: str, value: float, uncertainty: float | None, unit: str = "eV", how: str = method) -> Quantity:
        interval = None if uncertainty is None else (value - uncertainty, value + uncertainty)
        return Quantity(
            name, value, unit, uncertainty=None if uncertainty is None else uncertainty / 2, interval95=interval,
            method=how, warnings=tuple(notes), source=path.source, n_effective=float(len(s)),
            converged=at_rest and path.electrons_converged,
        )  # fmt: skip

    change = float(path.energy_eV[-1] - path.energy_eV[0])
    return NebBarrier(
        quantity("migration_barrier", forward, error),
        quantity("reverse_barrier", reverse, error),
        quantity("reaction_energy", change, None, how="last image over first"),
        quantity("path_length", float(s[-1]), None, "Å", "arc length over all atoms"),
        saddle,
        grid,
        curve(grid) - path.energy_eV[0],
        path,
    )


def _cubic(s: FloatArray, energy: FloatArray, slope: FloatArray) -> Callable[[FloatArray], FloatArray]:
    from scipy.interpolate import CubicHermiteSpline

    spline: Callable[[FloatArray], FloatArray] = CubicHermiteSpline(s, energy, slope)
    return spline


def _quintic(s: FloatArray, energy: FloatArray, slope: FloatArray) -> Callable[[FloatArray], FloatArray]:
    """Return piecewise quintics; the curvature at each image is that of the quintic through three images."""
    from scipy.interpolate import BPoly

    curvature = np.empty(len(s))
    for i in range(len(s)):
        first = min(max(i - 1, 0), len(s) - 3)
        near = slice(first, first + 3)
        scale = s[first + 2] - s[first]
        x = (s[near] - s[i]) / scale
        powers = np.arange(6)
        values = x[:, None] ** powers
        slopes = powers * x[:, None] ** np.maximum(powers - 1, 0)
        right = np.concatenate([energy[near], slope[near] * scale])
        curvature[i] = 2 * np.linalg.solve(np.concatenate([values, slopes]), right)[2] / scale**2
    spline: Callable[[FloatArray], FloatArray] = BPoly.from_derivatives(s, np.column_stack([energy, slope, curvature]))
    return spline


def _without_an_image(path: NebPath, grid: FloatArray, top: float) -> float:
    """Return the largest change of the height of the barrier when one inner image, not the highest, is left out."""
    assert path.slope_eV_A is not None
    best, change = int(path.energy_eV.argmax()), 0.0
    for out in range(1, len(path.energy_eV) - 1):
        if out != best and len(path.energy_eV) > 3:  # three images must stay
            keep = np.arange(len(path.energy_eV)) != out
            part = _quintic(path.arc_length_A[keep], path.energy_eV[keep], path.slope_eV_A[keep])
            change = max(change, abs(top - _highest(part, grid)[1]))
    return change


def _without_forces(
    s: FloatArray, energy: FloatArray, grid: FloatArray
) -> tuple[Callable[[FloatArray], FloatArray], float]:
    from scipy.interpolate import CubicSpline, PchipInterpolator

    curve: Callable[[FloatArray], FloatArray] = CubicSpline(s, energy, bc_type="clamped")
    top = _highest(curve, grid)[1]
    error = abs(top - _highest(PchipInterpolator(s, energy), grid)[1])
    if len(s) > 3:
        best = int(energy.argmax())
        for out in range(1, len(s) - 1):
            if out != best:  # without its highest image a band says nothing of its top
                keep = np.arange(len(s)) != out
                part = CubicSpline(s[keep], energy[keep], bc_type="clamped")
                error = max(error, abs(top - _highest(part, grid)[1]))
    return curve, error


def _highest(curve: Callable[[FloatArray], FloatArray], grid: FloatArray) -> tuple[float, float]:
    """Return place and height of the maximum, refined by a parabola between samples."""
    values = np.asarray(curve(grid))
    i = int(values.argmax())
    if i in (0, len(grid) - 1):
        return float(grid[i]), float(values[i])
    a, b, c = values[i - 1 : i + 2]
    bend = a - 2 * b + c
    shift = 0.0 if bend == 0 else 0.5 * (a - c) / bend
    place = grid[i] + shift * (grid[1] - grid[0])
    return float(place), float(max(b, np.asarray(curve(np.array([place])))[0]))
