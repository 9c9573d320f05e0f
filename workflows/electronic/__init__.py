"""Electronic structure: densities of states, gaps, charges of atoms, charge-density differences."""
