"""The jobs of a screen: one dopant on one site, relaxed, and the sides parted; and an atom put on a face."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from jobflow import Maker

from ...engines.lammps.relax import relax
from ...engines.lammps.setup import System
from ...engines.resources import Resources
from ...potentials.cards import PotentialCard
from ...quantity import Quantity
from ..folders import job_folder
from ..resumable import resumable_job

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from pymatgen.core import Structure


@dataclass
class SoluteMaker(Maker):
    """Put a dopant on a site of a relaxed cell, relax its atoms, and part the two sides as they then stand.

    Attributes
    ----------
    potential
        The energy model.
    dopant
        Symbol, or an empty string for none.
    site
        Index of the atom that it replaces.
    sides
        Side of each atom, 0 below and 1 above; empty where there is no contact.
    vacuum_A
        Gap that parts the sides.
    contacts
        Which contacts are parted, one after the other: 0 between the sides, 1 across the end of the cell.
    name
        Name of the job.
    """

    potential: PotentialCard
    dopant: str
    site: int
    sides: tuple[int, ...]
    vacuum_A: float = 10.0
    contacts: tuple[int, ...] = (0,)
    name: str = "solute"

    @resumable_job
    def make(self, structure: Structure) -> dict[str, Any]:
        """Return the energy of the doped cell, and the work of separation of each contact, unrelaxed after parting."""
        from pymatgen.io.ase import AseAtomsAdaptor

        from ...analysis.energetics import work_of_adhesion

        doped = structure.copy()
        for key in list(doped.site_properties):
            doped.remove_site_property(key)
        if self.dopant:
            doped.replace(self.site, self.dopant)
        system = System.of(doped, self.potential)
        relaxed = relax(system, job_folder(self.name), Resources.of_this_process(), cell="fixed")
        calculator = self.potential.for_relaxation().ase_calculator()
        energies = []
        joined = relaxed.structure
        area = float(joined.volume / joined.lattice.matrix[2][2])
        contacts = self.contacts if self.sides else ()
        for cell in (joined, *(parted(joined, self.sides, self.vacuum_A, contact) for contact in contacts)):
            atoms = AseAtomsAdaptor.get_atoms(cell)
            atoms.calc = calculator
            energies.append(float(atoms.get_potential_energy()))
        method = f"relaxed at 0 K in the undoped cell, {self.potential.name}; no statistical error"
        done = relaxed.converged
        quantities = [Quantity("energy", energies[0], "eV", method=method, converged=done, source=self.name)]
        for energy in energies[1:]:
            value = work_of_adhesion(energies[0], [energy], area).value
            how = "rigid parting at the contact"
            quantities.append(Quantity("work_of_separation", value, "J/m^2", method=how, source=self.name))
        left = f"Forces up to {relaxed.max_force_eV_A:.2g} eV/Å are left."
        return {
            "kind": "solute",
            "dopant": self.dopant,
            "site": self.site,
            "structure": joined,
            "quantities": [quantity.to_dict() for quantity in quantities],
            "warnings": [] if relaxed.converged else [left],
        }


@dataclass
class AdsorptionMaker(Maker):
    """Put an atom on the upper face of a relaxed cell, at several places near a site, and keep the lowest.

    Attributes
    ----------
    potential
        The energy model.
    adsorbate
        Symbol of the atom.
    site
        Index of the atom that it is put on top of and near to.
    places
        Number of hollows besides the top.
    name
        Name of the job.
    """

    potential: PotentialCard
    adsorbate: str
    site: int
    places: int = 2
    name: str = "adsorption"

    @resumable_job
    def make(self, structure: Structure) -> dict[str, Any]:
        """Return the energy of the clean cell less, and of the cell with the atom, each place relaxed by itself."""
        import numpy as np

        from .cells import hollows

        folder, resources = job_folder(self.name), Resources.of_this_process()
        clean = relax(System.of(structure, self.potential), folder / "clean", resources, cell="fixed")
        points = hollows(clean.structure, self.adsorbate, self.site, self.places)
        found = []
        for number, point in enumerate(points):
            covered = clean.structure.copy()
            covered.append(self.adsorbate, point, coords_are_cartesian=True)
            place = folder / ("top" if number == 0 else f"hollow-{number}")
            found.append(relax(System.of(covered, self.potential), place, resources, cell="fixed"))
        energies = [one.energy_eV for one in found]
        best = found[int(np.argmin(energies))]
        method = f"lowest of {len(points)} places, relaxed at 0 K, {self.potential.name}; no statistical error"
        quantities = [
            Quantity(name, one.energy_eV, "eV", method=method, converged=one.converged, source=self.name)
            for name, one in (("clean_energy", clean), ("covered_energy", best))
        ]
        stuck = [one for one in (clean, best) if not one.converged]
        left = f"Forces up to {max((one.max_force_eV_A for one in stuck), default=0.0):.2g} eV/Å are left."
        return {
            "kind": "adsorption",
            "structure": best.structure,
            "places_eV": [energy - clean.energy_eV for energy in energies],
            "quantities": [quantity.to_dict() for quantity in quantities],
            "warnings": [left] if stuck else [],
        }


def parted(structure: Structure, sides: tuple[int, ...], vacuum_A: float, contact: int) -> Structure:
    """Return a cell of two grains with vacuum at one of its two contacts.

    Parameters
    ----------
    structure
        Third vector along z.
    sides
        Grain of each atom, 0 below and 1 above.
    vacuum_A
        Gap to open.
    contact
        0 opens the contact between the grains, 1 the one across the end of the cell.
    """
    import numpy as np
    from pymatgen.core import Lattice, Structure

    matrix = np.array(structure.lattice.matrix)
    upper = np.array(sides) == 1
    cartesian = _unbroken(np.array(structure.frac_coords), upper) @ matrix
    if contact == 0:
        cartesian[upper, 2] += vacuum_A
    matrix[2, 2] += vacuum_A
    return Structure(Lattice(matrix), structure.species, cartesian, coords_are_cartesian=True)


def _unbroken(fractional: NDArray[np.float64], upper: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Return fractions in which neither grain is cut by the end of the cell."""
    import numpy as np

    whole = fractional.copy()
    for chosen in (~upper, upper):
        angle = 2 * np.pi * whole[chosen, 2]
        middle = np.arctan2(np.sin(angle).mean(), np.cos(angle).mean()) / (2 * np.pi)
        whole[chosen, 2] = middle + (whole[chosen, 2] - middle + 0.5) % 1.0 - 0.5
    if whole[upper, 2].mean() < whole[~upper, 2].mean():
        whole[upper, 2] += 1.0
    elif whole[upper, 2].mean() - whole[~upper, 2].mean() > 1.0:
        whole[upper, 2] -= 1.0
    return whole
