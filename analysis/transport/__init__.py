"""From displacements to diffusion coefficients, conductivities and activation energies, with errors."""
