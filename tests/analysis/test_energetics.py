from __future__ import annotations

import ase.io
import numpy as np
import pytest
from anodeflow.analysis.energetics import (
    Composition,
    composition_of,
    formation_energy,
    interface_energy,
    voltage_profile,
    work_of_adhesion,
)
from anodeflow.analysis.mechanics.elasticity import stress_strain, thermal_expansion
from anodeflow.errors import InputError
from anodeflow.quantity import Quantity


def test_voltages_of_a_known_hull():
    phases = [
        Composition("host", 0, -5.0),
        Composition("LiM", 1, -5.0 - 2.0 - 0.6),  # 0.6 V
        Composition("above", 2, -5.0 - 4.0 - 0.7),
        Composition("Li3M", 3, -5.0 - 6.0 - 0.6 - 0.8, error_eV=0.02),  # 0.4 V
    ]
    profile = voltage_profile(phases, -2.0)
    assert [phase.label for phase in profile.stable] == ["host", "LiM", "Li3M"]
    assert [v.value for v in profile.plateaus] == pytest.approx([0.6, 0.4])
    assert profile.plateaus[1].uncertainty == pytest.approx(0.01)
    assert profile.mean.value == pytest.approx(1.4 / 3)
    assert profile.above_hull_eV == pytest.approx([0, 0, 0.3, 0])
    shifted = voltage_profile(phases[::-1], -2.0)
    assert [v.value for v in shifted.plateaus] == [v.value for v in profile.plateaus]
    with pytest.raises(InputError, match="two or more compositions"):
        voltage_profile(phases[:1], -2.0)


def test_lithium_silicon_from_published_energies(shared):
    folder = shared / "data" / "lisi_pbe" / "crystal"
    lithium = ase.io.read(folder / "Li.xyz")
    phases = []
    for name in ("Si", "LiSi", "Li12Si7", "Li7Si3", "Li13Si4", "Li15Si4"):
        atoms = ase.io.read(folder / f"{name}.xyz")
        phases.append(composition_of(name, atoms.get_chemical_symbols(), atoms.get_potential_energy(), host="Si"))
    profile = voltage_profile(phases, lithium.get_potential_energy() / len(lithium))
    voltages = [v.value for v in profile.plateaus]
    assert profile.stable[0].label == "Si"
    assert voltages == sorted(voltages, reverse=True)  # as on any hull
    assert all(0 < v < 0.6 for v in voltages)
    assert 0.2 < profile.mean.value < 0.4
    assert len(profile.stable) >= 4


def test_adhesion_interface_and_formation_energies():
    a, b = (Quantity("energy", value, "eV", uncertainty=0.03) for value in (-100.0, -50.0))
    found = work_of_adhesion(Quantity("energy", -152.0, "eV", uncertainty=0.04), [a, b], 40.0, interfaces=2)
    assert found.value == pytest.approx(2.0 / 80 * 16.02176634)
    assert found.uncertainty == pytest.approx(np.sqrt(0.03**2 + 0.03**2 + 0.04**2) / 80 * 16.02176634)
    assert interface_energy(-98.0, {"Si": 20, "Li": 5}, {"Si": -4.0, "Li": -4.0}, 20.0).value == pytest.approx(
        0.801088, rel=1e-5
    )
    assert formation_energy(-13.0, {"Li": 2, "S": 1}, {"Li": -2.0, "S": -4.0}).value == pytest.approx(-5 / 3)
    with pytest.raises(InputError, match="no bulk energy of Li"):
        interface_energy(-98.0, {"Li": 5}, {"Si": -4.0}, 20.0)
    nothing = Quantity("energy", None, "eV", converged=False, warnings=("it did not run",))
    assert work_of_adhesion(nothing, [a, b], 40.0).value is None


@pytest.mark.parametrize("sign", [1, -1])
def test_yield_of_an_elastic_plastic_curve(sign):
    strain = np.linspace(0, 0.1, 101)
    stress = np.where(strain < 0.03, 50 * strain, 1.5 + 2 * (strain - 0.03))
    found = stress_strain(sign * strain, sign * stress)
    assert found.modulus.value == pytest.approx(50, rel=1e-6)
    assert found.yield_stress.value == pytest.approx(sign * 1.504, abs=0.01)
    assert found.strength.value == pytest.approx(sign * stress[-1])
    straight = stress_strain(sign * strain, sign * 50 * strain)
    assert straight.yield_stress.value is None


def test_thermal_expansion_of_known_sizes():
    rng = np.random.default_rng(1)
    t = np.linspace(300, 900, 7)
    hits = 0
    for _ in range(200):
        volume = 1000 * (1 + 5e-5 * (t - 600)) + rng.normal(0, 0.5, 7)
        found = thermal_expansion(t, volume, np.full(7, 0.5))
        hits += found.interval95[0] <= 5e-5 <= found.interval95[1]
    assert 182 <= hits <= 200
    bent = 1000 * (1 + 5e-5 * (t - 600) + 1e-7 * (t - 600) ** 2)
    assert "do not lie on a line" in thermal_expansion(t, bent, np.full(7, 0.5)).warnings[0]
