"""Coordination, clusters and stress in layers as MDAnalysis analyses, on any `AtomGroup`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from MDAnalysis.analysis.base import AnalysisBase

from ..errors import InputError
from .mda import _Gathering, species_of
from .mechanics.stress import StressSums, kinetic_stress, masses_of
from .structure.bulk import coordination_number
from .structure.clusters import find_clusters


class CoordinationNumber(_Gathering):
    """How many atoms of one element surround one of another.

    Parameters
    ----------
    atoms
        `AtomGroup` that holds both.
    first, second, cutoff_A
        As in `anodeflow.analysis.structure.bulk.coordination_number`.

    Attributes
    ----------
    results.coordination
        `anodeflow.quantity.Quantity`.
    """

    def __init__(self, atoms: Any, first: str, second: str, *, cutoff_A: float | None = None, **how: Any) -> None:
        super().__init__(atoms, **how)
        self._pair, self._cutoff_A = (first, second), cutoff_A

    def _conclude(self) -> None:
        self.results.coordination = coordination_number(self._gathered(), *self._pair, cutoff_A=self._cutoff_A)


class BondedClusters(AnalysisBase):  # type: ignore[misc]  # MDAnalysis has no types
    """Sets of atoms that bonds join, frame by frame.

    Parameters
    ----------
    atoms
        `AtomGroup` of the whole cell.
    elements, cutoffs_A
        As in `anodeflow.analysis.structure.clusters.find_clusters`.

    Attributes
    ----------
    results.clusters
        `anodeflow.analysis.structure.clusters.Clusters` of each frame.
    results.largest
        Atoms in the largest of each frame, shape ``(F,)``.
    """

    def __init__(
        self,
        atoms: Any,
        elements: Sequence[tuple[str, str]],
        *,
        cutoffs_A: Mapping[tuple[str, str], float] | None = None,
        **how: Any,
    ) -> None:
        super().__init__(atoms.universe.trajectory, **how)
        self._atoms, self._elements, self._cutoffs_A = atoms, tuple(elements), cutoffs_A
        self._species = species_of(atoms)
        if missing := {name for pair in self._elements for name in pair} - set(self._species):
            raise InputError(f"there is no {', '.join(sorted(missing))}", remedy="Choose among what the group holds.")

    def _prepare(self) -> None:
        self.results.clusters = []

    def _single_frame(self) -> None:
        positions, cell = self._atoms.positions.astype(float), _cell(self._ts)
        self.results.clusters.append(
            find_clusters(positions, cell, self._species, self._elements, cutoffs_A=self._cutoffs_A)
        )

    def _conclude(self) -> None:
        self.results.largest = np.array([max(found.sizes, default=0) for found in self.results.clusters])


class LayerStress(AnalysisBase):  # type: ignore[misc]  # MDAnalysis has no types
    """Stress in layers from LAMMPS' per-atom stress × volume.

    Parameters
    ----------
    atoms
        `AtomGroup` of the whole cell, of a trajectory whose frames hold the six columns in ``ts.data``, as that of
        `anodeflow.analysis.reading.mda_reader.LammpsTextReader` with ``additional_columns=True``.
    stress, kinetic, layers, layer_A, axis, units
        As in `anodeflow.analysis.mechanics.stress.stress_profile`.

    Attributes
    ----------
    results.profile
        `anodeflow.analysis.mechanics.stress.StressProfile`.
    """

    def __init__(
        self,
        atoms: Any,
        *,
        stress: Sequence[str] | str = "c_stress",
        kinetic: Mapping[str, float] | None = None,
        layers: int | None = None,
        layer_A: float = 3.0,
        axis: int = 2,
        units: str = "metal",
        **how: Any,
    ) -> None:
        super().__init__(atoms.universe.trajectory, **how)
        self._atoms = atoms
        self._columns = tuple(f"{stress}[{k}]" for k in range(1, 7)) if isinstance(stress, str) else tuple(stress)
        if kinetic is not None and units != "metal":
            raise InputError("the kinetic part is added in metal units only")
        self._masses = None if kinetic is None else masses_of(species_of(atoms), kinetic)
        self._how: dict[str, Any] = {"layers": layers, "layer_A": layer_A, "axis": axis, "units": units}

    def _prepare(self) -> None:
        self._sums: StressSums | None = None

    def _single_frame(self) -> None:
        cell = _cell(self._ts)
        if missing := [name for name in self._columns if name not in self._ts.data]:
            raise InputError(
                f"the frames have no column {missing[0]}", remedy="Open the dump with additional_columns=True."
            )
        virial = np.column_stack([self._ts.data[name] for name in self._columns])[self._atoms.indices]
        if self._masses is not None:
            virial = virial + kinetic_stress(self._atoms.velocities.astype(float), self._masses)
        if self._sums is None:
            self._sums = StressSums(cell, **self._how)
        self._sums.add(self._atoms.positions.astype(float), cell, virial)

    def _conclude(self) -> None:
        if self._sums is None:
            raise InputError("no frame is left", remedy="Choose other frames.")
        self.results.profile = self._sums.result()


def _cell(ts: Any) -> np.ndarray[Any, Any]:
    if ts.dimensions is None:
        raise InputError("a frame has no periodic cell", remedy="Set the dimensions of the universe.")
    return np.asarray(ts.triclinic_dimensions, dtype=float)
