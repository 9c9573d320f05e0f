"""jobflow Makers and Flows: the recipes that join structures, potentials, engines and analysis."""
