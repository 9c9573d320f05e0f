"""Force calls and CPU time of whole hops: this package, plain ASE and atomate2, in one run.

Each starts from the same unrelaxed end points and has to end with both ends relaxed and a climbing band below the same
force of the band, with the same number of images, spring constant, improved tangent and calculator. Plain ASE relaxes
the ends with BFGS and the band with an optimizer of its own from the image-dependent pair potential; atomate2's
interface to ASE does the band with its default optimizer. With another ``--level``, such as ``gpaw-fast`` or
``chgnet``, this package goes over the potential first, whose calls are not counted.

Run: python benchmarks/neb_force_calls.py [--level gpaw-fast] [--driver anodeflow] [--hop 0]
"""

import argparse
import contextlib
import tempfile
import time
import warnings
from pathlib import Path

import numpy as np
from anodeflow.engines.ends import relax_ends
from anodeflow.engines.levels import find_level
from anodeflow.engines.neb import NebSettings, run_neb
from anodeflow.structures.band_symmetry import reversal
from anodeflow.structures.hop_ends import CrystalHop, hop_ends
from anodeflow.structures.hops import hops
from anodeflow.structures.paths import Band, interpolate, repeats_for
from anodeflow.structures.phases import phase
from ase import Atoms
from ase.calculators.calculator import Calculator, all_changes
from ase.mep import NEB
from ase.mep.neb import NEBOptimizer, idpp_interpolate
from ase.optimize import BFGS, FIRE

POTENTIAL = "LiSi-MEAM-Cui2012"
STEPS = 300


class Counted(Calculator):
    """A calculator that counts how often it is evaluated, over all its copies."""

    implemented_properties = ("energy", "forces", "free_energy")
    calls = 0

    def __init__(self, factory, folder):
        super().__init__()
        self.factory, self.folder, self.inside = factory, Path(folder), None

    def __deepcopy__(self, memo):
        self.folder.mkdir(parents=True, exist_ok=True)
        return Counted(self.factory, tempfile.mkdtemp(dir=self.folder))

    def calculate(self, atoms=None, properties=("energy",), system_changes=all_changes):
        """Evaluate energy and forces once."""
        super().calculate(atoms, properties, system_changes)
        if self.inside is None:
            self.folder.mkdir(parents=True, exist_ok=True)
            self.inside = self.factory(self.folder)
        Counted.calls += 1
        now = self.atoms.copy()
        now.calc = self.inside
        energy = now.get_potential_energy()
        self.results = {"energy": energy, "free_energy": energy, "forces": now.get_forces()}


class Factory:
    """Makes counted calculators."""

    def __init__(self, factory):
        self.factory = factory

    def __call__(self, folder):
        """Return a counted calculator in a folder."""
        return Counted(self.factory, folder)


def largest_band_force(images) -> float:
    """Return the force of the climbing band, judged in the same way for everybody."""
    forces = NEB(images, k=0.5, climb=True, method="improvedtangent").get_forces()
    return float(np.linalg.norm(forces.reshape(-1, 3), axis=1).max())


def relaxed_ends(ends: Band, factory, folder: Path, tolerance: float) -> list[Atoms]:
    """Relax both ends as a user of ASE does."""
    found = []
    for number, positions in enumerate(ends.positions):
        atoms = Atoms(ends.symbols, positions, cell=ends.cell, pbc=True)
        atoms.calc = factory(folder / f"end{number}")
        BFGS(atoms, logfile=None).run(fmax=tolerance, steps=STEPS)
        found.append(atoms)
    return found


def with_ase(ends: Band, factory, folder: Path, images: int, tolerance: float, optimizer) -> tuple[float, float]:
    """Return barrier and largest force of the band that plain ASE gives."""
    first, last = relaxed_ends(ends, factory, folder, tolerance)
    band = [first, *(first.copy() for _ in range(images - 2)), last]
    for number, image in enumerate(band[1:-1]):
        image.calc = factory(folder / f"image{number}")
    neb = NEB(band, k=0.5, climb=True, method="improvedtangent")
    neb.interpolate(mic=True)
    idpp_interpolate(neb, traj=None, log=None, mic=True)
    with contextlib.suppress(ValueError):  # NEBOptimizer fails on a band that is converged before its first step
        optimizer(neb, logfile=None).run(fmax=tolerance, steps=STEPS)
    energies = [image.get_potential_energy() for image in band]
    return max(energies) - energies[0], largest_band_force(band)


def with_atomate2(ends: Band, factory, folder: Path, images: int, tolerance: float) -> tuple[float, float]:
    """Return barrier and largest force of the band of atomate2's interface to ASE."""
    from atomate2.ase.utils import AseNebInterface

    first, last = relaxed_ends(ends, factory, folder, tolerance)
    band = [first.copy(), *(first.copy() for _ in range(images - 2)), last.copy()]
    neb = NEB(band)
    neb.interpolate(mic=True)
    idpp_interpolate(neb, traj=None, log=None, mic=True)
    interface = AseNebInterface(calculator=factory(folder / "images"), fix_symmetry=False)
    how = {"k": 0.5, "climb": True, "method": "improvedtangent"}
    with contextlib.chdir(folder):
        interface.run_neb(band, fmax=tolerance, steps=STEPS, neb_kwargs=how, neb_doc_kwargs={})
    energies = [image.get_potential_energy() for image in band]
    return max(energies) - energies[0], largest_band_force(band)


def with_anodeflow(ends: Band, factory, folder: Path, images: int, tolerance: float, cheap) -> tuple[float, float]:
    """Return barrier and largest force of the band of this package, over a cheaper level where there is one."""
    guess, turn = None, reversal(ends)
    if cheap is not None:
        below = relax_ends(ends, cheap, folder / "cheap-ends", force_tolerance_eV_A=tolerance)
        start = interpolate(below.band, images)
        lower = run_neb(start, cheap, folder / "cheap-neb", NebSettings(tolerance, steps=STEPS))
        guess = lower.band.respaced(images, through_A=float(lower.band.arc_length_A[lower.climbing_image]))
        if turn is not None:
            turn, guess = (turn, turn.complete(guess)) if turn.fits(guess) else (None, guess)
        ends = Band(ends.symbols, ends.cell, guess.positions[[0, -1]])
    relaxed = relax_ends(ends, factory, folder / "ends", force_tolerance_eV_A=tolerance, reversal=turn)
    if guess is None:
        start = interpolate(relaxed.band, images)
    else:
        parts = (guess.arc_length_A / guess.arc_length_A[-1])[:, None, None]
        first, last = (relaxed.band.positions[end] - guess.positions[end] for end in (0, -1))
        start = Band(guess.symbols, guess.cell, guess.positions + (1 - parts) * first + parts * last)
    if turn is not None and not turn.fits(start):
        turn = None
    result = run_neb(start, factory, folder / "neb", NebSettings(tolerance, steps=STEPS), reversal=turn)
    return float(result.energies_eV.max() - result.energies_eV[0]), result.band_force_eV_A


def scf_iterations(folder: Path) -> int:
    """Count the iterations of the density that GPAW wrote down."""
    lines = (line for file in folder.rglob("gpaw*.txt") for line in file.read_text().splitlines())
    return sum(1 for line in lines if line.startswith(("iter:", "|iter:")))


def cases(level: str):
    """Give label, unrelaxed ends, images, tolerance and cheaper level of each hop."""
    silicon = CrystalHop("interstitial", "Li", ((0.5, 0.5, 0.5), (0.75, 0.75, 0.75)))
    if level != POTENTIAL:
        cheap = find_level(POTENTIAL).factory
        yield "Li in 8 Si", hop_ends(phase("Si").structure, silicon, (1, 1, 1)), 3, 0.05, cheap
        crystal = phase("LiSi").structure
        found = hops(crystal, "Li", cutoff_A=3.5)[2]
        vacancy = CrystalHop("vacancy", "Li", found.path)
        yield f"vacancy in Li16Si16, {found.distance_A:.2f} Å", hop_ends(crystal, vacancy, (1, 1, 1)), 5, 0.05, cheap
        return
    named = [("Li in Si", phase("Si").structure, silicon)]
    for name, number in (("Li15Si4", 3), ("LiSi", 2)):
        crystal = phase(name).structure
        found = hops(crystal, "Li", cutoff_A=3.5)[number]
        named.append((f"vacancy in {name}, {found.distance_A:.2f} Å", crystal, CrystalHop("vacancy", "Li", found.path)))
    for label, crystal, hop in named:
        yield label, hop_ends(crystal, hop, repeats_for(crystal.lattice.matrix, 8.0)), 5, 0.02, None


def main() -> None:
    """Print a table of hops and drivers."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--level", default=POTENTIAL)
    parser.add_argument("--driver", action="append", help="only this one; may be given more than once")
    parser.add_argument("--hop", type=int, help="only the hop of this number, from 0")
    chosen = parser.parse_args()
    level = chosen.level
    factory = Factory(find_level(level).factory)
    warnings.simplefilter("ignore")
    print(
        f"{'hop':28} {'driver':18} {'barrier eV':>10} {'calls':>6} {'CPU s':>7} {'wall s':>7} {'band force eV/Å':>16}"
        f" {'SCF':>6}"
    )
    for number, (label, ends, images, tolerance, cheap) in enumerate(cases(level)):
        if chosen.hop not in (None, number):
            continue
        drivers = [
            ("anodeflow", lambda *a, c=cheap: with_anodeflow(*a, c)),
            ("ASE, FIRE", lambda *a: with_ase(*a, FIRE)),
            ("ASE, BFGS", lambda *a: with_ase(*a, BFGS)),
            ("ASE, NEBOptimizer", lambda *a: with_ase(*a, NEBOptimizer)),
            ("atomate2", with_atomate2),
        ]
        for name, driver in drivers:
            if chosen.driver and name not in chosen.driver:
                continue
            with tempfile.TemporaryDirectory() as temporary:
                Counted.calls, cpu, wall = 0, time.process_time(), time.perf_counter()
                try:
                    barrier, force = driver(ends, factory, Path(temporary), images, tolerance)
                except ImportError:
                    print(f"{label:28} {name:18} not installed", flush=True)
                    continue
                cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
                scf = scf_iterations(Path(temporary))
            row = (
                f"{label:28} {name:18} {barrier:10.4f} {Counted.calls:6d} {cpu:7.1f} {wall:7.1f} {force:16.3f} {scf:6d}"
            )
            print(row, flush=True)


if __name__ == "__main__":
    main()
