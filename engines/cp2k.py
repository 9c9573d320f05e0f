"""Density-functional levels through CP2K: Gaussians and plane waves, GTH pseudopotentials, PBE.

The program is the system's ``cp2k_shell`` (Debian: ``cp2k`` and ``cp2k-data``), which ASE talks to. CP2K 2023.1 goes on
with a density that did not converge and only warns of it in its output, so that is read after every evaluation.
"""

from __future__ import annotations

import functools
import os
import re
import shutil
import subprocess
import warnings
from dataclasses import dataclass
from functools import cache
from itertools import product
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import numpy as np
from ase.calculators.calculator import Calculator, all_changes, kpts2sizeandoffsets
from ase.units import Rydberg, kB

from ..errors import EngineError, InputError
from .handled import SCF, Handled, ScfError, record_handled

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ase import Atoms

    from .images import CalculatorFactory

SHELL_VARIABLE = "ANODEFLOW_CP2K"
_DATA_FOLDERS = ("/usr/share/cp2k",)
_NOT_CONVERGED = "SCF run NOT converged"
_ABORT = re.compile(r"\[ABORT\].*?\n(.*?)\n \*{20}", re.DOTALL)


class MissingCp2kError(EngineError):
    """CP2K is not installed."""


@dataclass(frozen=True)
class Cp2kProtocol:
    """Settings of a level, and what they cost.

    Attributes
    ----------
    name
        Name of the level.
    cutoff_Ry
        Plane-wave cut-off of the density's finest grid.
    k_spacing_per_A
        Largest distance of k-points along a reciprocal vector (2 π included), Γ-centred.
    smearing_eV
        Width of the Fermi-Dirac occupation.
    scf_tolerance
        EPS_SCF.
    basis
        Set of Gaussians, from CP2K's BASIS_MOLOPT.
    cost
        What to expect, measured.
    empty_bands
        Empty orbitals for each atom, which smearing needs.
    iterations
        Most iterations of the density.
    """

    name: str
    cutoff_Ry: float
    k_spacing_per_A: float
    smearing_eV: float
    scf_tolerance: float
    basis: str
    cost: str
    empty_bands: int = 2
    iterations: int = 60

    def settings(self) -> dict[str, Any]:
        """Return the settings as plain JSON types, for documents."""
        return {
            "program": "CP2K",
            "xc": "PBE",
            "basis": self.basis,
            "pseudopotentials": "GTH-PBE",
            "density_cutoff_Ry": self.cutoff_Ry,
            "k_spacing_per_A": self.k_spacing_per_A,
            "smearing_eV": self.smearing_eV,
            "scf_tolerance": self.scf_tolerance,
        }


CP2K_PROTOCOLS = {
    protocol.name: protocol
    for protocol in (
        Cp2kProtocol(
            "cp2k-fast", 200.0, 0.60, 0.05, 1e-5, "DZVP-MOLOPT-SR-GTH", "about 8 s of a core a force call for 8 atoms"
        ),
        Cp2kProtocol("cp2k-moderate", 400.0, 0.40, 0.05, 1e-6, "DZVP-MOLOPT-SR-GTH", "minutes of a core a force call"),
    )
}
"""The levels by name."""


def cp2k_installed() -> bool:
    """Whether CP2K's shell is there."""
    return _shell() is not None


def cp2k_version() -> str:
    """Return CP2K's version.

    Raises
    ------
    MissingCp2kError
        If it is not installed.
    """
    return _version(_need_shell())


@cache
def _version(shell: str) -> str:
    program = str(Path(shell).with_name(Path(shell).name.replace("_shell", "")))
    answer = subprocess.run([program, "--version"], capture_output=True, text=True, check=False)
    found = re.search(r"CP2K version (\S+)", answer.stdout)
    return found[1] if found else "unknown"


def cp2k_factory(name: str) -> CalculatorFactory:
    """Return what makes calculators of a level; it may be sent to other processes.

    Raises
    ------
    InputError
        If there is no such level.
    MissingCp2kError
        If CP2K is not installed.
    """
    if name not in CP2K_PROTOCOLS:
        raise InputError(
            f"no CP2K level is called '{name}'", where="levels", remedy=f"There are: {', '.join(CP2K_PROTOCOLS)}."
        )
    _need_shell()
    return functools.partial(cp2k_calculator, CP2K_PROTOCOLS[name])


def cp2k_calculator(protocol: Cp2kProtocol, folder: Path) -> Cp2kCalculator:
    """Return a calculator of a level whose files go into `folder`."""
    return Cp2kCalculator(protocol, folder)


def cp2k_elements(basis: str = "DZVP-MOLOPT-SR-GTH") -> tuple[str, ...]:
    """Return the elements of a set of Gaussians in CP2K's data folder; empty where there is none."""
    named = os.environ.get("CP2K_DATA_DIR")
    for folder in filter(None, (named, *_DATA_FOLDERS)):
        path = Path(folder) / "BASIS_MOLOPT"
        if path.is_file():
            text = path.read_text(errors="replace")
            return tuple(sorted(set(re.findall(rf"^\s*([A-Z][a-z]?)\s+{re.escape(basis)}\b", text, re.MULTILINE))))
    return ()


def kpoint_list(mesh: tuple[int, ...]) -> list[tuple[tuple[float, float, float], float]]:
    """Return a mesh centred at Γ as points with weights, of k and −k one each.

    CP2K's own schemes leave Γ out of even meshes, and its scheme GAMMA is that one point whatever numbers follow.

    Parameters
    ----------
    mesh
        Points along each reciprocal vector.
    """
    steps = [range(-((count - 1) // 2), count // 2 + 1) for count in mesh]
    found: dict[tuple[int, ...], int] = {}
    for point in product(*steps):
        opposite = tuple(-step if 2 * step != count else step for step, count in zip(point, mesh, strict=True))
        key = max(tuple(point), opposite)
        found[key] = found.get(key, 0) + 1
    whole = float(np.prod(mesh))
    return [
        ((key[0] / mesh[0], key[1] / mesh[1], key[2] / mesh[2]), count / whole) for key, count in sorted(found.items())
    ]


class Cp2kCalculator(Calculator):
    """CP2K behind the same door as GPAW: energy and forces, retries of a density that does not converge.

    One calculator belongs to one image and keeps one process, so that an image moved a little starts from its last
    density. Retries mix more slowly and iterate for longer, neither of which changes the answer; ``handled.json`` in
    `folder` says so.

    Parameters
    ----------
    protocol
        Settings.
    folder
        For ``cp2k.out`` and the program's other files.
    """

    implemented_properties: list[str] = ["energy", "free_energy", "forces"]  # noqa: RUF012 - declared so by ASE

    def __init__(self, protocol: Cp2kProtocol, folder: Path) -> None:
        super().__init__()
        self.protocol, self.folder = protocol, Path(folder)
        self.starts = 0
        self.slower = 0
        self._inside: Any = None
        self._short: TemporaryDirectory[str] | None = None
        self._mesh: tuple[int, ...] | None = None

    def keep_sampling(self, atoms: Atoms) -> None:
        """Keep the mesh of k-points of `atoms` for all cells: energies of one crystal at many volumes need the same."""
        self._mesh = self._mesh_for(atoms)

    def _mesh_for(self, atoms: Atoms) -> tuple[int, ...]:
        size, _ = kpts2sizeandoffsets(density=1 / self.protocol.k_spacing_per_A, gamma=True, atoms=atoms)
        return tuple(int(count) for count in size)

    def calculate(
        self, atoms: Atoms | None = None, properties: Any = ("energy",), system_changes: Any = all_changes
    ) -> None:
        """Evaluate energy and forces together; an energy of a density that did not converge is never returned."""
        super().calculate(atoms, properties, system_changes)
        assert self.atoms is not None
        if self._inside is None or set(system_changes) & {"cell", "numbers", "pbc"}:
            self._start()
        while True:
            before = self._output().count(_NOT_CONVERGED)
            try:
                results = {
                    "energy": float(self._inside.get_potential_energy(self.atoms)),
                    "forces": np.array(self._inside.get_forces(self.atoms), dtype=float),
                }
            except Exception as error:
                self.close()
                raise self._explained(error) from error
            if self._output().count(_NOT_CONVERGED) == before:
                self.results = results | {"free_energy": results["energy"]}
                return
            self._slow_down()
            self._start()

    def close(self) -> None:
        """End the program's process."""
        if self._inside is not None:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                self._inside.close()
            self._inside = None
        if self._short is not None:
            self._short.cleanup()
            self._short = None

    def _slow_down(self) -> None:
        said = f"{_NOT_CONVERGED} in {self._iterations()} iterations"
        if self.slower >= SCF.tries:
            self.close()
            raise ScfError(
                f"the density did not converge in {SCF.tries + 1} tries: {said}",
                where=f"{self.folder.parent.name}/{self.folder.name}/{self._label()}.out",
                remedy="Take a better start or a wider smearing; what was computed before is kept.",
            )
        self.slower += 1
        changed = f"mixing of {self._mixing():g}, at most {self._iterations()} iterations, from a fresh density"
        record_handled(self.folder, Handled(SCF.name, said, changed, self.slower))

    def _mixing(self) -> float:
        return float(0.4 / 2**self.slower)

    def _iterations(self) -> int:
        return int(self.protocol.iterations * 4**self.slower)

    def _label(self) -> str:
        return "cp2k" if self.starts <= 1 else f"cp2k-{self.starts}"

    def _output(self) -> str:
        path = self.folder / f"{self._label()}.out"
        return path.read_text(errors="replace") if path.exists() else ""

    def _explained(self, error: Exception) -> EngineError:
        """Return what CP2K itself said before it stopped."""
        where = f"{self.folder.parent.name}/{self.folder.name}/{self._label()}.out"
        return explain_abort(self._output(), where) or EngineError(
            f"CP2K stopped: {type(error).__name__}: {error}", where=where
        )

    def _start(self) -> None:
        from ase.calculators.cp2k import CP2K

        assert self.atoms is not None
        self.close()
        self.starts += 1
        self.folder.mkdir(parents=True, exist_ok=True)
        (self.folder / f"{self._label()}.out").unlink(missing_ok=True)
        self._short = TemporaryDirectory(prefix="cp2k-")  # CP2K cuts names of files after 80 characters
        link = Path(self._short.name) / "to"
        link.symlink_to(self.folder.resolve())
        protocol = self.protocol
        points = "\n".join(
            f"      KPOINT {x:.10f} {y:.10f} {z:.10f} {weight:.10f}"
            for (x, y, z), weight in kpoint_list(self._mesh or self._mesh_for(self.atoms))
        )
        self._inside = CP2K(
            command=_need_shell(),
            directory=str(link),
            label=self._label(),
            xc="PBE",
            basis_set=protocol.basis,
            basis_set_file="BASIS_MOLOPT",
            pseudo_potential="GTH-PBE",
            potential_file="GTH_POTENTIALS",
            cutoff=protocol.cutoff_Ry * Rydberg,
            max_scf=self._iterations(),
            stress_tensor=False,
            print_level="LOW",
            inp=f"""
&FORCE_EVAL
  &DFT
    &KPOINTS
      SCHEME GENERAL
      UNITS B_VECTOR
{points}
    &END KPOINTS
    &SCF
      EPS_SCF {protocol.scf_tolerance:g}
      ADDED_MOS {protocol.empty_bands * len(self.atoms)}
      &SMEAR ON
        METHOD FERMI_DIRAC
        ELECTRONIC_TEMPERATURE [K] {protocol.smearing_eV / kB:.4f}
      &END SMEAR
      &MIXING
        METHOD BROYDEN_MIXING
        ALPHA {self._mixing():g}
      &END MIXING
    &END SCF
  &END DFT
&END FORCE_EVAL
""",
        )


def explain_abort(output: str, where: str = "") -> EngineError | None:
    """Return what an output of CP2K says about why it stopped, or None where it says nothing.

    Parameters
    ----------
    output
        Text of the output.
    where
        File that it is from.
    """
    found = _ABORT.search(output)
    if found is None:
        return None
    # the box has a drawing of a man at its left, and stars at its right
    lines = [re.sub(r"^ \*\s+(\\___/|\||O/\||/\| \||/ \\)?", "", line).rstrip(" *") for line in found[1].splitlines()]
    said = " ".join(" ".join(lines).split())
    said = re.sub(r"\s\S+\.F:\d+$", "", said).rstrip(".")
    missing = re.search(r"(basis set|potential) <([^>]+)> for element <([^>]+)>", said)
    if missing:
        kind, name, element = missing.groups()
        return EngineError(
            f"CP2K has no {kind} {name} of {element}",
            where=where,
            remedy="Take another level, or a data folder (CP2K_DATA_DIR) that holds it.",
        )
    return EngineError(f"CP2K stopped: {said}", where=where)


def check_cp2k_elements(symbols: Iterable[str], basis: str) -> None:
    """Raise InputError if CP2K's data is there and holds no Gaussians of an element."""
    there = cp2k_elements(basis)
    missing = sorted(set(symbols) - set(there)) if there else []
    if missing:
        raise InputError(
            f"CP2K has no basis set {basis} of {', '.join(missing)}", where="levels", remedy="Take another level."
        )


def _shell() -> str | None:
    return shutil.which(os.environ.get(SHELL_VARIABLE) or "cp2k_shell")


def _need_shell() -> str:
    shell = _shell()
    if shell is None:
        named = os.environ.get(SHELL_VARIABLE)
        raise MissingCp2kError(
            f"CP2K is not installed: there is no {named or 'cp2k_shell'}",
            remedy=f"Install it (Debian: cp2k and cp2k-data), or name its shell in {SHELL_VARIABLE}.",
        )
    return shell
