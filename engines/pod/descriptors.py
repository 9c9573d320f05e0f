"""Descriptors of a configuration and their derivatives, computed by LAMMPS inside this process.

The energy of the model is linear in its coefficients, so that the sum of the descriptors over the atoms and its
derivatives by the positions and by the strain of the cell are all that a fit needs.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ...errors import EngineError
from ...files import write_text
from ...potentials.calculator import lammps_library, rotation_into
from ...potentials.pod import PARAMETER_FILE
from ...structures.element_map import ElementMap
from ...structures.lammps_data import lammps_oriented, write_lammps_data

if TYPE_CHECKING:
    from ase import Atoms
    from numpy.typing import NDArray

    from ...potentials.pod import PodBasis

    Array = NDArray[np.float64]

VOIGT = ((0, 0), (1, 1), (2, 2), (1, 2), (0, 2), (0, 1))
"""ASE's order of the six components of a symmetric tensor."""
_STRAIN = 1e-4


class Descriptors:
    """LAMMPS as a machine that turns configurations into descriptors.

    Parameters
    ----------
    basis
        The descriptors.
    elements
        Chemical symbols in the order of the model.
    """

    def __init__(self, basis: PodBasis, elements: tuple[str, ...]) -> None:
        self.basis, self.types = basis, ElementMap(elements)
        self._folder = tempfile.TemporaryDirectory(prefix="anodeflow-")
        path = Path(self._folder.name)
        write_text(path / PARAMETER_FILE, basis.text(elements))
        self._data = path / "system.data"
        self._parameters = path / PARAMETER_FILE
        self._lammps: Any = lammps_library()(cmdargs=["-screen", "none", "-log", "none", "-nocite"])

    def close(self) -> None:
        """End LAMMPS and remove its files."""
        if self._lammps is not None:
            self._lammps.close()
            self._lammps = None
            self._folder.cleanup()

    def __enter__(self) -> Descriptors:
        return self

    def __exit__(self, *details: object) -> None:
        self.close()

    def per_atom(self, atoms: Atoms) -> Array:
        """Return the descriptors of each atom, shape (N, D), without the constant of the one-body part."""
        self._load(atoms, "pod/atom")
        return self._per_atom(len(atoms))

    def features(self, atoms: Atoms) -> Array:
        """Return mean and spread over the atoms of the descriptors of each element, shape (2 E D,)."""
        local, kinds = self.per_atom(atoms), np.array(atoms.get_chemical_symbols())
        parts = []
        for symbol in self.types.elements:
            own = local[kinds == symbol]
            empty = np.zeros(local.shape[1])
            parts += [own.mean(axis=0), own.std(axis=0)] if len(own) else [empty, empty]
        return np.concatenate(parts)

    def design(self, atoms: Atoms, *, stress: bool = True) -> Array:
        """Return what the coefficients are multiplied with to give energy, forces and stress.

        Parameters
        ----------
        atoms
            Configuration, periodic in three directions.
        stress
            Whether the six rows of the stress are wanted.

        Returns
        -------
        ndarray, shape (1 + 3 N + 6, M)
            Row 0 gives the energy in eV, the next 3 N the forces in eV/Å in the order of the atoms and of x, y, z in
            the frame of `atoms`, the last six the stress in eV/Å³ in ASE's order and sign.
        """
        rotation = self._load(atoms, "pod/global")
        table = np.array(self._lammps.numpy.extract_compute("descriptors", 0, 2))
        count = len(atoms)
        gradient = table[1 : 1 + 3 * count].reshape(count, 3, -1)
        forces = np.einsum("ab,nbk->nak", rotation, gradient).reshape(3 * count, -1)
        rows = [table[:1], forces]
        if stress:
            rows.append(self._stress(atoms))
        return np.concatenate(rows)

    def _stress(self, atoms: Atoms) -> Array:
        """Return the derivatives of the summed descriptors by the strain over the volume, shape (6, M).

        Strains that keep the cell lower triangular are enough, since a rotation does not change the energy.
        """
        count, symbols = len(atoms), atoms.get_chemical_symbols()
        rotation = self._load(atoms, "pod/atom")
        cell = self._cell
        volume = float(np.linalg.det(cell))
        tensor = []
        for number, (first, second) in enumerate(VOIGT):
            ends = []
            for side, step in enumerate((_STRAIN, -_STRAIN)):
                strain = np.eye(3)
                strain[second, first] += step
                self._deform(cell @ strain, 2 * number + side + 1)
                ends.append(self._summed(self._per_atom(count), symbols))
            tensor.append((ends[0] - ends[1]) / (2 * _STRAIN * volume))
        xx, yy, zz, yz, xz, xy = tensor
        full = np.array([[xx, xy, xz], [xy, yy, yz], [xz, yz, zz]])
        turned = np.einsum("ia,abm,jb->ijm", rotation, full, rotation)
        return np.array([turned[first, second] for first, second in VOIGT])

    def _deform(self, cell: Array, step: int) -> None:
        """Take the atoms along into another cell; `step` is new, so that LAMMPS computes anew."""
        lengths = " ".join(f"{axis} final 0.0 {float(cell[k, k])!r}" for k, axis in enumerate("xyz"))
        xy, xz, yz = float(cell[1, 0]), float(cell[2, 0]), float(cell[2, 1])
        self._lammps.commands_list(
            [
                f"change_box all {lengths} xy final {xy!r} xz final {xz!r} yz final {yz!r} remap units box",
                f"reset_timestep {step}",
                "run 0 post no",
            ]
        )

    def _summed(self, local: Array, symbols: list[str]) -> Array:
        """Return the descriptors summed over the atoms of each element, one block an element, shape (M,)."""
        kinds = np.array(self.types.types_of(symbols))
        blocks = [
            np.concatenate([[float(np.sum(kinds == kind))], local[kinds == kind].sum(axis=0)])
            for kind in range(1, len(self.types.elements) + 1)
        ]
        return np.concatenate(blocks)

    def _per_atom(self, count: int) -> Array:
        table = np.array(self._lammps.numpy.extract_compute("descriptors", 1, 2))[:count]
        order = np.argsort(np.array(self._lammps.numpy.extract_atom("id"))[:count])
        return np.asarray(table[order], dtype=np.float64)

    def _load(self, atoms: Atoms, style: str) -> Array:
        """Read a configuration in and return the rotation into LAMMPS' frame."""
        from pymatgen.core import Lattice, Structure

        cell = np.array(atoms.cell)
        structure = lammps_oriented(
            Structure(Lattice(cell), atoms.get_chemical_symbols(), atoms.positions, coords_are_cartesian=True)
        )
        self._cell = np.array(structure.lattice.matrix)
        write_lammps_data(structure, self._data, self.types)
        lines = [
            "clear",
            "units metal",
            "atom_style atomic",
            "atom_modify map yes sort 0 0",
            "boundary p p p",
            "box tilt large",
            f'read_data "{self._data}"',
            "change_box all triclinic",
            f"pair_style zero {self.basis.cutoff_A!r}",
            "pair_coeff * *",
            f'compute descriptors all {style} "{self._parameters}" "" {" ".join(self.types.elements)}',
            "thermo_style custom step",
            "run 0 post no",
        ]
        try:
            self._lammps.commands_list(lines)
        except Exception as error:
            raise EngineError(f"LAMMPS cannot compute the descriptors: {error}") from None
        return rotation_into(cell, self._cell)
