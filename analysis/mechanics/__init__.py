"""Stress through layered cells, elastic constants and yield."""
