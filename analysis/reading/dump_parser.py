"""The compiled inner loop that turns the rows of a LAMMPS text dump into numbers.

Few functions, simply typed, so that the first use compiles in seconds and later ones load them from disk.
Positions are unsigned, because a signed index costs a test for negative values at every byte.
"""

from __future__ import annotations

import numpy as np
from numba import njit

DONE, NEED_MORE, BAD_ROW, NOT_FINITE, UNKNOWN_ID, REPEATED_ID = 0, 1, 2, 3, 4, 5
"""What `parse_rows` found: all rows, the end of the lines, or what is wrong with the row it stopped at."""

SKIP, ATOM_ID, LABEL = -1, -2, -3
"""Roles of a column for `parse_rows`; a role of zero or more is the column of the output array."""

_POWERS = 10.0 ** np.arange(23)
"""Powers of ten that are exact in double precision, so that up to 15 digits round correctly."""

_ONE = np.uint64(1)
_OK, _MALFORMED, _INFINITE = 0, 1, 2


@njit(cache=True, nogil=True, boundscheck=False)
def _unusual(buffer, position):  # type: ignore[no-untyped-def]  # numba infers the types
    """Parse a number with an exponent or more than 18 digits; a line feed ends the buffer."""
    negative = buffer[position] == 45
    if negative or buffer[position] == 43:
        position += _ONE
    mantissa, shift, digits, seen_point = np.int64(0), 0, 0, False
    while True:
        digit = np.int64(buffer[position]) - 48
        if digit == -2 and not seen_point:
            seen_point = True
        elif 0 <= digit <= 9:
            digits += 1
            if mantissa < 100000000000000000:
                mantissa = mantissa * 10 + digit
                if seen_point:
                    shift -= 1
            elif not seen_point:
                shift += 1
        else:
            break
        position += _ONE
    if digits > 0 and (buffer[position] == 101 or buffer[position] == 69):
        position += _ONE
        minus = buffer[position] == 45
        if minus or buffer[position] == 43:
            position += _ONE
        exponent, digits = np.int64(0), 0
        while 48 <= buffer[position] <= 57:
            if exponent < 10000:
                exponent = exponent * 10 + np.int64(buffer[position]) - 48
            digits += 1
            position += _ONE
        shift = shift - int(exponent) if minus else shift + int(exponent)
    if digits == 0:
        # nan or inf as printf writes them; any other word is malformed
        first = buffer[position] | 32
        while buffer[position] > 32:
            position += _ONE
        return 0.0, position, _INFINITE if first == 110 or first == 105 else _MALFORMED
    if buffer[position] > 32:
        return 0.0, position, _MALFORMED
    number = np.float64(mantissa)
    if -22 <= shift < 0:
        number /= _POWERS[-shift]
    elif shift != 0:
        number *= 10.0**shift
    if not np.isfinite(number):
        return 0.0, position, _INFINITE
    return -number if negative else number, position, _OK


@njit(cache=True, nogil=True, boundscheck=False)
def parse_rows(buffer, position, end, row, n_rows, roles, lookup, stamp, frame, labels, values):  # type: ignore[no-untyped-def]  # numba infers
    """Parse rows of a frame, resuming at `row`, until the frame or the lines end.

    Parameters
    ----------
    buffer
        Bytes, uint8; those in ``[position, end)`` are whole lines, that is the last is a line feed. uint64.
    row, n_rows
        First row to read and number of rows of the frame.
    roles
        For each column of the file: SKIP, ATOM_ID, LABEL, or its column in `values`; int64.
    lookup
        Row of the output for each atom id, -1 where there is no such atom; int32.
    stamp, frame
        ``stamp[i] == frame`` marks a row that this frame has already filled; int32.
    labels
        Written: the bytes of the label packed into uint64. In the order of the output.
    values
        Written: shape ``(n_rows, k)``, float64.

    Returns
    -------
    tuple
        Status, rows done, and the position of the first byte not used (the start of a bad row).
    """
    n_columns = roles.shape[0]
    n_lookup = lookup.shape[0]
    n_values = values.shape[1]
    numbers = np.empty(n_values, np.float64)
    while row < n_rows:
        start = position
        if position >= end:
            return NEED_MORE, row, start
        column = 0
        atom = np.int64(-1)
        label = np.uint64(0)
        finite = True
        while True:
            while buffer[position] == 32 or buffer[position] == 9 or buffer[position] == 13:
                position += _ONE
            if buffer[position] <= 32:
                position += _ONE
                break
            if column == n_columns:
                return BAD_ROW, row, start
            role = roles[column]
            column += 1
            if role == SKIP:
                while buffer[position] > 32:
                    position += _ONE
                continue
            if role == LABEL:
                while buffer[position] > 32:
                    label = (label << np.uint64(8)) ^ (label >> np.uint64(56)) ^ np.uint64(buffer[position])
                    position += _ONE
                continue
            token = position
            negative = buffer[position] == 45
            if negative:
                position += _ONE
            first = position
            mantissa = np.int64(0)
            digit = buffer[position] - np.uint8(48)
            while np.uint8(digit) <= 9:
                mantissa = mantissa * 10 + np.int64(np.uint8(digit))
                position += _ONE
                digit = buffer[position] - np.uint8(48)
            places = np.uint64(0)
            length = position - first
            if buffer[position] == 46:
                position += _ONE
                point = position
                digit = buffer[position] - np.uint8(48)
                while np.uint8(digit) <= 9:
                    mantissa = mantissa * 10 + np.int64(np.uint8(digit))
                    position += _ONE
                    digit = buffer[position] - np.uint8(48)
                places = position - point
                length += places
            if length == 0 or length > 18 or buffer[position] > 32:
                number, position, fault = _unusual(buffer, token)
                if fault == _MALFORMED or (role == ATOM_ID):
                    return BAD_ROW, row, start
                finite = finite and fault == _OK
                if role >= 0:
                    numbers[role] = number
                continue
            if role == ATOM_ID:
                if negative or places > 0:
                    return BAD_ROW, row, start
                atom = mantissa
                continue
            number = np.float64(mantissa)
            if places > 0:
                number /= _POWERS[places]
            numbers[role] = -number if negative else number
        if column != n_columns:
            return BAD_ROW, row, start
        if not finite:
            return NOT_FINITE, row, start
        if atom < 0 or atom >= n_lookup or lookup[atom] < 0:
            return UNKNOWN_ID, row, start
        where = np.uint64(lookup[atom])
        if stamp[where] == frame:
            return REPEATED_ID, row, start
        stamp[where] = frame
        labels[where] = label
        for k in range(n_values):
            values[where, k] = numbers[k]
        row += 1
    return DONE, row, position


@njit(cache=True, nogil=True, boundscheck=False)
def shift_to_single(positions, origin, out):  # type: ignore[no-untyped-def]  # numba infers the types
    """Write ``positions - origin`` in single precision: NumPy takes five times as long for three columns."""
    for atom in range(positions.shape[0]):
        for axis in range(3):
            out[atom, axis] = np.float32(positions[atom, axis] - origin[axis])
