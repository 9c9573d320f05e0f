"""A vacancy hop in an oblique Cu-Au crystal, as a program of its own, so that it can be killed.

Usage: band_script.py FOLDER WORKERS [SECONDS_PER_CALL]
"""

import os
import sys
import time
from pathlib import Path

import numpy as np
from anodeflow.engines.neb import NebSettings, run_neb
from anodeflow.structures.paths import Band, align, interpolate
from ase.calculators.emt import EMT
from pymatgen.core import Lattice, Structure


class SlowEMT(EMT):
    """EMT that takes its time, and dies where a file tells it to."""

    def __init__(self, folder: Path, seconds: float) -> None:
        super().__init__()
        self.folder, self.seconds = folder, seconds

    def calculate(self, *arguments, **keywords):
        time.sleep(self.seconds)
        if (self.folder / "die").exists():
            os._exit(9)
        super().calculate(*arguments, **keywords)


class Factory:
    def __init__(self, seconds: float = 0.0) -> None:
        self.seconds = seconds

    def __call__(self, folder: Path) -> SlowEMT:
        return SlowEMT(folder, self.seconds)


def vacancy_hop(images: int = 5) -> Band:
    """Cu next to a vacancy in L1_0 CuAu, 23 atoms, in a cell without right angles."""
    a, c = 3.96, 3.67
    unit = Structure(
        Lattice.tetragonal(a / np.sqrt(2), c), ["Cu", "Au"], [[0, 0, 0], [0.5, 0.5, 0.5]]
    )  # two atoms a cell
    unit.make_supercell([[2, 0, 0], [1, 3, 0], [0, 1, 2]])
    sites = [i for i, site in enumerate(unit) if site.specie.symbol == "Cu"]
    origin = sites[0]
    neighbour = min(sites[1:], key=lambda i: unit.get_distance(origin, i))
    start, end = unit.copy(), unit.copy()
    end[neighbour] = "Cu", unit[origin].frac_coords
    start.remove_sites([origin])
    end.remove_sites([origin])
    return interpolate(align(start, end, reorder=False), images)


if __name__ == "__main__":
    folder, workers = Path(sys.argv[1]), int(sys.argv[2])
    seconds = float(sys.argv[3]) if len(sys.argv) > 3 else 0.0
    run_neb(vacancy_hop(), Factory(seconds), folder, NebSettings(0.02), workers=workers)
