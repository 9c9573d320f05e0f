"""``anodeflow analyse structure | stress | jumps | neb | voltage`` on files of two elements or more."""

from __future__ import annotations

import json
import sys

import ase
import ase.io
import numpy as np
import pytest
from anodeflow.cli import main
from ase.calculators.singlepoint import SinglePointCalculator
from ase.spacegroup import crystal

KEYS = {"anodeflow", "command", "inputs", "quantities", "warnings", "files"}
CELL = np.array([[9.0, 0, 0], [-3.0, 8.0, 0], [1.0, 2.0, 9.0]])


def run(capsys, monkeypatch, *arguments):
    monkeypatch.setattr(sys, "argv", ["anodeflow", *map(str, arguments)])
    code = 0
    try:
        main()
    except SystemExit as stop:
        code = stop.code or 0
    return code, *capsys.readouterr()


def values(text):
    document = json.loads(text)
    assert set(document) >= KEYS
    return document, {(q["name"], q["species"]): q for q in document["quantities"]}


def test_structure(capsys, monkeypatch, tmp_path):
    rng = np.random.default_rng(0)
    sulfide = crystal(["Li", "S"], [(0.25, 0.25, 0.25), (0, 0, 0)], spacegroup=225, cellpar=[5.7] * 3 + [90] * 3) * (
        2,
        2,
        2,
    )
    frames = []
    for _ in range(8):
        atoms = sulfide.copy()
        atoms.positions += rng.normal(0, 0.1, atoms.positions.shape)
        frames.append(atoms)
    path = tmp_path / "run.extxyz"
    ase.io.write(path, frames)
    code, out, err = run(
        capsys, monkeypatch, "analyse", "structure", path, "--pair", "S-Li", "--json", "--out", tmp_path / "o"
    )
    assert (code, err) == (0, "")
    document, found = values(out)
    assert found["coordination_number", "S-Li"]["value"] == pytest.approx(8, abs=0.1)
    assert document["last_frame"]["S_environments"] == {"bonded": 0, "Li2S-like": 32, "other": 0}
    assert {"radial_distribution.png", "radial_distribution.csv", "structure.html"} <= {
        p.name for p in (tmp_path / "o").iterdir()
    }
    code, out, err = run(capsys, monkeypatch, "analyse", "structure", path, "--pair", "Li-Xx")
    assert code == 2
    assert err.startswith("error: ")


def test_jumps(capsys, monkeypatch, tmp_path):
    rng = np.random.default_rng(1)
    frames, ions = 600, 20
    place = rng.integers(0, 3, (ions, 3))
    moves = np.concatenate([np.eye(3), -np.eye(3)]).astype(int)
    lines = []
    still = rng.random((10, 3))
    for frame in range(frames):
        hop = rng.random(ions) < 0.03
        place[hop] += moves[rng.integers(0, 6, hop.sum())]
        scaled = np.concatenate([place / 3 + rng.normal(0, 0.015, (ions, 3)), still])
        positions = scaled @ CELL
        lines.append(f"ITEM: TIMESTEP\n{frame * 50}\nITEM: NUMBER OF ATOMS\n30\nITEM: BOX BOUNDS xy xz yz pp pp pp\n")
        lines.append("-3 10 -3\n0 10 1\n0 9 2\nITEM: ATOMS id element xu yu zu\n")
        lines += [
            f"{i + 1} {'Li' if i < 20 else 'S'} {x:.6g} {y:.6g} {z:.6g}\n" for i, (x, y, z) in enumerate(positions)
        ]
    path = tmp_path / "run.lammpstrj"
    path.write_text("".join(lines))
    sites = np.stack(np.meshgrid(*[np.arange(3) / 3] * 3, indexing="ij"), -1).reshape(-1, 3)
    ase.io.write(tmp_path / "sites.vasp", ase.Atoms("Li27", scaled_positions=sites, cell=CELL, pbc=True))
    arguments = ("analyse", "jumps", path, "--sites", tmp_path / "sites.vasp", "--timestep-fs", 2)
    code, out, _ = run(capsys, monkeypatch, *arguments, "--temperature-K", 600, "--json", "--out", tmp_path / "o")
    assert code == 0
    document, found = values(out)
    assert document["sites"] == 27
    rate = found["jump_rate", "Li"]
    assert rate["interval95"][0] < 0.3 < rate["interval95"][1]
    assert found["correlation_factor", "Li"]["value"] == pytest.approx(1, abs=0.3)
    assert (tmp_path / "o" / "jumps.csv").read_text().count("\n") == document["jumps"] + 1
    code, out, err = run(capsys, monkeypatch, *arguments[:-2])
    assert (code, out) == (2, "")
    assert "timestep" in err


def test_neb_and_voltage(capsys, monkeypatch, tmp_path):
    images = []
    for x in np.linspace(0, 1, 9):
        atoms = ase.Atoms("LiSi", positions=[[3 * x, 0, 0], [5, 5, 5]], cell=CELL * 2, pbc=True)
        force = np.zeros((2, 3))
        force[0, 0] = -0.4 * np.pi * np.sin(2 * np.pi * x) / 3
        atoms.calc = SinglePointCalculator(atoms, energy=0.4 * np.sin(np.pi * x) ** 2 - 7, forces=force)
        images.append(atoms)
    ase.io.write(tmp_path / "neb.traj", images)
    code, out, _ = run(capsys, monkeypatch, "analyse", "neb", tmp_path, "--json", "--out", tmp_path / "o", "--explain")
    assert code == 0
    document, found = values(out)
    assert found["migration_barrier", None]["value"] == pytest.approx(0.4, abs=1e-3)
    assert "quintics" in document["explanation"]
    assert (tmp_path / "o" / "bands.png").stat().st_size > 1000

    for name, energy in (("Li2", -4.0), ("Si2", -10.0), ("LiSi", -7.5), ("Li3Si", -12.1)):
        atoms = ase.Atoms(name, positions=np.arange(3 * len(ase.Atoms(name))).reshape(-1, 3), cell=CELL, pbc=True)
        atoms.calc = SinglePointCalculator(atoms, energy=energy)
        ase.io.write(tmp_path / f"{name}.extxyz", atoms)
    files = [tmp_path / f"{name}.extxyz" for name in ("Li2", "Si2", "LiSi", "Li3Si")]
    code, out, _ = run(capsys, monkeypatch, "analyse", "voltage", *files, "--host", "Si", "--json")
    assert code == 0
    document, found = values(out)
    assert document["stable"] == ["Si2", "LiSi", "Li3Si"]
    assert found["voltage", "Si2 → LiSi"]["value"] == pytest.approx(0.5)
    assert found["voltage", "LiSi → Li3Si"]["value"] == pytest.approx(0.3)
    code, _, err = run(capsys, monkeypatch, "analyse", "voltage", *files[1:], "--host", "Si")
    assert code == 2
    assert "lithium metal" in err


def test_stress(capsys, monkeypatch, tmp_path):
    rng = np.random.default_rng(2)
    lines = []
    for frame in range(20):
        lines.append(f"ITEM: TIMESTEP\n{frame}\nITEM: NUMBER OF ATOMS\n40\nITEM: BOX BOUNDS xy xz yz pp pp pp\n")
        lines.append(
            "-3 10 -3\n0 10 1\n0 9 2\nITEM: ATOMS id element xu yu zu "
            + " ".join(f"c_s[{k}]" for k in range(1, 7))
            + "\n"
        )
        for i in range(40):
            x, y, z = (rng.random(3)) @ CELL
            tensor = np.array([3e5, 2e5, 1e5, 0, 0, 0]) + rng.normal(0, 1e3, 6)
            lines.append(
                f"{i + 1} {'Li' if i % 2 else 'Si'} {x:.6g} {y:.6g} {z:.6g} "
                + " ".join(f"{v:.8g}" for v in tensor)
                + "\n"
            )
    path = tmp_path / "s.dump"
    path.write_text("".join(lines))
    code, out, _ = run(
        capsys, monkeypatch, "analyse", "stress", path, "--column", "c_s", "--json", "--out", tmp_path / "o"
    )
    assert code == 0
    _, found = values(out)
    expected = 40 * np.array([3e5, 2e5, 1e5]) / np.linalg.det(CELL) * 1e-4
    for name, value in zip(("xx", "yy", "zz"), expected, strict=True):
        assert found[f"stress_{name}", None]["value"] == pytest.approx(value, rel=0.01)
    assert (tmp_path / "o" / "stress_profile.csv").read_text().count("\n") == 4
    assert not any(name.startswith("slab") for name, _ in found)
    # the same atoms in a cell of thrice the height: the stress within the slab stays what it was
    tall = tmp_path / "tall.dump"
    tall.write_text("".join(lines).replace("-3 10 -3\n0 10 1\n0 9 2\n", "-3 12 -3\n0 14 3\n0 27 6\n"))
    code, out, _ = run(capsys, monkeypatch, "analyse", "stress", tall, "--column", "c_s", "--json")
    _, slab = values(out)
    assert slab["stress_xx", None]["value"] == pytest.approx(expected[0] / 3, rel=0.01)
    assert slab["slab_stress_xx", None]["value"] == pytest.approx(expected[0], rel=0.15)
    assert ("slab_stress_zz", None) not in slab
    code, _, err = run(capsys, monkeypatch, "analyse", "stress", path)
    assert code == 2
    assert "no column c_stress[1]" in err
