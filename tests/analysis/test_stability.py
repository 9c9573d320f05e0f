"""Windows and reactions from energies with a known answer."""

from __future__ import annotations

import pytest
from anodeflow.analysis.stability import interface_reaction, phase_diagram, plateau_text, stability_window
from anodeflow.errors import InputError

# Li–S–Cl with round numbers: Li2S forms with −3 eV for a formula unit, LiCl with −4 eV, LiS2 with −1 eV
ENERGIES = {
    "Li": -2.0,
    "S": -4.0,
    "Cl": -1.0,
    "Li2S": (-4 - 4 - 3) / 3,
    "LiCl": (-2 - 1 - 4) / 2,
    "LiS2": (-2 - 8 - 2) / 3,
}


def test_the_window_of_lithium_sulfide_is_its_formation_energy():
    # LiS2 + 3 Li → 2 Li2S at −(2·(−3) − (−2))/3 = 4/3 V; LiS2 → Li + 2 S at 2 V
    window = stability_window(ENERGIES, "Li2S")
    assert window.above_hull.value == pytest.approx(0.0, abs=1e-9)
    assert window.reduction.value == pytest.approx(0.0, abs=1e-9)
    assert window.oxidation.value == pytest.approx(4 / 3)
    assert [plateau.products for plateau in window.plateaus] == [("Li2S",), ("LiS2",), ("S",)]
    assert [plateau.low_V for plateau in window.plateaus] == pytest.approx([0, 4 / 3, 2])
    assert [plateau.lithium for plateau in window.plateaus] == pytest.approx([0, -1.5, -2])
    middle = stability_window(ENERGIES, "LiS2")
    assert (middle.reduction.value, middle.oxidation.value) == (pytest.approx(4 / 3), pytest.approx(2.0))
    assert plateau_text(middle.plateaus)[0] == "0.00 to 1.33 V: 3 Li taken up, Li2S"


def test_a_phase_above_the_hull_has_the_window_of_what_it_becomes():
    energies = ENERGIES | {"Li3SCl": (3 * ENERGIES["Li2S"] + 2 * ENERGIES["LiCl"]) / 5 + 0.02}
    window = stability_window(energies, "Li3SCl")
    assert window.above_hull.value == pytest.approx(0.02)
    assert window.oxidation.value == pytest.approx(4 / 3)
    assert window.plateaus[0].products == ("Li2S", "LiCl")


def test_the_strongest_reaction_is_found():
    reaction = interface_reaction(ENERGIES, "LiS2", "Li")
    # LiS2 + 3 Li → 2 Li2S gains 2·3 − 2 = 4 eV over six atoms
    assert reaction.energy.value == pytest.approx(-4 / 6)
    assert "Li2S" in reaction.reaction
    assert interface_reaction(ENERGIES, "Li2S", "LiCl").energy.value == pytest.approx(0.0, abs=1e-9)


def test_missing_energies_are_named():
    with pytest.raises(InputError, match="energy of the element S"):
        phase_diagram({"Li": -2.0, "Li2S": -3.5})
    with pytest.raises(InputError, match="not among the phases"):
        stability_window(ENERGIES, "Li3P")
    with pytest.raises(InputError, match="not among the phases"):
        interface_reaction(ENERGIES, "Li2S", "Li3P")
    with pytest.raises(InputError, match="not a number"):
        phase_diagram(ENERGIES | {"LiS": float("nan")})
