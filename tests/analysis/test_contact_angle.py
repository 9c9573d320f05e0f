"""Contact angles of synthetic droplets whose angle is known."""

from __future__ import annotations

import numpy as np
import pytest
from anodeflow.analysis.reading.trajectory import Trajectory
from anodeflow.analysis.structure.contact_angle import contact_angle
from anodeflow.errors import InputError

_CELL = np.diag([90.0, 80.0, 90.0])
_OBLIQUE = np.array([[90.0, 0.0, 0.0], [20.0, 85.0, 0.0], [0.0, 0.0, 90.0]])


def _droplet(
    angle_deg, *, shape="cap", cell=_CELL, radius=24.0, frames=20, density=0.04, top=7.0, seed=1, shift=(0, 0)
):
    """Uniform atoms inside a cap or a cylinder segment, over some frames, with a blurred surface."""
    rng = np.random.default_rng(seed)
    centre = -radius * np.cos(np.radians(angle_deg))
    box = (2 * radius) ** 2 * (radius + centre) if shape == "cap" else 2 * radius * (radius + centre) * cell[1, 1]
    drawn = rng.poisson(density * box)
    found = []
    for _ in range(frames):
        points = rng.random((drawn, 3)) * [2 * radius, 2 * radius if shape == "cap" else cell[1, 1], radius + centre]
        points[:, 0] -= radius
        if shape == "cap":
            points[:, 1] -= radius
            inside = points[:, 0] ** 2 + points[:, 1] ** 2 + (points[:, 2] - centre) ** 2 < radius**2
        else:
            inside = points[:, 0] ** 2 + (points[:, 2] - centre) ** 2 < radius**2
        found.append(points[inside])
    number = min(len(points) for points in found)
    positions = np.array([points[rng.permutation(len(points))[:number]] for points in found])
    positions[..., :2] += rng.normal(scale=0.7, size=positions[..., :2].shape)
    positions[..., 2] += top
    positions[..., :2] += np.array(shift) @ cell[:2, :2]
    wall = np.zeros((frames, 5, 3))
    species = ("Li",) * number + ("Mg",) * 5
    cells = np.repeat(cell[None], frames, axis=0)
    return Trajectory(np.concatenate([positions, wall], axis=1), cells, species, np.arange(frames) * 0.1)


@pytest.mark.parametrize("shape", ["cap", "cylinder"])
@pytest.mark.parametrize("angle", [45.0, 70.0, 90.0, 115.0, 145.0])
def test_the_angle_of_a_known_droplet_is_found(angle, shape):
    made = _droplet(angle, shape=shape, radius=44.0 if angle < 60 else 24.0)
    found = contact_angle(made, "Li", solid_top_A=7.0, shape=shape)
    assert found.angle.value == pytest.approx(angle, abs=3.0)
    assert abs(found.angle.value - angle) < 4 * found.angle.uncertainty < 12.0
    assert found.radius.value == pytest.approx(44.0 if angle < 60 else 24.0, rel=0.04)
    assert found.angle.converged
    assert len(found.angles_deg) == 8


def test_it_does_not_matter_where_the_droplet_lies_or_how_the_atoms_are_ordered():
    middle = contact_angle(_droplet(100.0), "Li", solid_top_A=7.0).angle.value
    across = contact_angle(_droplet(100.0, shift=(0.47, 0.51)), "Li", solid_top_A=7.0).angle.value
    assert across == pytest.approx(middle, abs=1e-6)
    made = _droplet(100.0, shift=(0.47, 0.51))
    order = np.random.default_rng(0).permutation(made.n_atoms)
    mixed = Trajectory(made.positions[:, order], made.cells, tuple(made.species[k] for k in order), made.time_ps)
    assert contact_angle(mixed, ["Li"], solid_top_A=7.0).angle.value == pytest.approx(middle, abs=1e-6)


@pytest.mark.parametrize("shift", [(0.0, 0.0), (0.5, 0.5)])
def test_an_oblique_cell_gives_the_same(shift):
    found = contact_angle(_droplet(80.0, cell=_OBLIQUE, shift=shift), "Li", solid_top_A=7.0)
    assert found.angle.value == pytest.approx(80.0, abs=2.5)


def test_a_cylinder_may_lie_along_either_vector():
    made = _droplet(110.0, shape="cylinder")
    swapped = Trajectory(
        made.positions[..., [1, 0, 2]], made.cells[:, [1, 0, 2]][:, :, [1, 0, 2]], made.species, made.time_ps
    )
    one = contact_angle(made, "Li", solid_top_A=7.0, shape="cylinder", axis=1).angle.value
    other = contact_angle(swapped, "Li", solid_top_A=7.0, shape="cylinder", axis=0).angle.value
    assert other == pytest.approx(one, abs=1e-6)


def test_a_higher_solid_makes_a_smaller_base_angle():
    made = _droplet(130.0)
    low = contact_angle(made, "Li", solid_top_A=7.0).angle
    high = contact_angle(made, "Li", solid_top_A=np.full(20, 9.0)).angle
    expected = np.degrees(np.arccos(-(-24.0 * np.cos(np.radians(130.0)) - 2.0) / 24.0))
    assert high.value == pytest.approx(expected, abs=2.5)
    assert high.value < low.value
    assert any("changes it by" in text for text in low.warnings)


def test_a_film_has_no_angle():
    rng = np.random.default_rng(3)
    positions = rng.random((10, 4000, 3)) * [90.0, 80.0, 12.0]
    film = Trajectory(positions, np.repeat(_CELL[None], 10, axis=0), ("Li",) * 4000, np.arange(10.0))
    found = contact_angle(film, "Li", solid_top_A=0.0)
    assert found.angle.value is None
    assert not found.angle.converged
    assert "film" in found.angle.warnings[0]


def test_a_droplet_that_still_spreads_is_not_converged():
    parts = [_droplet(angle, frames=5, seed=k) for k, angle in enumerate((125.0, 115.0, 105.0, 95.0))]
    number = min(part.n_atoms for part in parts) - 5
    positions = np.concatenate([part.positions[:, :number] for part in parts])
    moving = Trajectory(positions, np.repeat(_CELL[None], 20, axis=0), ("Li",) * number, np.arange(20.0))
    found = contact_angle(moving, "Li", solid_top_A=7.0, blocks=4)
    assert not found.angle.converged
    assert any("not settled" in text for text in found.angle.warnings)


@pytest.mark.parametrize(
    ("species", "changes", "message"),
    [("Na", {}, "there is no Na"), ("Li", {"axis": 2}, "axis is 0 or 1"), ("Li", {"blocks": 30}, "do not make 30")],
)
def test_what_cannot_be_fitted_is_refused(species, changes, message):
    with pytest.raises(InputError, match=message):
        contact_angle(_droplet(90.0, frames=8), species, solid_top_A=7.0, **changes)
