"""LAMMPS: a typed script, a run that can be killed and goes on, a log, and failures with names."""
