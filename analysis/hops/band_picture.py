"""Pictures of bands: energy against arc length with the slopes, and the path drawn in the crystal."""

from __future__ import annotations

import io
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ...files import write_bytes

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray
    from pymatgen.core import Structure

    Array = NDArray[np.float64]

_COLOURS = ("#4477aa", "#cc6677", "#228833", "#aa3377", "#ccbb44")
_MOVED_A = 0.5


@dataclass(frozen=True)
class BandPoints:
    """The images of a band: arc length in Å, height above the first in eV, slope in eV/Å; shape (images,) each."""

    arc_length_A: Array
    height_eV: Array
    slope_eV_A: Array


def band_points(document: Mapping[str, Any]) -> BandPoints:
    """Return the images of a band, with the slopes that the forces along the path give.

    Parameters
    ----------
    document
        Document of `anodeflow.workflows.barrier.jobs.BandMaker` with a band.
    """
    from .neb import path_from_images

    band = document["band"]
    positions, energies = np.array(band["positions"]), np.array(band["energies_eV"])
    cells = np.repeat(np.array(band["cell"])[None], len(positions), axis=0)
    images = path_from_images(positions, energies, np.array(band["forces_eV_A"]), cells)
    assert images.slope_eV_A is not None
    return BandPoints(images.arc_length_A, energies - energies[0], images.slope_eV_A)


def draw_band(documents: Sequence[Mapping[str, Any]], path: Path) -> Path:
    """Draw the bands of one hop at its levels: images with their slopes, and the curve through them.

    Parameters
    ----------
    documents
        Documents of `anodeflow.workflows.barrier.jobs.BandMaker` with a band.
    path
        PNG file, written atomically.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6.0, 4.0), layout="constrained", dpi=150)
    axes = figure.subplots()
    for colour, document in zip(_COLOURS * len(documents), documents, strict=False):
        points = band_points(document)
        arc, height = points.arc_length_A, points.height_eV
        mark = "" if document["converged"] else ", not converged"
        axes.plot(document["curve"]["arc_length_A"], document["curve"]["energy_eV"], color=colour, lw=1.2)
        axes.plot(arc, height, "o", ms=4, color=colour, label=f"{document['level']}{mark}")
        half = 0.06 * arc[-1]
        for s, e, slope in zip(arc, height, points.slope_eV_A, strict=True):
            axes.plot([s - half, s + half], [e - slope * half, e + slope * half], color=colour, lw=2.5, alpha=0.35)
    axes.set_xlabel("arc length (Å)")
    axes.set_ylabel("energy above the start (eV)")
    axes.set_title(str(documents[0]["hop"]))
    axes.legend(frameon=False)
    stream = io.BytesIO()
    figure.savefig(stream, format="png")
    return write_bytes(path, stream.getvalue())


def draw_path(document: Mapping[str, Any], path: Path) -> Path:
    """Draw the crystal at the start with the atoms that move at every image.

    Parameters
    ----------
    document
        Document with a band.
    path
        PNG file, written atomically.
    """
    from ...structures.picture import draw_structure

    title = f"{document['hop']}, {document['level']}: every image of what moves"
    draw_structure(path_structure(document), path, title=title)
    return path


def path_structure(document: Mapping[str, Any]) -> Structure:
    """Return the crystal at the start of a band with the atoms that move at every image, marked as ``moving``."""
    from pymatgen.core import Lattice, Structure

    band = document["band"]
    positions = np.array(band["positions"])
    moved = np.linalg.norm(positions[-1] - positions[0], axis=1) > _MOVED_A
    symbols = list(band["symbols"])
    trail = [(symbols[atom], frame[atom]) for frame in positions[1:] for atom in np.flatnonzero(moved)]
    species = symbols + [symbol for symbol, _ in trail]
    places = np.vstack([positions[0], *(place for _, place in trail)])
    return Structure(
        Lattice(band["cell"]),
        species,
        places,
        coords_are_cartesian=True,
        to_unit_cell=True,
        site_properties={"moving": [*moved.tolist(), *(True for _ in trail)]},
    )
