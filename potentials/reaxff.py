"""ReaxFF by a file of the user's, with charge equilibration.

LAMMPS evaluates ReaxFF in kcal/mol whatever its units are, without a word of warning: in units ``metal`` its energies
and forces would be 23 times too large. The pair style is therefore scaled to eV, which also scales forces and virial.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Literal

from ..units import KCAL_MOL_TO_EV
from .model import LammpsPotential, PairModel
from .reaxff_file import ReaxffFile, read_reaxff
from .source_file import SourceFile

if TYPE_CHECKING:
    from ..structures.element_map import ElementMap

_CHARGE_FIX = ("qeq/reaxff", "1", "0.0", "10.0", "1.0e-6", "reaxff")
"""Every step, taper from 0 to 10 Å (that of ReaxFF), residual 1e-6; parameters from the same file."""


class Reaxff(PairModel):
    """A reactive force field with charges equilibrated at every step.

    Attributes
    ----------
    file
        The parameter file.
    """

    style: Literal["reaxff"] = "reaxff"
    file: SourceFile

    @cached_property
    def content(self) -> ReaxffFile:
        """The file, read and mended."""
        return read_reaxff(self.file.text, self.file.name)

    def known_elements(self) -> frozenset[str]:
        """Return the elements of the file."""
        return frozenset(self.content.elements)

    def lammps(self, types: ElementMap) -> LammpsPotential:
        """Return the mended file and the commands."""
        dispersion = ("lgvdw", "yes") if self.content.low_gradient_dispersion else ()
        scaled = ("hybrid/scaled", repr(KCAL_MOL_TO_EV), "reaxff", "NULL", *dispersion)
        return LammpsPotential(
            files={self.file.name: self.content.text},
            pair_style=(*scaled, "safezone", "1.6", "mincap", "100"),
            pair_coeff=(("*", "*", "reaxff", self.file.name, *types.elements),),
            charges_e=dict.fromkeys(types.elements, 0.0),
            fixed_charges=False,
            charge_fix=_CHARGE_FIX,
        )
