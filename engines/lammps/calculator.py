"""LAMMPS as an ASE calculator: the library kept in memory, the same commands as any other run of ours.

Meant for many evaluations of one small system, as bands and finite differences ask for. A crash of the library takes
its process along; `engines.images` can put each calculator into a process of its own.
"""

from __future__ import annotations

import contextlib
import ctypes
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np
from ase.calculators.calculator import Calculator, all_changes

from ...structures.lammps_data import lammps_oriented
from ...units import BAR_TO_GPA, EV_A3_TO_GPA
from .evaluate import refuse_shells
from .failures import MissingExecutableError, failure
from .script import AtomModify
from .setup import System

if TYPE_CHECKING:
    from ase import Atoms

    from ...potentials.cards import PotentialCard


@cache
def _library() -> Any:
    """Return the class of the LAMMPS wheel's library, with the MPI library that it needs loaded before it."""
    try:
        import lammps

        library = next(file for file in metadata.files("mpich") or [] if str(file).endswith("libmpi.so.12"))
        ctypes.CDLL(str(Path(str(library.locate())).resolve()), mode=ctypes.RTLD_GLOBAL)
    except (ImportError, metadata.PackageNotFoundError, StopIteration, OSError) as error:
        raise MissingExecutableError(
            f"the LAMMPS library does not load: {error}", remedy=MissingExecutableError.advice
        ) from None
    return lammps.lammps


class LammpsCalculator(Calculator):
    """Energies, forces and stress of a potential card.

    Parameters
    ----------
    card
        The energy model.
    folder
        Where the model's files and the log go.
    """

    implemented_properties: list[str] = ["energy", "forces", "stress"]  # noqa: RUF012 - declared so by ASE

    def __init__(self, card: PotentialCard, folder: Path) -> None:
        super().__init__()
        self.card, self.folder = card, Path(folder)
        self._lammps: Any = None
        self._turn = np.eye(3)

    def calculate(
        self,
        atoms: Atoms | None = None,
        properties: Any = ("energy",),
        system_changes: Any = all_changes,
    ) -> None:
        """Evaluate the model; a new cell or new elements start LAMMPS afresh."""
        super().calculate(atoms, properties, system_changes)
        now = cast("Atoms", self.atoms)
        if self._lammps is None or set(system_changes) & {"cell", "numbers", "pbc"}:
            self._start(now)
        inside = now.get_scaled_positions(wrap=True) @ (now.cell[:] @ self._turn)  # LAMMPS folds back one cell at most
        positions = np.ascontiguousarray(inside).ravel()
        count = len(positions)
        try:
            self._lammps.scatter_atoms("x", 1, 3, (ctypes.c_double * count)(*positions))
            self._lammps.command("run 0 post no")
        except Exception as error:
            self.close()
            raise failure(self.folder, self.folder / "log.lammps", 1, str(error)) from None
        forces = np.array(self._lammps.gather_atoms("f", 1, 3), dtype=float).reshape(-1, 3)
        pressure = np.array([self._lammps.get_thermo(name) for name in ("pxx", "pyy", "pzz", "pyz", "pxz", "pxy")])
        full = pressure[[[0, 5, 4], [5, 1, 3], [4, 3, 2]]]
        stress = -(self._turn @ full @ self._turn.T) * BAR_TO_GPA / EV_A3_TO_GPA  # the sign is ASE's
        self.results = {
            "energy": float(self._lammps.get_thermo("pe")),
            "forces": forces @ self._turn.T,
            "stress": stress[[0, 1, 2, 1, 0, 0], [0, 1, 2, 2, 2, 1]],
        }

    def close(self) -> None:
        """End the library's instance."""
        if self._lammps is not None:
            self._lammps.close()
            self._lammps = None

    def _start(self, atoms: Atoms) -> None:
        from pymatgen.io.ase import AseAtomsAdaptor

        self.close()
        structure = AseAtomsAdaptor.get_structure(atoms)
        system = System.of(structure, self.card)
        refuse_shells(system)
        self._turn = np.linalg.inv(np.asarray(structure.lattice.matrix)) @ np.asarray(
            lammps_oriented(structure).lattice.matrix
        )
        system.write_files(self.folder)
        head, *tail = system.commands(thermo_every=1)
        self._lammps = _library()(cmdargs=["-log", str(self.folder / "log.lammps"), "-screen", "none", "-nocite"])
        try:
            with contextlib.chdir(self.folder):  # the model's files stand there
                for command in (head, AtomModify(("map", "array")), *tail):
                    self._lammps.command(command.render())
        except Exception as error:
            self.close()
            raise failure(self.folder, self.folder / "log.lammps", 1, str(error)) from None
