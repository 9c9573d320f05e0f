"""Force calls and CPU time of one band: this package against plain ASE, from the same path.

Both get the same relaxed end points, the same images, spring constant, improved tangent, climbing image and force
tolerance, and the same calculator. Run: python benchmarks/neb_force_calls.py
"""

import functools
import tempfile
import time
import warnings
from pathlib import Path

from anodeflow.engines.ends import relax_ends
from anodeflow.engines.lammps.calculator import LammpsCalculator
from anodeflow.engines.neb import NebSettings, run_neb
from anodeflow.potentials.cards import card
from anodeflow.structures.hop_ends import CrystalHop, hop_ends
from anodeflow.structures.hops import hops
from anodeflow.structures.paths import Band, interpolate, repeats_for
from anodeflow.structures.phases import phase
from ase import Atoms
from ase.mep import NEB
from ase.mep.neb import NEBOptimizer
from ase.optimize import BFGS, FIRE

TOLERANCE_EV_A = 0.02
IMAGES = 5


def plain_ase(start: Band, factory, folder: Path, optimizer) -> tuple[float, int, bool]:
    """Return barrier, force calls and whether it converged within 300 steps."""
    images = [Atoms(start.symbols, positions, cell=start.cell, pbc=True) for positions in start.positions]
    for number, image in enumerate(images):
        image.calc = factory(folder / str(number))
        image.get_forces()
    neb = NEB(images, k=0.5, climb=True, method="improvedtangent")
    calls = 0
    evaluate = neb.get_forces

    def counted():
        nonlocal calls
        calls += len(images) - 2
        return evaluate()

    neb.get_forces = counted
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        done = optimizer(neb, logfile=None).run(fmax=TOLERANCE_EV_A, steps=300)
    energies = [image.get_potential_energy() for image in images]
    return max(energies) - energies[0], calls, bool(done)


def main() -> None:
    """Print a table of three hops."""
    factory = functools.partial(LammpsCalculator, card("LiSi-MEAM-Cui2012"))
    silicon = CrystalHop("interstitial", "Li", ((0.5, 0.5, 0.5), (0.75, 0.75, 0.75)))
    cases = [("Li in Si", phase("Si").structure, silicon)]
    for name, number in (("Li15Si4", 3), ("LiSi", 2)):
        crystal = phase(name).structure
        found = hops(crystal, "Li", cutoff_A=3.5)[number]
        cases.append((f"vacancy in {name}, {found.distance_A:.2f} Å", crystal, CrystalHop("vacancy", "Li", found.path)))
    print(f"{'hop':28} {'driver':18} {'barrier eV':>10} {'calls':>6} {'CPU s':>7} converged")
    for label, crystal, hop in cases:
        ends = hop_ends(crystal, hop, repeats_for(crystal.lattice.matrix, 8.0))
        with tempfile.TemporaryDirectory() as temporary:
            root = Path(temporary)
            relaxed = relax_ends(ends, factory, root / "ends", force_tolerance_eV_A=0.01)
            start = interpolate(relaxed.band, IMAGES)
            begin = time.process_time()
            mine = run_neb(start, factory, root / "neb", NebSettings(TOLERANCE_EV_A, steps=300))
            spent = time.process_time() - begin
            barrier = mine.energies_eV.max() - mine.energies_eV[0]
            row = f"{label:28} {'anodeflow':18} {barrier:10.4f} {mine.force_calls - 2:6d} {spent:7.2f} {mine.converged}"
            print(row, flush=True)
            for name, optimizer in (("ASE FIRE", FIRE), ("ASE BFGS", BFGS), ("ASE NEBOptimizer", NEBOptimizer)):
                begin = time.process_time()
                barrier, calls, done = plain_ase(start, factory, root / name, optimizer)
                spent = time.process_time() - begin
                print(f"{label:28} {name:18} {barrier:10.4f} {calls:6d} {spent:7.2f} {done}", flush=True)


if __name__ == "__main__":
    main()
