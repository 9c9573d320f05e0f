"""Stress, coordination and clusters on a tilted Universe of two elements give what the plain functions give."""

from __future__ import annotations

import warnings

import MDAnalysis
import numpy as np
import pytest
from anodeflow.analysis.mda_structure import BondedClusters, CoordinationNumber, LayerStress
from anodeflow.analysis.mechanics.stress import stress_profile
from anodeflow.analysis.reading import mda_reader  # noqa: F401 - the reader registers itself
from anodeflow.analysis.reading.trajectory import read_trajectory
from anodeflow.analysis.structure.bulk import coordination_number
from anodeflow.analysis.structure.clusters import find_clusters
from anodeflow.errors import InputError
from dumps import ORIGIN, TRICLINIC, bounds

ATOMS, FRAMES = 60, 12
COLUMNS = [f"c_stress[{k}]" for k in range(1, 7)]


@pytest.fixture
def dump(tmp_path):
    rng = np.random.default_rng(5)
    lattice = np.stack(np.meshgrid(np.arange(4) / 4, np.arange(3) / 3, np.arange(5) / 5, indexing="ij"), -1)
    start = lattice.reshape(-1, 3) @ TRICLINIC + ORIGIN
    names = np.where(rng.random(ATOMS) < 0.5, "Si", "Li")
    lines = []
    for frame in range(FRAMES):
        cell = TRICLINIC * (1 + 0.002 * frame)
        lines.append(f"ITEM: TIMESTEP\n{frame * 10}\nITEM: NUMBER OF ATOMS\n{ATOMS}\n{bounds(cell, ORIGIN)}")
        lines.append(f"ITEM: ATOMS id element xu yu zu vx vy vz {' '.join(COLUMNS)}\n")
        places = (start - ORIGIN) @ np.linalg.inv(TRICLINIC) @ cell + ORIGIN + rng.normal(0, 0.2, (ATOMS, 3))
        values = np.column_stack([places, rng.normal(0, 5, (ATOMS, 3)), rng.normal(1e5, 1e6, (ATOMS, 6))])
        lines += [
            f"{i + 1} {names[i]} {' '.join(f'{value:.10g}' for value in values[i])}\n" for i in rng.permutation(ATOMS)
        ]
    path = tmp_path / "run.lammpstrj"
    path.write_text("".join(lines))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        kinds = {"format": "LAMMPSTEXT", "topology_format": "LAMMPSTEXT"}
        u = MDAnalysis.Universe(str(path), timestep_fs=2, additional_columns=True, **kinds)
        u.add_TopologyAttr("elements", list(names))
        yield path, u


@pytest.mark.parametrize("masses", [None, {"Li": 6.94, "Si": 28.086}])
def test_stress_in_layers(dump, masses):
    path, u = dump
    plain = stress_profile(path, layer_A=2.5, kinetic=masses or "included", skip_frames=2)
    found = LayerStress(u.atoms, layer_A=2.5, kinetic=masses).run(start=2).results.profile
    assert found.n_frames == FRAMES - 2
    # MDAnalysis holds positions in single precision: an atom on a face may change its layer, the sum may not
    assert found.cell_stress_GPa == pytest.approx(plain.cell_stress_GPa, rel=1e-5)
    assert np.allclose(found.stress_GPa, plain.stress_GPa, rtol=1e-4, atol=1e-4)
    assert np.allclose(found.error_GPa, plain.error_GPa, rtol=1e-4, atol=1e-4)
    part = u.select_atoms("element Li")
    rest = u.select_atoms("element Si")
    shares = [LayerStress(group, layer_A=2.5).run().results.profile.stress_GPa for group in (part, rest)]
    whole = LayerStress(u.atoms, layer_A=2.5).run().results.profile.stress_GPa
    assert np.allclose(sum(shares), whole)


def test_stress_says_what_is_missing(dump):
    _, u = dump
    with pytest.raises(InputError, match=r"no column c_s\[1\]"):
        LayerStress(u.atoms, stress="c_s").run()
    with pytest.raises(InputError, match="no mass of Si"):
        LayerStress(u.atoms, kinetic={"Li": 6.94})
    with pytest.raises(InputError, match="layers across box vector 1"):
        LayerStress(u.atoms, axis=0).run()


def test_coordination_and_clusters(dump):
    path, u = dump
    t = read_trajectory(path, timestep_fs=2)
    found = CoordinationNumber(u.atoms, "Si", "Li", cutoff_A=3.2).run(step=3).results.coordination
    plain = coordination_number(t[::3], "Si", "Li", cutoff_A=3.2)
    assert 1 < found.value < 12
    assert found.value == pytest.approx(plain.value, rel=1e-3)
    assert found.uncertainty == pytest.approx(plain.uncertainty, rel=1e-2)
    cutoffs = {("Si", "Si"): 2.9}
    run = BondedClusters(u.atoms, [("Si", "Si")], cutoffs_A=cutoffs).run(start=1, stop=9, step=2)
    assert len(run.results.clusters) == 4
    for frame, clusters in zip(range(1, 9, 2), run.results.clusters, strict=True):
        plainly = find_clusters(t.positions[frame], t.cells[frame], t.species, [("Si", "Si")], cutoffs_A=cutoffs)
        assert clusters.count() == plainly.count()
        assert len(clusters.sizes) > 1
    assert run.results.largest.tolist() == [max(each.sizes) for each in run.results.clusters]
    with pytest.raises(InputError, match="there is no Cl"):
        BondedClusters(u.atoms, [("Si", "Cl")])
