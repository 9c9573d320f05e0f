"""Stress through layered cells, yield and thermal expansion."""
