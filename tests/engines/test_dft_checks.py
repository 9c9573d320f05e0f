"""The reference table of a DFT level, on real GPAW."""

import importlib.util

import pytest
from anodeflow.engines.dft_cards import dft_cards, find_dft_card
from anodeflow.engines.dft_checks import compute_dft_table
from anodeflow.engines.phase_energies import formation_energy, plateau_voltage
from anodeflow.errors import InputError
from anodeflow.potentials.checks import Checks, CrystalCheck, ElasticCheck, Target, VoltageCheck, shared_checks
from anodeflow.structures.phases import phase

needs_gpaw = pytest.mark.skipif(
    importlib.util.find_spec("gpaw") is None, reason="GPAW is not installed: pip install 'anodeflow[dft]'"
)


def test_formation_energy_and_voltage_by_hand():
    """LiSn of −6 eV from Li of −2 and Sn of −3: −0.5 eV an atom, and 1 V for its one lithium."""
    known = {"Li": ({"Li": 2}, -4.0), "beta-Sn": ({"Sn": 4}, -12.0), "LiSn": ({"Li": 3, "Sn": 3}, -18.0)}
    ends = {"Li": "Li", "Sn": "beta-Sn"}
    assert formation_energy(ends, "LiSn", known.__getitem__) == pytest.approx(-0.5)
    assert formation_energy({"Li": "Li"}, "LiSn", known.__getitem__) is None
    check = VoltageCheck(poor="beta-Sn", rich="LiSn", voltage_V=Target(value=0.7, source="test"))
    assert plateau_voltage(check, known.__getitem__) == pytest.approx(1.0)
    known["Li2O"] = ({"Li": 2}, -1.0)
    with pytest.raises(InputError, match="Li2O is no alloy"):
        plateau_voltage(check.model_copy(update={"rich": "Li2O"}), known.__getitem__)


def test_packaged_tables_hold_their_checks():
    checked = Checks.model_validate(shared_checks("dft"))
    crystals = {phase(item.phase).name for item in checked.items if isinstance(item, CrystalCheck)}
    tables = {level.name: level.reference_table for level in dft_cards() if level.reference_table}
    assert "gpaw-moderate" in tables
    for rows in tables.values():
        assert crystals <= {row.system for row in rows}
        assert all("shape" in row.source for row in rows if row.property == "volume per atom")


def test_kinds_that_dft_does_not_do_are_refused(tmp_path):
    checks = Checks(items=(CrystalCheck(phase="Si"), ElasticCheck(phase="Si")))
    with pytest.raises(InputError, match="takes no check of kind elastic"):
        compute_dft_table(find_dft_card("gpaw-fast"), tmp_path, checks=checks)
    assert not any(tmp_path.iterdir())


@needs_gpaw
@pytest.mark.dft
def test_table_of_two_elements_and_going_on(tmp_path):
    level = find_dft_card("gpaw-fast")
    items = tuple(CrystalCheck(phase=name) for name in ("Li", "Si"))
    checks = Checks(end_members={"Li": "Li", "Si": "Si"}, items=items)
    table = compute_dft_table(level, tmp_path, checks=checks)
    volumes = {row.system: row for row in table.rows if row.property == "volume per atom"}
    assert volumes["Si"].model == pytest.approx(20.45, rel=0.04)  # of PBE, with the coarse settings of this level
    assert volumes["Li"].model == pytest.approx(20.2, rel=0.06)
    moduli = {row.system: row.model for row in table.rows if row.property == "bulk modulus"}
    assert 70 < moduli["Si"] < 110
    assert 5 < moduli["Li"] < 25
    outputs = sorted(tmp_path.glob("*/*/gpaw.txt"))
    before = [path.stat().st_mtime_ns for path in outputs]
    assert len(outputs) >= 10
    assert compute_dft_table(level, tmp_path, checks=checks) == table
    assert [path.stat().st_mtime_ns for path in outputs] == before, "points that are there are not computed again"
