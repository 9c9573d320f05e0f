# How GPAW is built where GPAW_CONFIG names this file: with the MPICH wheel of the same environment, its own LDA and
# PBE instead of libxc, and SciPy's BLAS. Nothing but a C++ compiler and Python's headers is needed.
mpi = True
compiler = "mpic++"
noblas = True
nolibxc = True
libraries = []
