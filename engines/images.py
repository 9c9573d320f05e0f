"""Energies and forces of many images: side by side in processes of their own, and kept on disk one by one.

What an image gave is written as soon as it is there (``images/03.npz``), so an interruption costs at most the
evaluations under way.
"""

from __future__ import annotations

import faulthandler
import io
import multiprocessing
import multiprocessing.connection
import os
import signal
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import AnodeflowError, EngineError
from ..files import write_bytes
from .dft_failures import explain, last_words
from .handled import MemoryShortError, ProcessKilledError
from .lammps.launch import die_with_parent

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from multiprocessing.connection import Connection
    from types import TracebackType

    from ase.calculators.calculator import Calculator
    from numpy.typing import NDArray

    from ..structures.band_symmetry import Reversal
    from ..structures.paths import Band

    Array = NDArray[np.float64]

CalculatorFactory = Callable[[Path], "Calculator"]
"""Makes an ASE calculator whose files go into a folder. It is sent to other processes, so it has to be picklable: a
function of a module, a `functools.partial` of one, or an instance of a class with ``__call__``."""


_KEPT = "The band is kept; the same command goes on from here."


@dataclass(frozen=True)
class Evaluated:
    """What a model gives for one configuration: energy in eV and forces in eV/Å, shape (N, 3)."""

    energy_eV: float
    forces_eV_A: Array


def save_arrays(path: Path, arrays: Mapping[str, Any]) -> None:
    """Write arrays into an ``.npz`` file atomically."""
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)
    write_bytes(path, buffer.getvalue())


def load_arrays(path: Path) -> dict[str, Any] | None:
    """Return the arrays of an ``.npz`` file, or None where there is none."""
    if not path.exists():
        return None
    with np.load(path, allow_pickle=False) as content:
        return {name: content[name] for name in content.files}


class ImageSet:
    """Evaluates images of one system with a calculator each, so that each goes on from its own last density.

    Used as a context manager: the processes end with it.

    Parameters
    ----------
    factory
        Makes the calculators.
    symbols, cell
        Element of each atom, and cell vectors as rows in Å.
    folder
        Where each image has its file and its calculator its folder.
    workers
        Processes; 1 evaluates in this one. Image i always goes to process i modulo `workers`.
    shared
        Whether one calculator for each process evaluates all its images, as suits small displacements of one
        configuration.
    keep
        Whether each result is put on disk; not worth it where an evaluation takes less than a file.
    """

    def __init__(
        self,
        factory: CalculatorFactory,
        symbols: Sequence[str],
        cell: Array,
        folder: Path,
        *,
        workers: int = 1,
        shared: bool = False,
        keep: bool = True,
    ) -> None:
        self.folder = folder
        self.calls = 0
        self._on_disk = keep
        group = workers if shared else None
        self._work = _Work(factory, tuple(symbols), np.asarray(cell, dtype=float), folder, group)
        self._processes: list[_Process] = []
        self._workers = workers

    def __enter__(self) -> ImageSet:
        if self._workers > 1:
            for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
                os.environ.setdefault(name, "1")  # one core for each process
            self._processes = [_Process(self._work, number) for number in range(self._workers)]
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        for process in self._processes:
            process.stop()

    def evaluate(self, positions: Mapping[int, Array]) -> dict[int, Evaluated]:
        """Return energy and forces of each image.

        Parameters
        ----------
        positions
            Positions of each image, shape (N, 3), in Å, by image number. One that was evaluated at exactly these
            positions before, perhaps by an earlier process, is taken from its file.

        Raises
        ------
        EngineError
            If an image cannot be evaluated; those that could be are on disk.
        """
        found = {image: known for image, where in positions.items() if (known := self._known(image, where))}
        todo = [image for image in positions if image not in found]
        self.calls += len(todo)
        if not self._processes:
            for image in todo:
                found[image] = self._keep(image, positions[image], self._work.evaluate(image, positions[image]))
            return found
        queues = {p: [i for i in todo if i % len(self._processes) == n] for n, p in enumerate(self._processes)}
        busy: dict[Any, tuple[_Process, int]] = {}

        def send(process: _Process) -> None:
            if queues[process]:
                image = queues[process].pop(0)
                process.send(image, positions[image])
                busy[process.connection] = (process, image)

        for process in self._processes:
            send(process)
        failure: EngineError | None = None
        while busy:
            for ready in multiprocessing.connection.wait(list(busy)):
                process, image = busy.pop(ready)
                try:
                    found[image] = self._keep(image, positions[image], process.receive(image))
                except EngineError as error:
                    failure = failure or error
                    queues = {p: [] for p in self._processes}  # let what is under way come to its end
                if failure is None:
                    send(process)
        if failure is not None:
            raise failure
        return found

    def evaluate_many(self, configurations: Array) -> list[Evaluated]:
        """Return energy and forces of configurations that lie close together, such as finite displacements.

        One calculator for each process goes through all of them.

        Parameters
        ----------
        configurations
            Shape (M, N, 3), in Å.
        """
        found = self.evaluate(dict(enumerate(np.asarray(configurations, dtype=float))))
        return [found[number] for number in range(len(found))]

    def _file(self, image: int) -> Path:
        return self.folder / f"{image:02d}.npz"

    def _known(self, image: int, positions: Array) -> Evaluated | None:
        content = load_arrays(self._file(image))
        if content is None or not np.array_equal(content["positions"], positions):
            return None
        return Evaluated(float(content["energy_eV"]), content["forces_eV_A"])

    def _keep(self, image: int, positions: Array, result: Evaluated) -> Evaluated:
        if not (np.isfinite(result.energy_eV) and np.isfinite(result.forces_eV_A).all()):
            raise EngineError(f"the forces of image {image} are not numbers", where=str(self.folder.name))
        arrays = {"positions": positions, "energy_eV": result.energy_eV, "forces_eV_A": result.forces_eV_A}
        if self._on_disk:
            save_arrays(self._file(image), arrays)
        return result


def evaluate_band(images: ImageSet, band: Band, reversal: Reversal | None = None) -> list[Evaluated]:
    """Return what the model gives for each image, evaluating one of two that a symmetry operation makes equal."""
    count = len(band) if reversal is None else (len(band) + 1) // 2
    found = images.evaluate(dict(enumerate(band.positions[:count])))
    for image in range(count, len(band)):
        assert reversal is not None
        partner = found[len(band) - 1 - image]
        found[image] = Evaluated(partner.energy_eV, reversal.forces(partner.forces_eV_A))
    return [found[image] for image in range(len(band))]


class _Work:
    """The calculators of some images; lives in whichever process evaluates them."""

    def __init__(
        self, factory: CalculatorFactory, symbols: tuple[str, ...], cell: Array, folder: Path, group: int | None
    ) -> None:
        self.factory, self.symbols, self.cell, self.folder, self.group = factory, symbols, cell, folder, group
        self.atoms: dict[int, Any] = {}

    def evaluate(self, image: int, positions: Array) -> Evaluated:
        from ase import Atoms

        key = image if self.group is None else image % self.group
        try:
            if key not in self.atoms:
                own = self.folder / f"{key:02d}"
                own.mkdir(parents=True, exist_ok=True)
                atoms = Atoms(self.symbols, positions=positions, cell=self.cell, pbc=True)
                atoms.calc = self.factory(own)
                self.atoms[key] = atoms
            atoms = self.atoms[key]
            atoms.set_positions(positions)
            return Evaluated(float(atoms.get_potential_energy()), np.array(atoms.get_forces(), dtype=float))
        except AnodeflowError:
            raise
        except Exception as error:
            self.atoms.pop(key, None)
            raise _engine_error(image, error, self.folder) from error


def _engine_error(image: int, error: Exception, folder: Path) -> EngineError:
    text = "".join(traceback.format_exception(error))
    (folder / f"{image:02d}").mkdir(parents=True, exist_ok=True)
    (folder / f"{image:02d}" / "error.txt").write_text(text)
    kind = type(error).__name__
    message = next((line.strip() for line in str(error).splitlines() if line.strip()), "no message")
    where = f"{folder.name}/{image:02d}/error.txt"
    return _explained(image, f"{kind}: {error}", where) or EngineError(
        f"image {image} could not be evaluated: {kind}: {message}", where=where, remedy=_KEPT
    )


def _explained(image: int, text: str, where: str) -> EngineError | None:
    known = explain(text)
    if known is None:
        return None
    error = MemoryShortError if known.key == "memory" else EngineError
    return error(f"image {image} {known.what}", where=where, remedy=known.remedy)


class _Process:
    """A process that evaluates the images it is sent; what it says when it dies is in ``process-<number>.txt``."""

    def __init__(self, work: _Work, number: int) -> None:
        # spawned, not forked: MPI and numerical libraries do not survive a fork
        context = multiprocessing.get_context("spawn")
        self.connection, there = context.Pipe()
        self.said = work.folder / f"process-{number}.txt"
        self.process = context.Process(target=_serve, args=(there, work, self.said), daemon=True)
        self.process.start()
        there.close()

    def send(self, image: int, positions: Array) -> None:
        try:
            self.connection.send((image, positions))
        except OSError:
            raise self._ended(image) from None

    def receive(self, image: int) -> Evaluated:
        try:
            answer = self.connection.recv()
        except (EOFError, OSError):
            raise self._ended(image) from None
        if isinstance(answer, Exception):
            raise answer
        assert isinstance(answer, Evaluated)
        return answer

    def _ended(self, image: int) -> EngineError:
        self.process.join(5)
        said = self.said.read_text(errors="replace") if self.said.exists() else ""
        where = f"{self.said.parent.name}/{self.said.name}"
        return death(image, self.process.exitcode, said, where)

    def stop(self) -> None:
        self.connection.close()
        self.process.join(1)
        if self.process.is_alive():
            self.process.kill()
            self.process.join()
        if self.said.exists() and not self.said.stat().st_size:
            self.said.unlink()


def death(image: int, code: int | None, said: str, where: str) -> EngineError:
    """Return the error of a process that ended without an answer.

    Parameters
    ----------
    image
        What it was at.
    code
        Its exit code; negative for a signal.
    said
        What it wrote on standard error.
    where
        File that holds this.
    """
    words = last_words(said)
    known = _explained(image, words, where)
    if known is not None:
        return known
    killed = code is not None and code < 0
    how = f"was killed by {signal.Signals(-code).name}" if code is not None and code < 0 else f"left with {code}"
    what = f"the process of image {image} {how}" + (f" after '{words}'" if words else "")
    remedy = f"If it happens again, look at the memory. {_KEPT}"
    return (ProcessKilledError if killed else EngineError)(what, where=where if words else "", remedy=remedy)


def _serve(connection: Connection, work: _Work, said: Path) -> None:
    die_with_parent()
    said.parent.mkdir(parents=True, exist_ok=True)
    with said.open("wb") as file:
        os.dup2(file.fileno(), 2)  # what compiled code says before it aborts would be lost on a terminal
    faulthandler.enable()
    while True:
        try:
            image, positions = connection.recv()
        except (EOFError, OSError):
            return
        try:
            connection.send(work.evaluate(image, positions))
        except AnodeflowError as error:
            connection.send(error)
