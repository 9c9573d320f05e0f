"""Screens: one site, many dopants, a ranked table."""
