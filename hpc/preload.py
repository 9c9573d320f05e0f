"""What a job's process finds already imported: the runner's fork server imports it once for all of them."""

import tempfile
from contextlib import suppress
from pathlib import Path

import jobflow
import jobflow.core.schemas
import kinisi.diffusion
import maggma.stores
import numba
import numpy
import pymatgen.core
import scipy.linalg
import scipy.optimize
import scipy.stats

from ..engines.lammps.failures import MissingExecutableError
from ..engines.lammps.launch import find_program
from ..workflows import jobs
from ..workflows.diffusion import analysis
from . import provenance, store, worker

__all__ = [
    "analysis",
    "jobflow",
    "jobs",
    "kinisi",
    "maggma",
    "numba",
    "numpy",
    "provenance",
    "pymatgen",
    "scipy",
    "store",
    "worker",
]

_FRAME = """ITEM: TIMESTEP
{step}
ITEM: NUMBER OF ATOMS
1
ITEM: BOX BOUNDS pp pp pp
0 1
0 1
0 1
ITEM: ATOMS id element xu yu zu
1 Li 0 0 0
"""


def load_dump_parser() -> None:
    """Load the compiled reader of dumps, which takes longer than most dumps of one job take to read."""
    with tempfile.TemporaryDirectory() as folder:
        dump = Path(folder) / "frames.lammpstrj"
        dump.write_text("".join(_FRAME.format(step=step) for step in range(3)))
        analysis.read_trajectory(dump, timestep_fs=1.0)


def find_lammps() -> None:
    """Ask LAMMPS for its version once for all jobs; whoever needs one that is not there says so."""
    with suppress(MissingExecutableError):
        find_program()


find_lammps()
load_dump_parser()
provenance.code_hashes()  # kept: the sources of a job are those that were loaded here
