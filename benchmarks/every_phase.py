"""Does every phase of the library run? One energy each, by the best card that is installed.

Usage: python benchmarks/every_phase.py [--seed 1] [PHASE ...]

Each phase is evaluated in its conventional cell; one with partial occupancies in an ordered arrangement of it, repeated
until whole numbers of atoms fit. "Best" is what ``anodeflow potentials for`` puts first. The largest force is that of
the cell as published (ordered, not relaxed), so it says that the model was evaluated and not that the cell is at rest.
The card's calculator is asked, whose numbers the tests hold against those of LAMMPS.
"""

from __future__ import annotations

import argparse
import os
import time
from functools import cache

os.environ["OMP_NUM_THREADS"] = "1"  # before torch is imported

import numpy as np
from anodeflow.errors import AnodeflowError
from anodeflow.potentials.ase_model import AseModel
from anodeflow.potentials.cards import PotentialCard, card
from anodeflow.potentials.coverage import coverage
from anodeflow.structures.ordering import order
from anodeflow.structures.phases import phase, phase_names
from ase.calculators.calculator import Calculator
from pymatgen.core import Structure
from pymatgen.io.ase import AseAtomsAdaptor


def best_installed(elements: frozenset[str]) -> PotentialCard:
    """Return the card that stands first for a system among those whose weights are here."""
    for entry in coverage(elements):
        found = card(entry.card)
        weights = found.model.weights if isinstance(found.model, AseModel) else None
        if weights is None or weights.path() is not None:
            return found
    raise SystemExit(f"no card for {'-'.join(sorted(elements))}")


@cache
def _calculator(name: str) -> Calculator:
    return card(name).ase_calculator()


def ordered(name: str, seed: int) -> Structure:
    """Return the cell of a phase itself, or an ordered arrangement of it or of several; alloys at random."""
    entry = phase(name)
    if entry.is_ordered:
        return entry.structure
    elements = {element.symbol for element in entry.composition.elements}
    states = None if elements & {"O", "S", "Cl", "Br", "I", "F"} else {}
    failures = []
    for repeats in ((1, 1, 1), (1, 1, 2), (2, 2, 2), (3, 3, 3)):
        try:
            return order(entry.structure, supercell=repeats, oxidation_states=states, seed=seed, sweeps=500)[
                0
            ].structure
        except AnodeflowError as error:
            failures.append(str(error))
    raise SystemExit(failures[-1])


def main() -> None:
    """Evaluate and print a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("phases", nargs="*")
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    print("| phase | card | atoms | eV/atom | largest force, eV/Å | s |\n| --- | --- | --- | --- | --- | --- |")
    for name in given.phases or phase_names():
        begin = time.perf_counter()
        cell = ordered(name, given.seed)
        model = best_installed(frozenset(element.symbol for element in cell.composition.elements))
        atoms = AseAtomsAdaptor.get_atoms(cell)
        atoms.calc = _calculator(model.name)
        energy, force = atoms.get_potential_energy() / len(cell), float(np.abs(atoms.get_forces()).max())
        took = time.perf_counter() - begin
        print(f"| {name} | {model.name} | {len(cell)} | {energy:.4f} | {force:.2g} | {took:.1f} |", flush=True)


if __name__ == "__main__":
    main()
