"""The reference table of a DFT level: volumes, formation energies and voltages of small crystals."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..errors import InputError
from ..potentials.checks import Checks, CrystalCheck, ReferenceTable, Target, VoltageCheck, shared_checks
from ..structures.phases import phase
from .levels import find_level
from .phase_energies import formation_energy, plateau_voltage, table_row
from .volume import EquilibriumVolume, equilibrium_volume

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from ..potentials.checks import ReferenceCheck
    from .dft_cards import DftCard

HOW = "at the shape and the fractional coordinates of the reference"
"""Said of every volume: only the size of the cell is let go."""


def compute_dft_table(
    level: DftCard, directory: Path, *, checks: Checks | None = None, progress: Callable[[str], None] | None = None
) -> ReferenceTable:
    """Return what a DFT level gives for the crystals of its checks.

    Each crystal is scaled to its minimum of energy; its shape and the places of its atoms stay those of the phase
    library, so formation energies lack what a full relaxation would gain.

    Parameters
    ----------
    level
        The level's card.
    directory
        Folder for the runs; points that are there are not computed again.
    checks
        Crystals and voltages; by default those of ``data/checks/dft.yaml``.
    progress
        Called with what is computed next.

    Raises
    ------
    InputError
        If there is a check of a kind that is not done with DFT.
    EngineError
        If the program is missing, a calculation fails, or a volume is too far from the reference.
    """
    checks = checks or Checks.model_validate(shared_checks("dft"))
    foreign = {item.kind for item in checks.items} - {"crystal", "voltage"}
    if foreign:
        kinds = " or ".join(sorted(foreign))
        raise InputError(f"{level.name} is a DFT level, whose table takes no check of kind {kinds}", where="checks")
    found_level = find_level(level.name)
    done: dict[str, EquilibriumVolume] = {}

    def volume_of(name: str) -> EquilibriumVolume:
        entry = phase(name)
        if entry.name not in done:
            if progress:
                progress(f"{entry.name}, {len(entry.structure)} atoms")
            done[entry.name] = equilibrium_volume(entry.structure, found_level.factory, directory / entry.name)
        return done[entry.name]

    def energies(name: str) -> tuple[dict[str, float], float]:
        found = volume_of(name)
        return found.structure.composition.get_el_amt_dict(), found.energy_eV

    ends = {phase(name).name for name in checks.end_members.values()}
    rows: list[ReferenceCheck] = []
    for check in checks.items:
        if isinstance(check, CrystalCheck):
            entry, found = phase(check.phase), volume_of(check.phase)
            count = len(found.structure)
            source = f"{entry.citation or entry.origin} (evidence {entry.evidence}); {HOW}"
            volume = Target(value=entry.structure.volume / count, source=source)
            rows.append(table_row("volume per atom", entry.name, "Å^3", found.structure.volume / count, volume))
            rows.append(table_row("bulk modulus", entry.name, "GPa", found.bulk_modulus_GPa, None))
            rows.append(table_row("energy per atom", entry.name, "eV", found.energy_eV / count, None))
            formation = None if entry.name in ends else formation_energy(checks.end_members, entry.name, energies)
            if formation is not None:
                target = check.formation_energy_eV_atom
                rows.append(table_row("formation energy per atom", entry.name, "eV", formation, target))
        elif isinstance(check, VoltageCheck):
            name = f"voltage against {check.metal}"
            value = plateau_voltage(check, energies)
            rows.append(table_row(name, f"{check.poor} → {check.rich}", "V", value, check.voltage_V))
    program = f"{found_level.program} {found_level.version}"
    return ReferenceTable(card=level.name, fingerprint=level.fingerprint, program=program, rows=tuple(rows))
