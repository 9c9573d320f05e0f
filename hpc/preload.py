"""What a job's process finds already imported: the runner's fork server imports it once for all of them."""

import jobflow
import maggma.stores
import numpy
import pymatgen.core
import scipy.linalg
import scipy.optimize

from . import store, worker

__all__ = ["jobflow", "maggma", "numpy", "pymatgen", "scipy", "store", "worker"]
