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


KNOWN: dict[str, KnownFile] = {
    "98b15266f46a485734d2552bec67f78d5953e5cdf8e5afb8171cfed3a49d731a": KnownFile(
        name="043.HOSiAlLi",
        citation="A. Ostadhossein, S.-Y. Kim, E. D. Cubuk, Y. Qi, A. C. T. van Duin, J. Phys. Chem. A 120 (2016) 2114",
        doi="10.1021/acs.jpca.5b11908",
        validity="Li silicides: volumes within 2 % of PBE, formation energies within 0.12 eV/atom; Li2O and silica.",
        faults=("LiSi is over-bound by 0.12 eV/atom against PBE and Li12Si7 under-bound by 0.08 eV/atom.",),
    ),
    "229e04ed2199fddb7e77770a194dabf17747b6385372f9f006db6b4ce890efc7": KnownFile(
        name="044.SLi",
        citation="M. M. Islam et al., Phys. Chem. Chem. Phys. 17 (2015) 3383",
        doi="10.1039/C4CP04532G",
        validity="Lithium polysulphides and Li2S.",
        faults=("It knows neither phosphorus nor chlorine, so it cannot describe a thiophosphate electrolyte.",),
    ),
}
"""By the SHA-256 of the file's words; see `anodeflow.potentials.reaxff_file.ReaxffFile.checksum`."""
