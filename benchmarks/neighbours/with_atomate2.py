"""atomate2's column: ``python with_atomate2.py CASE WORK``; LAMMPS' ``lmp`` has to be on PATH."""

from __future__ import annotations

import gzip
import os
import re
import signal
import subprocess
import sys
import time
import warnings
from pathlib import Path

warnings.filterwarnings("ignore")


def force_field(case: Path, kind: str) -> str | dict[str, object]:
    """Return the MEAM as LAMMPS text, or as the dictionary with and without its list of species."""
    coefficients = f"* * {case}/library.meam Li Si {case}/alloy.meam Li Si"
    if kind == "text":
        return f"pair_style meam\npair_coeff {coefficients}\n"
    species = {"species": ["Li", "Si"]} if kind == "species" else {}
    return {"pair_style": "meam", "pair_coeff": coefficients, **species}


def child(what: str, case: Path, kind: str, steps: int) -> None:
    """Build a Flow and run it with jobflow's runner in the current folder; files are the only store."""
    from atomate2.lammps.flows.core import MeltQuenchThermalizeMaker
    from atomate2.lammps.jobs.core import LammpsNPTMaker, LammpsNVTMaker
    from atomate2.lammps.sets.core import LammpsNPTSet, LammpsNVTSet
    from jobflow import Flow, JobStore, run_locally
    from maggma.stores import JSONStore
    from pymatgen.core import Structure

    structure = Structure.from_file(case / "lisi.vasp")
    common = {"start_temp": 900.0, "end_temp": 900.0, "nsteps": steps, "traj_interval": 20, "log_interval": 20}
    if what == "glass":
        npt = LammpsNPTMaker(input_set_generator=LammpsNPTSet(settings=common), force_field=force_field(case, kind))
        flow = MeltQuenchThermalizeMaker.from_temperature_steps(
            npt, start_temperature=300, melt_temperature=1800, n_steps_melt=steps, n_steps_quench=steps,
            n_steps_thermalize=steps,
        ).make(structure)  # fmt: skip
    else:
        nvt = LammpsNVTMaker(input_set_generator=LammpsNVTSet(settings=common), force_field=force_field(case, kind))
        flow = Flow([nvt.make(structure) for _ in range(2 if what == "two" else 1)])
    store = JobStore(
        JSONStore("jobs.json", read_only=False), additional_stores={"data": JSONStore("data.json", read_only=False)}
    )
    run_locally(flow, store=store, create_folders=True, root_dir=".", ensure_success=True, log=False)


def band(case: Path) -> None:
    """Relax both ends of the hop and the band between them with EMT, and print barrier and state."""
    from ase.calculators.emt import EMT
    from ase.mep.neb import interpolate
    from ase.optimize import BFGS
    from atomate2.ase.neb import EmtNebFromImagesMaker
    from jobflow import JobStore, run_locally
    from maggma.stores import MemoryStore
    from pymatgen.core import Structure
    from pymatgen.io.ase import AseAtomsAdaptor

    ends = [AseAtomsAdaptor.get_atoms(Structure.from_file(case / f"hop_{name}.vasp")) for name in ("first", "last")]
    for atoms in ends:
        atoms.calc = EMT()
        BFGS(atoms, logfile=None).run(fmax=0.02)
    images = [ends[0], *[ends[0].copy() for _ in range(3)], ends[1]]
    interpolate(images, mic=True)
    job = EmtNebFromImagesMaker(
        relax_kwargs={"fmax": 0.03}, neb_kwargs={"climb": True, "method": "improvedtangent"}
    ).make([AseAtomsAdaptor.get_structure(atoms) for atoms in images])
    store = JobStore(MemoryStore(), additional_stores={"data": MemoryStore()})
    output = run_locally(job, store=store, log=False, ensure_success=True)[job.uuid][1].output
    print("NEB: state", output.state, "barrier", output.forward_barrier, "eV; tags", output.tags)


def start(folder: Path, *arguments: str, seed: str = "0") -> subprocess.Popen[bytes]:
    """Start `child` in a folder of its own, in a session of its own."""
    folder.mkdir(parents=True, exist_ok=True)
    return subprocess.Popen(
        [sys.executable, str(Path(__file__).resolve()), "child", *arguments], cwd=folder, start_new_session=True,
        env=os.environ | {"PYTHONHASHSEED": seed}, stdout=(folder / "out.log").open("ab"), stderr=subprocess.STDOUT,
    )  # fmt: skip


def text(folder: Path, name: str) -> str:
    """Return a file that atomate2 may have compressed."""
    plain = folder / name
    return plain.read_text() if plain.exists() else gzip.open(f"{plain}.gz", "rt").read()


def elements(folder: Path) -> tuple[int, int]:
    """Return how many atoms of the first frame have the element of the data file, and how many there are."""
    data = text(folder, "input.data")
    masses = dict(re.findall(r"^\s*(\d+)\s+(\d+\.\d+)", data.split("Masses")[1].split("Atoms")[0], re.M))
    element = {kind: "Li" if float(mass) < 10 else "Si" for kind, mass in masses.items()}
    rows = [line.split() for line in data.split("Atoms")[1].splitlines()[2:] if len(line.split()) >= 5]
    expected = {row[0]: element[row[1]] for row in rows}
    lines = text(folder, "traj.dump").splitlines()
    frame = [line.split()[:2] for line in lines[9 : 9 + len(expected)]]
    return sum(expected[index] == symbol for index, symbol in frame), len(expected)


def main(case: Path, work: Path) -> None:
    """Run all rows."""
    for kind in ("text", "dict", "species"):
        for seed in "012":
            folder = work / f"hash-{kind}-{seed}"
            start(folder, "one", str(case), kind, "40", seed=seed).wait()
            (job,) = folder.glob("job_*")
            print(f"elements, force field as {kind}, PYTHONHASHSEED={seed}: %d of %d right" % elements(job), flush=True)
    folder = work / "kill"
    process = start(folder, "two", str(case), "species", "12000")
    while process.poll() is None:
        dumps = list(folder.glob("job_*/traj.dump"))
        if dumps and dumps[0].read_text().count("TIMESTEP") > 300:
            os.killpg(process.pid, signal.SIGKILL)
            print("SIGKILL half-way through the first of two jobs")
            break
        time.sleep(0.05)
    process.wait()
    for attempt in ("after the kill", "again, all finished"):
        before = set(folder.glob("job_*"))
        print("exit", start(folder, "two", str(case), "species", "12000").wait(), attempt)
        for new in sorted(set(folder.glob("job_*")) - before):
            steps = re.findall(r"TIMESTEP\n(\d+)", text(new, "traj.dump"))
            log = (new / "log.lammps.gz").stat()
            print(f"  new folder {new.name}: steps {steps[0]}..{steps[-1]}, ended {log.st_mtime:.0f}", flush=True)
    folder = work / "glass"
    code = start(folder, "glass", str(case), "species", "1500").wait()
    print("melt-quench: exit", code, "folders", len(list(folder.glob("job_*"))))
    print((folder / "out.log").read_text()[-1500:] if code else "")
    for job in sorted(folder.glob("job_*")):
        script = text(job, "in.lammps")
        print("  ", [line for line in script.splitlines() if re.match(r"\s*(read_|velocity|fix)", line)])


if __name__ == "__main__":
    if sys.argv[1] == "band":
        band(Path(sys.argv[2]).resolve())
    elif sys.argv[1] == "child":
        child(sys.argv[2], Path(sys.argv[3]), sys.argv[4], int(sys.argv[5]))
    else:
        main(Path(sys.argv[1]).resolve(), Path(sys.argv[2]).resolve())
