"""The contact angle of a droplet on a solid, from its surface layer by layer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from ...errors import InputError
from ...quantity import Quantity

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..reading.trajectory import Trajectory

FloatArray = NDArray[np.float64]
Shape = Literal["cap", "cylinder"]

_FEWEST_LEVELS = 4
_FEWEST_BLOCKS = 4
_FLAT_ANGLE_DEG = 15.0
_TREND = 0.01
"""Chance by which a settled droplet shows a trend like that over the blocks, below which it counts as not settled."""
_LEAST_SHARE = 0.35
"""Layers narrower than this share of the widest are not fitted: there the blurred top counts twice."""


@dataclass(frozen=True)
class Contour:
    """The surface of a droplet, layer by layer.

    Attributes
    ----------
    height_A
        Above the solid, shape ``(K,)``.
    radius_A
        Distance from the droplet's axis at that height, shape ``(K,)``.
    inside_A3
        Number density inside the droplet.
    spread
        Whether the droplet reaches across the cell, so that it is a film.
    """

    height_A: FloatArray
    radius_A: FloatArray
    inside_A3: float
    spread: bool


@dataclass(frozen=True)
class Droplet:
    """A fitted droplet.

    Attributes
    ----------
    angle
        ``contact_angle`` in degrees through the liquid: 0 wets, 180 does not.
    radius, base_radius
        ``droplet_radius`` of the circle and ``droplet_base_radius`` where it meets the solid, in Å.
    contour
        Of all frames together.
    centre_A
        Height of the circle's centre above the solid.
    angles_deg
        Of each block of frames.
    """

    angle: Quantity
    radius: Quantity
    base_radius: Quantity
    contour: Contour
    centre_A: float
    angles_deg: tuple[float, ...]


def contact_angle(
    trajectory: Trajectory,
    liquid: str | Sequence[str],
    *,
    solid_top_A: float | FloatArray,
    shape: Shape = "cap",
    axis: int = 1,
    layer_A: float = 1.0,
    skip_A: float = 4.0,
    blocks: int = 8,
) -> Droplet:
    """Return the contact angle of a droplet of some elements, or of chosen atoms, on a solid below it.

    In each layer parallel to the solid the surface is where a disc (or strip) around the droplet's axis with the
    density of its inside holds as many atoms. A circle centred on the axis is fitted to these points above the layers
    next to the solid, where the liquid is ordered, and its tangent at the solid's top is the angle.

    Parameters
    ----------
    trajectory
        Periodic in the plane; z is the normal.
    liquid
        Elements of the droplet; atoms that evaporated count little in a mean density.
    solid_top_A
        Height of the plane that the angle is taken at, one for all frames or shape ``(F,)``.
    shape
        ``cap`` for a spherical one, ``cylinder`` for one that is periodic along a box vector.
    axis
        That box vector, 0 or 1.
    layer_A
        Height of a layer, and width of a ring.
    skip_A
        Height above the solid below which the contour is not fitted.
    blocks
        Stretches of the trajectory that are fitted by themselves; their spread gives the error.

    Raises
    ------
    InputError
        If there is no such atom, the arguments make no sense, or the trajectory has fewer frames than blocks.
    """
    names = [liquid] if isinstance(liquid, str) else list(liquid)
    chosen = np.flatnonzero(np.isin(np.array(trajectory.species), names))
    if not len(chosen):
        raise InputError(f"there is no {' or '.join(names)} in the trajectory", where=trajectory.source)
    if axis not in (0, 1) or not layer_A > 0 or blocks < _FEWEST_BLOCKS:
        raise InputError("the axis is 0 or 1, layers have a height, and there are four blocks at least")
    if trajectory.n_frames < blocks:
        raise InputError(
            f"{trajectory.n_frames} frames do not make {blocks} blocks", where=trajectory.source, remedy="Run longer."
        )
    tops = np.broadcast_to(np.asarray(solid_top_A, dtype=float), (trajectory.n_frames,))
    places = [
        _around_axis(trajectory.positions[k, chosen], trajectory.cells[k], float(tops[k]), shape, axis)
        for k in range(trajectory.n_frames)
    ]
    cells = trajectory.cells
    along = float(np.mean(np.linalg.norm(cells[:, axis], axis=1)))
    widest = _widest(cells.mean(axis=0), shape, axis)
    grid = _Grid(shape, layer_A, widest, along)
    whole = _contour(grid.counts(places), grid, skip_A)
    source = trajectory.source
    how = f"{shape}, {whole.inside_A3:.3g} atoms/Å³ inside; layers of {layer_A:g} Å, fitted above {skip_A:g} Å"
    if whole.spread:
        why = "the liquid reaches across the cell: it wets the solid as a film, or the cell is too small for it"
        return _without(why, whole, how, source)
    fitted = _circle(whole, skip_A)
    if fitted is None:
        return _without(f"fewer than {_FEWEST_LEVELS} layers of the droplet can be fitted", whole, how, source)
    radius, centre = fitted
    parts = [
        _circle(_contour(grid.counts([places[k] for k in part]), grid, skip_A, whole.inside_A3), skip_A)
        for part in np.array_split(np.arange(len(places)), blocks)
    ]
    each = np.array([_angle_deg(*part) for part in parts if part is not None])
    radii = np.array([part[0] for part in parts if part is not None])
    bases = np.array([_base(*part) for part in parts if part is not None])
    if len(each) < _FEWEST_BLOCKS:
        return _without("the stretches of the run are too short to be fitted by themselves", whole, how, source)
    value = _angle_deg(radius, centre)
    error = float(each.std(ddof=1) / np.sqrt(len(each)))
    notes = [f"half an atom's layer ({layer_A:g} Å) in the solid's top changes it by {_lean_deg(fitted, layer_A):.2g}°"]
    from scipy.stats import linregress, t

    trend = linregress(np.arange(len(each)), each)
    settled = bool(trend.pvalue > _TREND)
    if not settled:
        notes.append(f"it goes by {trend.slope * (len(each) - 1):+.2g}° over the run: not settled yet")
    if value < _FLAT_ANGLE_DEG:
        notes.append("a droplet this flat has too few layers for the angle to mean much")
    wide = float(t.ppf(0.975, len(each) - 1)) * error
    angle = Quantity(
        "contact_angle", value, "°", uncertainty=error, interval95=(max(value - wide, 0.0), min(value + wide, 180.0)),
        method=f"{how}; error from {len(each)} stretches", n_effective=float(len(each)), converged=settled,
        warnings=tuple(notes), source=source,
    )  # fmt: skip
    spread = [float(values.std(ddof=1) / np.sqrt(len(values))) for values in (radii, bases)]
    return Droplet(
        angle,
        Quantity("droplet_radius", radius, "Å", uncertainty=spread[0], method=how, source=source),
        Quantity("droplet_base_radius", _base(radius, centre), "Å", uncertainty=spread[1], method=how, source=source),
        whole,
        centre,
        tuple(float(one) for one in each),
    )


def _around_axis(positions: FloatArray, cell: FloatArray, top: float, shape: Shape, axis: int) -> FloatArray:
    """Return distance from the droplet's axis and height above the solid, shape ``(N, 2)`` in Å.

    The axis goes through the mean on the circle of each periodic direction, so that a droplet may lie across the end
    of the cell.
    """
    plane = cell[:2, :2]
    fractional = positions[:, :2] @ np.linalg.inv(plane)
    angle = 2 * np.pi * fractional
    middle = np.arctan2(np.sin(angle).mean(axis=0), np.cos(angle).mean(axis=0)) / (2 * np.pi)
    apart = fractional - middle
    apart -= np.rint(apart)
    height = positions[:, 2] - top
    if shape == "cylinder":
        # the distance from the axis is that across the other box vector
        normal = np.array([-plane[axis, 1], plane[axis, 0]]) / np.linalg.norm(plane[axis])
        return np.column_stack([np.abs((apart @ plane) @ normal), height])
    images = np.array([[i, j] for i in (-1, 0, 1) for j in (-1, 0, 1)], dtype=float)
    away = np.linalg.norm((apart[:, None] + images) @ plane, axis=2).min(axis=1)
    return np.column_stack([away, height])


def _widest(cell: FloatArray, shape: Shape, axis: int) -> float:
    """Return the largest distance from the axis that does not yet belong to an image, in Å."""
    plane = cell[:2, :2]
    area = abs(float(np.linalg.det(plane)))
    widths = [area / float(np.linalg.norm(plane[k])) for k in (0, 1)]  # across each vector
    return widths[axis] / 2 if shape == "cylinder" else min(widths) / 2


@dataclass(frozen=True)
class _Grid:
    """Layers and rings that are counted in: height of a layer, largest distance, length of a cylinder's cell."""

    shape: Shape
    layer_A: float
    widest_A: float
    along_A: float

    def counts(self, places: Sequence[FloatArray]) -> FloatArray:
        """Return mean numbers of atoms by layer and ring of one layer's height and width, shape ``(L, K)``."""
        everything = np.concatenate(places)
        high = float(everything[:, 1].max()) + 2 * self.layer_A
        levels = max(1, int(np.ceil(high / self.layer_A)))
        edges = np.arange(self.rings + 1) * self.layer_A
        counts, _, _ = np.histogram2d(
            everything[:, 1], everything[:, 0], bins=[np.arange(levels + 1) * self.layer_A, edges]
        )
        return np.asarray(counts / len(places))

    @property
    def rings(self) -> int:
        return max(3, int(self.widest_A / self.layer_A))

    def areas(self) -> FloatArray:
        """Return the area of each ring, or of both strips, shape ``(K,)`` in Å²."""
        edges = np.arange(self.rings + 1) * self.layer_A
        if self.shape == "cylinder":
            return np.full(self.rings, 2 * self.layer_A * self.along_A)
        return np.asarray(np.pi * np.diff(edges**2))

    def radius(self, area_A2: FloatArray) -> FloatArray:
        """Return the radius of a disc, or half the width of a strip, of some area."""
        if self.shape == "cylinder":
            return area_A2 / (2 * self.along_A)
        return np.asarray(np.sqrt(area_A2 / np.pi))


def _contour(counts: FloatArray, grid: _Grid, skip_A: float, inside_A3: float | None = None) -> Contour:
    """Return the surface of a droplet from mean numbers of atoms by layer and ring.

    The radius of a layer is that of a disc of the inner density which holds as many atoms (the equimolar surface,
    which for a symmetric profile is where the density falls to half), so that no noisy ring decides.
    """
    areas, layer = grid.areas(), grid.layer_A
    heights = np.asarray((np.arange(len(counts)) + 0.5) * layer, dtype=np.float64)
    if inside_A3 is None:
        inside_A3 = _inside(counts, areas, layer)
    above = heights > skip_A
    edge = counts[:, -2:].sum(axis=1) / (areas[-2:].sum() * layer)
    spread = bool((edge[above] > 0.5 * inside_A3).any() or (edge > 0.5 * inside_A3).mean() > 0.5)
    radii = np.asarray(grid.radius(counts.sum(axis=1) / (inside_A3 * layer)), dtype=np.float64)
    filled = radii > max(layer, _LEAST_SHARE * float(radii.max(initial=0.0)))
    return Contour(heights[filled], radii[filled], inside_A3, spread)


def _inside(counts: FloatArray, areas: FloatArray, layer_A: float) -> float:
    """Return the density in the middle of the droplet, from a narrow column first and then from a wide one."""
    column = min(max(3, counts.shape[1] // 6), counts.shape[1])
    density = 0.0
    for _ in range(3):
        row = counts[:, :column].sum(axis=1) / (areas[:column].sum() * layer_A)
        full = np.flatnonzero(row > 0.5 * row.max())
        middle = full[len(full) // 4 : max(len(full) // 4 + 1, 3 * len(full) // 4)]
        density = float(row[middle].mean())
        rings = counts[middle].sum(axis=0) / (areas * layer_A * len(middle))
        thin = np.flatnonzero(rings < 0.5 * density)
        reach = int(thin[thin >= column][0]) if (thin >= column).any() else counts.shape[1]
        column = max(column, reach // 2)
    return density


def _circle(contour: Contour, skip_A: float) -> tuple[float, float] | None:
    """Return radius and height of the centre of the circle about the axis that fits best; None if too few points."""
    used = contour.height_A > skip_A
    if contour.spread or used.sum() < _FEWEST_LEVELS:
        return None
    z, r = contour.height_A[used], contour.radius_A[used]
    # r² + z² = 2 z c + (R² − c²) is linear in c and R² − c²; near the top a ring's radius is uncertain, its weight r
    matrix = np.column_stack([2 * z, np.ones_like(z)]) * r[:, None]
    (centre, rest), *_ = np.linalg.lstsq(matrix, (r**2 + z**2) * r, rcond=None)
    square = float(rest + centre**2)
    if not square > 0 or float(centre) + square**0.5 <= 0:
        return None
    return square**0.5, float(centre)


def _angle_deg(radius: float, centre: float) -> float:
    """Return the angle through the liquid between the solid at height 0 and the tangent of the circle."""
    return float(np.degrees(np.arccos(np.clip(-centre / radius, -1.0, 1.0))))


def _base(radius: float, centre: float) -> float:
    return float(np.sqrt(max(radius**2 - centre**2, 0.0)))


def _lean_deg(fitted: tuple[float, float], layer_A: float) -> float:
    radius, centre = fitted
    return abs(_angle_deg(radius, centre - layer_A / 2) - _angle_deg(radius, centre + layer_A / 2)) / 2


def _without(why: str, contour: Contour, how: str, source: str) -> Droplet:
    """Return a droplet without numbers, and why."""
    wanted = (("contact_angle", "°"), ("droplet_radius", "Å"), ("droplet_base_radius", "Å"))
    none = [
        Quantity(name, None, unit, method=how, converged=False, warnings=(why,), source=source) for name, unit in wanted
    ]
    return Droplet(none[0], none[1], none[2], contour, float("nan"), ())
