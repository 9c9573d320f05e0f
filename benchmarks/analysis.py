"""Reading and MSD: anodeflow and other programs on the same files in one run; prints CPU seconds, memory and ratios.

    python benchmarks/analysis.py --atoms 10000 --frames 1000

Each contestant runs in a process of its own, after its imports and a warm-up on a small file. CPU is user and system
time of the task; memory is the peak above what was there before the task began. Programs that are not installed are
left out: MDAnalysis, ase and pymatgen come with anodeflow; chemfiles, ovito and tidynamics are extra.
"""

# ruff: noqa: D103, UP031 - each function is what its name says; % is the fast way to write a dump
from __future__ import annotations

import argparse
import importlib.util
import json
import os
import subprocess
import sys
import tempfile
import time
import warnings
from pathlib import Path

import numpy as np

warnings.simplefilter("ignore")


def write_dump(path: Path, atoms: int, frames: int, seed: int = 0) -> None:
    """Write a random walk of two elements in a tilted cell, ids in random order, six digits."""
    rng = np.random.default_rng(seed)
    side = (atoms / 0.05) ** (1 / 3)
    positions = rng.random((atoms, 3)) * side
    tilt = 0.25 * side
    box = f"ITEM: BOX BOUNDS xy xz yz pp pp pp\n0 {side + tilt:.8f} {tilt:.8f}\n0 {side:.8f} 0\n0 {side:.8f} 0\n"
    with path.open("w") as stream:
        for frame in range(frames):
            positions += rng.normal(0, 0.1, (atoms, 3))
            order = rng.permutation(atoms)
            columns = (order + 1, np.where(order % 3, 1, 2), *positions[order].T)
            rows = zip(*(column.tolist() for column in columns), strict=True)
            stream.write(f"ITEM: TIMESTEP\n{frame * 100}\nITEM: NUMBER OF ATOMS\n{atoms}\n{box}")
            stream.write("ITEM: ATOMS id type xu yu zu\n" + "".join("%d %d %g %g %g \n" % row for row in rows))


# ------------------------------------------------------------------ text dump to arrays


def read_anodeflow(path: str) -> float:
    from anodeflow.analysis.reading.lammps_dump import LammpsDump

    return sum(float(frame.positions[0, 0]) for frame in LammpsDump(path).frames())


def read_anodeflow_in_mdanalysis(path: str) -> float:
    from anodeflow.analysis.reading.mda_reader import LammpsTextReader

    return sum(float(ts.positions[0, 0]) for ts in LammpsTextReader(path, cache=False))


def read_mdanalysis(path: str) -> float:
    from MDAnalysis.coordinates.LAMMPS import DumpReader

    return sum(float(ts.positions[0, 0]) for ts in DumpReader(path, lammps_coordinate_convention="unwrapped"))


def read_ase(path: str) -> float:
    from ase.io.lammpsrun import read_lammps_dump_text

    with Path(path).open() as stream:
        return sum(float(atoms.positions[0, 0]) for atoms in read_lammps_dump_text(stream, index=slice(None)))


def read_pymatgen(path: str) -> float:
    from pymatgen.io.lammps.outputs import parse_lammps_dumps

    return sum(
        float(dump.data.sort_values("id")[["xu", "yu", "zu"]].to_numpy()[0, 0]) for dump in parse_lammps_dumps(path)
    )


def read_chemfiles(path: str) -> float:
    import chemfiles

    chemfiles.set_warnings_callback(lambda message: None)
    with chemfiles.Trajectory(path, "r", "LAMMPS") as trajectory:
        return sum(float(frame.positions[0, 0]) for frame in trajectory)


def read_ovito(path: str) -> float:
    from ovito.io import import_file

    pipeline = import_file(path, sort_particles=True)
    return sum(float(pipeline.compute(i).particles.positions[0, 0]) for i in range(pipeline.source.num_frames))


# ------------------------------------------------------------------ second read


def again_anodeflow(path: str) -> float:
    from anodeflow.analysis.reading.mda_reader import LammpsTextReader

    return sum(float(ts.positions[0, 0]) for ts in LammpsTextReader(path))


def again_dcd(path: str) -> float:
    from MDAnalysis.coordinates.DCD import DCDReader

    return sum(float(ts.positions[0, 0]) for ts in DCDReader(path + ".dcd"))


def prepare_again(path: str) -> None:
    """Leave the cache and a DCD of the same frames beside the dump."""
    import MDAnalysis
    from anodeflow.analysis.reading import dump_cache
    from anodeflow.analysis.reading.mda_reader import LammpsTextReader

    dump_cache._WORTH_IT = 0
    again_anodeflow(path)
    reader = LammpsTextReader(path)
    universe = MDAnalysis.Universe.empty(reader.n_atoms, trajectory=True)
    with MDAnalysis.Writer(path + ".dcd", n_atoms=reader.n_atoms) as writer:
        for ts in reader:
            universe.atoms.positions = ts.positions
            universe.trajectory.ts.dimensions = ts.dimensions
            writer.write(universe.atoms)


# ------------------------------------------------------------------ mean squared displacement


def walk(atoms: int = 2000, frames: int = 2000) -> np.ndarray:
    return np.cumsum(np.random.default_rng(1).normal(0, 0.1, (frames, atoms, 3)), axis=0)


def msd_anodeflow(positions: np.ndarray) -> float:
    from anodeflow.analysis.transport.msd import mean_squared_displacement

    return float(mean_squared_displacement(positions)[-10])


def msd_mdanalysis(positions: np.ndarray) -> float:
    import MDAnalysis
    from MDAnalysis.analysis.msd import EinsteinMSD
    from MDAnalysis.coordinates.memory import MemoryReader

    universe = MDAnalysis.Universe.empty(positions.shape[1], trajectory=False)
    universe.load_new(positions, format=MemoryReader)
    return float(EinsteinMSD(universe, fft=True).run().results.timeseries[-10])


def msd_tidynamics(positions: np.ndarray) -> float:
    import tidynamics

    total = sum(tidynamics.msd(positions[:, i]) for i in range(positions.shape[1]))
    return float(total[-10] / positions.shape[1])


def msd_freud(positions: np.ndarray) -> float:
    import freud

    box = freud.box.Box.cube(1e6)
    return float(freud.msd.MSD(box, mode="window").compute(positions).msd[-10])


# ------------------------------------------------------------------ dump on disk to D


def d_anodeflow(path: str) -> float:
    from anodeflow.analysis.transport.diffusion import tracer_diffusivity
    from anodeflow.analysis.transport.walk_stream import stream_walk

    walked = stream_walk(path, "1", timestep_fs=1.0, drift=None)
    interval = float(walked.time_ps[1] - walked.time_ps[0])
    return tracer_diffusivity(walked.displacements, time_step_ps=interval, species="1").quantity.value or 0.0


def d_mdanalysis(path: str) -> float:
    import MDAnalysis
    from MDAnalysis.analysis.msd import EinsteinMSD
    from scipy.stats import linregress

    universe = MDAnalysis.Universe(
        path, format="LAMMPSDUMP", topology_format="LAMMPSDUMP", lammps_coordinate_convention="unwrapped"
    )
    msd = EinsteinMSD(universe, select="type 1", fft=True).run().results.timeseries
    lag = np.arange(len(msd)) * 0.1
    part = slice(len(msd) // 10, len(msd) // 2)
    return float(linregress(lag[part], msd[part]).slope / 6 * 1e-4)


def d_pymatgen(path: str) -> float:
    from pymatgen.analysis.diffusion.analyzer import DiffusionAnalyzer
    from pymatgen.core import Structure
    from pymatgen.io.lammps.outputs import parse_lammps_dumps

    structures = []
    for dump in parse_lammps_dumps(path):
        table = dump.data.sort_values("id")
        names = ["Li" if kind == 1 else "Si" for kind in table["type"]]
        places = table[["xu", "yu", "zu"]].to_numpy()
        structures.append(Structure(dump.box.to_lattice(), names, places, coords_are_cartesian=True))
    analyzer = DiffusionAnalyzer.from_structures(structures, "Li", 300, 1.0, 100, smoothed=False)
    return float(analyzer.diffusivity)


def d_gemdat(path: str) -> float:
    from ase import Atoms
    from ase.io.lammpsdata import write_lammps_data
    from gemdat import Trajectory

    # GEMDAT wants a data file beside the dump: of the atoms' numbers, it takes elements from it
    with Path(path).open() as stream:
        head = [next(stream) for _ in range(9)]
        rows = sorted((next(stream).split() for _ in range(int(head[3]))), key=lambda row: int(row[0]))
    side, tilt = float(head[6].split()[1]), float(head[5].split()[2])
    cell = [[side, 0, 0], [tilt, side, 0], [0, 0, side]]
    names = ["Li" if row[1] == "1" else "Si" for row in rows]
    atoms = Atoms(names, positions=[[float(word) for word in row[2:5]] for row in rows], cell=cell, pbc=True)
    write_lammps_data(path + ".data", atoms, specorder=["Li", "Si"], masses=True)
    trajectory = Trajectory.from_lammps(
        coords_file=path, data_file=path + ".data", temperature=300, time_step=0.1, coords_format="LAMMPSDUMP",
        type_mapping={"1": "Li", "2": "Si"}, cache=path + ".gemdat",
    )  # fmt: skip
    return float(trajectory.filter("Li").metrics().tracer_diffusivity(dimensions=3))


def d_ovito(path: str) -> float:
    from ovito.io import import_file
    from ovito.modifiers import CalculateDisplacementsModifier, SelectTypeModifier
    from scipy.stats import linregress

    pipeline = import_file(path, sort_particles=True)
    pipeline.modifiers.append(SelectTypeModifier(types={1}))
    # the least that can be done: displacements from the first frame only
    pipeline.modifiers.append(CalculateDisplacementsModifier(reference_frame=0))
    frames = pipeline.source.num_frames
    msd = []
    for i in range(frames):
        particles = pipeline.compute(i).particles
        moved = particles["Displacement"][...][particles["Selection"][...] == 1]
        msd.append(float((moved**2).sum(axis=1).mean()))
    part = slice(frames // 10, frames // 2)
    return float(linregress(np.arange(frames)[part] * 0.1, np.array(msd)[part]).slope / 6 * 1e-4)


def d_ovito_windowed(path: str) -> float:
    from ovito.io import import_file
    from ovito.modifiers import DiffusionModifier, SelectTypeModifier

    pipeline = import_file(path, sort_particles=True)
    pipeline.modifiers.append(SelectTypeModifier(types={1}))
    pipeline.modifiers.append(DiffusionModifier(only_selected=True, timestep=0.1))  # its defaults: windowed
    return float(pipeline.compute().attributes["Diffusion.D"]) * 1e-4


def d_kinisi_mdanalysis(path: str) -> float:
    import MDAnalysis
    from anodeflow.analysis.transport.second_opinion import kinisi_diffusivity

    universe = MDAnalysis.Universe(
        path, format="LAMMPSDUMP", topology_format="LAMMPSDUMP", lammps_coordinate_convention="unwrapped"
    )
    ions = universe.select_atoms("type 1")
    positions = np.array([ions.positions for _ in universe.trajectory])
    return kinisi_diffusivity(positions, time_step_ps=0.1, window_start_ps=0.1, seed=1).value or 0.0


def d_kinisi(path: str) -> float:
    from anodeflow.analysis.reading.trajectory import read_trajectory
    from anodeflow.analysis.transport.second_opinion import kinisi_diffusivity

    # read by anodeflow, for comparison: MDAnalysis is what kinisi would read the file with
    t = read_trajectory(path, timestep_fs=1.0)
    positions = t.positions[:, t.indices("1")]
    return kinisi_diffusivity(positions, time_step_ps=t.interval_ps, window_start_ps=0.1, seed=1).value or 0.0


# ------------------------------------------------------------------ long dumps


def write_long(source: Path, path: Path, gigabytes: float) -> None:
    """Repeat the frames of a dump with new steps until the file is long enough."""
    text = source.read_bytes()
    frames = text.split(b"ITEM: TIMESTEP\n")[1:]
    bodies = [frame.partition(b"\n")[2] for frame in frames]
    step = 0
    with path.open("wb", buffering=1 << 22) as stream:
        while stream.tell() < gigabytes * 1e9:
            for body in bodies:
                stream.write(b"ITEM: TIMESTEP\n%d\n" % step)
                stream.write(body)
                step += 100


def long_pass(path: str) -> float:
    from anodeflow.analysis.reading.stream import DumpStream

    last = None
    for frame in DumpStream(path, timestep_fs=1.0):
        last = frame
    assert last is not None
    return float(last.positions[0, 0])


def long_msd(path: str) -> float:
    from anodeflow.analysis.reading import dump_cache
    from anodeflow.analysis.transport.msd_stream import stream_msd

    dump_cache._WORTH_IT = 0
    return float(stream_msd(path, "1", timestep_fs=1.0, drift=None).msd_A2[1])


LONG = {
    "long dump": {
        "first pass, leaves a cache": (long_pass, "anodeflow"),
        "second pass": (long_pass, "anodeflow"),
        "MSD at every lag": (long_msd, "anodeflow"),
    }
}

TASKS = {
    "text dump to arrays": {
        "anodeflow": (read_anodeflow, "anodeflow"),
        "anodeflow in MDAnalysis": (read_anodeflow_in_mdanalysis, "MDAnalysis"),
        "MDAnalysis": (read_mdanalysis, "MDAnalysis"),
        "ase": (read_ase, "ase"),
        "pymatgen": (read_pymatgen, "pymatgen"),
        "chemfiles": (read_chemfiles, "chemfiles"),
        "ovito": (read_ovito, "ovito"),
    },
    "second read": {"anodeflow cache": (again_anodeflow, "anodeflow"), "MDAnalysis DCD": (again_dcd, "MDAnalysis")},
    "MSD, 2,000 atoms × 2,000 frames": {
        "anodeflow": (msd_anodeflow, "anodeflow"),
        "MDAnalysis": (msd_mdanalysis, "tidynamics"),
        "tidynamics": (msd_tidynamics, "tidynamics"),
        "freud": (msd_freud, "freud"),
    },
    "dump on disk to D": {
        "anodeflow": (d_anodeflow, "anodeflow"),
        "MDAnalysis + linregress": (d_mdanalysis, "tidynamics"),
        "pymatgen-analysis-diffusion": (d_pymatgen, "pymatgen.analysis.diffusion"),
        "GEMDAT, end point": (d_gemdat, "gemdat"),
        "kinisi": (d_kinisi_mdanalysis, "kinisi"),
        "kinisi, read by anodeflow": (d_kinisi, "kinisi"),
        "ovito, DiffusionModifier": (d_ovito_windowed, "ovito"),
        "ovito, one origin": (d_ovito, "ovito"),
    },
}


def peak_MB() -> float:
    """Return the peak of resident memory since `forget_peak`, in MB."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM"))


def forget_peak() -> float:
    """Set the peak of resident memory back to what is resident now, and return that in MB."""
    Path("/proc/self/clear_refs").write_text("5")
    return peak_MB()


def one(task: str, name: str, path: str, small: str) -> None:
    """Run one contestant and print its figures as JSON."""
    function, _ = {**TASKS, **LONG}[task][name]
    if task.startswith("MSD"):
        function(walk(8, 64))
        data: object = walk()
    else:
        function(small)
        data = path
    before = forget_peak()
    start = time.process_time()
    result = function(data)  # type: ignore[arg-type]  # an array for one task, a path for the others
    cpu = time.process_time() - start
    print(json.dumps({"cpu_s": cpu, "extra_MB": peak_MB() - before, "result": result}))


def main() -> None:
    """Write the files, run everybody, print the table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--atoms", type=int, default=10_000)
    parser.add_argument("--frames", type=int, default=200)
    parser.add_argument("--dir", type=Path, default=None)
    parser.add_argument("--task", default="", help="only tasks whose name holds this")
    parser.add_argument("--long", type=float, default=0.0, metavar="GB", help="a dump so long, instead of the rest")
    parser.add_argument("--one", nargs=4, metavar=("TASK", "NAME", "FILE", "SMALL"))
    arguments = parser.parse_args()
    if arguments.one:
        one(*arguments.one)
        return
    with tempfile.TemporaryDirectory(dir=arguments.dir) as folder:
        path, small = Path(folder) / "run.lammpstrj", Path(folder) / "small.lammpstrj"
        write_dump(path, arguments.atoms, arguments.frames)
        write_dump(small, 30, 40)
        size = path.stat().st_size / 1e6
        print(f"{arguments.atoms} atoms × {arguments.frames} frames, {size:.0f} MB of text")
        if arguments.long:
            write_long(path, Path(folder) / "long.lammpstrj", arguments.long)
            path = Path(folder) / "long.lammpstrj"
            print(f"repeated to {path.stat().st_size / 1e9:.1f} GB")
        for task, contestants in (LONG if arguments.long else TASKS).items():
            if arguments.task not in task:
                continue
            if task == "second read":
                for each in (path, small):
                    prepare_again(str(each))
            if task.startswith("dump on disk"):
                for left in Path(folder).glob(".*anodeflow*"):
                    left.unlink()  # from text, not from a cache
            print(f"\n{task}")
            first = None
            for name, (_, module) in contestants.items():
                if importlib.util.find_spec(module) is None:
                    print(f"  {name:26s} not installed")
                    continue
                command = [sys.executable, __file__, "--one", task, name, str(path), str(small)]
                quiet = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONWARNINGS": "ignore"}
                done = subprocess.run(command, capture_output=True, text=True, env=quiet, check=False)
                if done.returncode:
                    print(f"  {name:26s} failed: {done.stderr.strip().splitlines()[-1][:100]}")
                    continue
                found = json.loads(done.stdout.strip().splitlines()[-1])
                first = first or found["cpu_s"]
                ratio = found["cpu_s"] / first
                figures = f"{found['cpu_s']:9.3f} s CPU  {ratio:7.2f} ×  {found['extra_MB']:8.1f} MB"
                print(f"  {name:26s} {figures}  {found['result']:.6g}", flush=True)


if __name__ == "__main__":
    main()
