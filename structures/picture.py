"""Pictures of structures: shaded balls, bonds, and the cell, drawn headless with NumPy and matplotlib.

Every ball and every bond is a ray-cast surface in a depth buffer, so that atoms cut each other as solid bodies do.
Bigger scenes, movies and other styles are what OVITO is for; this is the picture that goes into a report.
"""

from __future__ import annotations

import io
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING

import numpy as np

from ..files import write_bytes

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.figure import Figure
    from numpy.typing import NDArray
    from pymatgen.core import Structure

    Array = NDArray[np.float64]

ALKALI = frozenset({"Li", "Na", "K", "Rb", "Cs"})
NETWORK_FORMERS = frozenset({"B", "C", "Si", "Ge", "P"})
_LIGHT = np.array([-0.45, 0.55, 0.70]) / np.linalg.norm([-0.45, 0.55, 0.70])
MOVING = (0.85, 0.28, 0.06)
"""Colour (rgb) of the sites that have the property ``moving``: what a picture of a path is about."""
_FACE_TOLERANCE = 0.02
_REPEAT_FACES_BELOW = 400
_BOND_RADIUS_A = 0.11
_EDGE_RADIUS_A = 0.035
_FOG = 0.45
_LEGEND_ENTRY_PX = 84
_SUPERSAMPLING = 2


def draw_structure(
    structure: Structure,
    target: str | Path | IO[bytes],
    *,
    title: str = "",
    azimuth_deg: float = 22.0,
    elevation_deg: float = 12.0,
    width_px: int = 900,
    bonds: bool = True,
    legend: bool = True,
) -> Path | IO[bytes]:
    """Draw a structure as balls and sticks with its cell to a PNG.

    The view is along b, turned by azimuth and elevation, c upwards; a cell much longer along c than across lies
    on its side, c to the right. Partial occupancies show as sectors, vacancies white. Small cells repeat the
    atoms of their faces and complete coordination shells across them. Bonds join atoms other than alkali nearer
    than 1.15 times their covalent radii, in compounds cations to anions; where the only cation is an alkali they
    join it to the anions. Sites with the property ``moving`` have a colour of their own.

    Parameters
    ----------
    structure
        Up to some thousand atoms.
    target
        File to write atomically, or an open binary stream.
    title
        Text above the picture.
    azimuth_deg, elevation_deg
        Direction of view in degrees.
    width_px
        Width of the picture; the height follows from the cell, within 0.3 to 1.3 of it.
    bonds, legend
        Whether to draw bonds and the names of the elements.

    Returns
    -------
    Path or stream
        `target`.
    """
    scene = _scene(structure, azimuth_deg, elevation_deg, bonds)
    image = _render(scene, width_px)
    stream = io.BytesIO()
    _figure(image, title, _legend(structure) if legend else {}).savefig(stream, format="png", facecolor="white")
    if isinstance(target, (str, Path)):
        return write_bytes(target, stream.getvalue())
    target.write(stream.getvalue())
    return target


@dataclass(frozen=True)
class _Scene:
    """Everything in the frame of the eye: x to the right, y upwards, z towards the eye, in Å."""

    centres: Array
    radii: Array
    colours: list[list[tuple[float, Array]]]
    """For each atom (fraction, rgb) of its species; what is missing to 1 is vacancy."""
    sticks: Array
    """(n, 2, 3) ends of the bonds and cell edges."""
    stick_radii: Array
    stick_colours: Array
    """(n, 2, 3) rgb of the first and the second half."""


def _scene(structure: Structure, azimuth_deg: float, elevation_deg: float, bonds: bool) -> _Scene:
    from ase.data import atomic_numbers, covalent_radii
    from ase.data.colors import jmol_colors

    matrix = np.array(structure.lattice.matrix)
    fractional, owners = _with_faces(np.array(structure.frac_coords))
    symbols = [
        sorted(((el.symbol, float(x)) for el, x in site.species.items()), key=lambda pair: -pair[1])
        for site in structure
    ]
    # the z axis of the drawing is c's direction perpendicular to a and b, so that layers lie level
    rotation = _view(matrix, azimuth_deg, elevation_deg)
    middle = matrix.sum(axis=0) / 2
    main = [pairs[0][0] for pairs in symbols]
    radius = {symbol: float(covalent_radii[atomic_numbers[symbol]]) for symbol in set(main)}
    rgb = {symbol: np.array(jmol_colors[atomic_numbers[symbol]]) for pairs in symbols for symbol, _ in pairs}
    if bonds:
        fractional, owners = _with_ligands(fractional, owners, matrix, main, radius)
    centres = (fractional @ matrix - middle) @ rotation.T
    radii = np.array([0.22 + 0.30 * radius[main[owner]] for owner in owners])
    moving = [bool(site.properties.get("moving")) for site in structure]
    colours = [
        [(amount, np.array(MOVING) if moving[owner] else rgb[symbol]) for symbol, amount in symbols[owner]]
        for owner in owners
    ]
    sticks: list[Array] = []
    stick_radii: list[float] = []
    stick_colours: list[list[Array]] = []
    if bonds:
        labels = [main[owner] for owner in owners]
        full = np.array([sum(x for _, x in symbols[owner]) > 0.5 for owner in owners])
        for i, j in _bonds(centres, labels, radius, full):
            sticks.append(np.array([centres[i], centres[j]]))
            stick_radii.append(_BOND_RADIUS_A)
            stick_colours.append([rgb[labels[i]], rgb[labels[j]]])
    grey = np.array([0.35, 0.35, 0.38])
    for start, end in _cell_edges():
        sticks.append((np.array([start, end]) @ matrix - middle) @ rotation.T)
        stick_radii.append(_EDGE_RADIUS_A)
        stick_colours.append([grey, grey])
    return _Scene(
        centres, radii, colours, np.array(sticks), np.array(stick_radii), np.array(stick_colours, dtype=float)
    )


def _with_faces(fractional: Array) -> tuple[Array, NDArray[np.int64]]:
    """Wrap into the cell; atoms on a face of a small cell appear on the opposite one as well."""
    wrapped = fractional - np.floor(fractional + 1e-6)
    owners = np.arange(len(wrapped))
    if len(wrapped) > _REPEAT_FACES_BELOW:
        return wrapped, owners
    for axis in range(3):
        low = wrapped[:, axis] < _FACE_TOLERANCE
        high = wrapped[:, axis] > 1 - _FACE_TOLERANCE
        step = np.eye(3)[axis]
        wrapped = np.concatenate([wrapped, wrapped[low] + step, wrapped[high] - step])
        owners = np.concatenate([owners, owners[low], owners[high]])
    return wrapped, owners


def _with_ligands(
    fractional: Array, owners: NDArray[np.int64], matrix: Array, labels: list[str], radius: dict[str, float]
) -> tuple[Array, NDArray[np.int64]]:
    """Add the anions outside the cell that complete the shells of the cations drawn (PS4, PO4, ZrO6)."""
    from scipy.spatial import cKDTree

    if len(owners) > _REPEAT_FACES_BELOW:
        return fractional, owners
    anions = np.array([i for i, symbol in enumerate(labels) if _is_anion(symbol)], dtype=int)
    cations = [i for i, owner in enumerate(owners) if not _is_anion(labels[owner]) and labels[owner] not in ALKALI]
    if not len(anions) or not cations:
        return fractional, owners
    base = fractional[anions] - np.floor(fractional[anions])
    shifts = np.array([(i, j, k) for i in (-1, 0, 1) for j in (-1, 0, 1) for k in (-1, 0, 1)])
    images = (base[None] + shifts[:, None]).reshape(-1, 3)
    image_owners = np.tile(anions, len(shifts))
    drawn = cKDTree(fractional @ matrix)
    new = np.array(drawn.query(images @ matrix)[0]) > 0.05
    images, image_owners = images[new], image_owners[new]
    tree = cKDTree(images @ matrix)
    wanted: set[int] = set()
    for index in cations:
        centre = fractional[index] @ matrix
        one = radius[labels[owners[index]]]
        for other in tree.query_ball_point(centre, 1.15 * (one + 1.25)):
            reach = 1.15 * (one + radius[labels[image_owners[other]]])
            if np.linalg.norm(images[other] @ matrix - centre) < reach:
                wanted.add(int(other))
    chosen = sorted(wanted)
    return np.concatenate([fractional, images[chosen]]), np.concatenate([owners, image_owners[chosen]])


def _view(matrix: Array, azimuth_deg: float, elevation_deg: float) -> Array:
    """Return the rotation (3, 3) from crystal to eye coordinates."""
    lengths = np.linalg.norm(matrix, axis=1)
    up = np.cross(matrix[0], matrix[1])
    up = up / np.linalg.norm(up) * np.sign(up @ matrix[2])
    right = matrix[0] / lengths[0]
    upright = np.array([right, up, np.cross(right, up)])
    azimuth, elevation = np.radians([azimuth_deg, elevation_deg])
    lying = lengths[2] > 1.6 * max(lengths[0], lengths[1])
    if lying:
        upright = np.array([upright[1], -upright[0], upright[2]])
        upright = np.array([upright[0], upright[2], -upright[1]])
        azimuth, elevation = -0.6 * azimuth, elevation
    cos, sin = np.cos(azimuth), np.sin(azimuth)
    turn = np.array([[cos, 0, sin], [0, 1, 0], [-sin, 0, cos]])
    cos, sin = np.cos(elevation), np.sin(elevation)
    tilt = np.array([[1, 0, 0], [0, cos, -sin], [0, sin, cos]])
    rotation: Array = tilt @ turn @ upright
    return rotation


def _bonds(
    centres: Array, labels: Sequence[str], radius: dict[str, float], full: NDArray[np.bool_]
) -> list[tuple[int, int]]:
    from scipy.spatial import cKDTree

    elements = set(labels)
    cations = {symbol for symbol in elements if not _is_anion(symbol)}
    alkali_too = bool(cations) and cations <= ALKALI and len(elements) > len(cations)
    found = []
    for i, j in cKDTree(centres).query_pairs(2.3 * max(radius.values())):
        one, two = labels[i], labels[j]
        if not (full[i] and full[j]):
            continue
        with_alkali = (one in ALKALI) + (two in ALKALI)
        if with_alkali == 2 or (with_alkali and not alkali_too):
            continue
        anions = _is_anion(one) + _is_anion(two)
        if anions == 2 and cations and not cations <= ALKALI:
            continue
        if anions == 0 and cations != elements and not {one, two} <= NETWORK_FORMERS:
            continue
        distance = float(np.linalg.norm(centres[i] - centres[j]))
        if 0.4 < distance < 1.15 * (radius[one] + radius[two]):
            found.append((i, j))
    return found


def _is_anion(symbol: str) -> bool:
    return symbol in {"N", "O", "F", "S", "Cl", "Se", "Br", "I", "H"}


def _cell_edges() -> list[tuple[tuple[int, int, int], tuple[int, int, int]]]:
    corners = [(i, j, k) for i in (0, 1) for j in (0, 1) for k in (0, 1)]
    return [(a, b) for a in corners for b in corners if a < b and sum(map(abs, np.subtract(b, a))) == 1]


def _render(scene: _Scene, width_px: int) -> Array:
    """Return the picture (height, width, 3), white where nothing is."""
    points = np.concatenate([scene.centres, scene.sticks.reshape(-1, 3)])
    pad = scene.radii.max() + 0.3
    low, high = points[:, :2].min(axis=0) - pad, points[:, :2].max(axis=0) + pad
    extent = high - low
    height_px = int(width_px * np.clip(extent[1] / extent[0], 0.3, 1.3))
    wide, tall = width_px * _SUPERSAMPLING, height_px * _SUPERSAMPLING
    scale = min(wide / extent[0], tall / extent[1])
    offset = np.array([wide, tall]) / 2 - (low + high) / 2 * scale
    depth = np.full((tall, wide), -np.inf)
    image = np.ones((tall, wide, 3))

    def to_pixels(points: Array) -> Array:
        pixels: Array = points * scale
        pixels[..., :2] += offset
        pixels[..., 1] = tall - pixels[..., 1]
        return pixels

    for ends, radius, colours in zip(
        to_pixels(scene.sticks), scene.stick_radii * scale, scene.stick_colours, strict=True
    ):
        _draw_stick(image, depth, ends, max(radius, 0.9 * _SUPERSAMPLING), colours)
    for centre, radius, colour in zip(to_pixels(scene.centres), scene.radii * scale, scene.colours, strict=True):
        _draw_ball(image, depth, centre, radius, colour)
    _outline_and_fog(image, depth, scale)
    return _downsample(image)


def _window(low: Array, high: Array, shape: tuple[int, ...]) -> tuple[slice, slice, Array, Array] | None:
    x0, y0 = np.maximum(np.floor(low[:2]).astype(int), 0)
    x1, y1 = np.minimum(np.ceil(high[:2]).astype(int) + 1, (shape[1], shape[0]))
    if x0 >= x1 or y0 >= y1:
        return None
    y, x = np.mgrid[y0:y1, x0:x1].astype(float) + 0.5
    return slice(y0, y1), slice(x0, x1), x, y


def _draw_ball(image: Array, depth: Array, centre: Array, radius: float, colours: list[tuple[float, Array]]) -> None:
    window = _window(centre - radius, centre + radius, depth.shape)
    if window is None:
        return
    rows, columns, x, y = window
    dx, dy = (x - centre[0]) / radius, (y - centre[1]) / radius
    height2 = 1 - dx * dx - dy * dy
    inside = height2 > 0
    nz = np.sqrt(np.where(inside, height2, 0))
    z = centre[2] + nz * radius
    visible = inside & (z > depth[rows, columns])
    if not visible.any():
        return
    if len(colours) == 1 and colours[0][0] > 0.999:
        base: Array = np.broadcast_to(colours[0][1], (*dx.shape, 3))
    else:
        base = np.full((*dx.shape, 3), 0.97)
        turn = (np.arctan2(dx, dy) / (2 * np.pi)) % 1.0
        start = 0.0
        for amount, rgb in colours:
            base[(turn >= start) & (turn < start + amount)] = rgb
            start += amount
    shaded = _shade(base, dx, -dy, nz)
    image[rows, columns][visible] = shaded[visible]
    depth[rows, columns][visible] = z[visible]


def _draw_stick(image: Array, depth: Array, ends: Array, radius: float, colours: Array) -> None:
    window = _window(ends.min(axis=0) - radius, ends.max(axis=0) + radius, depth.shape)
    if window is None:
        return
    rows, columns, x, y = window
    start, axis = ends[0], ends[1] - ends[0]
    flat = float(np.hypot(axis[0], axis[1]))
    if flat < 1e-6:
        return
    # across: signed distance from the projected axis; along: 0 to 1 from one end to the other
    across = ((x - start[0]) * axis[1] - (y - start[1]) * axis[0]) / flat
    along = ((x - start[0]) * axis[0] + (y - start[1]) * axis[1]) / flat**2
    inside = (np.abs(across) < radius) & (along >= 0) & (along <= 1)
    if not inside.any():
        return
    bulge = np.sqrt(np.where(inside, 1 - (across / radius) ** 2, 0))
    z = start[2] + along * axis[2] + bulge * radius
    visible = inside & (z > depth[rows, columns])
    base = np.where((along < 0.5)[..., None], colours[0], colours[1])
    sideways = np.array([axis[1], -axis[0]]) / flat
    shaded = _shade(base, across / radius * sideways[0], -across / radius * sideways[1], bulge)
    image[rows, columns][visible] = shaded[visible]
    depth[rows, columns][visible] = z[visible]


def _shade(base: Array, nx: Array, ny: Array, nz: Array) -> Array:
    """Phong shading for a light from the upper left behind the eye."""
    diffuse = np.clip(nx * _LIGHT[0] + ny * _LIGHT[1] + nz * _LIGHT[2], 0, 1)
    # the half vector between the light and the direction to the eye
    half = (_LIGHT + np.array([0, 0, 1])) / np.linalg.norm(_LIGHT + np.array([0, 0, 1]))
    shine = np.clip(nx * half[0] + ny * half[1] + nz * half[2], 0, 1) ** 40
    lit: Array = base * (0.42 + 0.62 * diffuse)[..., None] + 0.35 * shine[..., None]
    return np.clip(lit, 0, 1)


def _outline_and_fog(image: Array, depth: Array, scale: float) -> None:
    """Darken edges where the depth jumps, then fade what is far away."""
    drawn = np.isfinite(depth)
    if not drawn.any():
        return
    near, far = depth[drawn].max(), depth[drawn].min()
    filled = np.where(drawn, depth, far - 2 * scale)
    jump = np.zeros_like(filled)
    for shift in (1, -1):
        for axis in (0, 1):
            jump = np.maximum(jump, np.roll(filled, shift, axis=axis) - filled)
    edge = np.clip(jump / (0.9 * scale), 0, 1) * drawn
    image *= (1 - 0.55 * edge)[..., None]
    away = np.where(drawn, (near - depth) / max(near - far, 1e-9), 0)
    fog = (_FOG * away**1.3)[..., None]
    image[:] = image * (1 - fog) + fog


def _downsample(image: Array) -> Array:
    tall, wide = (size // _SUPERSAMPLING * _SUPERSAMPLING for size in image.shape[:2])
    blocks = image[:tall, :wide].reshape(
        tall // _SUPERSAMPLING, _SUPERSAMPLING, wide // _SUPERSAMPLING, _SUPERSAMPLING, 3
    )
    mean: Array = blocks.mean(axis=(1, 3))
    return mean


def _legend(structure: Structure) -> dict[str, tuple[float, ...]]:
    """Return the colour (rgb) of each element that is at rest, and of what moves."""
    from ase.data import atomic_numbers
    from ase.data.colors import jmol_colors

    still = [site for site in structure if not site.properties.get("moving")]
    symbols = dict.fromkeys(element.symbol for site in still for element in site.species)
    found = {symbol: tuple(jmol_colors[atomic_numbers[symbol]]) for symbol in symbols}
    moving = dict.fromkeys(site.specie.symbol for site in structure if site.properties.get("moving"))
    return found | {f"{symbol}, moving": MOVING for symbol in moving}


def _figure(image: Array, title: str, elements: dict[str, tuple[float, ...]]) -> Figure:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    dpi = 100
    tall, wide = image.shape[:2]
    columns = max(1, min(wide // _LEGEND_ENTRY_PX, len(elements)))
    rows = -(-len(elements) // columns)
    above, below = (40 if title else 6), (16 + 30 * rows if elements else 6)
    total = tall + above + below
    figure = Figure(figsize=(wide / dpi, total / dpi), dpi=dpi)
    FigureCanvasAgg(figure)
    axes = figure.add_axes((0, below / total, 1, tall / total))
    axes.imshow(np.clip(image, 0, 1), interpolation="none", aspect="auto")
    axes.axis("off")
    if title:
        figure.text(0.5, 1 - 0.5 * above / total, title, ha="center", va="center", fontsize=15, color="#222222")
    if elements:
        handles = [
            axes.plot([], [], "o", ms=13, mfc=colour, mec="#444444", mew=0.8, label=label)[0]
            for label, colour in elements.items()
        ]
        figure.legend(
            handles=handles,
            loc="lower center",
            ncols=columns,
            frameon=False,
            fontsize=13,
            handletextpad=0.2,
            columnspacing=1.6,
        )
    return figure
