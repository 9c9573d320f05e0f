"""Who works on a job, when several runners on several machines share the folder of a run.

A claim is a file ``lease.N`` in the job's folder, made by a hard link, which succeeds for one process alone on every
file system that clusters share (NFS, Lustre, GPFS, BeeGFS); kernel locks do not, depending on how it is mounted. Its
owner touches it every few seconds. A claim whose owner is gone is followed by the claim N + 1: nothing is ever removed
to take over, so two that find the same dead owner cannot both succeed, and an owner that was only asleep sees that it
was followed and stops.
"""

from __future__ import annotations

import json
import os
import socket
import tempfile
import threading
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

if TYPE_CHECKING:
    from collections.abc import Iterator

BEAT_S = 10.0
"""Time between two signs of life of an owner."""

DEAD_AFTER_S = 120.0
"""Silence after which an owner on another machine counts as dead; longer than file systems keep attributes cached."""

_PREFIX = "lease."


class Leases:
    """The claims of this process in the jobs of one run; used as a context manager.

    Parameters
    ----------
    root
        Folder of the run.
    beat_s, dead_after_s
        See `BEAT_S` and `DEAD_AFTER_S`.
    """

    def __init__(self, root: Path, *, beat_s: float = BEAT_S, dead_after_s: float = DEAD_AFTER_S) -> None:
        self.root, self.beat_s, self.dead_after_s = root, beat_s, dead_after_s
        self.held: dict[Path, tuple[Path, dict[str, Any]]] = {}
        self.lost: set[Path] = set()
        self._lock = threading.Lock()
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._beat, daemon=True)

    def __enter__(self) -> Leases:
        self._thread.start()
        return self

    def __exit__(self, *details: object) -> None:
        self._end.set()
        self._thread.join()
        for folder in list(self.held):
            self.release(folder)

    def claim(self, folder: Path) -> bool:
        """Claim a job for this process.

        Parameters
        ----------
        folder
            The job's folder; it is made.

        Returns
        -------
        bool
            False if another process works on it, or was faster.
        """
        folder.mkdir(parents=True, exist_ok=True)
        newest = _newest(folder)
        if newest is not None and self.is_alive(newest):
            return False
        path = folder / f"{_PREFIX}{_number(newest) + 1:06d}"
        owner = _this_process()
        handle, temporary = tempfile.mkstemp(prefix=".lease.", dir=folder)
        try:
            with os.fdopen(handle, "w") as stream:
                json.dump(owner, stream)
            os.link(temporary, path)
        except FileExistsError:
            return False
        finally:
            Path(temporary).unlink(missing_ok=True)
        with self._lock:
            self.held[folder] = (path, owner)
        for older in _leases(folder):
            if _number(older) < _number(path):
                older.unlink(missing_ok=True)
        return True

    def release(self, folder: Path) -> None:
        """Give a job back; nothing happens if it was not held."""
        with self._lock:
            path, owner = self.held.pop(folder, (None, {}))
        if path is not None and owner_of(folder) == owner:
            path.unlink(missing_ok=True)

    def is_taken(self, folder: Path) -> bool:
        """Return whether another living process works on a job."""
        newest = _newest(folder)
        return newest is not None and folder not in self.held and self.is_alive(newest)

    def is_alive(self, lease: Path) -> bool:
        """Return whether the owner of a claim lives: its process on this machine, its signs of life on another."""
        try:
            with lease.open() as stream:  # opening asks a file server for the attributes anew
                age_s = _clock(self.root) - os.fstat(stream.fileno()).st_mtime
                owner = json.load(stream)
        except FileNotFoundError:
            return False
        except (OSError, ValueError):
            return True
        if owner.get("host") == _HOST and owner.get("machine") == _machine():
            return bool(_started(owner["pid"]) == owner["started"])
        return bool(age_s < self.dead_after_s)

    def _beat(self) -> None:
        while not self._end.wait(self.beat_s):
            with self._lock:
                held = dict(self.held)
            for folder, (path, owner) in held.items():
                if owner_of(folder) == owner:
                    with suppress(OSError):
                        os.utime(path)
                elif folder in self.held:
                    self.lost.add(folder)


_HOST = socket.gethostname()


def owner_of(folder: Path) -> dict[str, Any] | None:
    """Return who claimed a job last: ``host``, ``pid``, and ``slurm_job`` inside an allocation; None for nobody."""
    newest = _newest(folder)
    try:
        return None if newest is None else dict(json.loads(newest.read_text()))
    except (OSError, ValueError):
        return None


def _this_process() -> dict[str, Any]:
    pid = os.getpid()
    owner = {"host": _HOST, "machine": _machine(), "pid": pid, "started": _started(pid), "claim": uuid4().hex}
    slurm = os.environ.get("SLURM_JOB_ID")
    return owner | ({"slurm_job": slurm} if slurm else {})


def _leases(folder: Path) -> Iterator[Path]:
    return folder.glob(f"{_PREFIX}[0-9]*")


def _newest(folder: Path) -> Path | None:
    return max(_leases(folder), default=None, key=_number)


def _number(lease: Path | None) -> int:
    return int(lease.name.removeprefix(_PREFIX)) if lease else 0


def _clock(folder: Path) -> float:
    """Return the time by the clock that dates the files of a folder, which may be a file server's."""
    with tempfile.NamedTemporaryFile(prefix=".clock.", dir=folder) as probe:
        os.utime(probe.name)
        return os.fstat(probe.fileno()).st_mtime


def _machine() -> str:
    """Return what tells this start of the machine, and this container's processes, from all others."""
    try:
        return f"{Path('/proc/sys/kernel/random/boot_id').read_text().strip()} {Path('/proc/self/ns/pid').readlink()}"
    except OSError:
        return ""


def _started(pid: int) -> str | None:
    """Return when a process of this machine started, in clock ticks; None if there is none."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19]
    except (OSError, IndexError):
        return None
