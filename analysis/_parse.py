"""The compiled inner loop that turns the rows of a LAMMPS text dump into numbers.

One function, simply typed, so that the first use compiles in a second or two and later ones load it from
disk.
"""

from __future__ import annotations

import numpy as np
from numba import njit

DONE, NEED_MORE, BAD_ROW, NOT_FINITE, UNKNOWN_ID, REPEATED_ID = 0, 1, 2, 3, 4, 5
"""What `parse_rows` found: all rows, the end of the buffer, or what is wrong with the row it stopped at."""

SKIP, ATOM_ID, LABEL = -1, -2, -3
"""Roles of a column for `parse_rows`; a role of zero or more is the column of the output array."""

_POWERS = 10.0 ** np.arange(23)
"""Powers of ten that are exact in double precision, so that up to 15 digits round correctly."""


@njit(cache=True, nogil=True, boundscheck=False)
def parse_rows(buffer, position, end, row, n_rows, roles, lookup, stamp, frame, ids, labels, values):  # type: ignore[no-untyped-def]  # numba infers
    """Parse rows of a frame, resuming at `row`, until the frame or the buffer ends.

    Parameters
    ----------
    buffer
        Bytes, uint8; those in ``[position, end)`` are read.
    row, n_rows
        First row to read and number of rows of the frame.
    roles
        For each column of the file: SKIP, ATOM_ID, LABEL, or its column in `values`; int64.
    lookup
        Row of the output for each atom id, -1 where there is no such atom; int64. With no elements, rows are
        written in the order of the file.
    stamp, frame
        ``stamp[i] == frame`` marks a row that this frame has already filled; int64.
    ids, labels
        Written: atom ids (int64), and the bytes of the label packed into uint64. In the order of the output.
    values
        Written: shape ``(n_rows, k)``, float64.

    Returns
    -------
    tuple
        Status, rows done, and the position of the first byte not used (the start of the offending row if
        any).
    """
    n_columns = roles.shape[0]
    n_lookup = lookup.shape[0]
    n_values = values.shape[1]
    numbers = np.empty(n_values, np.float64)
    while row < n_rows:
        start = position
        column = 0
        atom = np.int64(row)
        label = np.uint64(0)
        finite = True
        while True:
            while position < end and (
                buffer[position] == 32 or buffer[position] == 9 or buffer[position] == 13
            ):
                position += 1
            if position >= end:
                return NEED_MORE, row, start
            if buffer[position] == 10:
                position += 1
                break
            role = roles[column] if column < n_columns else SKIP
            column += 1
            if role == SKIP:
                while position < end and buffer[position] > 32:
                    position += 1
                continue
            if role == LABEL:
                while position < end and buffer[position] > 32:
                    label = (label << np.uint64(8)) ^ (label >> np.uint64(56)) ^ np.uint64(buffer[position])
                    position += 1
                continue
            negative = False
            if buffer[position] == 45:
                negative = True
                position += 1
            elif buffer[position] == 43:
                position += 1
            mantissa = np.int64(0)
            shift = 0
            digits = 0
            while position < end:
                digit = np.int64(buffer[position]) - 48
                if digit < 0 or digit > 9:
                    break
                if mantissa < 100000000000000000:
                    mantissa = mantissa * 10 + digit
                else:
                    shift += 1
                digits += 1
                position += 1
            if position < end and buffer[position] == 46:
                position += 1
                while position < end:
                    digit = np.int64(buffer[position]) - 48
                    if digit < 0 or digit > 9:
                        break
                    if mantissa < 100000000000000000:
                        mantissa = mantissa * 10 + digit
                        shift -= 1
                    digits += 1
                    position += 1
            if digits > 0 and position < end and (buffer[position] == 101 or buffer[position] == 69):
                position += 1
                minus = False
                if position < end and (buffer[position] == 45 or buffer[position] == 43):
                    minus = buffer[position] == 45
                    position += 1
                exponent = 0
                digits = 0
                while position < end:
                    digit = np.int64(buffer[position]) - 48
                    if digit < 0 or digit > 9:
                        break
                    if exponent < 10000:
                        exponent = exponent * 10 + digit
                    digits += 1
                    position += 1
                shift += -exponent if minus else exponent
            if position >= end:
                return NEED_MORE, row, start
            if digits == 0 or buffer[position] > 32:
                if digits == 0 and (
                    buffer[position] == 110
                    or buffer[position] == 78
                    or buffer[position] == 105
                    or buffer[position] == 73
                ):
                    # nan or inf as printf writes them; any other word is a malformed row
                    finite = False
                    while position < end and buffer[position] > 32:
                        position += 1
                    continue
                while position < end and buffer[position] != 10:
                    position += 1
                if position >= end:
                    return NEED_MORE, row, start
                return BAD_ROW, row, start
            if role == ATOM_ID:
                if shift != 0 or negative:
                    return BAD_ROW, row, start
                atom = mantissa
                continue
            number = np.float64(mantissa)
            if shift < 0:
                if shift >= -22:
                    number /= _POWERS[-shift]
                else:
                    number *= 10.0**shift
            elif shift > 0:
                number *= 10.0**shift
            numbers[role] = -number if negative else number
        if column != n_columns:
            return BAD_ROW, row, start
        if not finite:
            return NOT_FINITE, row, start
        where = np.int64(row)
        if n_lookup > 0:
            where = lookup[atom] if atom < n_lookup else np.int64(-1)
            if where < 0:
                return UNKNOWN_ID, row, start
            if stamp[where] == frame:
                return REPEATED_ID, row, start
            stamp[where] = frame
        ids[where] = atom
        labels[where] = label
        for k in range(n_values):
            values[where, k] = numbers[k]
        row += 1
    return DONE, row, position
