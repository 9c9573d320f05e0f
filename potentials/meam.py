"""Render a modified embedded-atom model into the two files that LAMMPS reads.

The layout of the library and of the parameter file is that of LAMMPS' ``pair_style meam`` documentation. Numbers are
those of the card, digit for digit.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..errors import InputError

if TYPE_CHECKING:
    from collections.abc import Sequence

_LINES = (
    ("lat", "z", "ielement", "atwt"),
    ("alpha", "b0", "b1", "b2", "b3", "alat", "esub", "asub"),
    ("t0", "t1", "t2", "t3", "rozero", "ibar"),
)


def lammps_files(parameters: dict[str, Any], elements: Sequence[str]) -> tuple[dict[str, str], tuple[str, ...]]:
    """Return the files and the tail of ``pair_coeff * *`` for the given order of types.

    Parameters
    ----------
    parameters
        ``library``: per element the entries of a MEAM library record; ``alloy``: the parameter file's keywords in the
        index order given by ``order``.
    elements
        Element of each LAMMPS type.

    Returns
    -------
    files
        ``library.meam`` and ``alloy.meam``.
    arguments
        What follows ``pair_coeff * *``.

    Raises
    ------
    InputError
        If an entry of the model is missing.
    """
    order = list(parameters["order"])
    records = []
    for symbol in order:
        record = parameters["library"][symbol]
        missing = [key for line in _LINES for key in line if key not in record]
        if missing:
            raise InputError(f"the MEAM record of {symbol} lacks {', '.join(missing)}", where="parameters.library")
        first, *rest = ([record[key] for key in line] for line in _LINES)
        records.append(f"'{symbol}' '{first[0]}' " + " ".join(str(value) for value in first[1:]))
        records += [" ".join(str(value) for value in values) for values in rest]
    alloy = []
    for key, value in parameters["alloy"].items():
        alloy.append(f"{key} = '{value}'" if isinstance(value, str) else f"{key} = {value}")
    files = {"library.meam": "\n".join(records) + "\n", "alloy.meam": "\n".join(alloy) + "\n"}
    return files, ("library.meam", *order, "alloy.meam", *elements)
