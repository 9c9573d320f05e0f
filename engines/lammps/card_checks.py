"""Compute the reference table of a potential card on real LAMMPS: crystals, voltages, barriers, elastic constants."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np

from ...errors import InputError
from ...potentials.ase_model import AseModel
from ...potentials.checks import (
    COST,
    CrystalCheck,
    ElasticCheck,
    ReferenceCheck,
    ReferenceTable,
    SaddleCheck,
    Target,
    VoltageCheck,
    default_checks,
    measured_stiffness,
)
from ...structures.elasticity import INDEPENDENT, hill_averages, stiffness_of
from ...structures.phases import phase
from ...structures.primitive import primitive_crystal
from ..phase_energies import formation_energy, plateau_voltage, table_row
from .elastic import strained_constants
from .failures import LammpsError
from .launch import find_program
from .md import MDSettings, run_md
from .relax import Relaxation, relax
from .setup import System

if TYPE_CHECKING:
    from collections.abc import Callable

    from pymatgen.core import Structure

    from ...potentials.cards import PotentialCard
    from ..resources import Resources

_LEAST_WIDTH_A = 8.0
"""Cells are repeated to at least this distance between opposite faces; a model in Python takes any cell."""
_COST_ATOMS, _MOST_COST_ATOMS = 128, 200


def compute_table(
    card: PotentialCard,
    directory: Path,
    resources: Resources,
    *,
    only: str | None = None,
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
    only
        Kind of checks that are computed, ``cost`` for that of a step; other rows of the card's table stay as they are.
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
    wanted = [check for check in card.checks.items if only in (None, check.kind)]
    moves = not getattr(card.model, "shells", None)  # they run no molecular dynamics
    if only == "cost" and not moves:
        raise InputError(f"{card.name} has shells, which run no molecular dynamics", where="model.shells")
    if only not in (None, "cost") and not wanted:
        raise InputError(f"{card.name} has no checks of kind {only}", where="checks")
    runs = _Runs(card, Path(directory), resources, progress)
    rows: list[ReferenceCheck] = []
    for check in wanted:
        if isinstance(check, CrystalCheck):
            rows += runs.crystal_rows(check)
        elif isinstance(check, VoltageCheck):
            rows += runs.voltage_rows(check)
        elif isinstance(check, ElasticCheck):
            rows += runs.elastic_rows(check)
        else:
            rows += runs.saddle_rows(check)
    if moves and only in (None, "cost"):
        rows.append(cost_row(card, Path(directory), resources))
    if only is not None:
        kept = (row for row in card.reference_table if row.property != COST or only != "cost")
        found = {(row.property, row.system): row for row in (*kept, *rows)}
        rows = sorted(found.values(), key=lambda row: row.property == COST)
    program = f"LAMMPS {find_program().version}"
    return ReferenceTable(card=card.name, fingerprint=card.fingerprint, program=program, rows=tuple(rows))


@dataclass(frozen=True)
class _Crystal:
    """A relaxed crystal, how often the conventional cell was repeated for it, and the vectors of that cell in Å."""

    relaxation: Relaxation
    repeats: tuple[int, ...]
    vectors_A: np.ndarray

    def along_axes(self) -> Structure:
        """Return the crystal with the first vector of the conventional cell along x and the second in the xy plane."""
        from pymatgen.core import Lattice, Structure

        axes = Lattice.from_parameters(*Lattice(self.vectors_A).parameters, vesta=True).matrix
        relaxed = self.relaxation.structure
        matrix = np.asarray(relaxed.lattice.matrix) @ np.linalg.solve(self.vectors_A, axes)
        return Structure(Lattice(matrix), relaxed.species, relaxed.frac_coords)


class _Runs:
    """The relaxed crystals of one table; each is relaxed once."""

    def __init__(
        self, card: PotentialCard, directory: Path, resources: Resources, progress: Callable[[str], None] | None
    ) -> None:
        self.card = card
        self.directory = directory
        self.resources = resources
        self.progress = progress
        self.done: dict[tuple[str, bool], _Crystal] = {}

    def crystal(self, name: str, *, conventional: bool = False) -> _Crystal:
        """Return a relaxed crystal; a model in Python takes its primitive cell unless `conventional` is asked."""
        name = phase(name).name
        primitive = isinstance(self.card.model, AseModel) and not conventional
        if (name, primitive) not in self.done:
            cell = phase(name).structure
            if not cell.is_ordered:
                raise InputError(f"{name} has partial occupancies", where=f"checks of {self.card.name}")
            freedom: Literal["aniso", "tri"] = "aniso" if cell.lattice.is_orthogonal else "tri"
            width = 0.0 if isinstance(self.card.model, AseModel) else _LEAST_WIDTH_A
            heights = np.abs(cell.volume / np.linalg.norm(_face_normals(cell), axis=1))
            repeats = tuple(max(1, math.ceil(width / height)) for height in heights)
            start = _primitive(cell) if primitive else cell * repeats
            if primitive and not start.lattice.is_orthogonal:
                freedom = "tri"
            result = self._relax(start, name, freedom)
            # the same multiples of the relaxed vectors as of those it started from
            multiples = np.asarray(cell.lattice.matrix) @ np.linalg.inv(np.asarray(start.lattice.matrix))
            vectors = multiples @ np.asarray(result.structure.lattice.matrix)
            self.done[name, primitive] = _Crystal(result, repeats, vectors)
        return self.done[name, primitive]

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
        crystal = self.crystal(check.phase)
        result, reference = crystal.relaxation, entry.structure
        source = f"{entry.citation or entry.origin} (evidence {entry.evidence})"
        rows = []
        for index, axis in enumerate("abc"):
            if index and any(
                math.isclose(reference.lattice.abc[index], reference.lattice.abc[other], abs_tol=1e-6)
                for other in range(index)
            ):
                continue  # the same by symmetry
            length = float(np.linalg.norm(crystal.vectors_A[index]))
            rows.append(
                table_row(
                    f"lattice constant {axis}",
                    entry.name,
                    "Å",
                    length,
                    Target(value=reference.lattice.abc[index], source=source),
                )
            )
        target_volume, target_formation = self.card.checks.targets(check.model_copy(update={"phase": entry.name}))
        volume = target_volume or Target(value=reference.volume / len(reference), source=source)
        rows.append(
            table_row("volume per atom", entry.name, "Å^3", result.structure.volume / len(result.structure), volume)
        )
        rows.append(table_row("energy per atom", entry.name, "eV", result.energy_eV_atom, check.energy_eV_atom))
        formation = formation_energy(self.card.checks.end_members, entry.name, self._energies)
        if formation is not None and entry.name not in self._end_phases():
            rows.append(table_row("formation energy per atom", entry.name, "eV", formation, target_formation))
        return rows

    def _end_phases(self) -> set[str]:
        return {phase(name).name for name in self.card.checks.end_members.values()}

    def _energies(self, name: str) -> tuple[dict[str, float], float]:
        """Return what is in the relaxed cell of a phase, and its energy in eV."""
        result = self.crystal(name).relaxation
        return result.structure.composition.get_el_amt_dict(), result.energy_eV

    def saddle_rows(self, check: SaddleCheck) -> list[ReferenceCheck]:
        """Return the energy of the saddle position above that of the site."""
        from pymatgen.core import Structure

        crystal = self.crystal(check.host, conventional=True)
        relaxed, repeats = crystal.relaxation, crystal.repeats
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
        return [table_row(name, host.composition.reduced_formula, "eV", energies[1] - energies[0], check.barrier_eV)]

    def elastic_rows(self, check: ElasticCheck) -> list[ReferenceCheck]:
        """Return single constants where the symmetry names them, and bulk and shear modulus after Hill."""
        entry = phase(check.phase)
        system = entry.crystal_system
        reference = check.reference or measured_stiffness().get(entry.name)
        target = None if reference is None else stiffness_of(reference.constants_GPa, system)

        def row(name: str, value: float, expected: float | None) -> ReferenceCheck:
            to = None if expected is None or reference is None else Target(value=expected, source=reference.source)
            return table_row(name, entry.name, "GPa", value, to)

        def relaxed(cell: Structure, number: int) -> Relaxation:
            return self._relax(cell, f"{entry.name} strained {number:02d}", "fixed")

        found = strained_constants(self.crystal(check.phase).along_axes(), relaxed)
        rows = []
        for name in INDEPENDENT[system] if system in ("cubic", "hexagonal") else ():
            place = int(name[1]) - 1, int(name[2]) - 1
            to = None if target is None else target[place]
            rows.append(row(f"elastic constant {name}", found.stiffness_GPa[place], to))
        if not found.stable:
            lowest = float(np.linalg.eigvalsh(found.stiffness_GPa).min())
            return [*rows, row("lowest eigenvalue of the stiffness, unstable", lowest, None)]
        expected = (None, None) if target is None else hill_averages(target)[:2]
        for name, value, to in zip(("bulk", "shear"), hill_averages(found.stiffness_GPa), expected, strict=False):
            rows.append(row(f"{name} modulus", value, to))
        return rows

    def voltage_rows(self, check: VoltageCheck) -> list[ReferenceCheck]:
        """Return the voltage at which one phase goes over into the next."""
        voltage = plateau_voltage(check, self._energies)
        name = f"voltage against {check.metal}"
        return [table_row(name, f"{check.poor} → {check.rich}", "V", voltage, check.voltage_V)]


def _primitive(cell: Structure) -> Structure:
    """Return the primitive cell in the orientation of the crystal."""
    from pymatgen.core import Lattice, Structure

    matrix, fractional, symbols, _ = primitive_crystal(cell)
    return Structure(Lattice(matrix), symbols, fractional)


def cost_row(card: PotentialCard, directory: Path, resources: Resources) -> ReferenceCheck:
    """Measure what a step of molecular dynamics costs, in CPU time on one core.

    Of the crystals that the card is checked with, the one of the most elements, and of those the largest of at most 200
    atoms, is repeated to about 100 atoms and runs at 300 K. LAMMPS reports the time of its loop and the share of a core
    that it had, so a machine that is busy with something else changes little.

    Parameters
    ----------
    card
        The model with its checks.
    directory
        Folder for the run.
    resources
        Not used up: the measurement takes one core.
    """
    checked = [
        phase(item.phase).structure for item in card.checks.items if isinstance(item, CrystalCheck | ElasticCheck)
    ]
    fitting = [found for found in checked if len(found) <= _MOST_COST_ATOMS] or checked
    cell = max(fitting, key=lambda found: (len(found.composition.elements), len(found)))
    while len(cell) * 2 <= _COST_ATOMS:
        shortest = int(np.argmin(cell.lattice.abc))
        cell.make_supercell([2 if axis == shortest else 1 for axis in range(3)])
    system = System.of(cell, card)
    steps = 20 if system.model.external else 200
    settings = MDSettings(
        "nvt", steps, 300.0, 1, timestep_fs=0.5, dump_every=0, thermo_every=steps, restart_every=steps
    )
    run_md(system, settings, directory / "cost", replace(resources, mpi_ranks=1, threads=1))
    text = "".join(path.read_text() for path in sorted((directory / "cost").glob("log.*.lammps")))
    loops = re.findall(r"Loop time of (\S+) on", text)
    share = re.findall(r"([0-9.]+)% CPU use", text)
    microseconds = float(loops[-1]) * float(share[-1]) / 100 / steps / len(cell) * 1e6
    name = f"{cell.composition.reduced_formula}, {len(cell)} atoms"
    return ReferenceCheck(property=COST, system=name, unit="µs", model=float(f"{microseconds:.3g}"))


def _face_normals(structure: Structure) -> np.ndarray:
    """Return the cross products of the cell vectors, shape (3, 3), in Å²."""
    a, b, c = np.asarray(structure.lattice.matrix)
    return np.array([np.cross(b, c), np.cross(c, a), np.cross(a, b)])
