"""Profiles, diffusion by layer, and interfaces, against walks and profiles that are known."""

from __future__ import annotations

import json
import re

import numpy as np
import pytest
from anodeflow.analysis.structure.interface import growth_law, track_interface
from anodeflow.analysis.structure.profiles import density_profile, heights
from anodeflow.analysis.transport.regions import layer_diffusivity
from anodeflow.errors import InputError

CELL = np.array([[9.0, 0.0, 0.0], [-4.5, 7.794, 0.0], [3.0, 1.0, 30.0]])


def layered_walk(seed, *, ions=150, frames=1200, period=30.0, steps=10):
    """Walk with parallel coefficient 0.1 below and 0.02 above half height, perpendicular 0.05 throughout (Å²/frame)."""
    rng = np.random.default_rng(seed)
    z = rng.random(ions) * period
    x = np.zeros((ions, 2))
    heights_A, displacements = np.empty((frames, ions)), np.empty((frames, ions, 2))
    for frame in range(frames):
        for _ in range(steps):
            local = np.where(z < period / 2, 0.1, 0.02)
            x += rng.normal(size=(ions, 2)) * np.sqrt(2 * local / steps)[:, None]
            z = np.mod(z + rng.normal(0, np.sqrt(2 * 0.05 / steps), ions), period)
        heights_A[frame], displacements[frame] = z, x
    return displacements, heights_A


def test_layers_are_told_apart_though_ions_cross():
    runs, parallel, across, inside = 6, [], [], []
    truth = np.array([0.1] * 3 + [0.02] * 3)
    for seed in range(runs):
        displacements, height = layered_walk(seed)
        result = layer_diffusivity(displacements, height, period_A=30.0, time_step_ps=1.0, layer_A=5.0)
        found = np.array([item.value for item in result.parallel], dtype=float) * 1e4
        parallel.append(found / truth)
        inside += [
            item.interval95[0] * 1e4 < exact < item.interval95[1] * 1e4
            for item, exact in zip(result.parallel, truth, strict=True)
        ]
        if seed < 3:
            across.append([item.value * 1e4 / 0.05 for item in result.perpendicular])
    # within 3 % in every layer; an ion crosses some thirty times in a run
    assert np.mean(parallel, axis=0) == pytest.approx(np.ones(6), abs=0.03)
    assert np.mean(inside) > 0.85
    assert np.mean(across) == pytest.approx(1, abs=0.05)
    assert np.mean(across, axis=0) == pytest.approx(np.ones(6), abs=0.15)
    json.dumps(result.to_dict(), allow_nan=False)
    # where an ion began tells its layer badly: the plain way is far off, so the test above can fail
    lag = 200
    begun = height[0] >= 15
    plain = ((displacements[lag] - displacements[0]) ** 2).sum(axis=1)[begun].mean() / (4 * lag)
    assert plain > 1.2 * 0.02


def test_layer_without_diffusion_says_so():
    rng = np.random.default_rng(1)
    height = np.mod(rng.random(40) * 20 + rng.normal(0, 0.1, (200, 40)), 20.0)
    still = rng.normal(0, 0.1, (200, 40, 2))
    result = layer_diffusivity(still, height, period_A=20.0, time_step_ps=1.0)
    assert all(item.value is None and item.warnings for item in result.parallel)
    assert all(item.value is None and item.warnings for item in result.perpendicular)
    empty = layer_diffusivity(still[:, :30], height[:, :30] * 0.4, period_A=20.0, time_step_ps=1.0)
    assert empty.parallel[-1].warnings == empty.perpendicular[-1].warnings == ("no Li is in the layer",)
    # ions that rattle are told for how long to run: twice the 400 ps at least, and more than a hop of 2 Å takes
    rattling = layer_diffusivity(still, height, period_A=20.0, time_step_ps=2.0).parallel[0].warnings[0]
    assert float(re.search(r"a run of (\S+) ps or more is needed", rattling)[1]) >= 800
    with pytest.raises(InputError, match="belong together"):
        layer_diffusivity(still[:, :3], height, period_A=20.0, time_step_ps=1.0)


def test_heights_in_a_tilted_cell():
    rng = np.random.default_rng(2)
    fractional = rng.random((3, 50, 3))
    cells = np.stack([CELL, CELL * 1.02, CELL * 0.97])
    positions = np.einsum("fni,fij->fnj", fractional + rng.integers(-2, 3, fractional.shape), cells)
    where = heights(positions, cells)
    # the third box vector alone rises along the normal of the first two
    assert where.height_A / where.period_A[:, None] == pytest.approx(fractional[:, :, 2], abs=1e-9)
    assert where.area_A2[0] == pytest.approx(9.0 * 7.794)
    assert where.in_plane @ where.normal == pytest.approx([0, 0], abs=1e-12)
    shifted = heights(positions + 5.0, cells, origins=np.full((3, 3), 5.0))
    assert shifted.height_A == pytest.approx(where.height_A, abs=1e-9)


def test_density_profile_counts_every_atom():
    rng = np.random.default_rng(3)
    fractional = rng.random((40, 600, 3))
    fractional[:, :400, 2] *= 0.5
    cells = np.broadcast_to(CELL, (40, 3, 3))
    positions = fractional @ CELL
    species = ["Li"] * 400 + ["Si"] * 200
    profile = density_profile(heights(positions, cells), species, layer_A=2.0)
    volume = abs(np.linalg.det(CELL))
    width = np.diff(profile.edges_A) * 9.0 * 7.794
    assert (profile.density_per_A3["Li"] * width).sum() == pytest.approx(400)
    lower = profile.z_A < 14
    assert profile.density_per_A3["Li"][lower] == pytest.approx(800 / volume, rel=0.05)
    assert np.all(profile.density_per_A3["Li"][profile.z_A > 16] == 0)
    assert profile.density_per_A3["Si"] == pytest.approx(200 / volume, rel=0.1)
    fraction, error = profile.fraction("Li")
    assert fraction[lower] == pytest.approx(0.8, abs=0.02)
    deviation = (profile.density_per_A3["Si"] - 200 / volume) / profile.error_per_A3["Si"]
    assert 0.5 < np.sqrt(np.mean(deviation**2)) < 2.0
    assert np.all(error[lower] < 0.02)
    json.dumps(profile.to_dict(), allow_nan=False)
    with pytest.raises(InputError, match="no Na"):
        density_profile(heights(positions, cells), species, elements=["Na"])
    with pytest.raises(InputError, match="layers of"):
        density_profile(heights(positions, cells), species, layer_A=40)


def test_interface_is_followed_across_the_face_of_the_cell():
    rng = np.random.default_rng(4)
    period, frames, atoms = 40.0, 200, 3000
    centres = np.linspace(36.0, 42.0, frames)
    half = 1.5
    chosen = np.arange(atoms) < atoms // 2
    height = np.empty((frames, atoms))
    for frame, centre in enumerate(centres):
        # inverse of the tanh step by rejection, within a window of 20 Å about 39 Å
        for side, sign in ((chosen, -1), (~chosen, 1)):
            kept = np.empty(0)
            while len(kept) < side.sum():
                z = 29 + 20 * rng.random(4 * atoms)
                keep = rng.random(len(z)) < 0.5 * (1 + sign * np.tanh((z - centre) / half))
                kept = np.concatenate([kept, z[keep]])
            height[frame, side] = kept[: side.sum()]
    # both sides have the same number of atoms, so the fraction is a step between the two only near 39 Å
    track = track_interface(
        np.mod(height, period), chosen, window_A=(31.0, 47.0), period_A=period, time_step_ps=0.5, blocks=8
    )
    expected = np.array([piece.mean() for piece in np.array_split(centres, 8)])
    assert np.diff(track.position_A).min() > 0
    assert track.position_A == pytest.approx(expected, abs=0.5)
    assert track.width_A == pytest.approx(2.197 * half, rel=0.15)
    assert np.all(track.position_error_A < 0.3)
    json.dumps(track.to_dict(), allow_nan=False)
    with pytest.raises(InputError, match="window"):
        track_interface(height, chosen, window_A=(0, 3), period_A=period, time_step_ps=1.0)


@pytest.mark.parametrize(
    ("law", "thickness"),
    [
        ("parabolic", lambda t: 5 + 0.8 * np.sqrt(t)),
        ("linear", lambda t: 5 + 0.06 * t),
        ("logarithmic", lambda t: 5 + 2.0 * np.log(t)),
        ("none", lambda t: 5 + 0 * t),
    ],
)
def test_growth_law(law, thickness):
    rng = np.random.default_rng(5)
    time = np.linspace(5, 400, 25)
    error = np.full(25, 0.1)
    result = growth_law(time, thickness(time) + rng.normal(0, 0.1, 25), error)
    assert result.law == law
    if law == "parabolic":
        assert result.exponent.interval95[0] < 0.5 < result.exponent.interval95[1]
        assert result.rate.value == pytest.approx(0.64, rel=0.1)
        assert result.rate.unit == "Å²/ps"
    if law == "none":
        assert result.rate.value is None
    noisy = growth_law(time[:6], thickness(time[:6]) + rng.normal(0, 0.5, 6), np.full(6, 0.5))
    assert noisy.law in ("undecided", "none", law)  # never another one


def test_growth_law_needs_points():
    with pytest.raises(InputError, match="cannot tell"):
        growth_law(np.arange(1, 5), np.ones(4), np.ones(4))
