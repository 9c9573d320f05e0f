"""The jobs of a ladder: the crystal at a level, a band at a level, and what all bands of a level give together."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from jobflow import Maker

from ..analysis.hops.barriers import barrier_quantities, saddle_quantities
from ..engines.ends import relax_ends
from ..engines.images import ImageSet
from ..engines.lammps.relax import relax
from ..engines.lammps.setup import System
from ..engines.levels import Level, find_level
from ..engines.neb import NebResult, NebSettings, run_neb
from ..engines.resources import Resources
from ..engines.volume import equilibrium_volume
from ..errors import InputError
from ..quantity import Quantity
from ..structures.hop_ends import CrystalHop, hop_ends
from ..structures.paths import Band, interpolate, moved_atoms, repeats_for
from .barrier_settings import LevelSettings
from .jobs import job_folder, progress_writer
from .resumable import resumable_job

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from numpy.typing import NDArray
    from pymatgen.core import Structure

    Array = NDArray[np.float64]

_DISPLACEMENT_A = 0.01


@dataclass
class CrystalMaker(Maker):
    """The perfect crystal at one level: cell and positions of a potential, the volume of a DFT level.

    Attributes
    ----------
    level
        Name of the level.
    relax
        What may change; see `anodeflow.workflows.barrier_settings.CrystalSettings`.
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
    def make(self, crystal: Structure, below: dict[str, Any] | None = None) -> dict[str, Any]:
        """Relax the band of the hop.

        Parameters
        ----------
        crystal
            Cell of the perfect crystal at this level.
        below
            Document of the level below, whose band this one starts from where the supercell is the same.
        """
        level, folder = find_level(self.level.name), job_folder(self.name)
        level.check_elements([self.hop.species, *(site.specie.symbol for site in crystal)])
        workers = self.workers if level.expensive else 1
        progress = progress_writer(folder, resources=Resources.of_this_process())
        if self.strain:
            crystal = strained(crystal, self.strain)
        repeats = repeats_for(crystal.lattice.matrix, self.level.image_distance_A)
        unrelaxed = hop_ends(crystal, self.hop, repeats)
        guess = _band_below(below, unrelaxed, self.level.images)
        ends = relax_ends(
            unrelaxed if guess is None else guess,
            level.factory,
            folder / "ends",
            force_tolerance_eV_A=self.level.force_tolerance_eV_A,
            workers=workers,
            progress=progress,
        )
        head = {
            "kind": "barrier",
            "level": self.level.name,
            "hop": self.label,
            "variant": self.variant,
            "crystal_hop": asdict(self.hop),
            "natoms": len(unrelaxed.symbols),
            "supercell": list(repeats),
            "settings": level.settings | self.level.model_dump(mode="json"),
            "started_from": "the level below" if guess is not None else "IDPP",
        }
        if ends.same_state:
            why = "Both end points relax into one and the same state: there is no such hop at this level."
            return head | _without_hop(why, self.name, same_state_eV=float(ends.energies_eV.mean()))
        try:
            start = interpolate(ends.band, self.level.images) if guess is None else _between(ends.band, guess)
        except InputError as error:
            return head | _without_hop(str(error), self.name)
        settings = NebSettings(self.level.force_tolerance_eV_A, steps=self.level.steps)
        result = run_neb(start, level.factory, folder / "neb", settings, workers=workers, progress=progress)
        barrier = barrier_quantities(
            result.band,
            result.energies_eV,
            result.forces_eV_A,
            climbing_image=result.climbing_image,
            reason=" ".join(filter(None, [result.reason, _ends_reason(ends)])),
            method=f"{self.level.name}, {len(result.band)} images, {len(unrelaxed.symbols)} atoms",
            source=self.name,
        )
        quantities, vibrations = list(barrier.quantities), None
        if self.level.vibrations != "none" and result.climbing_image is not None:
            vibrations = self._vibrations(level, result, folder / "vibrations", workers)
            quantities += vibrations.pop("quantities")
        calls = ends.force_calls + result.force_calls
        return head | {
            "quantities": [quantity.to_dict() for quantity in quantities],
            "warnings": list(barrier.quantities[0].warnings),
            "converged": result.converged and ends.converged,
            "band": _plain_band(result),
            "curve": {"arc_length_A": barrier.curve_A, "energy_eV": barrier.curve_eV},
            "history": list(result.history),
            "vibrations": vibrations,
            "force_calls": calls,
            "steps": {"ends": ends.steps, "band": result.steps},
        }

    def _vibrations(self, level: Level, result: NebResult, folder: Path, workers: int) -> dict[str, Any]:
        """Confirm the saddle and find the attempt frequency by finite differences."""
        from ase.data import atomic_masses, atomic_numbers

        from ..analysis.hops.vibrations import displaced, normal_modes

        band = result.band
        if self.level.vibrations == "all":
            atoms = list(range(len(band.symbols)))
        else:
            atoms = moved_atoms(band)[:3] or [int(band.displacements_A.argmax())]
        masses = [float(atomic_masses[atomic_numbers[symbol]]) for symbol in band.symbols]
        modes = []
        assert result.climbing_image is not None
        for name, image in (("start", 0), ("saddle", result.climbing_image)):
            configurations = displaced(band.positions[image], atoms, displacement_A=_DISPLACEMENT_A)
            with ImageSet(
                level.factory, band.symbols, band.cell, folder / name, workers=workers, shared=True
            ) as images:
                found = images.evaluate_many(configurations)
            forces = np.array([one.forces_eV_A for one in found])
            modes.append(normal_modes(forces, atoms, masses, displacement_A=_DISPLACEMENT_A))
        return saddle_quantities(*modes, source=self.name)


def strained(crystal: Structure, strain: tuple[float, ...]) -> Structure:
    """Return a crystal under a homogeneous strain xx, yy, zz, yz, xz, xy, its fractional coordinates kept."""
    from pymatgen.core import Structure

    xx, yy, zz, yz, xz, xy = strain
    tensor = np.array([[xx, xy, xz], [xy, yy, yz], [xz, yz, zz]])
    cell = np.asarray(crystal.lattice.matrix) @ (np.eye(3) + tensor)
    return Structure(cell, crystal.species, crystal.frac_coords)


def _ends_reason(ends: Any) -> str:
    if ends.converged:
        return ""
    return f"Forces of {float(ends.max_force_eV_A.max()):.2g} eV/Å are left at the end points."


def _without_hop(why: str, source: str, *, same_state_eV: float | None = None) -> dict[str, Any]:
    quantity = Quantity("migration_barrier", None, "eV", converged=False, warnings=(why,), source=source)
    return {
        "quantities": [quantity.to_dict()],
        "warnings": [why],
        "converged": False,
        "band": None,
        "same_state_eV": same_state_eV,
        "curve": None,
        "history": [],
        "vibrations": None,
        "force_calls": 0,
        "steps": {},
    }


def _plain_band(result: NebResult) -> dict[str, Any]:
    band = result.band
    return {
        "symbols": list(band.symbols),
        "cell": np.asarray(band.cell).tolist(),
        "positions": band.positions.tolist(),
        "energies_eV": result.energies_eV.tolist(),
        "forces_eV_A": result.forces_eV_A.tolist(),
        "arc_length_A": band.arc_length_A.tolist(),
        "climbing_image": result.climbing_image,
        "band_force_eV_A": result.band_force_eV_A,
    }


def band_of(document: Mapping[str, Any]) -> Band:
    """Return the band of a document of `BandMaker`."""
    plain = document["band"]
    return Band(tuple(plain["symbols"]), np.array(plain["cell"]), np.array(plain["positions"]))


def _band_below(below: Mapping[str, Any] | None, unrelaxed: Band, images: int) -> Band | None:
    """Return the band of the level below in the cell of this one, with an image on its saddle; None if unlike."""
    if below is None or below["band"] is None or below["band"]["climbing_image"] is None:
        return None
    band = band_of(below)
    if band.symbols != unrelaxed.symbols:
        return None
    saddle = float(band.arc_length_A[below["band"]["climbing_image"]])
    band = band.respaced(images, through_A=saddle)
    fractions = band.positions @ np.linalg.inv(band.cell)
    return Band(band.symbols, unrelaxed.cell, fractions @ unrelaxed.cell)


def _between(ends: Band, guess: Band) -> Band:
    """Put a guess of the path between relaxed ends: each image follows the ends in proportion."""
    parts = (guess.arc_length_A / guess.arc_length_A[-1])[:, None, None]
    first, last = ends.positions[0] - guess.positions[0], ends.positions[-1] - guess.positions[-1]
    return Band(guess.symbols, guess.cell, guess.positions + (1 - parts) * first + parts * last)


def _handed_like(original: Structure, relaxed: Structure) -> Structure:
    """Give a structure in LAMMPS' frame the fractions of the original: a left-handed cell had its third axis turned."""
    from pymatgen.core import Lattice, Structure

    matrix, fractions = np.array(relaxed.lattice.matrix), np.array(relaxed.frac_coords)
    if np.linalg.det(original.lattice.matrix) < 0:
        matrix[2] *= -1
        fractions[:, 2] *= -1
    return Structure(Lattice(matrix), relaxed.species, fractions)
