"""The one job of this section: a cell, changed by one atom or not, relaxed as far as is asked, and its energy."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from jobflow import Maker

from ...engines.ase_relax import relax_atoms
from ...engines.handled import read_handled
from ...engines.lammps.relax import relax
from ...engines.lammps.setup import System
from ...engines.levels import find_level
from ...engines.resources import Resources
from ...engines.volume import equilibrium_volume
from ...quantity import Quantity
from ...structures.adsorption import adsorb
from ..folders import job_folder
from ..resumable import resumable_job

if TYPE_CHECKING:
    from pathlib import Path

    from pymatgen.core import Structure

    from ...engines.levels import Level

Relax = Literal["cell", "positions", "normal", "none"]
FORCE_TOLERANCE_EV_A = 0.03


@dataclass
class CellEnergyMaker(Maker):
    """Energy of a cell at any level.

    Attributes
    ----------
    level
        Name of the level.
    relax
        ``cell`` (with DFT its volume), ``positions``, ``normal`` (positions along the normal of the first two cell
        vectors only), ``none``.
    supercell
        Repeats, before anything is changed.
    replace
        Atom of the supercell that gets another element.
    element
        That element, or the adsorbate.
    place
        Where an adsorbate is dropped on the upper face, in fractions of the supercell's first two vectors.
    beside
        See `anodeflow.engines.levels.find_level`.
    name
        Name of the job.
    """

    level: str
    relax: Relax = "positions"
    supercell: tuple[int, int, int] = (1, 1, 1)
    replace: int | None = None
    element: str = ""
    place: tuple[float, float] | None = None
    beside: tuple[str, ...] = ()
    name: str = "energy"

    @resumable_job
    def make(self, structure: Structure) -> dict[str, Any]:
        """Return the relaxed cell and its energy."""
        level, folder = find_level(self.level, beside=self.beside), job_folder(self.name)
        changed = structure.copy()
        for key in list(changed.site_properties):
            changed.remove_site_property(key)
        changed.make_supercell(self.supercell)
        if self.replace is not None:
            changed.replace(self.replace, self.element)
        if self.place is not None:
            changed = adsorb(changed, self.element, self.place)
        level.check_elements({site.specie.symbol for site in changed})
        relaxed, energy, done = cell_energy(changed, level, folder, self.relax)
        warnings = [] if done else ["The forces are still larger than the tolerance: the energy is too high."]
        how = {"cell": "cell relaxed", "positions": "atoms relaxed", "normal": "atoms relaxed along the normal"}
        method = f"{how.get(self.relax, 'as built')}, {self.level}; no statistical error"
        quantity = Quantity(
            "energy", energy, "eV", method=method, source=self.name, converged=done, warnings=tuple(warnings)
        )
        return {
            "kind": "cell_energy",
            "level": self.level,
            "natoms": len(relaxed),
            "structure": relaxed,
            "quantities": [quantity.to_dict()],
            "warnings": warnings + [one.sentence() for one in read_handled(folder)],
            "settings": level.settings,
        }


def cell_energy(structure: Structure, level: Level, folder: Path, how: Relax) -> tuple[Structure, float, bool]:
    """Relax a cell at a level and return it, its energy in eV, and whether the forces met the tolerance.

    Parameters
    ----------
    structure
        Ordered, periodic in three directions.
    level
        The energy model.
    folder
        For the engine's files.
    how
        See `CellEnergyMaker`.
    """
    if how in ("cell", "positions") and level.card is not None:
        cell: Any = "fixed" if how == "positions" else ("aniso" if structure.lattice.is_orthogonal else "tri")
        result = relax(System.of(structure, level.card), folder, Resources.of_this_process(), cell=cell)
        return result.structure, result.energy_eV, result.converged
    if how == "cell":
        volume = equilibrium_volume(structure, level.factory, folder)
        return volume.structure, volume.energy_eV, True
    return _with_ase(structure, level, folder, how)


def _with_ase(structure: Structure, level: Level, folder: Path, how: Relax) -> tuple[Structure, float, bool]:
    """Relax atoms through ASE; what was reached is kept after every step, and gone on from."""
    from ase import Atoms
    from ase.constraints import FixedLine
    from pymatgen.core import Structure

    from ...engines.images import load_arrays, save_arrays

    folder.mkdir(parents=True, exist_ok=True)
    matrix = np.array(structure.lattice.matrix)
    kept = load_arrays(folder / "positions.npz")
    positions = structure.cart_coords if kept is None else kept["positions"]
    symbols = [site.specie.symbol for site in structure]
    atoms = Atoms(symbols, positions=positions, cell=matrix, pbc=True)
    atoms.calc = level.factory(folder)
    done = True
    if how != "none":
        if how == "normal":
            atoms.set_constraint(FixedLine(range(len(atoms)), np.cross(matrix[0], matrix[1])))
        done = relax_atoms(
            atoms,
            cell="fixed",
            pressure_GPa=0.0,
            force_tolerance_eV_A=FORCE_TOLERANCE_EV_A,
            pressure_tolerance_GPa=1.0,
            progress=lambda _, now: save_arrays(folder / "positions.npz", {"positions": now.positions.copy()}),
        )
    energy = float(atoms.get_potential_energy())
    return Structure(matrix, symbols, atoms.positions, coords_are_cartesian=True), energy, done
