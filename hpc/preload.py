"""What a job's process finds already imported: the runner's fork server imports it once for all of them."""

import jobflow
import kinisi.diffusion
import maggma.stores
import numba
import numpy
import pymatgen.core
import scipy.linalg
import scipy.optimize
import scipy.stats

from ..workflows import diffusion_analysis
from . import store, worker

__all__ = [
    "diffusion_analysis",
    "jobflow",
    "kinisi",
    "maggma",
    "numba",
    "numpy",
    "pymatgen",
    "scipy",
    "store",
    "worker",
]
