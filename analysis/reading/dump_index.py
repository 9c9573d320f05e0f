"""Where each frame of a LAMMPS text dump begins: kept beside the file and continued when the file has grown."""

from __future__ import annotations

import hashlib
import io
import os
from array import array
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ...errors import InputError
from ...files import write_bytes
from .dump_source import move_to, open_dump, read_some

if TYPE_CHECKING:
    from .lammps_dump import LammpsDump

_LONG_FRAME = 32_768
"""Bytes of a frame from which on it is worth leaping to where the next should begin."""

_MARK = b"ITEM: TIMESTEP"
_LARGEST_STEP = 2**53
_CHUNK = 1 << 20
_SMALL = 32 << 20
"""Bytes below which a file is scanned again rather than leaving an index beside it."""


@dataclass(frozen=True)
class DumpIndex:
    """Frames of a dump in the order of the file.

    Attributes
    ----------
    offsets
        Byte of the uncompressed file where each frame begins, shape ``(F,)``.
    steps
        Timestep of each frame, shape ``(F,)``.
    size
        Size of the file when it was scanned, in bytes.
    """

    offsets: NDArray[np.int64]
    steps: NDArray[np.int64]
    size: int

    def __len__(self) -> int:
        return len(self.offsets)


def sidecar(path: str | Path, kind: str) -> Path:
    """Return the hidden file beside `path` in which an index or a cache is kept."""
    path = Path(path)
    return path.with_name(f".{path.name}.anodeflow-{kind}")


def fingerprint(path: str | Path, size: int | None = None) -> str:
    """Return a SHA-256 over the size and the first and last 64 kB of (the first `size` bytes of) a file.

    Appending to a file changes its fingerprint but not that of its first `size` bytes.
    """
    path = Path(path)
    size = path.stat().st_size if size is None else size
    digest = hashlib.sha256(str(size).encode())
    with path.open("rb") as stream:
        digest.update(stream.read(min(1 << 16, size)))
        stream.seek(max(0, size - (1 << 16)))
        digest.update(stream.read(min(1 << 16, size)))
    return digest.hexdigest()


def may_write_beside(path: str | Path) -> bool:
    """Return whether files may be left beside `path`; the variable ``ANODEFLOW_CACHE=0`` forbids it."""
    return os.environ.get("ANODEFLOW_CACHE", "1") != "0" and os.access(Path(path).parent, os.W_OK)


def dump_index(dump: LammpsDump) -> DumpIndex:
    """Return the whole frames of a text dump, from the file beside it as far as that is still true.

    Raises
    ------
    InputError
        If a frame that is not plainly whole is damaged.
    """
    path = dump.path
    beside = sidecar(path, "index")
    known = _load(beside, path)
    size = path.stat().st_size
    if known is not None and known.size == size:
        return known
    start = int(known.offsets[-1]) if known is not None and len(known) else 0
    marks = _leap(path, start) or _scan(path, start, _rows_of_a_whole_frame(dump))
    if known is not None and len(known):
        marks = Marks(
            np.concatenate([known.offsets[:-1], marks.offsets]),
            np.concatenate([known.steps[:-1], marks.steps]),
            np.concatenate([np.zeros(len(known) - 1, dtype=bool), marks.doubtful]),
        )
    whole, steps = _whole(dump, marks)
    index = DumpIndex(marks.offsets[whole], steps[whole], size)
    if size >= _SMALL and may_write_beside(path):
        content = io.BytesIO()
        np.savez(
            content,
            fingerprint=np.array(fingerprint(path, size)),
            size=np.array(size),
            offsets=index.offsets,
            steps=index.steps,
        )
        write_bytes(beside, content.getvalue())
    return index


class Marks(NamedTuple):
    """Where frames seem to begin, the step that stands there (-1 where none does), and whether one may be cut off."""

    offsets: NDArray[np.int64]
    steps: NDArray[np.int64]
    doubtful: NDArray[np.bool_]


def _rows_of_a_whole_frame(dump: LammpsDump) -> int:
    """Return how many lines there are at least from one step to the next if the frame between is whole."""
    # step, number of atoms, box and columns take nine; the time of the next frame stands above its step
    return 9 + dump.n_atoms + (2 if dump.first.time is not None else 0)


def _whole(dump: LammpsDump, marks: Marks) -> tuple[NDArray[np.bool_], NDArray[np.int64]]:
    """Return which frames are whole, and their steps: the last and the doubtful ones are parsed to see."""
    whole = np.ones(len(marks.offsets), dtype=bool)
    steps = marks.steps.copy()
    doubtful = marks.doubtful | (steps < 0)
    doubtful[-1:] = True
    said = list(dump.warnings)
    for i in np.flatnonzero(doubtful):
        frame = next(dump.frames(offset=int(marks.offsets[i])), None)
        whole[i] = frame is not None and frame.offset == marks.offsets[i]
        if whole[i] and frame is not None:
            steps[i] = frame.header.step
    dump.warnings[:] = said  # the reading itself will say it
    return whole, steps


def frames_to_keep(steps: NDArray[np.int64], where: str) -> tuple[NDArray[np.int64], list[str]]:
    """Return which frames of a run to use: where a restart repeats steps, the later ones.

    Raises
    ------
    InputError
        If the steps go back to the beginning: then the file holds separate runs or unordered frames.
    """
    kept: list[int] = []
    notes: list[str] = []
    for i, step in enumerate(steps):
        if kept and step <= steps[kept[-1]]:
            first = steps[kept[0]]
            if step < first or (step == first and len(kept) > 1):
                raise InputError(
                    f"the steps go back to {step}, the beginning",
                    where=where,
                    remedy="Give the pieces in order, and separate runs separately.",
                )
            before = len(kept)
            while kept and steps[kept[-1]] >= step:
                kept.pop()
            dropped = before - len(kept)
            plural = "s" if dropped > 1 else ""
            notes.append(f"{dropped} frame{plural} from step {step} on came twice; the later were kept")
        kept.append(i)
    return np.array(kept, dtype=np.int64), notes


def _is_gzip(path: Path) -> bool:
    with path.open("rb") as stream:
        return stream.read(2) == b"\x1f\x8b"


def _leap(path: Path, start: int) -> Marks | None:
    """Find frames that are all about as long, reading only where the next is expected; None if that saves nothing.

    Behind each beginning, and where a frame of the same length would end, a short stretch is read. If the next frame
    does not begin in one of them, all that lies between is read, so that cut-off and longer frames are found too.
    """
    offsets, steps = array("q"), array("q")
    with path.open("rb", buffering=0) as stream:
        if _is_gzip(path):
            return None
        at = _next_mark(stream, start)
        length = _next_mark(stream, at + 1) - at if at >= 0 else 0
        if length < _LONG_FRAME:
            return None
        while at >= 0:
            near = 256 + length // 500
            head = os.pread(stream.fileno(), 2 * near, at)
            offsets.append(at)
            steps.append(_step(head))
            following = head.find(_MARK, 1)
            if following >= 0:
                following += at
            else:
                expected = os.pread(stream.fileno(), 2 * near, at + length - near)
                following = expected.find(_MARK)
                following = at + length - near + following if following >= 0 else _next_mark(stream, at + 1)
            length = max(following - at, 4 * near)
            at = following
    found = np.array(offsets, np.int64)
    lengths = np.diff(found)
    doubtful = np.append(lengths < 0.98 * np.median(lengths) if len(lengths) else np.zeros(0, bool), True)
    return Marks(found, np.array(steps, np.int64), doubtful)


def _next_mark(stream: io.FileIO, start: int) -> int:
    """Return where the next frame begins at or after a byte, or -1."""
    tail, base = b"", start
    while True:
        chunk = os.pread(stream.fileno(), _CHUNK, base + len(tail))
        if not chunk:
            return -1
        block = tail + chunk
        found = block.find(_MARK)
        if found >= 0:
            return base + found
        tail = block[-len(_MARK) :]
        base += len(block) - len(tail)


def _step(text: bytes) -> int:
    """Return the step that stands below the mark at the beginning of a text; -1 where none is seen."""
    lines = text[:64].split(b"\n")
    try:
        step = int(lines[1]) if len(lines) > 2 else -1
    except ValueError:
        return -1
    return step if abs(step) <= _LARGEST_STEP else -1


def _scan(path: Path, start: int, rows: int) -> Marks:
    """Find all marks by reading everything; frames of less than `rows` lines, or of an unusual number, are doubtful."""
    offsets, steps, lines = array("q"), array("q"), array("q")
    with open_dump(path) as stream:
        move_to(stream, start, path)
        base, tail = start, b""
        count = 0  # line feeds since the last mark
        while True:
            chunk = read_some(stream, _CHUNK, path)
            block = tail + chunk
            # a mark is taken up only where its step is in hand too
            stop = len(block) if not chunk else max(0, len(block) - 64)
            at, done = block.find(_MARK), 0
            while 0 <= at < stop:
                count += block.count(b"\n", done, at)
                lines.append(count)
                count, done = 0, at
                offsets.append(base + at)
                steps.append(_step(block[at : at + 64]))
                at = block.find(_MARK, at + 1)
            count += block.count(b"\n", done, stop)
            if not chunk:
                break
            base, tail = base + stop, block[stop:]
    found = np.array(lines[1:], np.int64)
    usual = np.bincount(found).argmax() if len(found) else 0
    doubtful = np.append((found < rows) | (found != usual), True)[: len(offsets)]
    return Marks(np.array(offsets, np.int64), np.array(steps, np.int64), doubtful)


def _load(beside: Path, path: Path) -> DumpIndex | None:
    try:
        with np.load(beside, allow_pickle=False) as stored:
            size = int(stored["size"])
            if size > path.stat().st_size or str(stored["fingerprint"]) != fingerprint(path, size):
                return None
            if size != path.stat().st_size and _is_gzip(path):
                return None
            return DumpIndex(stored["offsets"], stored["steps"], size)
    except Exception:  # whatever is wrong with a file that can be made again, it is not used
        return None
