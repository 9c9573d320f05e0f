"""Read ReaxFF parameter files, and mend what keeps LAMMPS from reading them.

Such files are written in fixed columns, so two numbers can stand without a blank between them; LAMMPS splits at blanks
and stops. The layout is that of the ReaxFF program: general parameters, atoms (four lines each, five with the
low-gradient dispersion term), bonds (two lines each), off-diagonal terms, angles, torsions, hydrogen bonds.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..errors import InputError
from .reaxff_known import KNOWN, KnownFile

if TYPE_CHECKING:
    from collections.abc import Iterator

_COLUMNS = re.compile(r"-?\d+\.\d{4}")
_BLOCKS = (
    ("bonds", 2, 2),
    ("off-diagonal terms", 2, 1),
    ("angles", 3, 1),
    ("torsions", 4, 1),
    ("hydrogen bonds", 3, 1),
)


@dataclass(frozen=True)
class ReaxffFile:
    """A ReaxFF file that LAMMPS can read.

    Attributes
    ----------
    text
        The file, mended.
    elements
        Chemical symbols in the file, without the dummy atom ``X``.
    low_gradient_dispersion
        Whether it needs ``lgvdw yes``.
    mended_lines
        Numbers of the lines, from 1, in which numbers had run together.
    checksum
        SHA-256 over the words of the mended file from its second line on, so that blanks and remarks do not count.
    """

    text: str
    elements: tuple[str, ...]
    low_gradient_dispersion: bool
    mended_lines: tuple[int, ...]
    checksum: str

    @property
    def known(self) -> KnownFile | None:
        """The published file that this is, if it is one that we know."""
        return KNOWN.get(self.checksum)


class _Lines:
    """The lines of a file with their numbers, mended one by one."""

    def __init__(self, text: str, name: str) -> None:
        self.lines = text.replace("\r\n", "\n").split("\n")
        self.name = name
        self.position = 0
        self.mended: list[int] = []

    def __iter__(self) -> Iterator[str]:
        return iter(self.lines)

    def next(self, what: str) -> list[str]:
        """Return the words of the next line that is not blank."""
        while self.position < len(self.lines) and not self.lines[self.position].strip():
            self.position += 1
        if self.position >= len(self.lines):
            raise InputError(
                f"the ReaxFF file ends inside its {what}", where=self.name, remedy="It is cut off; get the whole file."
            )
        words = self.lines[self.position].split("!")[0].split()
        mended = [part for word in words for part in _mend(word)]
        if mended != words:
            self.lines[self.position] = "  ".join(["", *mended])
            self.mended.append(self.position + 1)
        self.position += 1
        return mended

    def fault(self, what: str) -> InputError:
        """Return an error at the line that was just read."""
        return InputError(
            what, where=f"{self.name}:{self.position}", remedy="Compare it with the file as it was published."
        )

    def count(self, what: str) -> int:
        """Return the number that opens a block."""
        words = self.next(what)
        try:
            number = int(words[0])
        except (IndexError, ValueError):
            raise self.fault(f"the number of {what} should stand here") from None
        if number < 0:
            raise self.fault(f"the number of {what} is negative")
        return number

    def numbers(self, words: list[str], least: int, what: str) -> list[float]:
        """Return the words as numbers and see that there are enough."""
        try:
            values = [float(word) for word in words]
        except ValueError:
            raise self.fault(f"a number of the {what} cannot be read") from None
        if len(values) < least:
            raise self.fault(f"{len(values)} numbers of the {what} stand where {least} should")
        return values


def _mend(word: str) -> list[str]:
    """Split a word in which fixed-width numbers have run together."""
    try:
        float(word)
    except ValueError:
        parts = _COLUMNS.findall(word)
        if len(parts) > 1 and "".join(parts) == word:
            return list(parts)
    return [word]


def read_reaxff(text: str, name: str = "ReaxFF file") -> ReaxffFile:
    """Read a ReaxFF parameter file and mend numbers that have run together.

    Parameters
    ----------
    text
        Content of the file.
    name
        What to call it in errors.

    Raises
    ------
    InputError
        If it is cut off or not such a file; with the line.
    """
    lines = _Lines(text, name)
    lines.position = 1  # the first line is a remark, whatever stands in it
    for _ in range(lines.count("general parameters")):
        lines.numbers(lines.next("general parameters")[:1], 1, "general parameters")
    natoms = lines.count("atoms")
    header = lines.position
    while header < len(lines.lines) and not _starts_atom(lines.lines[header]):
        header += 1
    lines.position = header
    elements: list[str] = []
    dispersion = False
    for index in range(natoms):
        symbol, *rest = lines.next("atoms")
        lines.numbers(rest, 8, f"atom {symbol}")
        for _ in range(3):
            lines.numbers(lines.next("atoms"), 8, f"atom {symbol}")
        if index == 0:
            dispersion = lines.position < len(lines.lines) and _is_dispersion(lines.lines[lines.position])
        if dispersion:
            lines.numbers(lines.next("atoms"), 2, f"dispersion of atom {symbol}")
        elements.append(symbol)
    for what, indices, rows in _BLOCKS:
        count = lines.count(what)
        if rows == 2:
            lines.next(what)  # the names of the columns
        for _ in range(count):
            words = lines.next(what)
            if not all(word.isdigit() for word in words[:indices]):
                raise lines.fault(f"an entry of the {what} does not begin with the numbers of its {indices} atoms")
            lines.numbers(words[indices:], 4, what)
            for _ in range(rows - 1):
                lines.numbers(lines.next(what), 4, what)
    words = " ".join(lines.lines[1:]).split()
    return ReaxffFile(
        text="\n".join(lines.lines).rstrip("\n") + "\n",
        elements=tuple(symbol for symbol in elements if symbol != "X"),
        low_gradient_dispersion=dispersion,
        mended_lines=tuple(lines.mended),
        checksum=hashlib.sha256(" ".join(words).encode()).hexdigest(),
    )


def _starts_atom(line: str) -> bool:
    """Return whether a line is the first of an atom: a symbol and eight numbers."""
    words = [part for word in line.split() for part in _mend(word)]
    if len(words) < 9 or not re.fullmatch(r"[A-Z][a-z]?", words[0]):
        return False
    try:
        [float(word) for word in words[1:9]]
    except ValueError:
        return False
    return True


def _is_dispersion(line: str) -> bool:
    """Return whether a line holds the two numbers of the low-gradient term."""
    words = line.split("!")[0].split()
    try:
        return len(words) == 2 and all(float(word) is not None for word in words)
    except ValueError:
        return False
