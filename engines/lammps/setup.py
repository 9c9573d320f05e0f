"""What every LAMMPS run starts with: the system, the model, and what is printed."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ...files import write_text
from ...structures.element_map import ElementMap
from ...structures.lammps_data import lammps_oriented, write_lammps_data
from .log import COLUMNS
from .script import (
    AtomStyle,
    Boundary,
    Box,
    Command,
    Mass,
    Neighbor,
    NeighModify,
    PairCoeff,
    PairStyle,
    ReadData,
    ReadRestart,
    Thermo,
    ThermoModify,
    ThermoStyle,
    Units,
)

if TYPE_CHECKING:
    from pymatgen.core import Structure

    from ...potentials.cards import PotentialCard

DATA_FILE = "system.data"


@dataclass(frozen=True)
class System:
    """A structure with the model that describes it, ready for LAMMPS.

    Attributes
    ----------
    structure
        In LAMMPS' frame, ordered.
    card
        The energy model.
    element_map
        Decides types, masses, ``pair_coeff`` and dump labels.
    """

    structure: Structure
    card: PotentialCard
    element_map: ElementMap

    @classmethod
    def of(cls, structure: Structure, card: PotentialCard) -> System:
        """Turn a structure into LAMMPS' frame and number its elements."""
        symbols = [site.specie.symbol for site in structure]
        card.check_elements(symbols)
        return cls(lammps_oriented(structure), card, ElementMap.of(symbols))

    @property
    def symbols(self) -> list[str]:
        """Element of each atom in the order of ids."""
        return [site.specie.symbol for site in self.structure]

    def write_files(self, directory: Path) -> None:
        """Write the data file and the model's files into the run's folder."""
        directory.mkdir(parents=True, exist_ok=True)
        for name, text in self.card.lammps(self.element_map).files.items():
            write_text(directory / name, text)
        write_lammps_data(self.structure, directory / DATA_FILE, self.element_map)

    def commands(self, *, restart: str | None = None, thermo_every: int) -> list[Command]:
        """Return the head of a script: the system from its data file or from a restart, the model, the output.

        Masses come after ``pair_coeff``, since a MEAM library brings its own and ours are to hold.
        """
        model = self.card.lammps(self.element_map)
        head: list[Command] = [Units(), AtomStyle(), Boundary(), Box()]
        head.append(ReadRestart(restart) if restart else ReadData(DATA_FILE))
        head.append(PairStyle(model.pair_style))
        head += [PairCoeff(arguments) for arguments in model.pair_coeff]
        head += [Mass(index + 1, mass) for index, mass in enumerate(self.element_map.masses())]
        head += [Neighbor(), NeighModify(), Thermo(thermo_every), ThermoStyle("custom", COLUMNS)]
        head.append(ThermoModify(("flush", True, "format", "float", "%.12g")))
        return head
