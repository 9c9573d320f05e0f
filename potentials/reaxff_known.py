"""Published ReaxFF files that are recognised by their checksum, and what is known about them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class KnownFile:
    """A published file.

    Attributes
    ----------
    name
        What the field calls it.
    citation, doi
        Publication.
    validity
        How far it can be trusted.
    faults
        What it is known to get wrong, each a whole sentence.
    """

    name: str
    citation: str
    doi: str
    validity: str
    faults: tuple[str, ...] = ()


KNOWN: dict[str, KnownFile] = {}
"""By the SHA-256 of the file's words; see `anodeflow.potentials.reaxff_file.ReaxffFile.checksum`."""
