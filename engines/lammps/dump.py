"""The dump while it grows: check its first frame, and cut it back to where a continuation starts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...errors import EngineError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path


def check_first_frame(path: Path, symbols: Sequence[str]) -> bool:
    """Compare the elements of the first frame with those of the structure, atom by atom.

    Parameters
    ----------
    path
        Dump with columns ``id element …``.
    symbols
        Element of each atom, in the order of ids.

    Returns
    -------
    bool
        True when the frame is there and right, False when it is not whole yet.

    Raises
    ------
    EngineError
        If an atom has another element than it should.
    """
    try:
        with path.open() as stream:
            lines = [line for _, line in zip(range(len(symbols) + 9), stream, strict=False)]
    except FileNotFoundError:
        return False
    if len(lines) < len(symbols) + 9 or not lines[-1].endswith("\n"):
        return False
    names = lines[8].split()[2:]
    identity, element = names.index("id"), names.index("element")
    for line in lines[9:]:
        words = line.split()
        expected = symbols[int(words[identity]) - 1]
        if words[element] != expected:
            raise EngineError(
                f"atom {words[identity]} is {words[element]} in the first frame and {expected} in the structure",
                where=path.name,
                remedy="The order of elements is broken; nothing of this run can be used.",
            )
    return True


def truncate_dump(path: Path, step: int) -> int | None:
    """Drop every frame after `step`, and a last frame that is not whole, so that none becomes double.

    Returns
    -------
    int or None
        Step of the last frame that stays; None if there is none.
    """
    if not path.exists():
        return None
    kept, last = 0, None
    with path.open("rb+") as stream:
        while True:
            header = [stream.readline() for _ in range(9)]
            if not header[8].endswith(b"\n") or not header[0].startswith(b"ITEM: TIMESTEP"):
                break
            if int(header[1]) > step:
                break
            atoms = [stream.readline() for _ in range(int(header[3]))]
            if atoms and not atoms[-1].endswith(b"\n"):
                break
            kept, last = stream.tell(), int(header[1])
        stream.truncate(kept)
    return last
