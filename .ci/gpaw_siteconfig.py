"""How GPAW is built where GPAW_CONFIG names this file.

With the MPICH wheel of the same environment, its own LDA and PBE instead of libxc, and SciPy's BLAS: nothing but a C++
compiler and Python's headers is needed.
"""

mpi = True
compiler = "mpic++"
noblas = True
nolibxc = True
libraries = []
