"""Every known failure of a DFT program against an output that it really wrote."""

import sys
from pathlib import Path

import numpy as np
import pytest
from anodeflow.engines.dft_failures import explain, last_words
from anodeflow.engines.handled import MemoryShortError, ProcessKilledError
from anodeflow.engines.images import ImageSet, death
from anodeflow.errors import EngineError
from anodeflow.hpc.handlers import name_of
from ase.calculators.emt import EMT

sys.path.insert(0, str(Path(__file__).parent))  # the processes of images import it too
import dying_images

STORED = Path(__file__).with_name("failures")


@pytest.mark.parametrize(
    ("file", "key", "part"),
    [
        ("gpaw-scf.txt", "scf", "electrons that do not converge"),
        ("gpaw-setups.txt", "setups", "a PAW data set of Po for LDA"),
        ("gpaw-atoms-too-close.txt", "too_close", "two atoms 0.02 Å apart"),
        ("gpaw-memory.txt", "memory", "more memory than there is"),
    ],
)
def test_stored_outputs_are_explained(file, key, part):
    found = explain((STORED / file).read_text())
    assert found is not None and found.key == key
    assert part in found.what and found.remedy.endswith(".")


def test_every_stored_output_has_its_test_and_nothing_else_is_explained():
    assert {path.name for path in STORED.glob("gpaw-*.txt")} == {
        "gpaw-scf.txt", "gpaw-setups.txt", "gpaw-atoms-too-close.txt", "gpaw-memory.txt"
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


def test_what_a_process_said_before_it_died_is_explained():
    """OpenBLAS under an address-space limit, then a process that said nothing, and one that aborted in Python."""
    said = (STORED / "process-memory.txt").read_text()
    error = death(0, 1, said, "images/process-0.txt")
    assert isinstance(error, MemoryShortError) and str(error).startswith(
        "image 0 needs more memory than there is (images"
    )
    silent = death(4, -9, "", "images/process-0.txt")
    assert isinstance(silent, ProcessKilledError) and "image 4 was killed by SIGKILL. If it" in str(silent)
    stack = "Fatal Python error: Segmentation fault\n\nCurrent thread (most recent call first):\n  File 'converge.py'\n"
    assert "killed by SIGSEGV after 'Segmentation fault'" in str(death(1, -11, stack, "images/process-1.txt"))
    assert last_words(f"c/bmgs.c:7: no room\n{stack}") == "c/bmgs.c:7: no room"


def test_images_that_die_have_names_and_the_others_go_on(tmp_path):
    """Killed, aborted by compiled code, short of memory: one sentence each, and what was computed before stays."""
    cell = np.array([[9.0, 0, 0], [1, 9, 0], [0, 1, 9]])
    positions = np.array([[0.0, 0, 0], [2.5, 2.5, 0]])
    found = {}
    with ImageSet(dying_images.Dies, ["Cu", "Au"], cell, tmp_path, workers=4) as images:
        images.evaluate({3: positions})
        for image in (0, 1, 2):
            with pytest.raises(EngineError) as caught:
                images.evaluate({image: positions, 3: positions})
            found[image] = caught.value
        assert images.calls == 4, "image 3 is never computed again"
    assert [name_of(error) for error in found.values()] == ["node failure", "node failure", "out of memory"]
    assert "the process of image 0 was killed by SIGKILL." in str(found[0])
    assert "the process of image 1 was killed by SIGABRT after 'python: c/grid.c:12: make_grid: Assertion" in str(
        found[1]
    )
    assert isinstance(found[2], MemoryShortError) and "image 2 needs more memory than there is" in str(found[2])
    assert "make_grid" in (tmp_path / "process-1.txt").read_text()
    assert "Unable to allocate" in (tmp_path / "02" / "error.txt").read_text()
