"""The jobs of a ladder: the crystal at a level, a band at a level, and what all bands of a level give together."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from jobflow import Maker

from ...engines.lammps.relax import relax
from ...engines.lammps.setup import System
from ...engines.levels import find_level
from ...engines.resources import Resources
from ...engines.volume import equilibrium_volume
from ...quantity import Quantity
from ...structures.hop_ends import CrystalHop, follow_sites, hop_ends, relaxation_shifts_A
from ...structures.paths import Band, repeats_for
from ..folders import job_folder
from ..resumable import resumable_job
from .band import band_below, relax_hop
from .settings import LevelSettings

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from pymatgen.core import Structure

    Array = NDArray[np.float64]

_DISPLACEMENT_A = 0.01

_ANOTHER_PHASE_A = 0.5


@dataclass
class CrystalMaker(Maker):
    """The perfect crystal at one level: cell and positions of a potential, the volume of a DFT level.

    Attributes
    ----------
    level
        Name of the level.
    relax
        What may change; see `anodeflow.workflows.barrier.settings.CrystalSettings`.
    pressure_GPa
        Pressure outside.
    name
        Name of the job.
    """

    level: str
    relax: str = "cell"
    pressure_GPa: float = 0.0
    name: str = "crystal"

    @resumable_job
    def make(self, structure: Structure) -> dict[str, Any]:
        """Relax `structure`; the document holds the relaxed one and its cell."""
        level, folder = find_level(self.level), job_folder(self.name)
        warnings: list[str] = []
        quantities: list[Quantity] = []
        outside = f" at {self.pressure_GPa:g} GPa" if self.pressure_GPa else ""
        if self.relax == "none":
            relaxed, method = structure, "as given"
        elif level.card is not None:
            cell: Any = "aniso" if structure.lattice.is_orthogonal else "tri"
            result = relax(
                System.of(structure, level.card),
                folder,
                Resources.of_this_process(),
                cell=cell,
                pressure_GPa=self.pressure_GPa,
            )
            relaxed = _handed_like(structure, result.structure)
            method = f"cell and positions relaxed with {self.level}{outside}"
            if not result.converged:
                warnings.append(f"The crystal has forces of {result.max_force_eV_A:.2g} eV/Å left.")
        else:
            plane = self.relax == "plane"
            volume = equilibrium_volume(structure, level.factory, folder, plane=plane, pressure_GPa=self.pressure_GPa)
            size = "size of the plane" if plane else "volume"
            relaxed, method = (
                volume.structure,
                f"equilibrium {size} with {self.level}{outside}, shape and fractions kept",
            )
            if not plane:
                modulus = Quantity("bulk_modulus", volume.bulk_modulus_GPa, "GPa", method=method, source=self.name)
                quantities.append(modulus)
        farthest = float(relaxation_shifts_A(structure, relaxed).max())
        if farthest > _ANOTHER_PHASE_A:
            warnings.append(
                f"Atoms moved by up to {farthest:.2f} Å when the crystal was relaxed with {self.level}: the model does "
                "not keep this structure, and its barriers are those of another one."
            )
        quantities += [
            Quantity(f"cell_{axis}", length, "Å", method=method, source=self.name)
            for axis, length in zip("abc", relaxed.lattice.abc, strict=True)
        ]
        return {
            "kind": "barrier_crystal",
            "level": self.level,
            "structure": relaxed,
            "quantities": [quantity.to_dict() for quantity in quantities],
            "warnings": warnings,
            "settings": level.settings,
        }


@dataclass
class BandMaker(Maker):
    """One hop at one level: end points, path, band, barrier, saddle, attempt frequency.

    Attributes
    ----------
    level
        The rung.
    hop
        The hop, in the crystal's own cell.
    label
        Name of the hop.
    workers
        Processes for the images of an expensive level.
    strain
        Components xx, yy, zz, yz, xz, xy to which the crystal is strained first, its fractions kept.
    variant
        What tells this band from the level's own, such as ``+1GPa``; empty for that one.
    name
        Name of the job.
    """

    level: LevelSettings
    hop: CrystalHop
    label: str = "hop"
    workers: int = 2
    strain: tuple[float, ...] = ()
    variant: str = ""
    name: str = "band"

    @resumable_job
    def make(
        self, crystal: Structure, below: dict[str, Any] | None = None, given: Structure | None = None
    ) -> dict[str, Any]:
        """Relax the band of the hop.

        Parameters
        ----------
        crystal
            Cell of the perfect crystal at this level.
        below
            Document of the level below, whose band this one starts from where the supercell is the same.
        given
            The crystal before it was relaxed, which the hop's points are from; `crystal` by default.
        """
        level, folder = find_level(self.level.name), job_folder(self.name)
        hop = self.hop if given is None else follow_sites(self.hop, given, crystal)
        level.check_elements([self.hop.species, *(site.specie.symbol for site in crystal)])
        if self.strain:
            crystal = strained(crystal, self.strain)
        repeats = repeats_for(crystal.lattice.matrix, self.level.image_distance_A)
        unrelaxed = hop_ends(crystal, hop, repeats)
        guess = band_below(below, unrelaxed, self.level.images)
        head = {
            "crystal_hop": asdict(self.hop),
            "natoms": len(unrelaxed.symbols),
            "supercell": list(repeats),
            "variant": self.variant,
        }
        return head | relax_hop(self.level, level, self.label, unrelaxed, guess, folder, self.workers, self.name)


@dataclass
class SeenBandMaker(Maker):
    """One jump that a trajectory showed, at one level: both sides quenched, then as `BandMaker`.

    Attributes
    ----------
    level
        The rung.
    label
        Name of the jump.
    workers
        Processes for the images of an expensive level.
    name
        Name of the job.
    """

    level: LevelSettings
    label: str = "jump"
    workers: int = 2
    name: str = "seen band"

    @resumable_job
    def make(self, ends: dict[str, Any], below: dict[str, Any] | None = None) -> dict[str, Any]:
        """Relax the band of the jump.

        Parameters
        ----------
        ends
            ``symbols``, ``cell`` and ``positions`` of both sides, shape (2, N, 3).
        below
            Document of the level below.
        """
        level, folder = find_level(self.level.name), job_folder(self.name)
        band = Band(tuple(ends["symbols"]), np.array(ends["cell"]), np.array(ends["positions"]))
        level.check_elements(band.symbols)
        guess = band_below(below, band, self.level.images)
        head = {"crystal_hop": None, "supercell": [1, 1, 1], "variant": ""}
        return head | relax_hop(self.level, level, self.label, band, guess, folder, self.workers, self.name)


def strained(crystal: Structure, strain: tuple[float, ...]) -> Structure:
    """Return a crystal under a homogeneous strain xx, yy, zz, yz, xz, xy, its fractional coordinates kept."""
    from pymatgen.core import Structure

    xx, yy, zz, yz, xz, xy = strain
    tensor = np.array([[xx, xy, xz], [xy, yy, yz], [xz, yz, zz]])
    cell = np.asarray(crystal.lattice.matrix) @ (np.eye(3) + tensor)
    return Structure(cell, crystal.species, crystal.frac_coords)


def _handed_like(original: Structure, relaxed: Structure) -> Structure:
    """Give a structure in LAMMPS' frame the fractions of the original: a left-handed cell had its third axis turned."""
    from pymatgen.core import Lattice, Structure

    matrix, fractions = np.array(relaxed.lattice.matrix), np.array(relaxed.frac_coords)
    if np.linalg.det(original.lattice.matrix) < 0:
        matrix[2] *= -1
        fractions[:, 2] *= -1
    return Structure(Lattice(matrix), relaxed.species, fractions)
