"""LAMMPS with a model that Python evaluates: the same numbers as ASE, and every feature of a run of ours.

Most tests take ASE's effective-medium theory, which needs no further package; those marked ``ml`` take CHGNet.
"""

from __future__ import annotations

import hashlib
import shutil
from importlib.util import find_spec

import numpy as np
import pytest
from anodeflow.engines.lammps.failures import LammpsError, UnstableError
from anodeflow.engines.lammps.launch import run_lammps
from anodeflow.engines.lammps.log import read_logs
from anodeflow.engines.lammps.md import MDSettings, run_md
from anodeflow.engines.lammps.relax import relax
from anodeflow.engines.lammps.script import Compute, Fix, Run, ThermoStyle, Timestep, Velocity, render
from anodeflow.engines.lammps.setup import System
from anodeflow.engines.lammps.single_point import single_point
from anodeflow.engines.resources import Resources
from anodeflow.errors import EngineError, InputError
from anodeflow.potentials.cards import card
from anodeflow.structures.lammps_data import lammps_oriented
from anodeflow.structures.phases import phase
from anodeflow.units import BAR_TO_GPA, EV_A3_TO_GPA
from pymatgen.core import Lattice, Structure
from pymatgen.io.ase import AseAtomsAdaptor

pytestmark = pytest.mark.engine
needs_chgnet = [pytest.mark.ml, pytest.mark.skipif(not find_spec("chgnet"), reason="the extra ml is not installed")]
ONE = Resources()


def _sheared(structure: Structure, seed: int = 3) -> Structure:
    """No right angle, atoms moved, and numbered so that elements alternate."""
    generator = np.random.default_rng(seed)
    cell = np.array(structure.lattice.matrix) @ np.array([[1, 0.04, 0.03], [0, 1, 0.05], [0, 0, 1]])
    order = generator.permutation(len(structure))
    species = [structure[index].specie for index in order]
    moved = Structure(Lattice(cell), species, np.asarray(structure.frac_coords)[order])
    positions = moved.cart_coords + generator.normal(scale=0.05, size=(len(moved), 3))
    return lammps_oriented(Structure(moved.lattice, species, positions, coords_are_cartesian=True))


@pytest.fixture(scope="module")
def copper_aluminium(tmp_path_factory):
    """Cu3Al, a card of the user's with a calculator of ASE."""
    path = tmp_path_factory.mktemp("card") / "emt.yaml"
    path.write_text("elements: [Cu, Al]\nmodel: {style: ase, calculator: 'ase.calculators.emt:EMT'}\n")
    crystal = Structure(
        Lattice.cubic(3.70), ["Al", "Cu", "Cu", "Cu"], [[0, 0, 0], [0, 0.5, 0.5], [0.5, 0, 0.5], [0.5, 0.5, 0]]
    )
    crystal.make_supercell([2, 2, 2])
    return System.of(_sheared(crystal), card(str(path)))


@pytest.fixture
def lithium_silicide():
    """LiSi with CHGNet in its primitive cell, 16 atoms, no right angles."""
    return System.of(_sheared(phase("LiSi").structure.get_primitive_structure()), card("chgnet"))


@pytest.fixture(params=["copper_aluminium", pytest.param("lithium_silicide", marks=needs_chgnet)])
def system(request):
    return request.getfixturevalue(request.param)


def test_energy_forces_and_stress_are_those_of_ase(system, tmp_path):
    point = single_point(system, tmp_path, ONE)
    atoms = AseAtomsAdaptor.get_atoms(system.structure)
    atoms.calc = system.card.ase_calculator()
    assert point.energy_eV == pytest.approx(atoms.get_potential_energy(), abs=1e-6 * len(atoms))
    assert np.abs(point.forces_eV_A - atoms.get_forces()).max() < 1e-5
    stress = -atoms.get_stress()[[0, 1, 2, 5, 4, 3]] * EV_A3_TO_GPA
    assert np.abs(stress).min() > 1e-3
    assert point.stress_GPa == pytest.approx(stress, abs=2e-5)


def test_box_that_does_not_begin_at_zero(copper_aluminium, tmp_path):
    """Barostats move the corner of the box; the model must not see it."""
    system = copper_aluminium
    plain = single_point(system, tmp_path / "plain", ONE)
    system.write_files(tmp_path / "moved")
    commands = render(system.commands(thermo_every=1)).splitlines()
    after = next(index for index, line in enumerate(commands) if line.startswith("read_data")) + 1
    text = [*commands[:after], "change_box all x delta 3 3 y delta -2 -2 z delta 1 1 units box", *commands[after:]]
    text.insert(after + 1, "displace_atoms all move 3 -2 1 units box")
    (tmp_path / "moved" / "in.lammps").write_text("\n".join([*text, "run 0"]) + "\n")
    run_lammps(tmp_path / "moved", "in.lammps", "log.lammps", ONE)
    thermo = read_logs([tmp_path / "moved" / "log.lammps"])
    assert thermo["pe"][-1] == pytest.approx(plain.energy_eV, abs=1e-8)
    assert thermo["pxy"][-1] * BAR_TO_GPA == pytest.approx(plain.stress_GPa[3], abs=1e-8)


def test_energy_is_conserved(system, tmp_path):
    """NVE: the spread of the total energy is far below that of its two parts."""
    system.write_files(tmp_path)
    commands = system.commands(thermo_every=2)
    commands += [Timestep(0.001), Velocity("all", "create", 600.0, 5), Fix("integrate", "all", "nve"), Run(60)]
    (tmp_path / "in.lammps").write_text(render(commands))
    run_lammps(tmp_path, "in.lammps", "log.lammps", ONE)
    thermo = read_logs([tmp_path / "log.lammps"])
    count = len(system.structure)
    assert np.ptp(thermo["pe"]) / count > 0.01
    assert np.ptp(thermo["etotal"]) < 0.03 * np.ptp(thermo["pe"])
    assert abs(thermo["etotal"][-1] - thermo["etotal"][0]) / count < 5e-4


def _with_stress_of_atoms(system, tmp_path):
    system.write_files(tmp_path)
    names = ("xx", "yy", "zz", "xy", "xz", "yz")
    lines = [Compute("each", "all", "stress/atom", ("NULL",))]
    lines += [Compute("sum", "all", "reduce", ("sum", *(f"c_each[{k}]" for k in range(1, 7))))]
    columns = ("step", *(f"p{name}" for name in names), "vol", *(f"c_sum[{k}]" for k in range(1, 7)))
    commands = [*system.commands(thermo_every=1), *lines, ThermoStyle("custom", columns), Run(0)]
    (tmp_path / "in.lammps").write_text(render(commands))
    run_lammps(tmp_path, "in.lammps", "log.lammps", ONE)


@pytest.mark.ml
@pytest.mark.skipif(not find_spec("chgnet"), reason="the extra ml is not installed")
def test_stress_of_atoms_adds_up_to_the_pressure(lithium_silicide, tmp_path):
    _with_stress_of_atoms(lithium_silicide, tmp_path)
    text = (tmp_path / "log.lammps").read_text().splitlines()
    row = [
        float(word) for word in text[next(i for i, line in enumerate(text) if line.split()[:1] == ["Step"]) + 1].split()
    ]
    assert np.allclose(-np.array(row[8:14]) / row[7], row[1:7], rtol=1e-5, atol=0.1)


def test_stress_of_atoms_is_refused_where_the_model_has_none(copper_aluminium, tmp_path):
    with pytest.raises(LammpsError, match="gives no stress of single atoms"):
        _with_stress_of_atoms(copper_aluminium, tmp_path)


def test_killed_run_goes_on_to_the_last_bit(system, tmp_path):
    """A triclinic run, killed on its way, ends where one that was left alone does."""
    steps = 60 if system.card.name == "emt" else 20
    settings = MDSettings(
        "npt", steps, 600.0, 4, cell="tri", dump_every=5, thermo_every=1, restart_every=steps // 4, barostat_ps=0.1
    )
    whole = run_md(system, settings, tmp_path / "whole", ONE)

    class KilledError(Exception):
        pass

    def kill(step, total, rate):
        if step > steps // 2:
            raise KilledError

    folder = tmp_path / "killed"
    try:
        run_md(system, settings, folder, ONE, progress=kill)
    except KilledError:
        pass
    else:  # it was faster than the watch: take away what came after the restart
        for name in ("restart.end", "restart.a", "final.data"):
            (folder / name).unlink()
    on = run_md(system, settings, folder, ONE)
    assert on.segments == 2
    assert np.array_equal(on.structure.cart_coords, whole.structure.cart_coords)
    assert np.array_equal(on.structure.lattice.matrix, whole.structure.lattice.matrix)
    assert on.dump.read_bytes() == whole.dump.read_bytes()
    assert [site.specie.symbol for site in on.structure] == system.symbols
    assert np.ptp(whole.thermo["vol"]) > 0.1
    assert np.ptp(whole.thermo["xy"]) > 1e-3


def test_relaxation_and_its_continuation(copper_aluminium, tmp_path):
    result = relax(copper_aluminium, tmp_path, ONE, cell="tri")
    assert result.converged
    assert max(abs(value) for value in result.stress_GPa) < 0.01
    assert len((tmp_path / "relax.log").read_text().splitlines()) > 5
    again = relax(copper_aluminium, tmp_path, ONE, cell="tri")
    assert len((tmp_path / "relax.log").read_text().splitlines()) == 2, "it had come to its end"
    assert again.energy_eV == pytest.approx(result.energy_eV, abs=1e-9)
    assert np.allclose(again.structure.lattice.matrix, result.structure.lattice.matrix)


MODULE = """
import numpy as np
from ase.calculators.calculator import Calculator

class Explodes(Calculator):
    implemented_properties = ["energy", "forces", "stress"]
    def calculate(self, atoms, properties, system_changes):
        super().calculate(atoms, properties, system_changes)
        self.results = {"energy": float("nan"), "forces": np.zeros((len(atoms), 3)), "stress": np.zeros(6)}

class Fails(Explodes):
    def calculate(self, *args):
        raise ValueError("a network without layers")

class Partial(Explodes):
    implemented_properties = ["energy", "forces"]
"""


@pytest.fixture
def own_card(tmp_path, monkeypatch):
    """Makes a card of a calculator in a module of the user's."""
    (tmp_path / "modules").mkdir()
    (tmp_path / "modules" / "my_models.py").write_text(MODULE)
    monkeypatch.syspath_prepend(str(tmp_path / "modules"))
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "modules"), prepend=":")

    def make(calculator, more=""):
        (tmp_path / "mine.yaml").write_text(
            f"elements: [Li, Si]\nmodel: {{style: ase, calculator: '{calculator}'{more}}}\n"
        )
        return card(str(tmp_path / "mine.yaml"))

    return make


@pytest.mark.parametrize(
    ("calculator", "kind", "message"),
    [
        ("my_models:Explodes", UnstableError, "non-numeric energy or forces at step 0"),
        ("my_models:Fails", LammpsError, "ValueError: a network without layers"),
        ("my_models:Partial", LammpsError, "does not give stress"),
        ("my_models:Nothing", LammpsError, "there is no Nothing in my_models"),
        ("no_such_package:Model", LammpsError, "cannot be imported"),
    ],
)
def test_failing_model_is_one_sentence(own_card, calculator, kind, message, tmp_path):
    system = System.of(phase("LiSi").structure, own_card(calculator))
    with pytest.raises(kind, match=message) as caught:
        run_md(system, MDSettings("nvt", 10, 300.0, 1), tmp_path / "run", ONE)
    assert "\n" not in str(caught.value)


def test_missing_extra_is_named(own_card):
    missing = own_card("no_such_package:Model", ", install: 'anodeflow[ml]'")
    with pytest.raises(EngineError, match=r"pip install 'anodeflow\[ml\]'"):
        missing.ase_calculator()


def test_weights_are_known_by_their_hash(own_card, tmp_path):
    weights = tmp_path / "weights.pt"
    weights.write_bytes(b"1 2 3")
    found = own_card("ase.calculators.emt:EMT", ", weights: weights.pt")
    assert found.model.weights.sha256 == hashlib.sha256(b"1 2 3").hexdigest()
    shutil.move(weights, tmp_path / "elsewhere.pt")
    with pytest.raises(InputError, match="not here any more"):
        found.ase_calculator()
    weights.write_bytes(b"1 2 4")
    with pytest.raises(InputError, match="not those that the card was made with"):
        found.ase_calculator()
    assert own_card("ase.calculators.emt:EMT", ", weights: weights.pt").fingerprint != found.fingerprint
    same = own_card("ase.calculators.emt:EMT", ", weights: elsewhere.pt")
    assert same.fingerprint == found.fingerprint, "where the weights lie does not count"
