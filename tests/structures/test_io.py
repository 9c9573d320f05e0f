"""Every format comes back as it went out; bad files give one sentence and leave nothing behind."""

from __future__ import annotations

import json

import numpy as np
import pytest
from anodeflow.errors import InputError
from anodeflow.structures.io import read_structure, write_structure
from anodeflow.structures.phases import find_structure, phase
from anodeflow.structures.record import BuildRecord, make_record
from pymatgen.analysis.structure_matcher import StructureMatcher
from pymatgen.core import Lattice, Structure


def triclinic():
    lattice = Lattice.from_parameters(5.1, 6.2, 7.3, 78, 96, 109)
    return Structure(
        lattice, ["Li", "Li", "S", "P"], [[0, 0.1, 0.2], [0.5, 0.6, 0.3], [0.2, 0.4, 0.8], [0.7, 0.1, 0.6]]
    )


@pytest.mark.parametrize("ending", ["a.cif", "a.vasp", "POSCAR", "a.extxyz", "a.json"])
def test_a_triclinic_cell_goes_out_and_comes_back(tmp_path, ending):
    structure = triclinic()
    write_structure(structure, tmp_path / ending)
    back, source = find_structure(str(tmp_path / ending))
    assert StructureMatcher(ltol=1e-6, stol=1e-5, angle_tol=1e-4, primitive_cell=False, scale=False).fit(
        structure, back
    )
    assert source.evidence == "user file"
    assert source.origin.startswith("sha256 ")


def test_lammps_data_with_charges_from_oxidation_states(tmp_path):
    structure = phase("LiF").structure
    structure.add_oxidation_state_by_element({"Li": 1, "F": -1})
    write_structure(structure, tmp_path / "a.data")
    text = (tmp_path / "a.data").read_text()
    assert "Atoms # charge" in text
    charges = [float(line.split()[2]) for line in text.split("Atoms # charge")[1].strip().splitlines()]
    assert sorted(charges) == [-1] * 4 + [1] * 4


def test_record_stands_beside_the_file_and_comes_back(tmp_path):
    structure, source = find_structure("Li3OCl")
    record = make_record(structure, "supercell", {"atoms": 5}, sources=[source], seed=3, warnings=["One sentence."])
    files = write_structure(structure, tmp_path / "a.cif", record)
    assert [file.name for file in files] == ["a.cif", "a.cif.json"]
    document = json.loads(files[1].read_text())
    assert document["charge"] == 0
    assert document["natoms"] == 5
    assert document["sources"][0]["evidence"] == "A"
    assert "DOI" in document["citation"]
    assert "area_A2" not in document
    assert BuildRecord.from_dict(document) == record


def test_partial_occupancies_only_go_where_they_can(tmp_path):
    structure = phase("Li6PS5Cl").structure
    write_structure(structure, tmp_path / "a.cif")
    back, _ = read_structure(tmp_path / "a.cif")
    assert back.composition.almost_equals(structure.composition, rtol=1e-3)
    for ending in ("b.vasp", "b.data", "b.extxyz"):
        with pytest.raises(InputError, match="partial occupancies"):
            write_structure(structure, tmp_path / ending)
    assert [path.name for path in tmp_path.iterdir()] == ["a.cif"]


def test_unknown_ending_is_refused(tmp_path):
    with pytest.raises(InputError, match="ending"):
        write_structure(triclinic(), tmp_path / "a.docx")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("molecule.xyz", "3\n\nO 0 0 0\nH 0 0 1\nH 0 1 0\n", "molecule without a cell"),
        ("spelling.xyz", '2\nLattice="5 0 0 0 5 0 0 0 5"\nSi 0 0 0\nSI 2 2 2\n', "'SI' is no element.*Write 'Si'"),
        ("overlap.xyz", '2\nLattice="5 0 0 0 5 0 0 0 5"\nSi 0 0 0\nLi 5 0.1 0\n', "0.100 Å apart"),
        ("flat.xyz", '1\nLattice="5 0 0 0 5 0 0 0 0"\nSi 0 0 0\n', "no structure that can be read"),
        ("broken.cif", "data_x\n_cell_length_a 5\n", "can be read"),
        ("empty.vasp", "", "can be read"),
        ("torn.xyz", '5\nLattice="5 0 0 0 5 0 0 0 5"\nSi 0 0 0\n', "can be read"),
    ],
)
def test_bad_files_give_one_sentence(tmp_path, name, text, words):
    path = tmp_path / name
    path.write_text(text)
    with pytest.raises(InputError, match=words) as caught:
        find_structure(str(path))
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_absent_file_and_missing_key(monkeypatch):
    with pytest.raises(InputError, match="no file"):
        find_structure("nowhere.cif")
    monkeypatch.delenv("MP_API_KEY", raising=False)
    monkeypatch.delenv("PMG_MAPI_KEY", raising=False)
    with pytest.raises(InputError, match="MP_API_KEY"):
        find_structure("mp-149")


def test_occupancies_of_a_users_file_can_be_ordered(tmp_path):
    from anodeflow.structures.ordering import order

    path = tmp_path / "mine.cif"
    phase("Li3InCl6").structure.to(str(path))
    structure, source = find_structure(str(path))
    (cell,) = order(structure, source=source, oxidation_states={"Li": 1, "In": 3, "Cl": -1})
    assert cell.record.charge == 0
    assert cell.structure.composition.reduced_formula == "Li3InCl6"
    assert np.isfinite(cell.energy_eV)
