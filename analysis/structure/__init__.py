"""Where atoms stand: neighbours, coordination, clusters, volumes, and layers across an interface."""
