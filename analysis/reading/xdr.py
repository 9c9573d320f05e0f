"""XTC and TRR, read by MDAnalysis' library in a process of its own.

That library (libmdaxdr) trusts the numbers in a file: a damaged one can end the process by a signal, which no
``except`` catches. So a child reads and passes on frames, and its death is an error like others. Run as a program this
file is that child, and so it imports nothing of the package.
"""

from __future__ import annotations

import struct
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

SUFFIXES = (".xtc", ".trr")
_FRAME = struct.Struct("<qd9d")
_NM_TO_A = 10.0


class XdrFrame(NamedTuple):
    """Positions, shape ``(N, 3)``, and box vectors, shape ``(3, 3)``, in Å, step and time in ps."""

    positions: NDArray[np.float64]
    cell: NDArray[np.float64]
    step: int
    time_ps: float


class XdrDamagedError(Exception):
    """The file cannot be read, or not beyond a frame; the text says why."""


def xdr_frames(path: Path) -> Iterator[XdrFrame]:
    """Yield the frames of an XTC or TRR file.

    Raises
    ------
    XdrDamagedError
        Where the file is damaged.
    """
    # -P: the folder of this file must not shadow modules of the same names
    command = [sys.executable, "-P", __file__, str(path.absolute())]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as child:
        assert child.stdout is not None
        assert child.stderr is not None
        try:
            head = child.stdout.read(8)
            atoms = int.from_bytes(head, "little") if len(head) == 8 else 0
            while len(content := child.stdout.read(_FRAME.size + 12 * atoms)) == _FRAME.size + 12 * atoms and atoms:
                step, time, *box = _FRAME.unpack_from(content)
                positions = np.frombuffer(content, dtype="<f4", offset=_FRAME.size).reshape(atoms, 3)
                yield XdrFrame(positions * _NM_TO_A, np.array(box).reshape(3, 3) * _NM_TO_A, step, time)
            said = child.stderr.read().decode(errors="replace").strip().splitlines()
            code = child.wait()
        except GeneratorExit:
            child.kill()
            raise
    if code < 0:
        raise XdrDamagedError(f"its reader ends by signal {-code}")
    if code or atoms == 0:
        raise XdrDamagedError(said[-1] if said else "no atoms")


def _child(path: str) -> int:
    from MDAnalysis.lib.formats.libmdaxdr import TRRFile, XTCFile

    out = sys.stdout.buffer
    kind: Any = XTCFile if path.lower().endswith(".xtc") else TRRFile
    try:
        with kind(path) as file:
            if file.n_atoms > 8 * Path(path).stat().st_size:  # a bit for each is less than any atom takes
                raise OSError(f"it says it holds {file.n_atoms} atoms")
            out.write(int(file.n_atoms).to_bytes(8, "little"))
            for frame in file:
                if not getattr(frame, "hasx", True):
                    raise OSError("a frame holds no positions")
                box = np.asarray(frame.box, dtype=float).ravel()
                out.write(_FRAME.pack(int(frame.step), float(frame.time), *box))
                out.write(np.ascontiguousarray(frame.x, dtype="<f4").tobytes())
                out.flush()
    except Exception as error:  # whatever the library raises is passed on as a sentence
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(_child(sys.argv[1]))
