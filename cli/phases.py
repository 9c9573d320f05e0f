"""``anodeflow phases``: the phase library."""

from __future__ import annotations


def phases() -> None:
    """List the phases of the library."""
