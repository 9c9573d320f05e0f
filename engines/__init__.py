"""Programs that compute energies and move atoms."""
