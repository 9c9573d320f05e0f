"""DFT levels as cards: what the listing of energy models says about them."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass
from importlib import metadata
from typing import Any

from ..potentials.checks import ReferenceCheck, read_table
from .cp2k import CP2K_PROTOCOLS, cp2k_elements, cp2k_installed
from .gpaw import PROTOCOLS, gpaw_installed

_FAULTS = {
    "gpaw-moderate": (
        "Against measured cells α-Sn comes out 7.5 % too large, β-Sn 4.8 %, Sb 4.6 %, LiSn 2.7 %, Si 2.6 %, and Li 4.4 "
        "% too small.",
        "Energies of small cells with oxygen jump with the number of plane waves: the five of Li2O scaled by up to 3 % "
        "have no smooth minimum, so volumes of oxides need gpaw-precise.",
    )
}
_DATA_SET = re.compile(r"/([A-Z][a-z]?)\.PBE(?:\.gz)?$")


@dataclass(frozen=True)
class DftCard:
    """A DFT level as a card.

    Attributes
    ----------
    name
        As campaigns name the level.
    elements
        Those with a PAW data set in ``gpaw-data`` or a basis in CP2K's data; empty where that is not installed.
    validity, known_faults, citation, doi, licence
        As on the card of a potential.
    settings
        What decides the energies.
    cost
        What to expect, measured.
    installed
        Whether the program is there.
    style
        ``gpaw`` or ``cp2k``.
    """

    name: str
    elements: tuple[str, ...]
    validity: str
    known_faults: tuple[str, ...]
    citation: str
    doi: str
    licence: str
    settings: dict[str, Any]
    cost: str
    installed: bool
    style: str = "gpaw"
    kind: str = "DFT level"
    systems: str = "barriers of single hops, as a level of a ladder; too dear for molecular dynamics"

    @property
    def fingerprint(self) -> str:
        """SHA-256 over the settings."""
        return hashlib.sha256(json.dumps(self.settings, sort_keys=True).encode()).hexdigest()

    @property
    def reference_table(self) -> tuple[ReferenceCheck, ...]:
        """What it was measured to give; empty where nobody has."""
        return read_table(self.name, self.fingerprint)

    def entry(self) -> dict[str, Any]:
        """Return the card as JSON types, with the keys of a potential's."""
        return {
            "name": self.name,
            "kind": self.kind,
            "style": self.style,
            "elements": list(self.elements),
            "systems": self.systems,
            "validity": self.validity,
            "known_faults": list(self.known_faults),
            "citation": {"text": self.citation, "doi": self.doi},
            "licence": self.licence,
            "fingerprint": self.fingerprint,
            "settings": self.settings,
            "cost": self.cost,
            "installed": self.installed,
            "reference_table": [row.model_dump() for row in self.reference_table],
        }


def dft_cards() -> list[DftCard]:
    """Return the cards of all DFT levels."""
    elements = _elements()
    return [
        DftCard(
            name=protocol.name,
            elements=elements,
            validity=(
                "PBE with plane waves and PAW; how far cut-off, k-points and supercell are converged is for the ladder "
                "to show, level against level."
            ),
            known_faults=(
                "PBE has no dispersion forces, so distances between layers come out too large.",
                "PBE gives band gaps too small, which matters for charged defects.",
                *_FAULTS.get(protocol.name, ()),
            ),
            citation="J. J. Mortensen et al., J. Chem. Phys. 160 (2024) 092503",
            doi="10.1063/5.0182685",
            licence="GPL-3.0-or-later (GPAW); used as a program of its own, nothing of it is copied.",
            settings=protocol.settings(),
            cost=protocol.cost,
            installed=gpaw_installed(),
        )
        for protocol in PROTOCOLS.values()
    ] + [
        DftCard(
            name=protocol.name,
            elements=cp2k_elements(protocol.basis),
            validity=(
                "PBE with Gaussians and GTH pseudopotentials; how far basis, k-points and supercell are converged is "
                "for the ladder to show, level against level."
            ),
            known_faults=(
                "PBE has no dispersion forces, so distances between layers come out too large.",
                "PBE gives band gaps too small, which matters for charged defects.",
                "Total energies are those of pseudopotentials: only differences at this level mean anything.",
            ),
            citation="T. D. Kühne et al., J. Chem. Phys. 152 (2020) 194103",
            doi="",
            licence="GPL-2.0-or-later (CP2K); used as a program of its own, nothing of it is copied.",
            settings=protocol.settings(),
            cost=protocol.cost,
            installed=cp2k_installed(),
            style="cp2k",
        )
        for protocol in CP2K_PROTOCOLS.values()
    ]


def find_dft_card(name: str) -> DftCard | None:
    """Return the card of a DFT level, or None where no level has this name."""
    return next((found for found in dft_cards() if found.name == name), None)


def _elements() -> tuple[str, ...]:
    try:
        files = metadata.files("gpaw-data") or []
    except metadata.PackageNotFoundError:
        return ()
    return tuple(sorted({match[1] for file in files if (match := _DATA_SET.search(str(file)))}))
