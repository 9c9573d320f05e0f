"""Geometry only: phases, packing, surfaces, interfaces, defects. Runs offline and without an engine."""
