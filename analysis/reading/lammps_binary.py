"""LAMMPS binary dumps (``dump custom`` to a file that ends in ``.bin``), as written since 2021."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np

from ...errors import InputError
from .lammps_dump import FLAGS, LENGTH_A, TIME_PS, Header, box_of, choose_coordinates, to_cartesian
from .raw import RawTrajectory
from .species import species_of_dump

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray


class _EndError(Exception):
    """The data end inside a frame."""


def read_lammps_binary(
    path: Path, data: str | Path | None = None, species: Mapping[Any, str] | Sequence[str] | None = None
) -> RawTrajectory:
    """Read a LAMMPS binary dump.

    An ``element`` column holds the type number in this format, so elements come from `data` or `species`.

    Raises
    ------
    InputError
        If the file is no binary dump with column names, or its atoms change.
    """
    raw: RawTrajectory | None = None
    first: NDArray[np.int64] = np.empty(0, dtype=np.int64)
    notes: list[str] = []
    for header, table in _frames(path, notes):
        names = header.columns
        where = f"{path}: step {header.step}"
        coordinates, scaled, flags = choose_coordinates(names, str(path))
        if "id" not in names:
            raise InputError("the dump has no atom ids, so atoms cannot be followed", where=where)
        ids = table[:, names.index("id")].astype(np.int64)
        order = np.argsort(ids, kind="stable")
        ids = ids[order]
        wanted = [names.index(name) for name in coordinates + (FLAGS if flags else ())]
        if raw is None:
            if len(np.unique(ids)) != len(ids):
                raise InputError("atom ids are repeated", where=where)
            kind = next((names.index(name) for name in ("type", "element") if name in names), None)
            types = [] if kind is None else [str(int(value)) for value in table[order, kind]]
            labels = species_of_dump(ids.tolist(), (), types, data, species, str(path), notes)
            unwrapped = flags or coordinates[0] in ("xu", "xsu")
            identity = tuple(ids.tolist())
            raw = RawTrajectory(path, labels, unwrapped, False, header.periodic, identity, header.units)
            first = ids
        elif not np.array_equal(ids, first):
            raise InputError("the atoms change", where=where, remedy="Dump a group whose atoms stay.")
        length = LENGTH_A.get(header.units, 1.0) if header.units else 1.0
        time = None if header.time is None else header.time * TIME_PS.get(header.units, 1.0)
        positions = to_cartesian(table[order][:, wanted], header, scaled, flags) * length
        raw.add(positions, header.cell * length, header.step, time, header.origin * length)
    if raw is None:
        raise InputError("the first frame is cut off", where=str(path))
    raw.warnings[:0] = notes
    return raw


def _frames(path: Path, notes: list[str]) -> Iterator[tuple[Header, NDArray[np.float64]]]:
    size = path.stat().st_size
    with path.open("rb") as stream:
        while stream.tell() < size:
            try:
                frame = _frame(stream, str(path), size)
            except (_EndError, struct.error):
                notes.append("the last frame is cut off and was left out")
                return
            yield frame


def _take(stream: BinaryIO, form: str) -> tuple[Any, ...]:
    length = struct.calcsize("=" + form)
    data = stream.read(length)
    if len(data) < length:
        raise _EndError
    return struct.unpack("=" + form, data)


def _words(stream: BinaryIO, size: int) -> str:
    (length,) = _take(stream, "i")
    if not 0 <= length <= size:
        raise _EndError
    return str(_take(stream, f"{length}s")[0].decode("utf-8", "replace"))


def _frame(stream: BinaryIO, where: str, size: int) -> tuple[Header, NDArray[np.float64]]:
    (length,) = _take(stream, "q")
    if not -32 <= length < 0:
        raise InputError(
            "the binary dump does not name its columns",
            where=where,
            remedy="Write it with LAMMPS of 2021 or later.",
        )
    stream.seek(-length, 1)
    endian, revision = _take(stream, "ii")
    if endian != 1 or revision < 2:
        raise InputError("the binary dump is of another byte order or an old revision", where=where)
    step, n_atoms, triclinic = _take(stream, "qqi")
    boundary = _take(stream, "6i")
    box = np.array(_take(stream, "6d")).reshape(3, 2)
    bounds = "pp pp pp" if not any(boundary) else " ".join("pp" if boundary[2 * k] == 0 else "ff" for k in range(3))
    if triclinic == 1:
        rows = np.column_stack([box, _take(stream, "3d")])
        bounds = "xy xz yz " + bounds
    elif triclinic == 0:
        rows = box
    else:
        raise InputError("general triclinic boxes are not read from binary dumps", where=where)
    (n_columns,) = _take(stream, "i")
    units = _words(stream, size)
    (timed,) = _take(stream, "b")
    time = float(_take(stream, "d")[0]) if timed else None
    columns = tuple(_words(stream, size).split())
    (chunks,) = _take(stream, "i")
    if not (n_atoms > 0 and 0 < n_columns == len(columns) and n_atoms * n_columns * 8 <= size):
        raise _EndError
    parts = []
    for _ in range(chunks):
        (count,) = _take(stream, "i")
        if not 0 <= count <= n_atoms * n_columns:
            raise _EndError
        content = stream.read(8 * count)
        if len(content) < 8 * count:
            raise _EndError
        parts.append(np.frombuffer(content, dtype=np.float64))
    table = np.concatenate(parts) if parts else np.empty(0)
    if table.size != n_atoms * n_columns:
        raise _EndError
    if not np.isfinite(table).all():
        raise InputError("a number is not finite", where=f"{where}: step {step}")
    cell, origin, periodic = box_of(bounds, rows.tolist(), f"{where}: step {step}")
    header = Header(step, n_atoms, cell, origin, periodic, columns, units, time)
    return header, table.reshape(n_atoms, n_columns)
