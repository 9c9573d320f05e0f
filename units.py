"""Physical constants (CODATA 2018, exact where the SI defines them) and every conversion between units.

Lengths are in Å, energies in eV, times in ps, masses in g/mol, as in LAMMPS' ``metal`` units, unless a name
says otherwise. Conversions happen at the border and only with the factors below.
"""

from __future__ import annotations

BOLTZMANN_EV_K = 8.617333262e-5
"""Boltzmann constant in eV/K."""

ELEMENTARY_CHARGE_C = 1.602176634e-19
"""Elementary charge in C."""

AVOGADRO_PER_MOL = 6.02214076e23
"""Avogadro constant in 1/mol."""

FARADAY_C_MOL = ELEMENTARY_CHARGE_C * AVOGADRO_PER_MOL
"""Faraday constant in C/mol."""

A2_PS_TO_CM2_S = 1e-4
"""Å²/ps in cm²/s."""

EV_A3_TO_GPA = 160.2176634
"""eV/Å³ in GPa."""

BAR_TO_GPA = 1e-4
"""bar in GPa."""

GPA_TO_BAR = 1e4
"""GPa in bar."""

G_MOL_A3_TO_G_CM3 = 1e24 / AVOGADRO_PER_MOL
"""(g/mol)/Å³ in g/cm³."""

FS_TO_PS = 1e-3
"""fs in ps."""

KCAL_MOL_TO_EV = 4184.0 / FARADAY_C_MOL
"""kcal/mol (thermochemical) in eV."""

SQRT_EV_A2_U_TO_THZ = 15.633302
"""The root of (eV/Å²)/(g/mol) as an angular frequency over 2 π, in THz."""
