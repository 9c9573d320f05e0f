"""Interfaces of two solids, with and without layers between them: adhesion, reaction, transport and stress."""
