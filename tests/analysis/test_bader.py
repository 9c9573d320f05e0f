"""Bader's partition: analytic densities, any cell, and the geometry of the grid's Voronoi cells."""

import numpy as np
import pytest
from anodeflow.analysis.structure.bader import bader_partition, voronoi_neighbours
from anodeflow.errors import InputError

TRICLINIC = np.array([[5.0, 0.0, 0.0], [1.7, 4.6, 0.0], [-1.1, 0.9, 5.4]])
ATOMS = np.array([[0.13, 0.21, 0.08], [0.61, 0.55, 0.57]])


def gaussians(cell, fractions, electrons, widths, shape):
    """Return the density of periodic Gaussians on a grid, in e/Å³."""
    axes = [np.arange(n) / n for n in shape]
    grid = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1)
    density = np.zeros(shape)
    images = np.stack(np.meshgrid(*[np.arange(-2, 3)] * 3, indexing="ij"), axis=-1).reshape(-1, 3)
    for place, count, width in zip(fractions, electrons, widths, strict=True):
        for image in images:
            apart = (grid - place - image) @ cell
            density += count * np.exp(-0.5 * (apart**2).sum(-1) / width**2) / (2 * np.pi * width**2) ** 1.5
    return density


@pytest.mark.parametrize("cell", [np.eye(3), TRICLINIC, np.array([[0.0, 2, 2], [2, 0, 2], [2, 2, 0]])])
def test_the_facets_of_a_voronoi_cell_close(cell):
    """By Gauss' theorem the sum of A/d d⊗d over the facets of a lattice's cell is twice its volume times one."""
    steps, conductance = voronoi_neighbours(cell)
    arms = steps @ cell
    closed = np.einsum("m,mi,mj->ij", conductance, arms, arms)
    np.testing.assert_allclose(closed, 2 * abs(np.linalg.det(cell)) * np.eye(3), atol=1e-9)


def test_separate_atoms_keep_their_electrons_in_a_triclinic_cell():
    density = gaussians(TRICLINIC, ATOMS, (3.0, 5.0), (0.35, 0.4), (36, 36, 36))
    found = bader_partition(density, TRICLINIC, ATOMS @ TRICLINIC)
    np.testing.assert_allclose(found.electrons, [3.0, 5.0], atol=0.02)
    assert found.volumes_A3.sum() == pytest.approx(abs(np.linalg.det(TRICLINIC)))
    assert found.maxima == 2 and found.astray == 0


def test_the_partition_does_not_depend_on_the_choice_of_cell():
    """Overlapping atoms in another cell of the same lattice, and with the origin moved."""
    shape = (30, 30, 30)
    density = gaussians(TRICLINIC, ATOMS, (3.0, 5.0), (0.9, 0.7), shape)
    reference = bader_partition(density, TRICLINIC, ATOMS @ TRICLINIC)
    assert abs(reference.electrons[0] - 3.0) > 0.05, "the atoms have to overlap for this to mean anything"
    # a + b instead of b: point (i, j, k) of the new grid is (i + j, j, k) of the old
    i, j, k = np.meshgrid(*[np.arange(n) for n in shape], indexing="ij")
    other = np.array([TRICLINIC[0], TRICLINIC[0] + TRICLINIC[1], TRICLINIC[2]])
    skewed = bader_partition(density[(i + j) % shape[0], j, k], other, ATOMS @ TRICLINIC)
    np.testing.assert_allclose(skewed.electrons, reference.electrons, atol=1e-8)
    moved = bader_partition(
        np.roll(density, 7, axis=2), TRICLINIC, (ATOMS + np.array([0, 0, 7 / shape[2]])) @ TRICLINIC
    )
    np.testing.assert_allclose(moved.electrons, reference.electrons, atol=1e-8)


def test_a_maximum_without_a_nucleus_is_told():
    density = gaussians(TRICLINIC, ATOMS, (3.0, 5.0), (0.35, 0.4), (30, 30, 30))
    found = bader_partition(density, TRICLINIC, ATOMS[:1] @ TRICLINIC)
    assert found.electrons[0] == pytest.approx(8.0, abs=0.02) and found.astray == pytest.approx(5.0, abs=0.05)


def test_what_does_not_fit_is_refused():
    with pytest.raises(InputError, match="grid of three axes"):
        bader_partition(np.ones((4, 4)), np.eye(3), np.zeros((1, 3)))
    with pytest.raises(InputError, match="not finite"):
        bader_partition(np.full((4, 4, 4), np.nan), np.eye(3), np.zeros((1, 3)))
