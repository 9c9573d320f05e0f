"""One number from several independent samples of the same thing."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from ..errors import InputError
from ..quantity import Quantity

if TYPE_CHECKING:
    from collections.abc import Sequence


_EQUAL = 1e-7
"""Below this share of them values differ by rounding alone."""


def replica_mean(found: Sequence[Quantity]) -> Quantity:
    """Return the mean over replicas with the standard error of their spread and Student's interval.

    A replica without a value is left out, and a warning says so. A single value keeps its own error.
    The mean is converged where all values are, and warns of what they warn of.

    Parameters
    ----------
    found
        The same quantity of each replica, one at least.

    Raises
    ------
    InputError
        If there is none, or names or units differ.
    """
    units = {quantity.unit for quantity in found if quantity.value is not None}
    if not found or len({(quantity.name, quantity.species) for quantity in found}) > 1 or len(units) > 1:
        raise InputError("the replicas do not hold one and the same quantity")
    valued = [quantity for quantity in found if quantity.value is not None]
    values = np.array([quantity.value for quantity in valued], dtype=float)
    missing = len(found) - len(values)
    notes = tuple(dict.fromkeys(text for quantity in found for text in quantity.warnings if quantity.value is None))
    if missing and len(values):
        notes = (f"{missing} of {len(found)} replicas gave none", *notes)
    first = valued[0] if valued else found[0]
    if len(found) == 1 or not len(values):
        return replace(first, warnings=notes or first.warnings)
    if len(values) == 1:
        return replace(first, warnings=(*notes, *first.warnings))
    from scipy.stats import t

    mean, error = float(values.mean()), float(values.std(ddof=1) / np.sqrt(len(values)))
    half = float(t.ppf(0.975, len(values) - 1)) * error
    return Quantity(
        first.name,
        mean,
        first.unit,
        uncertainty=error,
        interval95=(mean - half, mean + half),
        method=f"{first.method}; mean over replicas with the error of their spread" if first.method else "",
        species=first.species,
        n_effective=float(len(values)),
        converged=all(quantity.converged for quantity in valued),
        warnings=tuple(dict.fromkeys((*notes, *(text for quantity in valued for text in quantity.warnings)))),
    )


def mean_of_places(found: Sequence[Quantity]) -> Quantity:
    """Return the mean over places of relaxed cells, such as contacts or sites, with the error of their spread.

    Places that symmetry makes equal count once: what they do not differ in is no error of nothing.

    Parameters
    ----------
    found
        The same quantity of each place, one at least.
    """
    distinct: list[Quantity] = []
    for one in sorted(found, key=lambda quantity: quantity.converged):  # of equals the one that did not converge counts
        if not any(_equal(one.value, other.value) for other in distinct):
            distinct.append(one)
    return replica_mean(distinct)


def _equal(one: float | None, other: float | None) -> bool:
    return one is not None and other is not None and bool(np.isclose(one, other, rtol=_EQUAL, atol=_EQUAL))
