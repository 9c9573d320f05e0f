"""What a band says: barriers, path length, whether the saddle is one, and how fast the hop is."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from ...quantity import Quantity
from .neb import neb_barrier, path_from_images
from .vibrations import Modes, attempt_frequency

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ...structures.paths import Band

    Array = NDArray[np.float64]


@dataclass(frozen=True)
class BandResult:
    """Quantities of a band, and its curve for a picture.

    Attributes
    ----------
    quantities
        ``migration_barrier``, ``reverse_barrier``, ``reaction_energy``, ``path_length``.
    curve_A, curve_eV
        Interpolated path, energy above the first image.
    """

    quantities: tuple[Quantity, ...]
    curve_A: list[float]
    curve_eV: list[float]


def barrier_quantities(
    band: Band,
    energies_eV: Array,
    forces_eV_A: Array,
    *,
    climbing_image: int | None,
    reason: str = "",
    method: str = "",
    source: str = "",
) -> BandResult:
    """Return barriers with the error of the path's description; the error of the energy model is not in it.

    Where an image has climbed onto the saddle its energy is the barrier, and the interpolation between the images is
    the error: it would show a higher point elsewhere. Otherwise the maximum of the interpolation is the barrier.

    Parameters
    ----------
    band
        Relaxed band.
    energies_eV, forces_eV_A
        Of each image, shapes (images,) and (images, N, 3), without springs.
    climbing_image
        Image that has climbed, or None.
    reason
        Why the band is not converged; empty if it is.
    method, source
        For the quantities.
    """
    images = len(band)
    cells = np.repeat(np.asarray(band.cell)[None], images, axis=0)
    path = path_from_images(band.positions, energies_eV, forces_eV_A, cells, source=source)
    if not reason:  # judged by the force of the band already, which knows better than a spline's tangent
        path = replace(path, perpendicular_force_eV_A=None)
    fit = neb_barrier(path)
    quantities = []
    for quantity in (fit.forward, fit.reverse, fit.reaction_energy, fit.length):
        warnings = tuple(text[0].upper() + text[1:] + "." * (not text.endswith(".")) for text in quantity.warnings)
        quantity = replace(quantity, warnings=warnings, method=f"{quantity.method}; {method}", n_effective=None)
        if climbing_image is not None and quantity.name in ("migration_barrier", "reverse_barrier"):
            from_end = 0 if quantity.name == "migration_barrier" else -1
            value = float(energies_eV[climbing_image] - energies_eV[from_end])
            assert quantity.value is not None
            error = max(abs(quantity.value - value), 1e-3)
            quantity = replace(
                quantity,
                value=value,
                uncertainty=error,
                interval95=None,
                method=f"energy of the climbing image, error from the interpolation of energies and forces; {method}",
                warnings=tuple(text for text in warnings if "hides whatever" not in text or images < 5),
            )
        if reason:
            quantity = quantity.doubted(reason)
        quantities.append(quantity)
    every = max(1, len(fit.curve_A) // 200)
    return BandResult(tuple(quantities), fit.curve_A[::every].tolist(), fit.curve_eV[::every].tolist())


def saddle_quantities(start: Modes, saddle: Modes, *, source: str = "") -> dict[str, Any]:
    """Return the attempt frequency and the lowest modes, and say whether the saddle has exactly one imaginary mode.

    Parameters
    ----------
    start, saddle
        Modes of the same atoms.
    source
        For the quantities.
    """
    frequency = attempt_frequency(start, saddle, source=source)
    imaginary = saddle.frequencies_THz[saddle.frequencies_THz < 0]
    quantities = [frequency]
    if len(imaginary):
        quantities.append(
            Quantity(
                "imaginary_frequency",
                float(-imaginary.min()),
                "THz",
                method=f"lowest mode of the saddle, finite differences on {len(saddle.atoms)} atoms",
                converged=saddle.imaginary == 1,
                source=source,
            )
        )
    return {
        "quantities": quantities,
        "atoms": len(saddle.atoms),
        "imaginary_modes_at_start": start.imaginary,
        "imaginary_modes_at_saddle": saddle.imaginary,
        "confirmed": saddle.imaginary == 1 and start.imaginary == 0,
        "lowest_at_start_THz": start.frequencies_THz[:5].tolist(),
        "lowest_at_saddle_THz": saddle.frequencies_THz[:5].tolist(),
        "asymmetry": [start.asymmetry, saddle.asymmetry],
    }
