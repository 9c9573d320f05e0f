"""Calculators whose processes die as real ones do: killed, aborted by compiled code, or short of memory."""

import ctypes
import os
import resource
import signal
from pathlib import Path

import numpy as np
from ase.calculators.emt import EMT


class Dies(EMT):
    """EMT that dies in the way of its image: 0 is killed, 1 aborts, 2 asks for more memory than it may have."""

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self.image = int(folder.name)

    def calculate(self, *arguments, **keywords):
        if self.image == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        if self.image == 1:
            os.write(2, b"python: c/grid.c:12: make_grid: Assertion `n > 0' failed.\n")
            ctypes.CDLL(None).abort()
        if self.image == 2:
            _, most = resource.getrlimit(resource.RLIMIT_AS)
            resource.setrlimit(resource.RLIMIT_AS, (8 << 30, most))
            try:
                np.empty(1 << 34)
            finally:
                resource.setrlimit(resource.RLIMIT_AS, (most, most))
        super().calculate(*arguments, **keywords)
