"""LAMMPS text dumps, frame by frame, in constant memory: any column order, unsorted ids, triclinic, gzip."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ...errors import InputError
from .dump_source import DumpSource

if TYPE_CHECKING:
    from collections.abc import Iterator

FloatArray = NDArray[np.float64]

LENGTH_A = {
    "metal": 1.0,
    "real": 1.0,
    "si": 1e10,
    "cgs": 1e8,
    "electron": 0.529177210903,
    "micro": 1e4,
    "nano": 10.0,
}
"""Å in the length unit of each LAMMPS unit style; ``lj`` has none."""

TIME_PS = {"metal": 1.0, "real": 1e-3, "si": 1e12, "cgs": 1e12, "electron": 1e-3, "micro": 1e6, "nano": 1e3}
"""ps in the time unit of each LAMMPS unit style."""

_COORDINATES = (
    # columns, scaled, image flags needed: the first that the file has is read
    (("xu", "yu", "zu"), False, False),
    (("x", "y", "z"), False, True),
    (("xsu", "ysu", "zsu"), True, False),
    (("xs", "ys", "zs"), True, True),
    (("x", "y", "z"), False, False),
    (("xs", "ys", "zs"), True, False),
)
FLAGS = ("ix", "iy", "iz")
_TIMESTEP = "ITEM: TIMESTEP"
_LARGEST_STEP = 2**53
"""Steps beyond are damage: they would not survive a float."""


@dataclass(frozen=True)
class Header:
    """What stands above the atoms of one frame.

    Attributes
    ----------
    step
        Timestep as written.
    n_atoms
        Number of atoms.
    cell
        Shape ``(3, 3)``, rows are the box vectors, in the file's length unit.
    origin
        Shape ``(3,)``, the box corner.
    periodic
        Along the three box vectors.
    columns
        Names of the per-atom columns.
    units
        LAMMPS unit style, empty where the file does not say.
    time
        Time in the file's time unit where the file says it, else None.
    """

    step: int
    n_atoms: int
    cell: FloatArray
    origin: FloatArray
    periodic: tuple[bool, bool, bool]
    columns: tuple[str, ...]
    units: str
    time: float | None


def _parse_code(label: str) -> int:
    """Return the number that the compiled parser makes of a label."""
    code = 0
    for byte in label.encode():
        code = ((code << 8) & 0xFFFFFFFFFFFFFFFF) ^ (code >> 56) ^ byte
    return code


def choose_coordinates(columns: tuple[str, ...], where: str) -> tuple[tuple[str, ...], bool, bool]:
    """Return the coordinate columns to read, whether they are scaled, and whether image flags go with them.

    Raises
    ------
    InputError
        If one axis has no coordinate.
    """
    for names, scaled, flags in _COORDINATES:
        if set(columns).issuperset(names) and (not flags or set(columns).issuperset(FLAGS)):
            return names, scaled, flags
    raise InputError(
        "the dump has no coordinates along all three axes",
        where=f"{where}: columns {' '.join(columns)}",
        remedy="Dump 'id element xu yu zu'.",
    )


def to_cartesian(values: FloatArray, header: Header, scaled: bool, flags: bool) -> FloatArray:
    """Return positions in the file's length unit from coordinate columns and image flags behind them."""
    positions = values[:, :3]
    if scaled:
        if flags:
            positions = positions + values[:, 3:6]
        return np.asarray(header.origin + positions @ header.cell)
    if flags:
        return np.asarray(positions + values[:, 3:6] @ header.cell)
    return positions


@dataclass(frozen=True)
class DumpFrame:
    """One frame, atoms in the order of `LammpsDump.ids`.

    Attributes
    ----------
    header
        Step, box and columns.
    positions
        Shape ``(N, 3)`` in Å: unwrapped if the dump holds that, else as in the file.
    values
        Shape ``(N, k)``, the further columns that were asked for, as in the file.
    offset
        Byte of the uncompressed file where the frame begins.
    """

    header: Header
    positions: FloatArray
    values: FloatArray
    offset: int = 0


class LammpsDump:
    """A LAMMPS text dump that is read as a stream.

    Opening reads the first frame, which fixes the atoms and their order (ascending id).

    Parameters
    ----------
    path
        Dump file, plain or gzip (told by content).

    Attributes
    ----------
    ids
        Shape ``(N,)``, ascending.
    labels
        Element of each atom, else its type as text; empty where the dump has neither.
    types
        Type of each atom as text, or empty.
    unwrapped
        Whether the file holds unwrapped coordinates or image flags.
    warnings
        Sentences on what was left out; grows as frames are read.

    Raises
    ------
    InputError
        If the file is empty, is not a LAMMPS text dump, or its first frame is incomplete.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self.warnings: list[str] = []
        self._last_box: tuple[tuple[str, ...], tuple[FloatArray, FloatArray, tuple[bool, bool, bool]]] | None = None
        self._checked: FloatArray | None = None
        with DumpSource(self.path) as source:
            header = self._read_header(source)
            if header is None:
                raise InputError(
                    "the first frame is cut off",
                    where=str(path),
                    remedy="Wait for the run or write it again.",
                )
            self.first = header
            self._coordinates, self._scaled, self._flags = choose_coordinates(header.columns, str(self.path))
            self.ids, self.labels, self.types = self._read_identity(source, header)
        self.warnings.clear()  # the reading will say it again
        self.unwrapped = self._flags or self._coordinates[0] in ("xu", "xsu")
        if header.units and header.units not in LENGTH_A:
            raise InputError(f"'{header.units}' units have no length in Å", where=str(path))
        self._length = LENGTH_A.get(header.units, 1.0)
        # A table from id to row: direct if ids are dense, and bounded in size if they are not.
        largest = int(self.ids[-1])
        if largest > 20 * len(self.ids) + 1_000_000:
            raise InputError(f"atom ids reach {largest} for {len(self.ids)} atoms", where=str(path))
        self._lookup = np.full(largest + 1, -1, dtype=np.int32)
        self._lookup[self.ids] = np.arange(len(self.ids))
        named = self.types or self.labels
        codes = {name: _parse_code(name) for name in set(named)}
        self._codes = np.array([codes[name] for name in named] or [0] * self.n_atoms, dtype=np.uint64)

    @property
    def n_atoms(self) -> int:
        """Number of atoms."""
        return len(self.ids)

    def time_ps(self, header: Header) -> float | None:
        """Return the time of a frame in ps if the file says it, else None."""
        return None if header.time is None else header.time * TIME_PS[header.units or "metal"]

    def frames(self, columns: tuple[str, ...] = (), *, offset: int = 0) -> Iterator[DumpFrame]:
        """Yield every whole frame.

        Parameters
        ----------
        columns
            Further numeric columns to read into `DumpFrame.values`, such as ``("c_stress[1]", "vx")``.
        offset
            Byte of the (uncompressed) file where a frame begins.

        Raises
        ------
        InputError
            If a frame holds other atoms than the first, malformed or non-finite numbers, or a box without
            volume.
        """
        from . import dump_parser

        wanted = self._coordinates + (FLAGS if self._flags else ()) + tuple(columns)
        names: tuple[str, ...] = ()
        roles = np.empty(0, dtype=np.int64)
        n = self.n_atoms
        stamp = np.full(n, -1, dtype=np.int32)
        labels = np.empty(n, dtype=np.uint64)
        expected = self._codes
        with DumpSource(self.path) as source:
            source.skip(max(0, offset - _BEFORE))
            time = _time_before(source, offset)
            number = 0
            while (header := self._read_header(source, time)) is not None:
                time = None
                begin = source.frame_begin
                self._check(header)
                if header.columns != names:
                    names = header.columns
                    roles = self._roles(header, wanted)
                values = np.empty((n, len(wanted)))
                row = 0
                while True:
                    here = (
                        source.buffer,
                        np.uint64(source.position),
                        np.uint64(source.whole_lines()),
                        row,
                        n,
                    )
                    status, row, position = dump_parser.parse_rows(
                        *here, roles, self._lookup, stamp, number, labels, values
                    )
                    source.position = int(position)
                    if status != dump_parser.NEED_MORE or not source.fill():
                        break
                if status == dump_parser.NEED_MORE:
                    self._say(f"the last frame (step {header.step}) is cut off and was left out")
                    return
                if status == dump_parser.BAD_ROW and source.seek_in_line(b"ITEM:"):
                    self._say(f"the frame of step {header.step} is cut off and was left out")
                    number += 1
                    continue
                if status != dump_parser.DONE:
                    raise self._row_error(status, header, source.line())
                if not np.array_equal(expected, labels):
                    atom = self.ids[np.flatnonzero(expected != labels)[0]]
                    raise InputError(
                        f"atom {atom} changes its {self._label_column(header)}",
                        where=f"{self.path}: step {header.step}",
                        remedy="Trajectories must keep every atom's species; cut the file there.",
                    )
                yield self._convert(header, values, begin)
                number += 1

    def _say(self, sentence: str) -> None:
        if sentence not in self.warnings:  # a file may be gone through more than once
            self.warnings.append(sentence)

    # ------------------------------------------------------------------ header

    def _read_header(self, source: DumpSource, time: float | None = None) -> Header | None:
        """Return the next header, or None at the end of the data.

        A header in which the next frame begins belongs to a frame that was cut off: it is left out and said.
        """
        while True:
            try:
                return self._one_header(source, time)
            except _CutOffError as cut:
                step, begun, more = cut.args
                which = "frame" if more else "last frame"
                if begun:
                    of = "" if step is None else f" of step {step}" if more else f" (step {step})"
                    self._say(f"the {which}{of} is cut off and was left out")
                if not more:
                    return None
            time = None

    def _one_header(self, source: DumpSource, time: float | None) -> Header:
        where = str(self.path)
        units = ""
        step = n_atoms = None
        box: tuple[str, ...] = ()
        begun = False

        def need() -> str:
            line = source.next_line()
            if line is None:
                raise _CutOffError(step, True, False)
            if _TIMESTEP in line:
                source.back_to(_TIMESTEP.encode())
                raise _CutOffError(step, True, True)
            return line

        while True:
            line = source.next_line()
            if line is None:
                raise _CutOffError(step, begun or n_atoms is not None or source.position < source.end, False)
            if not line.strip():
                continue
            # only units and time stand above the step
            inside = step is not None or n_atoms is not None or bool(box)
            if line.find(_TIMESTEP, 0 if inside else 1) >= 0 and (inside or line.startswith("ITEM:")):
                source.back_to(_TIMESTEP.encode(), 0 if inside else 1)
                raise _CutOffError(step, True, True)
            if not line.startswith("ITEM:"):
                raise InputError(
                    "not a LAMMPS text dump" if source.last_line == 0 else "a row stands where none belongs",
                    where=f"{where}: {line.strip()[:60]!r}",
                    remedy="Give a dump written by 'dump custom' or 'dump atom'.",
                )
            try:
                if line.startswith("ITEM: UNITS"):
                    units = need().strip()
                elif line.startswith("ITEM: TIME") and not line.startswith(_TIMESTEP):
                    time = float(need())
                    if not np.isfinite(time):
                        raise ValueError
                elif line.startswith(_TIMESTEP):
                    source.frame_begin = source.last_line
                    begun = True
                    step = int(need())
                    if abs(step) > _LARGEST_STEP:
                        raise ValueError
                elif line.startswith("ITEM: NUMBER OF ATOMS"):
                    n_atoms = int(need())
                elif line.startswith("ITEM: BOX BOUNDS"):
                    box = (line[16:].strip(), need(), need(), need())
                elif line.startswith("ITEM: ATOMS"):
                    break
                else:
                    need()
            except ValueError:
                raise InputError(
                    "a frame's header is malformed", where=f"{where}: after {line.strip()[:60]!r}"
                ) from None
        if step is None or n_atoms is None or not box:
            raise InputError("a frame has no step, number of atoms or box", where=where)
        if n_atoms < 1:
            raise InputError("a frame holds no atoms", where=f"{where}: step {step}")
        return Header(step, n_atoms, *self._box(box, f"{where}: step {step}"), tuple(line.split()[2:]), units, time)

    def _box(self, text: tuple[str, ...], where: str) -> tuple[FloatArray, FloatArray, tuple[bool, bool, bool]]:
        """Return cell, origin and periodicity; they are the same objects as long as the text is the same."""
        if self._last_box is None or self._last_box[0] != text:
            try:
                rows = [[float(word) for word in line.split()] for line in text[1:]]
            except ValueError:
                raise InputError("the box is malformed", where=where) from None
            self._last_box = (text, box_of(text[0], rows, where))
        return self._last_box[1]

    def _check(self, header: Header) -> None:
        where = f"{self.path}: step {header.step}"
        if header.n_atoms != self.n_atoms:
            raise InputError(
                f"the number of atoms changes from {self.n_atoms} to {header.n_atoms}",
                where=where,
                remedy="Dump a group whose atoms stay, or cut the file there.",
            )
        if header.cell is not self._checked:
            if not np.linalg.det(header.cell * self._length) > 1e-9:
                raise InputError("the box has no volume", where=where)
            self._checked = header.cell
        if header.units != self.first.units and header.units and self.first.units:
            raise InputError(f"units change from {self.first.units} to {header.units}", where=where)

    def _roles(self, header: Header, wanted: tuple[str, ...]) -> NDArray[np.int64]:
        from . import dump_parser

        missing = [name for name in ("id", *wanted) if name not in header.columns]
        if missing:
            raise InputError(
                f"the dump has no column {missing[0]}",
                where=f"{self.path}: step {header.step}, columns {' '.join(header.columns)}",
                remedy="Add it to the dump command.",
            )
        roles = np.full(len(header.columns), dump_parser.SKIP, dtype=np.int64)
        for k, name in enumerate(wanted):
            roles[header.columns.index(name)] = k
        roles[header.columns.index("id")] = dump_parser.ATOM_ID
        label = self._label_column(header)
        if label:
            roles[header.columns.index(label)] = dump_parser.LABEL
        return roles

    @staticmethod
    def _label_column(header: Header) -> str:
        return next((name for name in ("type", "element") if name in header.columns), "")

    def _read_identity(
        self, source: DumpSource, header: Header
    ) -> tuple[NDArray[np.int64], tuple[str, ...], tuple[str, ...]]:
        """Return ids, labels and types of the first frame in ascending id."""
        if "id" not in header.columns:
            raise InputError(
                "the dump has no atom ids, so atoms cannot be followed",
                where=str(self.path),
                remedy="Dump 'id element xu yu zu'.",
            )
        twice = next((name for name in header.columns if header.columns.count(name) > 1), None)
        if twice is not None:
            raise InputError(f"the column {twice} is announced twice", where=f"{self.path}: step {header.step}")
        rows = [line.split() for line in source.next_lines(header.n_atoms)]
        if len(rows) < header.n_atoms or any(words[:1] == ["ITEM:"] for words in rows):
            raise InputError("the first frame is cut off", where=f"{self.path}: step {header.step}")
        column = {name: k for k, name in enumerate(header.columns)}
        wrong = next((words for words in rows if len(words) != len(column)), None)
        if wrong is not None:
            raise InputError(
                f"a row has {len(wrong)} columns where {len(column)} are announced",
                where=f"{self.path}: {' '.join(wrong)[:60]!r}",
            )
        try:
            ids = np.array([int(words[column["id"]]) for words in rows], dtype=np.int64)
        except (ValueError, OverflowError):
            raise InputError("an atom id is not a number", where=f"{self.path}: step {header.step}") from None
        order = np.argsort(ids, kind="stable")
        ids = ids[order]
        if len(np.unique(ids)) != len(ids) or ids[0] < 0:
            raise InputError("atom ids are repeated or negative", where=f"{self.path}: step {header.step}")
        types = tuple(rows[i][column["type"]] for i in order) if "type" in column else ()
        elements = tuple(rows[i][column["element"]] for i in order) if "element" in column else ()
        return ids, elements or types, types

    def _row_error(self, status: int, header: Header, line: str) -> InputError:
        from . import dump_parser

        what = {
            dump_parser.BAD_ROW: f"a row does not hold {len(header.columns)} proper columns",
            dump_parser.NOT_FINITE: "a coordinate is not a finite number",
            dump_parser.UNKNOWN_ID: "an atom appears that the first frame does not have",
            dump_parser.REPEATED_ID: "an atom id is repeated",
        }[status]
        return InputError(what, where=f"{self.path}: step {header.step}, {line.strip()[:60]!r}")

    def _convert(self, header: Header, values: FloatArray, offset: int) -> DumpFrame:
        positions = to_cartesian(values, header, self._scaled, self._flags)
        if self._length != 1.0:
            positions = positions * self._length
        made = self._scaled or self._flags or self._length != 1.0
        if made and not np.isfinite(positions).all():
            raise InputError("a coordinate is not a finite number", where=f"{self.path}: step {header.step}")
        used = 6 if self._flags else 3
        return DumpFrame(header, positions, values[:, used:], offset)

    def box_in_angstrom(self, header: Header) -> tuple[FloatArray, FloatArray]:
        """Return the box vectors (rows) and the box corner of a frame in Å."""
        return header.cell * self._length, header.origin * self._length


class _CutOffError(Exception):
    """A header ends early; with its step, whether a frame had begun, and whether the next one begins here."""


_BEFORE = 128
"""Bytes before the step of a frame in which its time stands, if the file says it."""


def _time_before(source: DumpSource, offset: int) -> float | None:
    """Return the time that stands right above the step of a frame, and move to that step."""
    time, before = None, ""
    while offset and source.at() < offset and (line := source.next_line()) is not None:
        time = None
        if before == "ITEM: TIME":
            try:
                time = float(line)
            except ValueError:
                time = None
        before = line.strip()
    source.position -= source.at() - offset  # where a frame that was cut off shares its last line with this one
    return time


def box_of(words: str, rows: list[list[float]], where: str) -> tuple[FloatArray, FloatArray, tuple[bool, bool, bool]]:
    """Return cell, origin and periodicity from the three lines of the box.

    For a tilted box LAMMPS writes the bounding box; its corner and lengths follow from the tilt factors
    (LAMMPS manual, "Howto triclinic").
    """
    names = words.split()
    flags = [word for word in names if len(word) == 2 and set(word) <= set("pfsm")]
    periodic = tuple(flag == "pp" for flag in flags) if len(flags) == 3 else (True, True, True)
    table = np.array(rows, dtype=float) if len({len(row) for row in rows}) == 1 else np.empty((0, 0))
    if not np.all(np.isfinite(table)):
        raise InputError("the box is not finite", where=where)
    if names[:1] == ["abc"] and table.shape == (3, 4):
        cell, origin = table[:, :3].copy(), table[:, 3].copy()
    elif table.shape == (3, 3) and "xy" in names:
        xy, xz, yz = table[:, 2]
        low = table[:, 0] - (min(0.0, xy, xz, xy + xz), min(0.0, yz), 0.0)
        high = table[:, 1] - (max(0.0, xy, xz, xy + xz), max(0.0, yz), 0.0)
        lengths = high - low
        cell = np.array([[lengths[0], 0.0, 0.0], [xy, lengths[1], 0.0], [xz, yz, lengths[2]]])
        origin = low
    elif table.shape == (3, 2):
        cell, origin = np.diag(table[:, 1] - table[:, 0]), table[:, 0].copy()
    else:
        raise InputError("the box is malformed", where=where)
    # against the edges, for in SI units a cell has 1e-27 cubic metres
    if not np.linalg.det(cell) > 1e-12 * float(np.prod(np.linalg.norm(cell, axis=1))):
        raise InputError("the box has no volume", where=where)
    return cell, origin, periodic  # type: ignore[return-value]  # three booleans by construction
