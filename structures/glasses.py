"""Glasses of the field by name: composition and density of what is packed."""

from __future__ import annotations

from dataclasses import dataclass

from .density import estimated_density_g_cm3, parse_composition


@dataclass(frozen=True)
class Glass:
    """An amorphous solid.

    Attributes
    ----------
    name
        What it is called.
    formula
        Composition.
    density_g_cm3
        Density.
    basis
        Where the density is from.
    """

    name: str
    formula: str
    density_g_cm3: float
    basis: str


_NAMED = {
    "Si": ("Si", 2.285, "Custer et al., Appl. Phys. Lett. 64 (1994) 437"),
    "SiO2": ("SiO2", 2.20, "vitreous silica"),
    "LiPON": ("Li29P10O33N5", 2.30, "estimate for Li2.9PO3.3N0.5 films, between 2.2 and 2.4"),
    "Li3PO4": ("Li3PO4", 2.30, "estimate, 6 % below the crystal"),
    "Li3PS4": ("Li3PS4", 1.88, "75Li2S-25P2S5 glass"),
    "Li7P3S11": ("Li7P3S11", 1.93, "70Li2S-30P2S5 glass"),
    "SiCO": ("Si2O3C", 2.20, "polymer-derived glass near SiO1.5C0.5, between 2.1 and 2.3"),
}
_ALIASES = {"LixPON": "LiPON", "LiXPON": "LiPON", "SiOC": "SiCO"}


def glass(name: str, density_g_cm3: float | None = None) -> Glass:
    """Find a glass by name, or make one from any formula.

    Parameters
    ----------
    name
        ``"LiPON"``, ``"SiCO"``, ``"Si"``, or a formula; ``"a-Si"`` as in an interface is as good.
    density_g_cm3
        Density; by default that of the list, or of additive volumes.

    Returns
    -------
    Glass

    Raises
    ------
    InputError
        If it is neither a known glass nor a formula.
    """
    name = name.strip()
    name = name.removeprefix("a-").removeprefix("amorphous ")
    known = _NAMED.get(_ALIASES.get(name, name))
    if known is not None:
        formula, density, basis = known
    else:
        formula = parse_composition(name).formula.replace(" ", "")
        density, basis = estimated_density_g_cm3(name), "additive volumes"
    if density_g_cm3 is not None:
        density, basis = density_g_cm3, "given"
    return Glass(name, formula, density, basis)


def is_named_glass(name: str) -> bool:
    """Whether a name means a glass even without saying so: LiPON and SiCO have no crystal here."""
    return _ALIASES.get(name, name) in ("LiPON", "SiCO")
