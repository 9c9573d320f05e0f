"""A file as lines and as a buffer of whole lines, for a compiled parser: plain or gzip, in constant memory."""

from __future__ import annotations

import gzip
import io
import zlib
from typing import TYPE_CHECKING, Any

import numpy as np

from ...errors import InputError

if TYPE_CHECKING:
    from pathlib import Path

_CHUNK = 1 << 18


def open_dump(path: Path) -> Any:
    """Return the bytes of a plain or gzip file (told by content) as an unbuffered stream."""
    stream = path.open("rb", buffering=0)
    magic = stream.read(2)
    stream.seek(0)
    if magic != b"\x1f\x8b":
        return stream
    return gzip.GzipFile(fileobj=io.BufferedReader(stream), mode="rb")


def read_some(stream: Any, size: int, path: Path) -> bytes:
    """Return the next bytes of a stream of `open_dump`, none at its end.

    Raises
    ------
    InputError
        If a compressed file is damaged; one that merely ends early gives all that it holds.
    """
    try:
        # one step of decompression at a time: a longer read would lose what came before an early end
        content: bytes = stream.read1(size) if isinstance(stream, gzip.GzipFile) else stream.read(size)
    except EOFError:
        return b""
    except (zlib.error, gzip.BadGzipFile) as error:
        # unlike an early end this may have changed digits that were read before
        raise InputError(f"the compressed file is damaged ({error})", where=str(path)) from None
    return content


def move_to(stream: Any, offset: int, path: Path) -> None:
    """Move a stream of `open_dump` to a byte of the uncompressed file, or to its end.

    Raises
    ------
    InputError
        If a compressed file is damaged before it.
    """
    if not isinstance(stream, gzip.GzipFile):
        stream.seek(offset)
        return
    left = offset - stream.tell()
    while left > 0:
        content = read_some(stream, min(left, _CHUNK), path)
        if not content:
            return
        left -= len(content)


class DumpSource:
    """Bytes of a plain or gzip file behind a sliding buffer.

    Parameters
    ----------
    path
        File.

    Attributes
    ----------
    buffer, position, end
        Bytes in hand, and the part of them not used yet.
    last_line
        Byte of the uncompressed file where the last line read began.
    frame_begin
        Byte where the frame begins that is being read; its user sets it.

    Raises
    ------
    InputError
        If the file cannot be read, is empty, or is compressed and damaged.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            empty = path.stat().st_size == 0
            self._stream: Any = open_dump(path)
        except OSError as error:
            raise InputError(f"cannot be read: {error.strerror}", where=str(path)) from None
        if empty:
            self._stream.close()
            raise InputError("the file is empty", where=str(path))
        self._packed = isinstance(self._stream, gzip.GzipFile)
        self.buffer = np.empty(2 * _CHUNK, dtype=np.uint8)
        self.position = 0
        self.end = 0
        self.last_line = 0
        self.frame_begin = 0
        self._base = 0  # byte of the file at the beginning of the buffer
        self._line = 0  # where in the buffer the last line read began

    def __enter__(self) -> DumpSource:
        return self

    def __exit__(self, *exception: object) -> None:
        self._stream.close()

    def skip(self, offset: int) -> None:
        """Start at a byte of the uncompressed file."""
        if offset:
            move_to(self._stream, offset, self.path)
            self._base = offset

    def fill(self) -> bool:
        """Bring more bytes into the buffer; False at the end of the file."""
        kept = self.end - self.position
        if self.position:
            self.buffer[:kept] = self.buffer[self.position : self.end]
        if kept + _CHUNK > len(self.buffer):
            self.buffer = np.concatenate([self.buffer, np.empty_like(self.buffer)])
        self._base += self.position
        self.position, self.end = 0, kept
        if self._packed:
            content = read_some(self._stream, _CHUNK, self.path)
            count = len(content)
            self.buffer[kept : kept + count] = np.frombuffer(content, dtype=np.uint8)
        else:
            count = self._stream.readinto(self.buffer[kept : kept + _CHUNK].data)
        self.end += count
        return bool(count)

    def whole_lines(self) -> int:
        """Return the end of the last whole line in the buffer, or the position where there is none."""
        stop = self.end
        while stop > self.position:
            start = max(self.position, stop - 256)
            found = self.buffer[start:stop].tobytes().rfind(b"\n")
            if found >= 0:
                return start + found + 1
            stop = start
        return self.position

    def next_line(self) -> str | None:
        """Return the next line, or None where none is ended by a line feed any more."""
        searched = 0
        while True:
            start = self.position + searched
            stop = min(self.end, start + 256)
            found = self.buffer[start:stop].tobytes().find(b"\n")
            if found >= 0:
                begin, self.position = self.position, start + found + 1
                self._line = begin
                self.last_line = self._base + begin
                return self.buffer[begin : start + found].tobytes().decode("utf-8", "replace")
            searched += stop - start
            if stop == self.end and not self.fill():
                return None

    def next_lines(self, count: int) -> list[str]:
        """Return the next lines, fewer where no more are ended by a line feed."""
        lines: list[bytes] = []
        while len(lines) < count:
            stop = self.whole_lines()
            block = self.buffer[self.position : stop].tobytes().split(b"\n")[:-1]
            taken = block[: count - len(lines)]
            lines += taken
            self.position += sum(map(len, taken)) + len(taken)
            if len(lines) < count and not self.fill():
                break
        return [line.decode("utf-8", "replace") for line in lines]

    def line(self) -> str:
        """Return the line at the position without moving on."""
        return (
            self.buffer[self.position : min(self.end, self.position + 200)]
            .tobytes()
            .split(b"\n")[0]
            .decode("utf-8", "replace")
        )

    def at(self) -> int:
        """Return the byte of the uncompressed file at the position."""
        return self._base + self.position

    def back_to(self, words: bytes, after: int = 0) -> None:
        """Move back to `words` in the line that `next_line` returned last, at byte `after` of it or later."""
        line = self.buffer[self._line : self.position].tobytes()
        self.position = self._line + line.index(words, after)

    def seek_in_line(self, words: bytes) -> bool:
        """Move to `words` if the current line holds them."""
        line = self.buffer[self.position : min(self.end, self.position + 4096)].tobytes().split(b"\n")[0]
        found = line.find(words)
        if found >= 0:
            self.position += found
        return found >= 0
