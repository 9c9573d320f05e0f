"""Profiles in layers that LAMMPS averaged: reading, stress, fronts; replicas; stress overpotential."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from anodeflow.analysis.mechanics.layers import layer_stress_profile, read_layers, track_front
from anodeflow.analysis.mechanics.overpotential import stress_overpotential
from anodeflow.analysis.replicas import mean_of_places, replica_mean
from anodeflow.errors import InputError
from anodeflow.quantity import Quantity

HEAD = "# Chunk-averaged data for fix f and group g\n# Timestep Number-of-chunks Total-count\n# Chunk Coord1 Ncount v\n"


def _file(path, windows):
    lines = [HEAD]
    for step, rows in windows:
        lines.append(f"{step} {len(rows)} 10\n")
        for k, row in enumerate(rows):
            values = "".join(f"{value:17.9g}" for value in row[1:])
            lines.append(f"  {k + 1} {k:.3f} {row[0]:g}{values}\n")
    text = "".join(lines)
    path.write_text(text)
    return path


def test_a_continuation_replaces_what_was_run_twice_and_a_torn_block_is_left_out(tmp_path):
    first = _file(tmp_path / "a", [(100, [(1, 5), (2, 6)]), (200, [(1, 7), (2, 8)]), (300, [(9, 9), (9, 9)])])
    text = first.read_text()
    first.write_text(text[: text.rindex("  2 ")])  # killed while it wrote
    second = _file(tmp_path / "b", [(200, [(1, 70), (2, 80)]), (300, [(1, 90), (3, 100)])])
    found = read_layers([first, second])
    assert found.step.tolist() == [100, 200, 300]
    assert found.values[:, :, 0].tolist() == [[5, 6], [70, 80], [90, 100]]
    assert found.count[2].tolist() == [1, 3]
    assert found.after(100).step.tolist() == [200, 300]
    assert read_layers([first]).step.tolist() == [100, 200]
    empty = _file(tmp_path / "c", [])
    with pytest.raises(InputError, match="no whole window"):
        read_layers([empty])


def test_stress_of_layers_has_the_right_unit_and_sees_an_imbalance(tmp_path):
    rng = np.random.default_rng(8)
    layers, volume = 4, 8000.0
    stress_GPa = np.array([-1.0, 2.0, 0.5, 0.1, 0.0, -0.2])
    windows = []
    for number in range(1, 33):
        noise = 0.05 * rng.normal(size=(layers, 6))
        sums = (stress_GPa + noise) * 1e4 * volume / layers
        windows.append((100 * number, [(20.0, *row) for row in sums]))
    found = read_layers([_file(tmp_path / "s", windows)])
    profile = layer_stress_profile(found, np.full(32, volume), np.full(32, 40.0))
    assert np.allclose(profile.stress_GPa, stress_GPa, atol=0.04)
    assert np.allclose(profile.error_GPa, 0.05 / 32**0.5, rtol=0.6)
    assert profile.normal_balance().converged
    assert profile.layer_A == pytest.approx(10.0)
    found.values[:, 1, 2] *= 1.5  # one layer is pulled harder along the normal: that is no equilibrium
    assert not layer_stress_profile(found, np.full(32, volume), np.full(32, 40.0)).normal_balance().converged


@pytest.mark.parametrize("middle", [0.5, 0.05])
def test_fronts_are_followed_also_across_the_boundary_of_the_cell(middle):
    layers, windows = 40, 6
    place = (np.arange(layers) + 0.5) / layers
    lithium, host = np.zeros((windows, layers)), np.zeros((windows, layers))
    halves = 0.3 - 0.02 * np.arange(windows)
    for window, half in enumerate(halves):
        distance = np.abs((place - middle + 0.5) % 1.0 - 0.5)
        share = 0.8 / (1 + np.exp(-(distance - half) * 120))
        lithium[window], host[window] = 20 * share, 20 * (1 - share)
    track = track_front(lithium, host, middle)
    assert np.allclose(track.thickness, 2 * halves, atol=0.01)
    assert np.allclose((track.lower + track.upper) / 2 % 1.0, middle, atol=0.01)
    assert track.threshold == pytest.approx(0.4, abs=0.02)


def test_a_host_that_has_gone_has_no_front():
    lithium, host = np.zeros((2, 10)), np.full((2, 10), 5.0)
    lithium[0, 6:], host[0, 6:] = 8.0, 2.0
    lithium[1], host[1] = 6.0, 4.0
    assert np.isfinite(track_front(lithium, host, 0.3).thickness).tolist() == [True, False]
    with pytest.raises(InputError):
        track_front(np.zeros((2, 10)), host, 0.3)


def test_stress_overpotential_is_that_of_the_review():
    volume = Quantity("lithium_partial_volume", 9.0 / 0.602214076, "Å^3", uncertainty=0.5)  # 9 cm³/mol
    shift = stress_overpotential(volume, 0.050)
    assert shift.value == pytest.approx(9e-6 * 50e6 / 96485.33 * 1e3, rel=1e-6)
    assert shift.value / stress_overpotential(volume, 0.005).value == pytest.approx(10.0)
    assert shift.uncertainty / shift.value == pytest.approx(0.5 / volume.value)
    pressed = Quantity("pressure", -0.05, "GPa", uncertainty=0.005)
    assert stress_overpotential(volume, pressed).value == pytest.approx(-shift.value)
    with pytest.raises(InputError):
        stress_overpotential(Quantity("v", 9.0, "cm^3/mol"), 0.05)


def test_the_mean_of_replicas_has_students_interval():
    found = [Quantity("modulus", value, "GPa", method="m") for value in (10.0, 12.0, 14.0)]
    mean = replica_mean(found)
    assert (mean.value, mean.n_effective) == (12.0, 3)
    assert mean.uncertainty == pytest.approx(2 / 3**0.5)
    assert mean.interval95[1] - mean.value == pytest.approx(4.302653 * mean.uncertainty, rel=1e-5)
    none = Quantity("modulus", None, "GPa", converged=False, warnings=("it did not bend",))
    partly = replica_mean([*found, none])
    assert partly.value == 12.0
    assert partly.warnings == ("1 of 4 replicas gave none", "it did not bend")
    assert replica_mean([none, none]).value is None
    with pytest.raises(InputError):
        replica_mean([found[0], Quantity("strength", 1.0, "GPa")])


def test_a_mean_of_what_did_not_converge_did_not():
    loose = [
        Quantity("energy", value, "eV", converged=value > -1.05, warnings=("forces are left", f"at {value:g}"))
        for value in (-1.0, -1.1)
    ]
    mean = replica_mean(loose)
    assert (mean.converged, mean.warnings) == (False, ("forces are left", "at -1", "at -1.1"))
    assert replica_mean([replace(one, converged=True) for one in loose]).converged
    equal = mean_of_places([replace(loose[0], converged=True), replace(loose[1], value=-1.0)])
    assert (equal.value, equal.converged) == (-1.0, False)


def test_places_that_are_equal_have_no_spread():
    def work(value):
        return Quantity("work_of_separation", value, "J/m^2", method="parted")

    equal = mean_of_places([work(0.97220572698), work(0.97220572699)])
    assert equal.value == pytest.approx(0.97220572698)
    assert equal.uncertainty is None
    both = mean_of_places([work(0.9), work(1.1), work(1.1)])
    assert both.value == pytest.approx(1.0)
    assert both.uncertainty == pytest.approx(0.1)
    assert both.n_effective == 2
