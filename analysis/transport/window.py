"""Where the diffusive regime begins: the earliest lag whose slope no later beginning contradicts.

Lepski's rule (O. V. Lepskii, Theory Probab. Appl. 35 (1991) 454): among estimates of falling bias and growing
error take the first that agrees, within the error of the difference, with those after it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from .gls import FloatArray

CONTRADICTION = 2.0
"""Standard errors by which a later slope must differ to refuse a beginning of the window."""

IMMATERIAL = 0.25
"""A change of slope below this part of the standard error does not matter."""

_REACH = 4.0
"""A beginning is held against later ones up to this many times its lag; further ones are noise."""

_TAIL = 4.0
"""Where a change of slope was seen, its tail is left out too: the window begins this many times later."""


class Beginning(NamedTuple):
    """Indices of the first lag that nothing contradicts and of the one to begin at, and whether it was shown."""

    earliest: int
    start: int
    consistent: bool


def earliest_consistent(lag: FloatArray, starts: int, agree: Callable[[int, int], bool], least: int = 0) -> Beginning:
    """Return where the window begins.

    Parameters
    ----------
    lag
        Ascending lags.
    starts
        Only the first so many can begin a window.
    agree
        Whether the slopes of the windows that begin at two indices agree.
    least
        Index before which it is known not to begin.
    """
    for row in range(least, starts):
        if 2 * lag[row] > lag[starts - 1]:
            break
        later = [k for k in range(row + 1, starts) if lag[k] <= _REACH * lag[row]]
        if all(agree(row, k) for k in later):
            # the very first lag is left out in any case: a change of slope below it cannot be seen
            tail = _TAIL * lag[row] if row > least else max(lag[row], lag[1])
            return Beginning(row, min(int(np.searchsorted(lag, tail)), starts - 1), True)
    return Beginning(starts - 1, starts - 1, False)
