"""What building structures has to hold: every speed and every bad input, each by one command.

``python benchmarks/build_lines.py`` runs all; a name (``packing``, ``"no strain"``) runs that one alone. Times are
CPU seconds of this process, compilation and imports left out by a small run before. Neighbours are measured in
``interfaces.py`` and ``structures.py``; here the limits are fixed numbers, and a row says whether it holds.
"""

from __future__ import annotations

import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

from anodeflow.errors import InputError
from anodeflow.structures.amorphous import pack
from anodeflow.structures.distances import closest_pairs
from anodeflow.structures.hops import hops
from anodeflow.structures.interface import interface, interfaces
from anodeflow.structures.matching import matches
from anodeflow.structures.ordering import order
from anodeflow.structures.oriented import orient
from anodeflow.structures.phases import find_structure, phase, phase_names
from anodeflow.structures.record import minimum_distance
from anodeflow.structures.side import read_side
from pymatgen.core import Lattice, Molecule, Structure

DISTANCES = {("Li", "Li"): 2.5, ("Li", "Si"): 2.45, ("Si", "Si"): 2.3}
Row = tuple[str, float, float, str]


def timed(call: Callable[[], Any]) -> tuple[float, Any]:
    """CPU seconds and result."""
    start = time.process_time()
    result = call()
    return time.process_time() - start, result


def table(lower: str, upper: str) -> Row:
    """Make one ranked match table."""
    sides = [read_side(text, thickness_A=10, seed=1) for text in (lower, upper)]
    bulks = [(side.bulk, side.planes[0].miller) for side in sides]

    def run() -> str:
        try:
            found = matches(*(orient(*bulk) for bulk in bulks), max_area_A2=400, max_strain=0.03)
        except InputError as error:
            return error.what.split(";", 1)[1].strip()
        return f"{len(found)} distinct cells, best {100 * min(m.strain for m in found):.2f} %"

    seconds, words = timed(run)
    return f"ranked table {lower} | {upper}", seconds, 0.3, words


def finished() -> Row:
    """Build one finished interface, and ten."""
    made = interfaces("Si(100)", "Li2O(100)", max_strain=0.03, cells=10, terminations=1)
    largest = max(made, key=lambda m: len(m.structure))
    seconds, again = timed(lambda: interface("Si(100)", "Li2O(100)", max_strain=0.03, max_atoms=1000))
    total, _ = timed(lambda: interfaces("Si(100)", "Li2O(100)", max_strain=0.03, cells=10, terminations=1))
    ratio = min(min(m.contacts.gaps_A.values()) for m in made)
    words = f"{len(again.structure)} atoms; ten up to {len(largest.structure)} in {total:.2f} s, nearest {ratio:.2f} Å"
    return "a finished interface", max(seconds, total / 10), 1.0, words


def packed(atoms: int, limit: float) -> Row:
    """Pack with a matrix of distances."""
    seconds, glass = timed(
        lambda: pack("Li15Si4", atoms=atoms, density_g_cm3=1.18, minimum_distance_A=DISTANCES, seed=1)
    )
    near = closest_pairs(glass)
    reached = min(near[tuple(sorted(pair))] / d for pair, d in DISTANCES.items())
    return f"packing {len(glass)} atoms of Li15Si4", seconds, limit, f"nearest over asked {reached:.4f}"


def ordered(name: str, repeats: int, limit: float) -> Row:
    """Order one crystal."""
    structure, source = find_structure(name)
    seconds, cells = timed(lambda: order(structure, source=source, supercell=(repeats,) * 3))
    made = cells[0].structure
    lithium = made.copy()
    lithium.remove_species([e for e in made.composition.elements if e.symbol != "Li"])
    words = f"{len(made)} atoms, charge {cells[0].record.charge:g}, Li-Li {minimum_distance(lithium):.2f} Å"
    return f"ordering {name} {repeats}x{repeats}x{repeats}", seconds, limit, words


def crystal_hops() -> Row:
    """List the hops of three crystals."""
    names = ("gamma-Li3PS4", "gamma-Li3PO4", "tetragonal-LLZO")
    cells = [phase(name).structure for name in names]
    seconds, found = timed(lambda: [len(hops(cell, "Li", cutoff_A=5.0)) for cell in cells])
    return "hops of three crystals", seconds, 5.0, f"{found} distinct within 5 Å"


def interface_hops() -> Row:
    """List the hops of an interface with about 500 Li."""
    made = interface("Li15Si4(100):20", "gamma-Li3PO4(100):14", max_strain=0.08, max_atoms=1500)
    cell = made.structure
    cell.remove_oxidation_states()
    number = sum(site.specie.symbol == "Li" for site in cell)
    seconds, found = timed(lambda: hops(cell, "Li", cutoff_A=5.0))
    return f"hops of an interface with {number} Li", seconds, 5.0, f"{len(found)} hops"


def registry() -> Row:
    """Search 100 shifts of an interface."""
    from anodeflow.structures.registry import Contact, Face, search_registry

    made = interface("Si(100):14", "Li2O(100):14", max_strain=0.03)
    faces = []
    for side in (0, 1):
        atoms = made.atoms_of(side)
        symbols = tuple(made.structure[k].specie.symbol for k in atoms)
        faces.append(Face(made.structure.cart_coords[atoms], symbols, {"Li": 1.0, "O": -2.0, "Si": 0.0}))
    plane = made.structure.lattice.matrix[:2, :2]
    contacts = [Contact(plane, faces[0], faces[1])]
    seconds, found = timed(lambda: search_registry(contacts, plane, spacing_A=0.1, limit=100))
    return f"registry of {len(made.structure)} atoms", seconds, 10.0, f"{len(found.shifts)} shifts"


def self_test() -> Row:
    """Build and measure the whole library."""

    def run() -> int:
        for name in phase_names():
            item = phase(name)
            minimum_distance(item.structure)
            if abs(item.structure.composition.weight) <= 0:
                raise AssertionError(name)
        return len(phase_names())

    seconds, number = timed(run)
    return "self-test of the whole library", seconds, 10.0, f"{number} phases"


SPEED: dict[str, Callable[[], Row]] = {
    "self-test": self_test,
    "table Li2O": lambda: table("Si(100)", "Li2O(100)"),
    "table LiF": lambda: table("Si(111)", "LiF(111)"),
    "table Li3PO4": lambda: table("beta-Sn(100)", "gamma-Li3PO4(100)"),
    "table none": lambda: table("beta-Sn(001)", "gamma-Li3PO4(001)"),
    "table argyrodite": lambda: table("Li21Si5(100)", "Li6PS5Cl(100)"),
    "interface": finished,
    "packing": lambda: packed(1007, 0.3),
    "large packing": lambda: packed(10_000, 2.0),
    "order argyrodite": lambda: ordered("Li6PS5Cl", 1, 2.0),
    "order garnet": lambda: ordered("cubic-LLZO", 1, 3.0),
    "order large": lambda: ordered("Li6PS5Cl", 2, 60.0),
    "hops": crystal_hops,
    "interface hops": interface_hops,
    "registry": registry,
}


def _overlapping() -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "mine.cif"
        Structure(Lattice.cubic(5), ["Li", "O"], [[0, 0, 0], [0.03, 0, 0]]).to(str(path))
        read_side(f"{path}(001)", thickness_A=10, seed=1)


def _molecule() -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "water.xyz"
        Molecule(["O", "H", "H"], [[0, 0, 0], [0.96, 0, 0], [-0.2, 0.93, 0]]).to(str(path))
        find_structure(str(path))


def _unbalanced() -> None:
    structure = Structure(Lattice.cubic(4), [{"Li": 0.5}, "Cl"], [[0, 0, 0], [0.5, 0.5, 0.5]])
    order(structure, oxidation_states={"Li": 2, "Cl": -3})


BAD: dict[str, Callable[[], object]] = {
    "composition": lambda: pack("Xx2Q", atoms=100, seed=1),
    "miller": lambda: read_side("Si(000)", thickness_A=10, seed=1),
    "no strain": lambda: interface("Si(100)", "LiF(111)", max_strain=0.0001, max_area_A2=60),
    "density": lambda: pack("Li15Si4", atoms=95, density_g_cm3=3.0, seed=1),
    "charge": _unbalanced,
    "spelling": lambda: pack({"Li": 1, "LI": 2}, atoms=100, seed=1),
    "overlap": _overlapping,
    "molecule": _molecule,
}


def main() -> None:
    """Run what is named, or all."""
    warnings.simplefilter("ignore")
    wanted = sys.argv[1:] or [*SPEED, *BAD]
    unknown = [name for name in wanted if name not in SPEED and name not in BAD]
    if unknown:
        raise SystemExit(f"there is no {unknown[0]!r}; there are {', '.join([*SPEED, *BAD])}")
    # compiles
    order(*find_structure("LLTO")[:1], source=find_structure("LLTO")[1], sweeps=10)
    interface("Si(111)", "LiF(111)", max_strain=0.03)
    pack("Li15Si4", atoms=95, density_g_cm3=1.18, seed=1)
    if set(wanted) & set(SPEED):
        print("| name | what | CPU s | limit | holds | result |\n|---|---|---|---|---|---|")
    for name in wanted:
        if name in SPEED:
            what, seconds, limit, words = SPEED[name]()
            what = what.replace("|", "\\|")
            print(
                f"| {name} | {what} | {seconds:.2f} | {limit:g} | {'yes' if seconds <= limit else 'no'} | {words} |",
                flush=True,
            )
    if set(wanted) & set(BAD):
        print("\n| name | sentence |\n|---|---|")
    for name in wanted:
        if name in BAD:
            try:
                BAD[name]()
                said = "accepted: this should have been refused"
            except InputError as error:
                said = str(error)
            print(f"| {name} | {said.replace(tempfile.gettempdir(), '…')} |")


if __name__ == "__main__":
    main()
