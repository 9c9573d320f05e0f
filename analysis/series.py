"""Means of correlated series with an error that counts independent samples only."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ..quantity import Quantity

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

_WINDOW = 5.0  # in correlation times; Sokal's choice
_FEWEST = 4.0


@dataclass(frozen=True)
class SeriesMean:
    """Mean of a stationary series.

    Attributes
    ----------
    mean, standard_error
        In the unit of the series.
    n_effective
        Number of independent samples that the series is worth.
    """

    mean: float
    standard_error: float
    n_effective: float


def correlation_time(values: ArrayLike) -> float:
    """Return the integrated autocorrelation time of a series in samples, at least 0.5.

    The sum over lags is cut at five times its own value (A. Sokal, in Functional Integration, Plenum 1997,
    p. 131).

    Parameters
    ----------
    values
        Shape ``(M,)``.
    """
    series: NDArray[np.float64] = np.asarray(values, dtype=float)
    centred = series - series.mean()
    variance = float(centred @ centred)
    if len(series) < 2 or variance == 0:
        return 0.5
    size = 1 << (2 * len(series) - 1).bit_length()
    spectrum = np.abs(np.fft.rfft(centred, size)) ** 2
    correlation = np.fft.irfft(spectrum, size)[: len(series)] / variance
    sums = 0.5 + np.cumsum(correlation[1:])
    for lag, total in enumerate(sums, start=1):
        if lag >= _WINDOW * total:
            return max(0.5, float(total))
    return max(0.5, float(sums[-1]))


def series_mean(values: ArrayLike) -> SeriesMean:
    """Return the mean of a stationary, correlated series and its standard error.

    Parameters
    ----------
    values
        Shape ``(M,)``, evenly spaced in time.
    """
    series: NDArray[np.float64] = np.asarray(values, dtype=float)
    effective = len(series) / (2 * correlation_time(series))
    error = float(series.std(ddof=1) / np.sqrt(effective)) if len(series) > 1 else 0.0
    return SeriesMean(float(series.mean()), error, effective)


def mean_quantity(name: str, values: ArrayLike, unit: str, *, source: str = "", scale: float = 1.0) -> Quantity:
    """Return the time average of a series as a quantity.

    Parameters
    ----------
    name, unit, source
        Of the quantity.
    values
        Shape ``(M,)``, evenly spaced in time.
    scale
        Factor from the unit of `values` to `unit`.
    """
    mean = series_mean(values)
    value, error = mean.mean * scale, mean.standard_error * abs(scale)
    few = mean.n_effective < _FEWEST
    return Quantity(
        name=name,
        value=value,
        unit=unit,
        uncertainty=error,
        interval95=(value - 1.96 * error, value + 1.96 * error),
        method="time average; error from the integrated autocorrelation time",
        n_effective=mean.n_effective,
        converged=not few,
        warnings=(f"The run holds only {mean.n_effective:.1f} independent samples of it.",) if few else (),
        source=source,
    )
