"""The reference table of the Li–Si model, computed again on real LAMMPS."""

from __future__ import annotations

import pytest
from anodeflow.engines.lammps.card_checks import compute_table
from anodeflow.engines.lammps.setup import System
from anodeflow.engines.lammps.single_point import single_point
from anodeflow.engines.resources import Resources
from anodeflow.errors import InputError
from anodeflow.potentials.cards import PotentialCard, card
from anodeflow.potentials.checks import COST, Checks, CrystalCheck, ElasticCheck, Target
from anodeflow.structures.elasticity import hill_averages, stiffness_of
from anodeflow.structures.phases import phase

pytestmark = pytest.mark.engine


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    """Li, Si, Li15Si4 and the barrier: a third of the packaged table."""
    full = card("LiSi-MEAM-Cui2012")
    wanted = [
        item
        for item in full.checks.items
        if item.kind == "saddle" or (item.kind == "crystal" and item.phase in ("Li15Si4", "LiSi"))
    ]
    short = full.model_copy(update={"checks": full.checks.model_copy(update={"items": tuple(wanted)})})
    computed = compute_table(short, tmp_path_factory.mktemp("table"), Resources())
    return {(row.property, row.system): row for row in computed.rows}


def test_lithium_silicide_as_published(table):
    assert table["lattice constant a", "Li15Si4"].model == pytest.approx(10.589, abs=0.005)
    assert table["energy per atom", "Li15Si4"].model == pytest.approx(-2.361, abs=0.001)
    formation = table["formation energy per atom", "Li15Si4"]
    assert formation.model == pytest.approx(-0.086, abs=0.002)
    assert formation.reference == pytest.approx(-0.243, abs=0.001)


def test_barrier_of_lithium_in_silicon(table):
    assert table["barrier Td–Hex–Td of Li", "Si"].model == pytest.approx(0.555, abs=0.003)


def test_packaged_table_is_what_comes_out(table):
    packaged = {(row.property, row.system): row for row in card("LiSi-MEAM-Cui2012").reference_table}
    assert len(packaged) > 25
    for key, row in table.items():
        if row.property == COST:
            assert 0.1 < row.model < 1000
            continue
        assert row.model == pytest.approx(packaged[key].model, rel=2e-4, abs=2e-4), key
        assert row.reference == packaged[key].reference


def test_reference_values_are_those_of_the_pbe_data(shared):
    ase_io = pytest.importorskip("ase.io")
    ends = {}
    for name in ("Li", "Si", "LiSi", "Li12Si7", "Li7Si3", "Li13Si4", "Li15Si4"):
        atoms = ase_io.read(shared / "data" / "lisi_pbe" / "crystal" / f"{name}.xyz")
        rows = {row.property: row for row in card("LiSi-MEAM-Cui2012").reference_table if row.system == name}
        assert rows["volume per atom"].reference == pytest.approx(atoms.get_volume() / len(atoms), rel=1e-4)
        energy = atoms.get_potential_energy() / len(atoms)
        if name in ("Li", "Si"):
            ends[name] = energy
            continue
        share = atoms.get_chemical_symbols().count("Li") / len(atoms)
        formation = energy - share * ends["Li"] - (1 - share) * ends["Si"]
        assert rows["formation energy per atom"].reference == pytest.approx(formation, abs=1e-4)


def _elastic(name, phases, folder):
    found = card(name)
    items = tuple(ElasticCheck(phase=phase) for phase in phases)
    found = found.model_copy(update={"checks": Checks(items=items)})
    rows = compute_table(found, folder, Resources(), only="elastic").rows
    return {(row.property.removeprefix("elastic constant "), row.system): row for row in rows}


def test_elastic_constants_of_silicon_are_those_published_for_the_model(tmp_path):
    """E. R. Cowley, Phys. Rev. Lett. 60 (1988) 2379, by another way: 151.4, 76.4 and 56.4 GPa."""
    rows = _elastic("Si-SW1985", ["Si"], tmp_path)
    found = [rows[name, "Si"].model for name in ("C11", "C12", "C44")]
    assert found == pytest.approx([151.4, 76.4, 56.4], abs=0.15)
    assert rows["bulk modulus", "Si"].model == pytest.approx((found[0] + 2 * found[1]) / 3, rel=1e-6)
    assert rows["C44", "Si"].reference == 79.51
    assert ("lattice constant a", "Si") in rows  # what else was in the table stays
    assert any(name == COST for name, _ in rows)


def test_elastic_constants_of_a_hexagonal_crystal(tmp_path):
    rows = _elastic("Mg-EAM-Sun2006", ["Mg"], tmp_path)
    packaged = {(row.property, row.system): row.model for row in card("Mg-EAM-Sun2006").reference_table}
    names = ("C11", "C12", "C13", "C33", "C44")
    constants = {name: rows[name, "Mg"].model for name in names}
    for name in names:
        assert constants[name] == pytest.approx(packaged[f"elastic constant {name}", "Mg"], rel=2e-3)
    averages = hill_averages(stiffness_of(constants, "hexagonal"))
    assert rows["shear modulus", "Mg"].model == pytest.approx(averages[1], rel=1e-3)  # so C66 is (C11 − C12)/2
    assert rows["bulk modulus", "Mg"].reference == pytest.approx(35.2, abs=0.5)


def test_elastic_constants_do_not_depend_on_the_axes_of_the_primitive_cell(tmp_path):
    """A model in Python takes the primitive cell, which has no right angles; the rows are along the cube's edges."""
    path = tmp_path / "emt.yaml"
    path.write_text("elements: [Al]\nmodel: {style: ase, calculator: 'ase.calculators.emt:EMT'}\n")
    found = card(str(path)).model_copy(update={"checks": Checks(items=(ElasticCheck(phase="Al"),))})
    rows = {row.property: row.model for row in compute_table(found, tmp_path, Resources(), only="elastic").rows}
    constants = {name: rows[f"elastic constant {name}"] for name in ("C11", "C12", "C44")}
    bulk, shear, *_ = hill_averages(stiffness_of(constants, "cubic"))
    assert rows["bulk modulus"] == pytest.approx(bulk, rel=1e-4)
    assert rows["shear modulus"] == pytest.approx(shear, rel=1e-4)
    assert 30 < bulk < 50  # 40 GPa, of the model


def test_single_point_is_the_first_step_of_a_relaxation(triclinic, tmp_path):
    from anodeflow.engines.lammps.log import read_logs
    from anodeflow.engines.lammps.relax import relax

    point = single_point(triclinic, tmp_path / "single", Resources())
    relax(triclinic, tmp_path / "relax", Resources(), cell="fixed")
    thermo = read_logs([tmp_path / "relax" / "log.relax.000.lammps"])
    assert point.energy_eV == pytest.approx(thermo["pe"][0], abs=1e-9)
    assert abs(point.forces_eV_A).max() == pytest.approx(thermo["fmax"][0], rel=1e-9)
    assert abs(point.forces_eV_A.sum(axis=0)).max() < 1e-9


def test_nothing_to_check_with_says_so(tmp_path):
    data = card("LiSi-MEAM-Cui2012").model_dump()
    data["model"]["library"]["Cu"] = data["model"]["library"].pop("Si")
    data["model"]["order"] = ["Cu"]
    odd = PotentialCard.model_validate({**data, "elements": ["Cu"], "checks": {}})
    with pytest.raises(InputError, match="no crystal of Cu"):
        compute_table(odd, tmp_path, Resources())


def test_phase_with_partial_occupancies_is_refused(tmp_path):
    items = (CrystalCheck(phase="Li6PS5Cl", volume_A3_atom=Target(value=1.0, source="none")),)
    wrong = card("LiSi-MEAM-Cui2012").model_copy(update={"checks": Checks(items=items)})
    with pytest.raises(InputError, match="partial occupancies"):
        compute_table(wrong, tmp_path, Resources())


def test_phase_of_other_elements_is_refused():
    with pytest.raises(InputError, match="does not describe"):
        System.of(phase("LiF").structure, card("LiSi-MEAM-Cui2012"))
