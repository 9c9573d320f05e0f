"""Density-functional levels through GPAW: plane waves, PAW data sets of ``gpaw-data``, PBE."""

from __future__ import annotations

from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from ase.calculators.calculator import Calculator, all_changes, kpts2sizeandoffsets

from ..errors import EngineError, InputError
from .handled import SCF, Handled, ScfError, record_handled

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ase import Atoms


HARD_ELEMENTS = frozenset({"B", "C", "N", "O", "F"})
"""Elements whose 2p electrons need more plane waves."""

_SYMMETRIC_STARTS = 2
_MIXING = 0.05  # what GPAW takes for periodic systems
_SYMMETRY_TOLERANCE_A = 1e-4


class MissingGpawError(EngineError):
    """GPAW is not installed."""


@dataclass(frozen=True)
class GpawProtocol:
    """Settings of a level, and what they cost.

    Attributes
    ----------
    name
        Name of the level.
    cutoff_eV
        Kinetic energy up to which plane waves are used.
    hard_cutoff_eV
        The same for a system that holds one of `HARD_ELEMENTS`.
    k_spacing_per_A
        Largest distance of k-points along a reciprocal vector (2 π included), Γ-centred.
    smearing_eV
        Width of the Fermi-Dirac occupation.
    density_tolerance
        Largest change of the density in a converged step, in electrons per valence electron.
    xc
        Functional.
    cost
        What to expect, measured.
    iterations
        Most iterations of the density; GPAW's own default.
    """

    name: str
    cutoff_eV: float
    hard_cutoff_eV: float
    k_spacing_per_A: float
    smearing_eV: float
    density_tolerance: float
    xc: str
    cost: str
    iterations: int = 333

    def cutoff_for(self, symbols: Iterable[str]) -> float:
        """Return the cut-off in eV for a system of these elements."""
        return self.hard_cutoff_eV if HARD_ELEMENTS & set(symbols) else self.cutoff_eV

    def common_to(self, symbols: Iterable[str]) -> GpawProtocol:
        """Return the protocol that takes the cut-off of a system of these elements for every part of it."""
        cutoff = self.cutoff_for(symbols)
        return replace(self, cutoff_eV=cutoff, hard_cutoff_eV=cutoff)

    def settings(self) -> dict[str, Any]:
        """Return the settings as plain JSON types, for documents."""
        return {
            "program": "GPAW",
            "xc": self.xc,
            "plane_wave_cutoff_eV": self.cutoff_eV,
            "plane_wave_cutoff_with_hard_elements_eV": self.hard_cutoff_eV,
            "k_spacing_per_A": self.k_spacing_per_A,
            "smearing_eV": self.smearing_eV,
            "density_tolerance": self.density_tolerance,
        }


PROTOCOLS = {
    protocol.name: protocol
    for protocol in (
        GpawProtocol(
            "gpaw-fast", 250.0, 350.0, 0.60, 0.05, 1e-4, "PBE", "seconds of a core a force call for 9 atoms; for tests"
        ),
        GpawProtocol(
            "gpaw-moderate", 300.0, 400.0, 0.40, 0.05, 1e-4, "PBE", "about 10 s of one core a force call for 9 atoms"
        ),
        GpawProtocol(
            "gpaw-precise", 450.0, 550.0, 0.25, 0.05, 1e-5, "PBE", "minutes of a core a force call for 9 atoms"
        ),
    )
}
"""The levels by name."""


def gpaw_installed() -> bool:
    """Whether GPAW can be imported."""
    return find_spec("gpaw") is not None


def gpaw_version() -> str:
    """Return GPAW's version.

    Raises
    ------
    MissingGpawError
        If it is not installed.
    """
    _check_installed()
    from gpaw import __version__

    return str(__version__)


def gpaw_protocol(name: str) -> GpawProtocol:
    """Return a level by its name."""
    if name not in PROTOCOLS:
        raise InputError(
            f"no DFT level is called '{name}'", where="levels", remedy=f"There are: {', '.join(PROTOCOLS)}."
        )
    return PROTOCOLS[name]


def gpaw_calculator(protocol: GpawProtocol, folder: Path) -> GpawCalculator:
    """Return a calculator of a level whose text output goes into `folder`."""
    return GpawCalculator(protocol, folder)


class GpawCalculator(Calculator):
    """GPAW that uses the symmetry of where it starts, and does without it as soon as the atoms leave it.

    One calculator belongs to one image: moved a little, it starts from its last wave functions. An image of a straight
    hop keeps its axis, which saves most k-points. It runs on one rank, since plane waves at Γ alone cannot be shared by
    two without ScaLAPACK. A density that does not converge is tried again from a fresh start with slower mixing and
    more iterations, neither of which changes the answer; ``handled.json`` in `folder` says so.

    Parameters
    ----------
    protocol
        Settings.
    folder
        For ``gpaw.txt``.
    """

    implemented_properties: list[str] = ["energy", "free_energy", "forces"]  # noqa: RUF012 - declared so by ASE

    def __init__(self, protocol: GpawProtocol, folder: Path) -> None:
        super().__init__()
        self.protocol, self.folder = protocol, Path(folder)
        self.starts = 0
        self.slower = 0
        self._inside: Any = None
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
        """Evaluate energy and forces together; the forces cost next to nothing once the density is there."""
        super().calculate(atoms, properties, system_changes)
        if self._inside is None or set(system_changes) & {"cell", "numbers", "pbc"}:
            self._inside = self._start()
        while True:
            try:
                return self._evaluate()
            except Exception as error:
                if type(error).__name__ == "KohnShamConvergenceError":
                    self._slow_down(error)
                elif type(error).__name__ != "SymmetryBrokenError" and "Broken symmetry" not in str(error):
                    raise
                self._inside = self._start()

    def converged(self) -> Any:
        """Return GPAW's own calculator as the last evaluation left it, for what a force calculation does not tell."""
        if self._inside is None:
            raise EngineError("nothing was computed yet", where=str(self.folder))
        return self._inside

    def _slow_down(self, error: Exception) -> None:
        """Let the next start mix more slowly and go on for longer, or give up."""
        said = next((line.strip() for line in str(error).splitlines() if line.strip()), "")
        if self.slower >= SCF.tries:
            raise ScfError(
                f"the density did not converge in {SCF.tries + 1} tries: {said}",
                where=f"{self.folder.parent.name}/{self.folder.name}/gpaw.txt",
                remedy="Take a better start or a wider smearing; what was computed before is kept.",
            ) from error
        self.slower += 1
        changed = f"mixing of {self._mixing():g}, at most {self._iterations()} iterations, from a fresh density"
        record_handled(self.folder, Handled(SCF.name, said, changed, self.slower))

    def _mixing(self) -> float:
        return float(_MIXING / 2**self.slower)

    def _iterations(self) -> int:
        return int(self.protocol.iterations * 4**self.slower)

    def _evaluate(self) -> None:
        atoms = self.atoms
        self.results = {
            "energy": float(self._inside.get_potential_energy(atoms)),
            "free_energy": float(self._inside.get_potential_energy(atoms, force_consistent=True)),
            "forces": np.array(self._inside.get_forces(atoms), dtype=float),
        }

    def _start(self) -> Any:
        """Return GPAW at the atoms' present symmetry; from the third start on only k and -k are taken as equal."""
        from gpaw import GPAW, PW, FermiDirac
        from gpaw.mixer import Mixer

        assert self.atoms is not None
        self._inside = None  # closes its file
        self.starts += 1
        return GPAW(
            mode=PW(self.protocol.cutoff_for(self.atoms.get_chemical_symbols())),
            xc=self.protocol.xc,
            kpts={"size": self._mesh or self._mesh_for(self.atoms), "gamma": True},
            occupations=FermiDirac(self.protocol.smearing_eV),
            convergence={"density": self.protocol.density_tolerance},
            symmetry={"point_group": self.starts <= _SYMMETRIC_STARTS, "tolerance": _SYMMETRY_TOLERANCE_A},
            maxiter=self._iterations(),
            # GPAW's own choice at first, which depends on the system
            **({"mixer": Mixer(self._mixing(), 8, 100.0)} if self.slower else {}),
            txt=str(self.folder / ("gpaw.txt" if self.starts == 1 else f"gpaw-{self.starts}.txt")),
        )


def _check_installed() -> None:
    if not gpaw_installed():
        raise MissingGpawError(
            "GPAW is not installed",
            remedy="Install it with: pip install 'anodeflow[dft]'; it needs a C++ compiler.",
        )
