"""VASP inputs through atomate2, written offline and held against stored ones; VASP itself is not run here."""

import importlib.util
import sys
from pathlib import Path

import numpy as np
import pytest
from anodeflow.errors import EngineError, InputError
from anodeflow.structures.hop_ends import CrystalHop, hop_ends
from anodeflow.structures.paths import interpolate
from anodeflow.structures.phases import phase
from anodeflow.workflows.vasp import vasp_band, vasp_hop, vasp_relax, vasp_static, write_vasp_inputs
from pymatgen.core import Lattice, Structure
from pymatgen.io.vasp import Incar, Kpoints, Poscar

STORED = Path(__file__).parent / "vasp_inputs"
needs_atomate2 = pytest.mark.skipif(
    importlib.util.find_spec("atomate2") is None, reason="atomate2 is not installed: pip install 'anodeflow[vasp]'"
)
pytestmark = pytest.mark.filterwarnings("ignore::pymatgen.io.vasp.sets.BadInputSetWarning", "ignore::UserWarning")


def lithium_in_silicon():
    """Ends of the hop in eight silicon atoms; lithium, which sorted elements begin with, is the last atom."""
    hop = CrystalHop("interstitial", "Li", ((0.5, 0.5, 0.5), (0.75, 0.75, 0.75)))
    ends = hop_ends(phase("Si").structure, hop, (1, 1, 1))
    assert ends.symbols[0] == "Si" and ends.symbols[-1] == "Li"
    return ends


def oblique():
    """A triclinic cell of LiSi with its elements in turn."""
    cell = Lattice.from_parameters(4.1, 5.3, 6.7, 81, 74, 68)
    return Structure(cell, ["Si", "Li", "Si", "Li"], [[0, 0, 0], [0.5, 0.5, 0], [0.5, 0, 0.5], [0, 0.5, 0.5]])


def same_as_stored(folder, name):
    stored = STORED / name
    assert Incar.from_file(folder / "INCAR") == Incar.from_file(stored / "INCAR")
    assert str(Kpoints.from_file(folder / "KPOINTS")) == str(Kpoints.from_file(stored / "KPOINTS"))
    assert (folder / "POTCAR.spec").read_text() == (stored / "POTCAR.spec").read_text()
    ours, theirs = (Poscar.from_file(one / "POSCAR").structure for one in (folder, stored))
    assert [site.specie.symbol for site in ours] == [site.specie.symbol for site in theirs]
    np.testing.assert_allclose(ours.lattice.matrix, theirs.lattice.matrix, atol=1e-6)
    np.testing.assert_allclose(ours.frac_coords, theirs.frac_coords, atol=1e-6)


@needs_atomate2
def test_inputs_of_a_band_are_the_stored_ones_and_its_atoms_in_the_order_of_the_data_sets(tmp_path):
    band = interpolate(lithium_in_silicon(), 3)
    written = write_vasp_inputs(vasp_band(band, "fast"), tmp_path)
    assert list(written) == ["band end 1", "band end 2", "band"]
    same_as_stored(written["band"], "band")
    same_as_stored(written["band end 1"], "band-end")
    data_sets = [line.split("_")[0] for line in (written["band"] / "POTCAR.spec").read_text().split()]
    for number in range(3):
        image = Poscar.from_file(written["band"] / f"{number:02}" / "POSCAR")
        assert image.site_symbols == data_sets == ["Li", "Si"]
        lithium = image.structure.cart_coords[0]
        np.testing.assert_allclose(lithium, band.positions[number, -1], atol=1e-6)
        assert (written["band"] / f"{number:02}" / "KPOINTS").read_text() == (written["band"] / "KPOINTS").read_text()
    incar = Incar.from_file(written["band"] / "INCAR")
    end = Incar.from_file(written["band end 1"] / "INCAR")
    shared = ("ENCUT", "PREC", "GGA", "ISMEAR", "SIGMA", "EDIFF", "LREAL", "LASPH")
    assert {key: incar[key] for key in shared} == {key: end[key] for key in shared}, "one zero of energy for all images"
    assert incar["IMAGES"] == 1 and incar["LCLIMB"]


@needs_atomate2
def test_relaxations_and_static_energies_of_an_oblique_cell(tmp_path):
    for name, job in (
        ("relax", vasp_relax(oblique(), "moderate")),
        ("relax-in-cell", vasp_relax(oblique(), "precise", cell=False, name="relax in cell")),
        ("static", vasp_static(oblique(), "fast")),
    ):
        written = write_vasp_inputs(job, tmp_path)
        (folder,) = written.values()
        assert folder.name == name
        same_as_stored(folder, name)


@needs_atomate2
def test_a_hop_is_relaxed_at_both_ends_before_its_band(tmp_path):
    flow = vasp_hop(lithium_in_silicon(), "moderate", images=5)
    names = [job.name for job, _ in flow.iterflow()]
    assert names[:2] == ["hop relax endpoint 1", "hop relax endpoint 2"] and "hop" in names
    written = write_vasp_inputs(flow, tmp_path)
    assert list(written) == names[:2], "the band waits for its ends"
    for folder in written.values():
        assert Poscar.from_file(folder / "POSCAR").site_symbols == ["Li", "Si"]
        assert Incar.from_file(folder / "INCAR")["ISIF"] == 2


@needs_atomate2
def test_what_makes_no_band_is_refused():
    ends = lithium_in_silicon()
    with pytest.raises(InputError, match="2 images make no band"):
        vasp_band(ends)
    with pytest.raises(InputError, match="two ends, three images"):
        vasp_hop(ends, images=2)
    one, other = ends.structure(0), ends.structure(1)
    other.replace(0, "Ge")
    with pytest.raises(InputError, match="different atoms"):
        vasp_hop([one, other])
    with pytest.raises(InputError, match="no VASP protocol is called 'best'"):
        vasp_static(oblique(), "best")


def test_a_missing_atomate2_is_one_sentence(monkeypatch):
    monkeypatch.setitem(sys.modules, "atomate2", None)
    with pytest.raises(
        EngineError, match=r"atomate2 is not installed\. Install it with: pip install 'anodeflow\[vasp\]'"
    ):
        vasp_static(oblique())
