"""Adsorption, solution and segregation energies, and the sliding of grain boundaries."""
