"""Every card gives the same energy, forces and stress through the LAMMPS program and as an ASE calculator."""

from __future__ import annotations

from importlib.util import find_spec

import numpy as np
import pytest
from anodeflow.engines.lammps.failures import ParameterFileError
from anodeflow.engines.lammps.log import read_logs
from anodeflow.engines.lammps.md import MDSettings, run_md
from anodeflow.engines.lammps.relax import relax
from anodeflow.engines.lammps.setup import System
from anodeflow.engines.lammps.single_point import single_point
from anodeflow.engines.resources import Resources
from anodeflow.errors import InputError
from anodeflow.potentials.cards import PotentialCard, card, card_names
from anodeflow.potentials.source_file import wheel_potentials
from anodeflow.structures.phases import phase
from anodeflow.units import EV_A3_TO_GPA, KCAL_MOL_TO_EV
from pymatgen.core import Lattice, Structure
from pymatgen.io.ase import AseAtomsAdaptor

pytestmark = pytest.mark.engine

ONE = Resources()
SYSTEMS = {
    "LiSi-MEAM-Cui2012": "LiSi",
    "LLZO-Jalem2013-rigid": "Li2O",
    "LiPO-Islam2005-rigid": "beta-Li3PO4",
    "LiPO-Islam2005-shell": "Li2O",
    "Oxides-Pedone2006": "beta-Li3PO4",
    "LiX-EIM-Zhou2010": "LiF",
    "MgO-Henkelman2005": "MgO",
    "chgnet": "LiSi",
    "sevennet-mf-r2scan": "LiSn",
}


def _marks(name):
    """A model in Python needs its package; the reason of the skip says which."""
    weights = getattr(card(name).model, "weights", None)
    if weights is None:
        return []
    package = weights.distribution
    return [pytest.mark.ml, pytest.mark.skipif(not find_spec(package), reason=f"{package} is not installed")]


NAMES = [pytest.param(name, marks=_marks(name)) for name in card_names()]


def _shaken(name: str, seed: int = 5) -> Structure:
    """A phase in a cell without right angles, turned in space, with every atom moved."""
    start = phase(name).structure
    generator = np.random.default_rng(seed)
    turn, _ = np.linalg.qr(generator.normal(size=(3, 3)))
    cell = np.array(start.lattice.matrix) @ np.array([[1, 0.06, 0.04], [0, 1, 0.05], [0.01, 0, 1]]) @ turn
    moved = Structure(Lattice(cell), start.species, start.frac_coords)
    positions = moved.cart_coords + generator.normal(scale=0.05, size=(len(moved), 3))
    return Structure(moved.lattice, moved.species, positions, coords_are_cartesian=True)


def _both_ways(found, structure, directory):
    point = single_point(System.of(structure, found), directory, ONE)
    atoms = AseAtomsAdaptor.get_atoms(structure)
    atoms.calc = found.ase_calculator()
    return point, atoms


@pytest.mark.parametrize("name", NAMES)
def test_program_and_calculator_agree(name, tmp_path):
    found = card(name)
    crystals = [item.phase for item in found.checks.items if item.kind == "crystal"]
    structure = _shaken(SYSTEMS.get(name, crystals[0]))
    point, atoms = _both_ways(found, structure, tmp_path)
    assert atoms.get_potential_energy() / len(atoms) == pytest.approx(point.energy_eV / len(atoms), abs=1e-6)
    ours, theirs = np.linalg.norm(atoms.get_forces(), axis=1), np.linalg.norm(point.forces_eV_A, axis=1)
    assert ours.max() > 0.05
    assert np.allclose(ours, theirs, atol=1e-5)
    digits = 1e-4 if found.style == "ase" else 1e-5  # single precision, in two frames turned against each other
    assert -atoms.get_stress()[:3].sum() * EV_A3_TO_GPA == pytest.approx(sum(point.stress_GPa[:3]), abs=digits)


def test_forces_and_stress_are_derivatives_of_the_energy():
    """In the frame of the atoms, which is not that of LAMMPS."""
    atoms = AseAtomsAdaptor.get_atoms(_shaken("LiSi"))
    atoms.calc = card("LiSi-MEAM-Cui2012").ase_calculator()
    forces, stress = atoms.get_forces(), atoms.get_stress(voigt=False)

    def energy(positions=None, cell=None):
        copy = atoms.copy()
        copy.calc = atoms.calc
        if positions is not None:
            copy.positions = positions
        if cell is not None:
            copy.set_cell(cell, scale_atoms=True)
        return copy.get_potential_energy()

    for axis in range(3):
        step = np.zeros_like(forces)
        step[3, axis] = 1e-4
        numerical = -(energy(atoms.positions + step) - energy(atoms.positions - step)) / 2e-4
        assert forces[3, axis] == pytest.approx(numerical, abs=1e-5)
    for first, second in ((0, 0), (1, 2), (0, 1)):
        strain = np.zeros((3, 3))
        strain[first, second] += 5e-6
        strain[second, first] += 5e-6
        up, down = (energy(cell=atoms.cell[:] @ (np.eye(3) + sign * strain)) for sign in (1, -1))
        assert stress[first, second] == pytest.approx((up - down) / 2e-5 / atoms.get_volume(), abs=1e-6)


def test_calculator_folds_atoms_back_from_far_away():
    atoms = AseAtomsAdaptor.get_atoms(_shaken("LiSi"))
    atoms.calc = card("LiSi-MEAM-Cui2012").ase_calculator()
    energy = atoms.get_potential_energy()
    atoms.positions[4] += 3 * atoms.cell[0] - 2 * atoms.cell[2]
    assert atoms.get_potential_energy() == pytest.approx(energy, abs=1e-9)


def test_calculator_takes_another_composition():
    calculator = card("LiSi-MEAM-Cui2012").ase_calculator()
    for name in ("LiSi", "Li15Si4", "Si"):
        atoms = AseAtomsAdaptor.get_atoms(phase(name).structure)
        atoms.calc = calculator
        fresh = atoms.copy()
        fresh.calc = card("LiSi-MEAM-Cui2012").ase_calculator()
        assert atoms.get_potential_energy() == pytest.approx(fresh.get_potential_energy(), abs=1e-9)


def test_calculator_refuses_a_molecule():
    atoms = AseAtomsAdaptor.get_atoms(phase("Si").structure)
    atoms.pbc = (True, True, False)
    atoms.calc = card("Si-SW1985").ase_calculator()
    with pytest.raises(InputError, match="periodic"):
        atoms.get_potential_energy()


@pytest.fixture(scope="module")
def reactive(shared, tmp_path_factory):
    folder = tmp_path_factory.mktemp("reaxff")
    file = shared / "data" / "reaxff" / "ffield.reax.043.HOSiAlLi"
    (folder / "reactive.yaml").write_text(f"model: {{style: reaxff, file: {file}}}\n")
    return card(str(folder / "reactive.yaml"))


def test_reaxff_both_ways(reactive, tmp_path):
    point, atoms = _both_ways(reactive, _shaken("LiSi"), tmp_path)
    assert atoms.get_potential_energy() / len(atoms) == pytest.approx(point.energy_eV / len(atoms), abs=1e-6)
    assert np.allclose(np.linalg.norm(atoms.get_forces(), axis=1), np.linalg.norm(point.forces_eV_A, axis=1), atol=1e-4)


def test_reaxff_in_metal_units_is_reaxff_in_its_own(reactive, tmp_path):
    """LAMMPS gives kcal/mol in any units; the same cell in units real has to be the same energy."""
    system = System.of(_shaken("LiSi"), reactive)
    point = single_point(system, tmp_path / "metal", ONE)
    script = (tmp_path / "metal" / "in.single.lammps").read_text()
    lines = [
        {"units metal": "units real"}.get(line, line).replace("pair_coeff * * reaxff", "pair_coeff * *")
        for line in script.splitlines()
    ]
    lines = ["pair_style reaxff NULL" if line.startswith("pair_style") else line for line in lines]
    from anodeflow.engines.lammps.launch import run_lammps

    real = tmp_path / "real"
    system.write_files(real)
    (real / "in.lammps").write_text("\n".join(lines) + "\n")
    run_lammps(real, "in.lammps", "log.lammps", ONE)
    energy = read_logs([real / "log.lammps"])["pe"][-1] * KCAL_MOL_TO_EV
    assert point.energy_eV == pytest.approx(energy, abs=1e-5)


def test_reaxff_lithium_silicide(reactive, tmp_path):
    """Ostadhossein 2016: LiSi within 1.9 % of the volume of PBE."""
    result = relax(System.of(phase("LiSi").structure, reactive), tmp_path, ONE, cell="aniso")
    assert result.structure.volume / 32 == pytest.approx(15.6068, rel=0.019)


def test_reaxff_run_goes_on_from_its_restart(reactive, tmp_path):
    system = System.of(phase("LiSi").structure, reactive)
    whole = MDSettings("nvt", 60, 400.0, 3, timestep_fs=0.5, dump_every=0, thermo_every=10, restart_every=30)
    one = run_md(system, whole, tmp_path / "one", ONE)
    import shutil

    shutil.copytree(tmp_path / "one", tmp_path / "two")
    for name in ("restart.end", "restart.b", "final.data"):
        (tmp_path / "two" / name).unlink(missing_ok=True)
    two = run_md(system, whole, tmp_path / "two", ONE)
    assert two.segments == 2
    assert two.thermo["pe"][-1] == pytest.approx(one.thermo["pe"][-1], abs=1e-3)


def test_charged_cell_is_refused():
    structure = phase("Li2O").structure
    structure.remove_sites([0])
    with pytest.raises(InputError, match="carries"):
        System.of(structure, card("Oxides-Pedone2006"))


def test_charged_model_runs_and_restarts(tmp_path):
    """Sheared Li2O with partial charges: NPT goes on exactly where it was."""
    structure = phase("Li2O").structure
    structure.make_supercell(2)
    cell = np.array(structure.lattice.matrix) @ np.array([[1, 0.03, 0.02], [0, 1, 0.03], [0, 0, 1]])
    system = System.of(Structure(Lattice(cell), structure.species, structure.frac_coords), card("Oxides-Pedone2006"))
    settings = MDSettings("npt", 80, 600.0, 4, cell="tri", dump_every=20, thermo_every=20, restart_every=40)
    one = run_md(system, settings, tmp_path / "one", ONE)
    import shutil

    shutil.copytree(tmp_path / "one", tmp_path / "two")
    for name in ("restart.end", "restart.b", "final.data"):
        (tmp_path / "two" / name).unlink(missing_ok=True)
    two = run_md(system, settings, tmp_path / "two", ONE)
    assert two.segments == 2
    assert np.allclose(two.thermo["pe"], one.thermo["pe"], rtol=1e-9)
    assert two.structure.site_properties["charge"] == one.structure.site_properties["charge"]


def test_shells_relax_and_cores_come_back(tmp_path):
    found = card("LiPO-Islam2005-shell")
    structure = phase("Li2O").structure
    structure.translate_sites([0], [0.03, 0.0, 0.0])
    result = relax(System.of(structure, found), tmp_path, ONE, cell="aniso")
    assert result.converged
    assert len(result.structure) == len(structure)
    assert [site.specie.symbol for site in result.structure] == [site.specie.symbol for site in structure]
    assert result.structure.lattice.a == pytest.approx(4.588, abs=0.003)


def test_dynamics_with_shells_is_refused(tmp_path):
    system = System.of(phase("Li2O").structure, card("LiPO-Islam2005-shell"))
    with pytest.raises(InputError, match="shells"):
        run_md(system, MDSettings("nvt", 10, 300.0, 1), tmp_path, ONE)


def test_angle_terms_add_their_energy(tmp_path):
    """k (θ − θ₀)²/2 over the O–P–O angles, counted here by hand."""
    structure = _shaken("beta-Li3PO4")
    plain = card("LiPO-Islam2005-rigid")
    data = plain.model_dump()
    data["model"]["angles"] = {"O-P-O": {"k_eV_rad2": 1.3, "theta0_degrees": 109.47, "cutoff_A": 2.0}}
    bent = PotentialCard.model_validate(data)
    expected, count = 0.0, 0
    for index, site in enumerate(structure):
        if site.specie.symbol != "P":
            continue
        around = [near.coords - site.coords for near in structure.get_neighbors(structure[index], 2.0)]
        for first in range(len(around)):
            for second in range(first):
                a, b = around[first], around[second]
                angle = np.arccos(a @ b / np.linalg.norm(a) / np.linalg.norm(b))
                expected += 1.3 / 2 * (angle - np.radians(109.47)) ** 2
                count += 1
    assert count == 6 * sum(site.specie.symbol == "P" for site in structure)
    with_angles, atoms = _both_ways(bent, structure, tmp_path / "bent")
    without = single_point(System.of(structure, plain), tmp_path / "plain", ONE)
    assert with_angles.energy_eV - without.energy_eV == pytest.approx(expected, abs=1e-5)
    assert atoms.get_potential_energy() == pytest.approx(with_angles.energy_eV, abs=1e-6 * len(atoms))


@pytest.mark.parametrize(
    ("file", "style", "element"),
    [("Si.sw", "sw", "Si"), ("Si.tersoff", "tersoff", "Si"), ("Al_zhou.eam.alloy", "eam/alloy", "Al")],
)
def test_parameter_file_that_is_cut_off(file, style, element, tmp_path):
    text = (wheel_potentials() / file).read_text()
    (tmp_path / file).write_text(text[: int(0.9 * len(text))])
    (tmp_path / "mine.yaml").write_text(f"elements: [{element}]\nmodel: {{style: {style}, file: {file}}}\n")
    system = System.of(phase(element).structure, card(str(tmp_path / "mine.yaml")))
    with pytest.raises(ParameterFileError, match="cut off or damaged") as caught:
        single_point(system, tmp_path / "run", ONE)
    assert "\n" not in str(caught.value)
