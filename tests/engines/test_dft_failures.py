"""Every known failure of a DFT program against an output that it really wrote."""

from pathlib import Path

import pytest
from anodeflow.engines.dft_failures import explain
from anodeflow.engines.images import ImageSet
from anodeflow.errors import EngineError
from ase.calculators.emt import EMT

STORED = Path(__file__).with_name("failures")


@pytest.mark.parametrize(
    ("file", "key", "part"),
    [
        ("gpaw-scf.txt", "scf", "electrons that do not converge"),
        ("gpaw-setups.txt", "setups", "a PAW data set of Po for LDA"),
        ("gpaw-atoms-too-close.txt", "too_close", "two atoms 0.02 Å apart"),
    ],
)
def test_stored_outputs_are_explained(file, key, part):
    found = explain((STORED / file).read_text())
    assert found is not None and found.key == key
    assert part in found.what and found.remedy.endswith(".")


def test_every_stored_output_has_its_test_and_nothing_else_is_explained():
    assert {path.name for path in STORED.glob("gpaw-*.txt")} == {
        "gpaw-scf.txt", "gpaw-setups.txt", "gpaw-atoms-too-close.txt"
    }  # fmt: skip
    assert explain("ZeroDivisionError: division by zero") is None
    assert explain("MemoryError: std::bad_alloc").key == "memory"


@pytest.mark.parametrize("file", sorted(path.name for path in STORED.glob("gpaw-*.txt")))
def test_an_image_that_fails_so_is_one_sentence_with_the_whole_output_beside_it(tmp_path, file):
    text = (STORED / file).read_text()

    class Fails(EMT):
        def calculate(self, *arguments, **keywords):
            name, _, message = text.partition(":")
            raise type(name.strip().rsplit(".", 1)[-1], (Exception,), {})(message.strip())

    cell = [[9, 0, 0], [1, 9, 0], [0, 1, 9]]
    with (
        ImageSet(lambda folder: Fails(), ["Cu", "Au"], cell, tmp_path) as images,
        pytest.raises(EngineError) as caught,
    ):
        images.evaluate({3: [[0.0, 0, 0], [2.5, 2.5, 0]]})
    sentence = str(caught.value)
    assert sentence.startswith("image 3 ") and "\n" not in sentence
    assert (tmp_path / "03" / "error.txt").read_text().strip()
