"""Does it pay to evaluate several cells in one graph? CHGNet one cell at a time, against all of them at once.

Usage: python benchmarks/batched_cells.py [--cells 8] [--rounds 3]

The cells are copies of a crystal with every atom moved, as replicas of a run, a screen of small cells or the labels of
a distillation are. Batched, they share one pass through the network, forward and back; nothing else differs, and forces
are compared. What is measured is processor time on one thread, neighbour lists included.
"""

from __future__ import annotations

import argparse
import os
import time

os.environ["OMP_NUM_THREADS"] = "1"  # before torch is imported

import numpy as np
import torch
from anodeflow.potentials.bonds import Edges, NeighbourList
from anodeflow.potentials.cards import card
from anodeflow.structures.phases import phase
from anodeflow.structures.primitive import primitive_crystal
from ase import Atoms


def joined(parts: list[Edges], counts: list[int]) -> Edges:
    """Return the bonds of several cells as those of one graph without bonds between them."""
    atoms = np.cumsum([0, *counts[:-1]])
    bonds = np.cumsum([0, *(len(part.centre) for part in parts[:-1])])
    return Edges(
        np.concatenate([part.centre + first for part, first in zip(parts, atoms, strict=True)]),
        np.concatenate([part.neighbour + first for part, first in zip(parts, atoms, strict=True)]),
        np.concatenate([part.reverse + first for part, first in zip(parts, bonds, strict=True)]),
        np.concatenate([part.vectors_A for part in parts]),
    )


def cells_of(name: str, count: int) -> list[Atoms]:
    """Return copies of a primitive cell, each shaken in its own way."""
    matrix, fractional, symbols, _ = primitive_crystal(phase(name).structure)
    found = []
    for seed in range(count):
        atoms = Atoms(symbols, cell=matrix, scaled_positions=fractional, pbc=True)
        atoms.rattle(0.05, seed=seed)
        found.append(atoms)
    return found


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cells", type=int, default=8)
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_args()
    torch.set_num_threads(1)
    calculator = card("chgnet").ase_calculator()
    cutoff = calculator._neighbours.cutoff_A
    print(f"{given.cells} cells, CPU time of one evaluation of all of them")
    for name in ("Li", "beta-Sn", "LiSn", "LiSi", "Li15Si4"):
        cells = cells_of(name, given.cells)
        numbers = [np.asarray(atoms.numbers, dtype=np.int64) for atoms in cells]
        lists = [NeighbourList(cutoff, 1.0) for _ in cells]

        def edges(cells=cells, numbers=numbers, lists=lists) -> list[Edges]:
            return [
                each.edges(atoms.positions, atoms.cell[:], kinds)
                for each, atoms, kinds in zip(lists, cells, numbers, strict=True)
            ]

        edges()
        alone, together = [], []
        for _ in range(given.rounds):
            begin = time.process_time()
            parts = [calculator.energy_and_gradient(kinds, one) for kinds, one in zip(numbers, edges(), strict=True)]
            middle = time.process_time()
            whole = calculator.energy_and_gradient(np.concatenate(numbers), joined(edges(), [len(n) for n in numbers]))
            alone.append(middle - begin)
            together.append(time.process_time() - middle)
        difference = np.abs(np.concatenate([gradient for _, gradient in parts]) - whole[1]).max()
        size = len(cells[0])
        print(
            f"{name}, {size} atoms a cell: {1e3 * min(alone):.0f} ms one by one, {1e3 * min(together):.0f} ms at once, "
            f"{min(alone) / min(together):.2f} times as fast; largest difference of a derivative {difference:.1e} eV/Å"
        )


if __name__ == "__main__":
    main()
