"""Ordering, Coulomb matrices, supercells, quasi-random alloys and pictures beside pymatgen, in one run.

Run with ``python benchmarks/structures.py``. Times are CPU seconds of this process, compilation left out on our side;
both sides of a ratio were measured one after the other on the same machine. A neighbour that is not done after its
budget is stopped, and its row says so.
"""

from __future__ import annotations

import io
import multiprocessing
import time
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
from anodeflow.structures.alloys import quasi_random, solid_solution
from anodeflow.structures.ewald import ewald_matrix
from anodeflow.structures.lithiation import lithiation_series
from anodeflow.structures.ordering import order
from anodeflow.structures.phases import find_structure, phase, phase_names
from anodeflow.structures.picture import draw_structure
from anodeflow.structures.record import minimum_distance
from anodeflow.structures.supercell import supercell
from pymatgen.analysis.ewald import EwaldSummation
from pymatgen.transformations.advanced_transformations import CubicSupercellTransformation
from pymatgen.transformations.standard_transformations import OrderDisorderedStructureTransformation

BUDGET_S = 60.0

warnings.simplefilter("ignore")


def timed(call: Callable[[], Any]) -> tuple[float, Any]:
    """Return CPU seconds and the result."""
    start = time.process_time()
    result = call()
    return time.process_time() - start, result


def _child(call: Callable[[], str], pipe: Any) -> None:
    start = time.process_time()
    try:
        words = call()
    except Exception as error:
        pipe.send((None, f"refused: {' '.join(str(error).split())[:70]}"))
        return
    pipe.send((time.process_time() - start, words))


def neighbour(call: Callable[[], str]) -> tuple[float | None, str]:
    """Run a neighbour in its own process, at most `BUDGET_S` seconds of its CPU time by the wall."""
    here, there = multiprocessing.Pipe()
    process = multiprocessing.get_context("fork").Process(target=_child, args=(call, there))
    process.start()
    if here.poll(BUDGET_S):
        seconds, words = here.recv()
        process.join()
        return seconds, words
    process.terminate()
    process.join()
    return None, f"not done after {BUDGET_S:.0f} s"


def row(what: str, ours: float, result: str, theirs: float | None = None, other: str = "") -> None:
    """Print one comparison."""
    ratio = f"{theirs / ours:8.1f}x" if theirs is not None else " " * 9
    seconds = f"{theirs:9.3f}" if theirs is not None else " " * 9
    print(f"{what:42} {ours:8.3f} {seconds} {ratio}  {result}{'  |  ' + other if other else ''}", flush=True)


def ordering() -> None:
    """Order partial occupancies."""
    halves, source = find_structure("Li6PS5Cl")
    for index, site in enumerate(halves):
        if len(site.species) > 1:
            halves[index] = {"S": 0.5, "Cl": 0.5}
        elif site.species.num_atoms < 1:
            halves[index] = {"Li": 1 / 3}  # 24 lithium on 72 sites
    cases = [(name, 1, *find_structure(name)) for name in ("Li6PS5Cl", "cubic-LLZO")]
    cases += [("Li6PS5Cl in halves", 1, halves, source), ("Li6PS5Cl", 2, *find_structure("Li6PS5Cl"))]
    for name, repeats, structure, source in cases:
        seconds, cells = timed(lambda s=structure, o=source, n=repeats: order(s, source=o, supercell=(n, n, n)))
        made = cells[0].structure
        lithium = _lithium_distance(made)
        words = f"{made.composition.formula}, charge {cells[0].record.charge:g}, Li-Li {lithium:.2f} Å"
        if repeats > 1:
            row(f"order {name} {repeats}x{repeats}x{repeats}", seconds, words)
            continue

        def pymatgen(s: Any = structure, o: Any = source) -> str:
            charged = s.copy()
            charged.add_oxidation_state_by_element(dict(o.oxidation_states))
            best = OrderDisorderedStructureTransformation().apply_transformation(charged)
            return str(best.composition.formula)

        row(f"order {name}", seconds, words, *neighbour(pymatgen))


def _lithium_distance(structure: Any) -> float:
    lithium = structure.copy()
    lithium.remove_species([e for e in structure.composition.elements if e.symbol != "Li"])
    return minimum_distance(lithium) or np.inf


def coulomb() -> None:
    """Build the Coulomb matrix of a cell."""
    for name in ("beta-Li3PS4-ordered", "tetragonal-LLZO"):
        item = phase(name)
        structure = item.structure
        charges = np.array([item.oxidation_states[site.specie.symbol] for site in structure])
        ours, matrix = timed(lambda s=structure: ewald_matrix(s))
        energy = 0.5 * charges @ matrix @ charges
        structure.add_oxidation_state_by_element(dict(item.oxidation_states))
        theirs, other = timed(lambda s=structure: float(np.sum(EwaldSummation(s).total_energy_matrix)))
        row(f"Coulomb matrix {name}", ours, f"{energy:.6f} eV", theirs, f"{other:.6f} eV")


def cells() -> None:
    """Make near-cubic supercells."""
    for name in ("Si", "beta-Sn", "LiP"):
        structure = phase(name).structure
        ours, ready = timed(lambda s=structure: supercell(s, image_distance_A=12.0))

        def pymatgen(s: Any = structure) -> str:
            made = CubicSupercellTransformation(min_length=12.0, max_atoms=2000).apply_transformation(s)
            return f"{len(made)} atoms"

        words = f"{len(ready.structure)} atoms, {ready.image_distance_A:.2f} Å"
        row(f"supercell {name} 12 Å", ours, words, *neighbour(pymatgen))


def others() -> None:
    """Time what pymatgen has no counterpart for."""
    start = time.process_time()
    for name in phase_names():
        minimum_distance(phase(name).structure)
    row(f"self-test of {len(phase_names())} phases", time.process_time() - start, "built, distances measured")
    alloy = solid_solution([phase("Si").structure, phase("Ge").structure], [0.5, 0.5])
    seconds, cell = timed(lambda: quasi_random(alloy))
    row("quasi-random Si32Ge32", seconds, f"deviation {cell.deviation:.3g} over 4 shells, a = {alloy.lattice.a:.3f} Å")
    host = phase("Si").structure
    host.make_supercell(2)
    seconds, steps = timed(lambda: lithiation_series(host, [0.5, 1, 2, 3, 3.75]))
    row("lithiation of 64 Si to x = 3.75", seconds, f"{len(steps[-1].structure)} atoms")
    large = phase("Li15Si4").structure
    large.make_supercell([2, 2, 6])
    seconds, _ = timed(lambda: draw_structure(large, io.BytesIO()))
    row("picture of 1,824 atoms", seconds, "900 pixels wide")


def main() -> None:
    """Run everything."""
    small, source = find_structure("LLTO")
    order(small, source=source, sweeps=10)  # compiles
    quasi_random(solid_solution([phase("Si").structure, phase("Ge").structure], [0.5, 0.5]), sweeps=1)
    draw_structure(small, io.BytesIO())
    print(f"{'what':42} {'ours/s':>8} {'pymatgen':>9} {'ratio':>9}  ours  |  pymatgen")
    others()
    coulomb()
    cells()
    ordering()


if __name__ == "__main__":
    main()
