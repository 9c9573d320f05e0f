"""Short timed runs of the real engine, and the file that remembers them for this machine.

What is timed is processor time, so that other work on the machine does not count. A probe is remembered by machine,
engine version, model, composition, number of atoms and processors; it takes a few seconds once.
"""

from __future__ import annotations

import hashlib
import json
import os
import platform
import re
import resource
import tempfile
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..engines.lammps.launch import find_program
from ..engines.lammps.md import DUMP_FILE, run_md
from ..engines.lammps.relax import relax
from ..engines.lammps.setup import System
from ..engines.resources import Resources
from ..files import write_json

if TYPE_CHECKING:
    from collections.abc import Callable

    from pymatgen.core import Structure

    from ..engines.lammps.md import MDSettings
    from ..engines.levels import Level
    from ..potentials.cards import PotentialCard
    from ..structures.paths import Band

_FIRST_STEPS = 20
_WANTED_CPU_S = 1.5
_MOST_STEPS = 2000
_MOVE_A = 0.01
_CALLS = 5
_LEAST_START_CPU_S = 3.0  # a job loads its model anew, where the probe may have found it loaded; 3.0 to 3.7 s were seen
_MOST_FRAMES = 1000
_PROGRAM_MB = 50.0  # of a rank of LAMMPS besides what it allocates itself


@dataclass(frozen=True)
class Probe:
    """What one unit of work takes.

    Attributes
    ----------
    unit
        ``step`` of molecular dynamics, ``call`` of an energy model, or ``frame`` that is analysed.
    cpu_s
        Processor time of one, of all processors together, in s.
    start_cpu_s
        Processor time before the first.
    memory_MB
        Of one process of the engine.
    frame_MB
        Of one frame of the trajectory, or of what is kept of one call; 0 where there is none.
    """

    unit: str
    cpu_s: float
    start_cpu_s: float
    memory_MB: float = 0.0
    frame_MB: float = 0.0


class ProbeCache:
    """Probes of this machine in a file.

    Parameters
    ----------
    path
        ``anodeflow/probes.json`` in the user's folder for caches by default.
    """

    def __init__(self, path: Path | None = None) -> None:
        self.path = path or _user_cache() / "anodeflow" / "probes.json"
        self.taken = 0
        self.cpu_s = 0.0

    def get(self, key: dict[str, Any], take: Callable[[], Probe]) -> Probe:
        """Return the probe of a key, taking it if it is not known on this machine."""
        text = json.dumps(key | {"machine": machine()}, sort_keys=True)
        name = hashlib.sha256(text.encode()).hexdigest()[:32]
        known = self._read()
        if name in known:
            return Probe(**known[name]["probe"])
        begin = _cpu_s()
        probe = take()
        self.taken += 1
        self.cpu_s += _cpu_s() - begin
        known = self._read()  # somebody else may have written since
        known[name] = {"key": key | {"machine": machine()}, "probe": asdict(probe)}
        write_json(self.path, known)
        return probe

    def _read(self) -> dict[str, Any]:
        try:
            found = json.loads(self.path.read_text())
        except (OSError, ValueError):
            return {}
        return found if isinstance(found, dict) else {}


def _user_cache() -> Path:
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")


def machine() -> str:
    """Return a name of this kind of machine: its processor and their number."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        lines = []
    model = next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), "")
    return f"{platform.node()}, {model or platform.processor()}, {os.cpu_count()} processors"


def _cpu_s() -> float:
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used)


def _children_cpu_s() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _children_memory_MB() -> float:
    """Return the most memory that a process had which this one has waited for."""
    return resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024 / 1e6


def probe_md(
    structure: Structure,
    card: PotentialCard,
    settings: MDSettings,
    resources: Resources,
    cache: ProbeCache,
    *,
    packed: bool,
) -> Probe:
    """Time steps of molecular dynamics.

    Parameters
    ----------
    structure
        Where the run starts, or something like it: the same atoms at about the same density.
    card
        Model.
    settings
        Stage; its number of steps does not matter.
    resources
        Processors.
    cache
        Remembers.
    packed
        Whether the atoms were packed at random, so that they have to be pushed apart first.
    """
    key = {
        "engine": find_program().version,
        "model": card.fingerprint,
        "atoms": {str(element): int(count) for element, count in structure.composition.items()},
        "ensemble": [settings.ensemble, settings.cell if settings.ensemble == "npt" else ""],
        "timestep_fs": settings.timestep_fs,
        "output": [settings.thermo_every, settings.dump_every],
        "packed": packed,
        "start": "hot",
        "processors": [resources.mpi_ranks, resources.threads],
    }

    def take() -> Probe:
        with tempfile.TemporaryDirectory(prefix="anodeflow-probe-") as scratch:
            folder = Path(scratch)
            system = System.of(structure, card)
            if packed:
                system = System.of(relax(system, folder / "relax", resources, cell="fixed").structure, card)
            seed = settings.seed or len(structure)
            # at rest in its minimum, half of the kinetic energy will soon be potential energy
            hot = 2 * settings.temperature_K
            short = replace(settings, seed=seed, temperature_K=hot, final_temperature_K=settings.temperature_K)

            def run(steps: int, name: str) -> tuple[float, float]:
                before = _children_cpu_s()
                every = min(settings.dump_every, steps)
                done = run_md(system, replace(short, steps=steps, dump_every=every), folder / name, resources)
                return _children_cpu_s() - before, done.thermo.loop_time_s

            first, loop_s = run(_FIRST_STEPS, "first")
            steps = int(_WANTED_CPU_S / max(loop_s / _FIRST_STEPS, 1e-6))
            steps = max(_FIRST_STEPS * 2, min(steps, _MOST_STEPS, settings.steps * 2))
            second, _ = run(steps, "second")
            step_s = max((second - first) / (steps - _FIRST_STEPS), 1e-7)
            dump = folder / "second" / DUMP_FILE
            frames = steps // max(1, min(settings.dump_every, steps)) + 1 if settings.dump_every else 0
            frame_MB = dump.stat().st_size / 1e6 / frames if frames else 0.0
            memory_MB = _PROGRAM_MB + max(_log_memory_MB(path) for path in (folder / "second").glob("log.*"))
            if system.model.external:  # Python and its libraries are in the same process
                memory_MB = max(memory_MB, _children_memory_MB())
        return Probe("step", step_s, max(0.0, first - _FIRST_STEPS * step_s), memory_MB, frame_MB)

    return cache.get(key, take)


def probe_relaxation(structure: Structure, card: PotentialCard, cache: ProbeCache) -> Probe:
    """Time calls of a model that runs in Python, as its relaxations make them: energy, forces and stress.

    No molecular dynamics is run, since a crystal that is not relaxed yet may heat up without end in it.

    Parameters
    ----------
    structure
        Where the relaxation starts.
    card
        Model.
    cache
        Remembers.
    """
    key = {
        "engine": find_program().version,
        "model": card.fingerprint,
        "atoms": {str(element): int(count) for element, count in structure.composition.items()},
        "volume_A3": round(float(structure.volume)),
        "unit": "relaxation call",
    }

    def take() -> Probe:
        from pymatgen.io.ase import AseAtomsAdaptor

        begin = _cpu_s()
        atoms = AseAtomsAdaptor.get_atoms(structure)
        atoms.calc = card.for_relaxation().ase_calculator()
        atoms.get_forces()
        first = _cpu_s() - begin
        begin = _cpu_s()
        for number in range(1, _CALLS + 1):
            atoms.positions[number % len(atoms)] += (_MOVE_A, -_MOVE_A, _MOVE_A / 2)
            atoms.get_forces()
            atoms.get_stress()
        call_s = (_cpu_s() - begin) / _CALLS
        memory_MB = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6
        return Probe("call", call_s, max(_LEAST_START_CPU_S, first - call_s), memory_MB)

    return cache.get(key, take)


def _log_memory_MB(log: Path) -> float:
    """Return what LAMMPS says that its largest rank allocates."""
    found = re.findall(r"Per MPI rank memory allocation .* = \S+ \| \S+ \| (\S+) Mbytes", log.read_text())
    return max((float(value) for value in found), default=0.0)


def probe_calls(level: Level, band: Band, cache: ProbeCache) -> Probe:
    """Time energies and forces of a level for the first image of a band, from scratch and moved a little.

    Parameters
    ----------
    level
        Level of a ladder.
    band
        Its first image is evaluated.
    cache
        Remembers.
    """
    atoms = {symbol: band.symbols.count(symbol) for symbol in sorted(set(band.symbols))}
    cell = [[round(float(value), 2) for value in row] for row in band.cell]
    key = {"engine": level.version, "model": level.fingerprint, "atoms": atoms, "cell": cell, "unit": "kept call"}

    def take() -> Probe:
        import numpy as np

        from ..engines.images import ImageSet

        calls = 1 if level.expensive else 20
        moved = np.repeat(np.asarray(band.positions[:1], dtype=float), calls + 1, axis=0)
        for number in range(1, calls + 1):
            moved[number, number % len(band.symbols)] += (_MOVE_A, -_MOVE_A, _MOVE_A / 2)
        with tempfile.TemporaryDirectory(prefix="anodeflow-probe-") as scratch:
            with ImageSet(level.factory, band.symbols, band.cell, Path(scratch), shared=True) as images:
                begin = _cpu_s()
                images.evaluate_many(moved[:1])
                first = _cpu_s() - begin
                begin = _cpu_s()
                images.evaluate_many(moved)  # the first is known
                call_s = (_cpu_s() - begin) / calls
            kept_MB = sum(path.stat().st_size for path in Path(scratch).glob("*.npz")) / 1e6 / (calls + 1)
        memory_MB = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6
        return Probe("call", call_s, max(0.0, first - call_s), memory_MB, kept_MB)

    return cache.get(key, take)


def probe_analysis(
    structure: Structure, species: tuple[str, ...], charges: dict[str, float], frames: int, cache: ProbeCache
) -> Probe:
    """Time the real analysis of a diffusion job on a random walk with as many atoms and, up to a thousand, frames.

    Parameters
    ----------
    structure
        Its atoms walk.
    species, charges
        As in the job.
    frames
        Of the job.
    cache
        Remembers.
    """
    from .provenance import code_hashes

    frames = max(40, min(frames, _MOST_FRAMES))
    atoms = {str(element): int(count) for element, count in structure.composition.items()}
    key: dict[str, Any] = {
        "engine": code_hashes()["analysis"],
        "model": [sorted(species), sorted(charges)],
        "atoms": atoms,
    }
    key |= {"frames": frames, "unit": "frame"}

    def take() -> Probe:
        from ..workflows.diffusion.analysis import analyse_diffusion

        with tempfile.TemporaryDirectory(prefix="anodeflow-probe-") as scratch:
            for number, count in enumerate((40, frames)):  # the first compiles and imports
                run = _random_walk(structure, count, Path(scratch) / str(number))
                begin = _cpu_s()
                analyse_diffusion(run, species, charges, seed=len(structure), source="probe")
                taken_s = _cpu_s() - begin
        return Probe("frame", taken_s / frames, 0.0, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6)

    return cache.get(key, take)


def _random_walk(structure: Structure, frames: int, folder: Path) -> Any:
    """Return something that looks like a finished run with a trajectory of independent random walks."""
    import numpy as np

    from ..engines.lammps.log import COLUMNS, Thermo
    from ..engines.lammps.md import MDRun, MDSettings
    from ..structures.lammps_data import lammps_oriented

    folder.mkdir(parents=True)
    structure = lammps_oriented(structure)
    random = np.random.default_rng(len(structure))
    positions = structure.cart_coords.copy()
    (a, _, _), (xy, b, _), (xz, yz, c) = structure.lattice.matrix
    low, high = (min(0.0, xy, xz, xy + xz), min(0.0, yz)), (a + max(0.0, xy, xz, xy + xz), b + max(0.0, yz))
    box = f"{low[0]:.6f} {high[0]:.6f} {xy:.6f}\n{low[1]:.6f} {high[1]:.6f} {xz:.6f}\n0 {c:.6f} {yz:.6f}\n"
    symbols = [site.specie.symbol for site in structure]
    with (folder / DUMP_FILE).open("w") as stream:
        for frame in range(frames):
            stream.write(f"ITEM: TIMESTEP\n{frame * 50}\nITEM: NUMBER OF ATOMS\n{len(symbols)}\n")
            stream.write(f"ITEM: BOX BOUNDS xy xz yz pp pp pp\n{box}ITEM: ATOMS id element xu yu zu\n")
            rows = zip(symbols, positions, strict=True)
            stream.writelines(
                f"{number} {symbol} {x:.8f} {y:.8f} {z:.8f}\n" for number, (symbol, (x, y, z)) in enumerate(rows, 1)
            )
            positions += random.normal(scale=0.15, size=positions.shape)
    table = random.normal(size=(frames, len(COLUMNS)))
    table[:, 0] = np.arange(frames) * 50
    table[:, COLUMNS.index("temp")] += 300
    settings = MDSettings("nvt", 50 * frames, 300.0, None)
    return MDRun(folder, structure, Thermo(COLUMNS, table), folder / DUMP_FILE, settings, 1, "")
