from __future__ import annotations

import numpy as np
import pytest
from anodeflow.analysis.reading.trajectory import Trajectory, read_trajectory
from anodeflow.analysis.structure.bulk import (
    coordination_number,
    expansion,
    mass_density,
    radial_distribution,
    volume_per_host_atom,
)
from anodeflow.analysis.structure.clusters import anion_environments, find_clusters, thiophosphate_units
from anodeflow.analysis.structure.neighbours import pairs_within
from anodeflow.analysis.structure.voronoi import voronoi_volumes
from anodeflow.errors import InputError
from ase.build import bulk, make_supercell
from ase.spacegroup import crystal
from dumps import TRICLINIC


def as_trajectory(atoms, frames=6, shake=0.0, seed=0):
    rng = np.random.default_rng(seed)
    positions = (
        atoms.positions + rng.normal(0, shake, (frames, len(atoms), 3))
        if shake
        else np.repeat(atoms.positions[None], frames, axis=0)
    )
    cells = np.broadcast_to(np.asarray(atoms.cell), (frames, 3, 3))
    return Trajectory(positions, cells, tuple(atoms.get_chemical_symbols()), np.arange(float(frames)))


def lithium_sulfide():
    return crystal(["Li", "S"], [(0.25, 0.25, 0.25), (0, 0, 0)], spacegroup=225, cellpar=[5.7] * 3 + [90] * 3)


def test_pairs_agree_with_the_direct_sum_over_images():
    rng = np.random.default_rng(1)
    positions = rng.random((7, 3)) @ TRICLINIC + 37.0
    found = pairs_within(positions, TRICLINIC, 11.0)
    shifts = np.stack(np.meshgrid(*[np.arange(-6, 7)] * 3, indexing="ij"), -1).reshape(-1, 3) @ TRICLINIC
    direct = np.linalg.norm(positions[None, :, None] + shifts - positions[:, None, None], axis=-1)
    assert len(found.first) == int(((direct < 11.0) & (direct > 1e-9)).sum())
    vectors = positions[found.second] + found.image @ TRICLINIC - positions[found.first]
    assert np.allclose(np.linalg.norm(vectors, axis=1), found.distance_A)


@pytest.mark.parametrize("cell", ["cubic", "primitive"])
def test_coordination_of_the_antifluorite_in_cells_smaller_than_the_shell(cell):
    atoms = lithium_sulfide()
    if cell == "primitive":
        atoms = crystal(
            ["Li", "S"],
            [(0.25, 0.25, 0.25), (0, 0, 0)],
            spacegroup=225,
            cellpar=[5.7] * 3 + [90] * 3,
            primitive_cell=True,
        )
    t = as_trajectory(atoms)
    assert coordination_number(t, "S", "Li", cutoff_A=3.0).value == pytest.approx(8)
    assert coordination_number(t, "Li", "S", cutoff_A=3.0).value == pytest.approx(4)
    shaken = as_trajectory(make_supercell(atoms, np.eye(3) * 3), shake=0.1)
    found = coordination_number(shaken, "S", "Li")
    assert found.value == pytest.approx(8, abs=0.05)
    assert found.uncertainty is not None
    g = radial_distribution(shaken, "S", "Li")
    assert 2.8 < g.first_minimum_A() < 4.2
    assert g.r_A[g.g.argmax()] == pytest.approx(5.7 * np.sqrt(3) / 4, abs=0.1)


def test_radial_distribution_of_an_ideal_gas_is_one():
    rng = np.random.default_rng(0)
    frames = 80
    positions = rng.random((frames, 90, 3)) @ TRICLINIC
    t = Trajectory(
        positions, np.broadcast_to(TRICLINIC, (frames, 3, 3)), ("Li",) * 60 + ("Si",) * 30, np.arange(float(frames))
    )
    for pair in (("Li", "Li"), ("Li", "Si"), ("Si", "Li")):
        g = radial_distribution(t, *pair, r_max_A=4.0, bins=8)
        assert g.g[2:] == pytest.approx(1, abs=0.06)
        assert np.all(np.abs(g.g[2:] - 1) < 6 * g.g_error[2:] + 0.02)
    both = [radial_distribution(t, *pair, r_max_A=4.0, bins=8) for pair in (("Li", "Si"), ("Si", "Li"))]
    assert np.allclose(both[0].g, both[1].g)
    assert both[0].coordination[-1] * 60 == pytest.approx(both[1].coordination[-1] * 30)
    with pytest.raises(InputError, match="no P among Li, Si"):
        radial_distribution(t, "Li", "P")


def test_structure_does_not_depend_on_rotation_translation_or_order():
    rng = np.random.default_rng(4)
    positions = rng.random((3, 40, 3)) @ TRICLINIC
    names = np.array(["Li"] * 25 + ["Si"] * 15)
    q, _ = np.linalg.qr(rng.normal(size=(3, 3)))
    order = rng.permutation(40)
    cells = np.broadcast_to(TRICLINIC, (3, 3, 3))
    one = Trajectory(positions, cells, tuple(names), np.arange(3.0))
    two = Trajectory((positions @ q + 5.3)[:, order], cells @ q, tuple(names[order]), np.arange(3.0))
    a, b = (radial_distribution(t, "Li", "Si", r_max_A=5, bins=20) for t in (one, two))
    assert np.allclose(a.g, b.g)
    assert np.allclose(
        voronoi_volumes(positions[0], TRICLINIC)[order], voronoi_volumes(two.positions[0], TRICLINIC @ q)
    )


def test_voronoi_volumes_of_crystals_and_of_a_gas():
    sulfide = lithium_sulfide()
    volumes = voronoi_volumes(sulfide.positions, np.asarray(sulfide.cell))
    assert volumes.sum() == pytest.approx(5.7**3)
    names = np.array(sulfide.get_chemical_symbols())
    assert np.ptp(volumes[names == "S"]) < 1e-9
    assert np.ptp(volumes[names == "Li"]) < 1e-9
    silicon = bulk("Si")  # two atoms in a primitive cell
    assert voronoi_volumes(silicon.positions, np.asarray(silicon.cell)) == pytest.approx(5.43**3 / 8)
    gas = np.random.default_rng(0).random((200, 3)) @ TRICLINIC
    assert voronoi_volumes(gas, TRICLINIC).sum() == pytest.approx(np.linalg.det(TRICLINIC))
    with pytest.raises(InputError, match="same place"):
        voronoi_volumes(np.zeros((3, 3)), TRICLINIC)


def test_silicon_clusters_of_known_sizes():
    cell = np.diag([30.0, 30.0, 30.0])
    pair = np.array([[0, 0, 0], [2.4, 0, 0]])
    ring = np.array([[29.2, 15, 15], [31.6, 15, 15], [30.4, 17.0, 15]])  # across the face of the cell
    positions = np.concatenate([pair + np.array([10, 5, 5]), ring, [[15, 25, 25]], [[12, 8, 5]]])
    species = ["Si"] * 6 + ["Li"]
    found = find_clusters(positions, cell, species, [("Si", "Si")])
    assert sorted(found.sizes.tolist()) == [1, 2, 3]
    assert found.label[-1] == -1
    assert found.count() == {"Si2": 1, "Si3": 1, "Si": 1}


def test_thiophosphate_units():
    def tetrahedron(centre, n=4):
        corners = np.array([[1, 1, 1], [1, -1, -1], [-1, 1, -1], [-1, -1, 1]]) * 2.05 / np.sqrt(3)
        return [("P", centre)] + [("S", centre + corner) for corner in corners[:n]]

    atoms = tetrahedron(np.array([5.0, 5, 5])) + tetrahedron(np.array([20.0, 5, 5])) + [("S", np.array([5.0, 20, 20]))]
    shared = np.array([15.0, 15, 15])  # P2S7: two P on both sides of one S
    left, right = shared - np.array([2.05, 0, 0]), shared + np.array([2.05, 0, 0])
    for centre, side in ((left, -1), (right, 1)):
        atoms.append(("P", centre))
        for angle in (0, 2.0944, 4.1888):
            atoms.append(("S", centre + np.array([side * 0.7, 1.92 * np.cos(angle), 1.92 * np.sin(angle)])))
    atoms.append(("S", shared))
    species = [name for name, _ in atoms]
    positions = np.array([place for _, place in atoms])
    assert thiophosphate_units(positions, np.eye(3) * 30, species) == {"PS4": 2, "P2S7": 1, "S": 1}


def test_argyrodite_holds_its_tetrahedra_and_its_free_sulfide(shared):
    t = read_trajectory(shared / "data" / "argyrodite_50p" / "run1_XDATCAR.gz", timestep_fs=100, stop=2)
    units = thiophosphate_units(t.positions[0], t.cells[0], t.species)
    assert units == {"PS4": 32, "S": 32}
    sulfur = anion_environments(t.positions[0], t.cells[0], t.species, "S")
    assert sulfur.bonded == 128
    assert sulfur.salt_like + sulfur.other == 32


def test_salts_are_recognised_as_themselves():
    sulfide = lithium_sulfide()
    found = anion_environments(sulfide.positions, np.asarray(sulfide.cell), sulfide.get_chemical_symbols(), "S")
    assert (found.bonded, found.salt_like, found.other, found.mean_lithium) == (0, 4, 0, 8.0)
    chloride = bulk("LiCl", "rocksalt", a=5.13, cubic=True)
    found = anion_environments(chloride.positions, np.asarray(chloride.cell), chloride.get_chemical_symbols(), "Cl")
    assert (found.salt_like, found.mean_lithium) == (4, 6.0)


def test_density_and_expansion():
    silicon = as_trajectory(bulk("Si", cubic=True))
    assert mass_density(silicon).value == pytest.approx(2.329, abs=0.01)
    pristine = volume_per_host_atom(silicon, "Si")
    assert pristine.value == pytest.approx(20.0, abs=0.1)
    swollen = as_trajectory(bulk("Si", cubic=True))
    swollen = Trajectory(swollen.positions * 1.5, swollen.cells * 1.5, swollen.species, swollen.time_ps)
    grown = expansion(volume_per_host_atom(swollen, "Si"), pristine)
    assert grown.value == pytest.approx(1.5**3 - 1)
