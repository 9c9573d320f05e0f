"""What stands where along the normal of an interface: layers, densities, compositions, with errors over time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ...errors import InputError
from ..transport.gls import FloatArray


@dataclass(frozen=True)
class Heights:
    """Where atoms stand along the normal of two box vectors, and the directions in the plane.

    Attributes
    ----------
    height_A
        Distance from the lower face of the cell along the normal, inside the cell, shape ``(F, N)``, in Å.
    period_A
        Height of the cell in each frame, shape ``(F,)``, in Å.
    area_A2
        Area of the face in each frame, shape ``(F,)``, in Å².
    in_plane
        Two unit vectors in the plane of the first frame, rows, shape ``(2, 3)``.
    normal
        Unit vector of the normal of the first frame, shape ``(3,)``.
    """

    height_A: FloatArray
    period_A: FloatArray
    area_A2: FloatArray
    in_plane: FloatArray
    normal: FloatArray


@dataclass(frozen=True)
class Profile:
    """Number densities along the normal.

    Attributes
    ----------
    z_A
        Middle of each layer, shape ``(B,)``, in Å.
    edges_A
        Bounds of the layers, shape ``(B + 1,)``, in Å.
    density_per_A3
        By element, shape ``(B,)`` each.
    error_per_A3
        One standard error of each from blocks of time; NaN where there are too few frames.
    blocks
        Number of blocks behind the errors.
    """

    z_A: FloatArray
    edges_A: FloatArray
    density_per_A3: dict[str, FloatArray]
    error_per_A3: dict[str, FloatArray]
    blocks: int

    def fraction(self, element: str) -> tuple[FloatArray, FloatArray]:
        """Return the atomic fraction of an element in each layer and its standard error; NaN in empty layers.

        Densities of different elements are taken as independent, each with its own error.
        """
        total = np.sum(list(self.density_per_A3.values()), axis=0)
        own = self.density_per_A3[element]
        with np.errstate(invalid="ignore", divide="ignore"):
            value = np.where(total > 0, own / total, np.nan)
            others = sum(error**2 for name, error in self.error_per_A3.items() if name != element)
            variance = ((1 - value) * self.error_per_A3[element]) ** 2 + value**2 * others
            return value, np.sqrt(variance) / total

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON types; NaN becomes null."""
        return {
            "z_A": self.z_A.tolist(),
            "edges_A": self.edges_A.tolist(),
            "density_per_A3": {name: _plain(values) for name, values in self.density_per_A3.items()},
            "error_per_A3": {name: _plain(values) for name, values in self.error_per_A3.items()},
            "blocks": self.blocks,
        }


def heights(positions: FloatArray, cells: FloatArray, *, axis: int = 2, origins: FloatArray | None = None) -> Heights:
    """Return where atoms stand along the normal of the two box vectors other than `axis`.

    Parameters
    ----------
    positions
        Shape ``(F, N, 3)``, wrapped or not, in Å.
    cells
        Shape ``(F, 3, 3)``, rows are box vectors, in Å; may be tilted and change with time.
    axis
        Box vector that crosses the layers.
    origins
        Corner of the box in each frame, shape ``(F, 3)``, in Å; zero if None.

    Raises
    ------
    InputError
        If shapes do not belong together or a cell has no volume.
    """
    frames = positions.shape[0]
    if cells.shape != (frames, 3, 3) or axis not in (0, 1, 2):
        raise InputError(
            f"cells of shape {cells.shape} for {frames} frames, axis {axis}", remedy="Give one cell a frame."
        )
    first, second = (cells[:, (axis + 1) % 3], cells[:, (axis + 2) % 3])
    cross = np.cross(first, second)
    area = np.linalg.norm(cross, axis=1)
    volume = np.abs(np.linalg.det(cells))
    if not np.all(volume > 0):
        raise InputError("a cell has no volume", remedy="Check the box of the trajectory.")
    normal = cross / area[:, None]
    normal *= np.sign(np.einsum("fi,fi->f", normal, cells[:, axis]))[:, None]
    period = volume / area
    relative = positions if origins is None else positions - origins[:, None, :]
    height = np.mod(np.einsum("fni,fi->fn", relative, normal), period[:, None])
    along = first[0] / np.linalg.norm(first[0])
    return Heights(height, period, area, np.stack([along, np.cross(normal[0], along)]), normal[0])


def density_profile(
    where: Heights, species: Sequence[str], *, layer_A: float = 1.0, blocks: int = 10, elements: Sequence[str] = ()
) -> Profile:
    """Return the number density of each element in layers along the normal.

    Layers are fractions of the cell, so that a cell that breathes keeps each atom in its layer.

    Parameters
    ----------
    where
        Heights of all atoms.
    species
        Element of each atom, length N.
    layer_A
        Thickness of a layer in Å; the nearest that divides the cell is taken.
    blocks
        Blocks of consecutive frames whose means give the error.
    elements
        Elements to keep; all if empty.

    Raises
    ------
    InputError
        If the layer is not positive and thinner than the cell, or an element is not there.
    """
    frames, atoms = where.height_A.shape
    if len(species) != atoms:
        raise InputError(f"{len(species)} names for {atoms} atoms", remedy="Give one for each.")
    count = layer_count(float(where.period_A.mean()), layer_A)
    names = np.array(species)
    wanted = tuple(elements) or tuple(dict.fromkeys(species))
    if missing := set(wanted) - set(species):
        raise InputError(f"there is no {', '.join(sorted(missing))}", remedy="Choose elements that are there.")
    index = np.minimum((where.height_A / where.period_A[:, None] * count).astype(int), count - 1)
    volume = where.area_A2 * where.period_A / count
    edges = np.linspace(0.0, float(where.period_A.mean()), count + 1)
    pieces = np.array_split(np.arange(frames), min(blocks, frames))
    density, error = {}, {}
    for name in wanted:
        columns = np.flatnonzero(names == name)
        flat = index[:, columns] + count * np.arange(frames)[:, None]
        each = np.bincount(flat.ravel(), minlength=frames * count).reshape(frames, count) / volume[:, None]
        density[name] = each.mean(axis=0)
        means = np.array([each[piece].mean(axis=0) for piece in pieces])
        enough = len(pieces) > 1
        error[name] = means.std(axis=0, ddof=1) / np.sqrt(len(pieces)) if enough else np.full(count, np.nan)
    return Profile(0.5 * (edges[1:] + edges[:-1]), edges, density, error, len(pieces))


def layer_count(period_A: float, layer_A: float) -> int:
    """Return how many layers of about `layer_A` fill the height of the cell, or raise `InputError`."""
    if not 0 < layer_A < period_A:
        raise InputError(
            f"layers of {layer_A} Å in a cell {period_A:.3g} Å high", remedy="Choose a thinner, positive layer."
        )
    return max(2, round(period_A / layer_A))


def _plain(values: FloatArray) -> list[float | None]:
    return [float(value) if np.isfinite(value) else None for value in values]
