"""Compute the reference table of a potential card: crystals, formation energies and barriers, on real LAMMPS."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np

from ...errors import InputError
from ...potentials.ase_model import AseModel
from ...potentials.checks import CrystalCheck, ReferenceCheck, ReferenceTable, SaddleCheck, Target, default_checks
from ...structures.phases import phase
from .failures import LammpsError
from .launch import find_program
from .relax import Relaxation, relax
from .setup import System

if TYPE_CHECKING:
    from collections.abc import Callable

    from pymatgen.core import Structure

    from ...potentials.cards import PotentialCard
    from ..resources import Resources

_LEAST_WIDTH_A = 8.0
"""Cells are repeated to at least this distance between opposite faces; a model in Python takes any cell."""


def compute_table(
    card: PotentialCard,
    directory: Path,
    resources: Resources,
    *,
    progress: Callable[[str], None] | None = None,
) -> ReferenceTable:
    """Return the reference table of a card.

    Parameters
    ----------
    card
        The model with its checks; if it names none, every trusted crystal of the library is computed.
    directory
        Folder for the runs.
    resources
        Processors.
    progress
        Called with what is computed next.

    Raises
    ------
    InputError
        If there is nothing to check the card with, or a check cannot be done.
    LammpsError
        If a relaxation fails or does not converge.
    """
    if not card.checks.items:
        card = card.model_copy(update={"checks": default_checks(card.elements)})
    if not card.checks.items:
        raise InputError(
            f"the phase library has no crystal of {' '.join(card.elements)} to check {card.name} with",
            where="checks",
            remedy="Name some in the card.",
        )
    runs = _Runs(card, Path(directory), resources, progress)
    rows: list[ReferenceCheck] = []
    for check in card.checks.items:
        rows += runs.crystal_rows(check) if isinstance(check, CrystalCheck) else runs.saddle_rows(check)
    program = f"LAMMPS {find_program().version}"
    return ReferenceTable(card=card.name, fingerprint=card.fingerprint, program=program, rows=tuple(rows))


class _Runs:
    """The relaxed crystals of one table; each is relaxed once."""

    def __init__(
        self, card: PotentialCard, directory: Path, resources: Resources, progress: Callable[[str], None] | None
    ) -> None:
        self.card = card
        self.directory = directory
        self.resources = resources
        self.progress = progress
        self.done: dict[str, tuple[Relaxation, tuple[int, ...]]] = {}

    def crystal(self, name: str) -> tuple[Relaxation, tuple[int, ...]]:
        """Return the relaxed crystal and the repeats of its cell."""
        name = phase(name).name
        if name not in self.done:
            start = phase(name).structure
            if not start.is_ordered:
                raise InputError(f"{name} has partial occupancies", where=f"checks of {self.card.name}")
            heights = np.abs(start.volume / np.linalg.norm(_face_normals(start), axis=1))
            width = 0.0 if isinstance(self.card.model, AseModel) else _LEAST_WIDTH_A
            repeats = tuple(max(1, math.ceil(width / height)) for height in heights)
            cell: Literal["aniso", "tri"] = "aniso" if start.lattice.is_orthogonal else "tri"
            start.make_supercell(list(repeats))
            self.done[name] = (self._relax(start, name, cell), repeats)
        return self.done[name]

    def _relax(self, structure: Structure, name: str, cell: Literal["fixed", "aniso", "tri"]) -> Relaxation:
        if self.progress:
            self.progress(f"{name}, {len(structure)} atoms")
        result = relax(System.of(structure, self.card), self.directory / name, self.resources, cell=cell)
        if not result.converged:
            raise LammpsError(
                f"{name} does not relax with {self.card.name}: forces up to {result.max_force_eV_A:.2g} eV/Å are left",
                where=str(self.directory / name),
                remedy="The model may have no minimum near this crystal; look at final.data.",
            )
        return result

    def crystal_rows(self, check: CrystalCheck) -> list[ReferenceCheck]:
        """Return cell, volume, energy and formation energy of a crystal."""
        entry = phase(check.phase)
        result, repeats = self.crystal(check.phase)
        reference, lattice = entry.structure, result.structure.lattice
        source = f"{entry.citation or entry.origin} (evidence {entry.evidence})"
        rows = []
        for index, axis in enumerate("abc"):
            if index and any(
                math.isclose(reference.lattice.abc[index], reference.lattice.abc[other], abs_tol=1e-6)
                for other in range(index)
            ):
                continue  # the same by symmetry
            length = lattice.abc[index] / repeats[index]
            rows.append(
                self._row(
                    f"lattice constant {axis}",
                    entry.name,
                    "Å",
                    length,
                    Target(value=reference.lattice.abc[index], source=source),
                )
            )
        target_volume, target_formation = self.card.checks.targets(check.model_copy(update={"phase": entry.name}))
        volume = target_volume or Target(value=reference.volume / len(reference), source=source)
        rows.append(self._row("volume per atom", entry.name, "Å^3", lattice.volume / len(result.structure), volume))
        rows.append(self._row("energy per atom", entry.name, "eV", result.energy_eV_atom, check.energy_eV_atom))
        formation = self._formation_energy(result)
        if formation is not None and entry.name not in self._end_phases():
            rows.append(self._row("formation energy per atom", entry.name, "eV", formation, target_formation))
        return rows

    def _end_phases(self) -> set[str]:
        return {phase(name).name for name in self.card.checks.end_members.values()}

    def _formation_energy(self, result: Relaxation) -> float | None:
        """Return the energy per atom against the end members in eV, or None where one is not named."""
        amounts = result.structure.composition.get_el_amt_dict()
        ends = self.card.checks.end_members
        if not set(amounts) <= set(ends):
            return None
        total = result.energy_eV - sum(
            amount * self.crystal(ends[symbol])[0].energy_eV_atom for symbol, amount in amounts.items()
        )
        return float(total / len(result.structure))

    def saddle_rows(self, check: SaddleCheck) -> list[ReferenceCheck]:
        """Return the energy of the saddle position above that of the site."""
        from pymatgen.core import Structure

        relaxed, repeats = self.crystal(check.host)
        host = Structure(relaxed.structure.lattice, relaxed.structure.species, relaxed.structure.frac_coords)
        fractions = [count / have for count, have in zip(check.supercell, repeats, strict=True)]
        if any(not float(value).is_integer() for value in fractions):
            raise InputError(
                f"a supercell {check.supercell} cannot be made of the relaxed cell {repeats}",
                where=f"checks of {self.card.name}",
                remedy=f"Take a multiple of {repeats}.",
            )
        host.make_supercell([int(value) for value in fractions])
        energies = []
        for position, label in zip((check.site, check.saddle), check.labels, strict=True):
            cell = host.copy()
            cell.append(check.ion, [x / count for x, count in zip(position, check.supercell, strict=True)])
            energies.append(self._relax(cell, f"{check.ion} {label} in {check.host}", "fixed").energy_eV)
        labels = "–".join((check.labels[0], check.labels[1], check.labels[0]))
        name = f"barrier {labels} of {check.ion}"
        return [self._row(name, host.composition.reduced_formula, "eV", energies[1] - energies[0], check.barrier_eV)]

    @staticmethod
    def _row(name: str, system: str, unit: str, value: float, target: Target | None) -> ReferenceCheck:
        return ReferenceCheck(
            property=name,
            system=system,
            unit=unit,
            model=float(f"{value:.7g}"),
            reference=None if target is None else float(f"{target.value:.7g}"),
            source="" if target is None else target.source,
        )


def _face_normals(structure: Structure) -> np.ndarray:
    """Return the cross products of the cell vectors, shape (3, 3), in Å²."""
    a, b, c = np.asarray(structure.lattice.matrix)
    return np.array([np.cross(b, c), np.cross(c, a), np.cross(a, b)])
