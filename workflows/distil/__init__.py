"""A fast model for LAMMPS fitted to a slow one."""
