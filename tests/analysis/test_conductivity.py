"""Nernst–Einstein conductivity against numbers worked out by hand."""

from __future__ import annotations

import pytest
from anodeflow.analysis.transport.conductivity import nernst_einstein_conductivity
from anodeflow.errors import InputError
from anodeflow.quantity import Quantity

D = Quantity("tracer_diffusivity", 1e-6, "cm^2/s", uncertainty=1e-7, interval95=(0.8e-6, 1.25e-6), species="Li")


def test_value_by_hand():
    result = nernst_einstein_conductivity(D, 0.02, temperature_K=300)
    # 2e22 cm^-3 * (1.602176634e-19 C)^2 * 1e-6 cm^2/s / (1.380649e-23 J/K * 300 K)
    assert result.value == pytest.approx(2e22 * 1.602176634e-19**2 * 1e-6 / (1.380649e-23 * 300), rel=1e-8)
    assert result.unit == "S/cm"
    assert result.uncertainty == pytest.approx(0.1 * result.value)
    assert result.interval95 == pytest.approx((0.8 * result.value, 1.25 * result.value))
    assert any("independently" in text for text in result.warnings)


def test_charge_haven_and_metal():
    plain = nernst_einstein_conductivity(D, 0.02, temperature_K=300)
    double = nernst_einstein_conductivity(D, 0.02, temperature_K=600, charge=2, haven_ratio=0.5)
    assert double.value == pytest.approx(plain.value * 4 / 2 / 0.5)
    haven = Quantity("haven_ratio", 0.5, "1", uncertainty=0.1, interval95=(0.35, 0.7))
    wide = nernst_einstein_conductivity(D, 0.02, temperature_K=300, haven_ratio=haven)
    assert wide.uncertainty / wide.value == pytest.approx((0.1**2 + 0.2**2) ** 0.5)
    assert wide.interval95[1] / wide.value > 1.25
    metal = nernst_einstein_conductivity(D, 0.02, temperature_K=300, metallic=True)
    assert any("ionic part" in text for text in metal.warnings)


def test_no_diffusion_no_conductivity():
    still = Quantity("tracer_diffusivity", None, "cm^2/s", converged=False, warnings=("not diffusive yet",))
    result = nernst_einstein_conductivity(still, 0.02, temperature_K=300)
    assert result.value is None
    assert "not diffusive yet" in result.warnings


@pytest.mark.parametrize("change", [{"temperature_K": 0}, {"temperature_K": 300, "haven_ratio": -1}])
def test_bad_input(change):
    with pytest.raises(InputError):
        nernst_einstein_conductivity(D, 0.02, **change)
    with pytest.raises(InputError, match="cm\\^2/s"):
        nernst_einstein_conductivity(Quantity("d", 1.0, "m^2/s"), 0.02, temperature_K=300)
    with pytest.raises(InputError, match="density"):
        nernst_einstein_conductivity(D, 0.0, temperature_K=300)
