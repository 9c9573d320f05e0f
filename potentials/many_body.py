"""Many-body models that live in files of LAMMPS' own formats: EAM, Tersoff, Stillinger–Weber, SNAP, EIM."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pydantic import Field

from .model import LammpsPotential, PairModel
from .source_file import SourceFile

if TYPE_CHECKING:
    from ..structures.element_map import ElementMap


class OneFile(PairModel):
    """A model in one file that names its elements.

    Attributes
    ----------
    style
        LAMMPS pair style.
    file
        The file.
    """

    style: Literal["eam/alloy", "eam/fs", "tersoff", "tersoff/mod", "tersoff/zbl", "sw", "vashishta", "edip"]
    file: SourceFile

    def lammps(self, types: ElementMap) -> LammpsPotential:
        """Return the file and ``pair_coeff * * FILE ELEMENTS``."""
        return LammpsPotential(
            files={self.file.name: self.file.text},
            pair_style=(self.style,),
            pair_coeff=(("*", "*", self.file.name, *types.elements),),
        )


class MeamFiles(PairModel):
    """A MEAM in a library and a parameter file.

    Attributes
    ----------
    library, alloy
        The two files; `alloy` may be missing for a model of the library alone.
    order
        Names of the library records, in the order of the indices in `alloy`.
    """

    style: Literal["meam/files"] = "meam/files"
    library: SourceFile
    alloy: SourceFile | None = None
    order: tuple[str, ...]

    def lammps(self, types: ElementMap) -> LammpsPotential:
        """Return the files and the commands."""
        files = {self.library.name: self.library.text}
        alloy = "NULL"
        if self.alloy is not None:
            files[self.alloy.name] = self.alloy.text
            alloy = self.alloy.name
        arguments = ("*", "*", self.library.name, *self.order, alloy, *types.elements)
        return LammpsPotential(files=files, pair_style=("meam",), pair_coeff=(arguments,))


class Snap(PairModel):
    """A spectral neighbour analysis potential.

    Attributes
    ----------
    coefficients, parameters
        The two files.
    """

    style: Literal["snap"] = "snap"
    coefficients: SourceFile
    parameters: SourceFile

    def lammps(self, types: ElementMap) -> LammpsPotential:
        """Return the files and the commands."""
        files = {file.name: file.text for file in (self.coefficients, self.parameters)}
        return LammpsPotential(files=files, pair_style=("snap",), pair_coeff=(("*", "*", *files, *types.elements),))


class Eim(PairModel):
    """An embedded-ion model.

    Attributes
    ----------
    file
        The file, which may hold more elements than the system.
    labels
        Name in the file of an element that it does not call by its symbol.
    """

    style: Literal["eim"] = "eim"
    file: SourceFile
    labels: dict[str, str] = Field(default_factory=dict)

    def lammps(self, types: ElementMap) -> LammpsPotential:
        """Return the file and the commands."""
        labels = tuple(self.labels.get(symbol, symbol) for symbol in types.elements)
        arguments = ("*", "*", *labels, self.file.name, *labels)
        return LammpsPotential(files={self.file.name: self.file.text}, pair_style=("eim",), pair_coeff=(arguments,))
