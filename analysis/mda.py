"""The analyses of this package as MDAnalysis analyses: on any `AtomGroup`, with ``run(start, stop, step)``.

Each gathers what it needs from the frames and calls the plain functions of this package, so the numbers are the same.
Import `anodeflow.analysis.reading.mda_reader` to read LAMMPS dumps fast and unwrapped rightly in tilted cells.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from MDAnalysis.analysis.base import AnalysisBase

from ..errors import InputError
from .hops.density_map import density_map
from .hops.jumps import find_jumps
from .reading.displacements import unwrap_small_steps, walk
from .reading.raw import without_rounding
from .reading.trajectory import Trajectory
from .structure.bulk import RadialCounter
from .transport.msd import msd_components


def species_of(atoms: Any) -> tuple[str, ...]:
    """Return the element of each atom of an `AtomGroup`, else its type or name.

    Raises
    ------
    InputError
        If the topology has none of them.
    """
    for attribute in ("elements", "types", "names"):
        if hasattr(atoms, attribute):
            values = tuple(str(value) for value in getattr(atoms, attribute))
            if all(values):
                return values
    raise InputError("the topology names no elements, types or names", remedy="Add them with add_TopologyAttr.")


class _Gathering(AnalysisBase):  # type: ignore[misc]  # MDAnalysis has no types
    """Gathers positions and cells of a group of atoms into a `Trajectory`."""

    def __init__(self, atoms: Any, *, wrapped: bool = False, **how: Any) -> None:
        super().__init__(atoms.universe.trajectory, **how)
        self._atoms = atoms
        self._wrapped = wrapped

    def _prepare(self) -> None:
        self._positions = np.empty((self.n_frames, len(self._atoms), 3))
        self._cells = np.empty((self.n_frames, 3, 3))

    def _single_frame(self) -> None:
        if self._ts.dimensions is None:
            raise InputError("a frame has no periodic cell", remedy="Set the dimensions of the universe.")
        self._positions[self._frame_index] = self._atoms.positions
        self._cells[self._frame_index] = self._ts.triclinic_dimensions

    def _gathered(self) -> Trajectory:
        positions = unwrap_small_steps(self._positions, self._cells) if self._wrapped else self._positions
        times = without_rounding(np.asarray(self.times, dtype=float))
        return Trajectory(positions, self._cells, species_of(self._atoms), times)


class MeanSquaredDisplacement(_Gathering):
    """Mean squared displacement of a species at every lag, right in tilted and in changing cells.

    Parameters
    ----------
    atoms
        `AtomGroup`, whole cell if the drift of all is to be taken out.
    species
        Element to follow; None for all of the group.
    drift
        As in `anodeflow.analysis.reading.displacements.walk`.
    wrapped
        Whether the trajectory holds wrapped positions, to be followed by their small steps.

    Attributes
    ----------
    results.msd
        Shape ``(F,)`` in Å².
    results.components
        Shape ``(F, 3)`` in Å².
    results.lag_time
        Shape ``(F,)`` in ps.
    """

    def __init__(
        self, atoms: Any, species: str | None = None, *, drift: str | None = "all", wrapped: bool = False, **how: Any
    ) -> None:
        super().__init__(atoms, wrapped=wrapped, **how)
        self._species, self._drift = species, drift

    def _conclude(self) -> None:
        trajectory = self._gathered()
        interval = trajectory.interval_ps
        self.results.components = msd_components(walk(trajectory, self._species, drift=self._drift))
        self.results.msd = self.results.components.sum(axis=1)
        self.results.lag_time = interval * np.arange(trajectory.n_frames)


class RadialDistributionFunction(AnalysisBase):  # type: ignore[misc]  # MDAnalysis has no types
    """Radial distribution of two elements with the error of blocks; distances may exceed half the cell.

    Parameters
    ----------
    atoms
        `AtomGroup` that holds both.
    first, second
        Element at the centre, element counted.
    r_max_A, bins
        Range and number of bins.

    Attributes
    ----------
    results.rdf
        `anodeflow.analysis.structure.bulk.RadialDistribution`.
    """

    def __init__(
        self, atoms: Any, first: str, second: str, *, r_max_A: float = 8.0, bins: int = 200, **how: Any
    ) -> None:
        super().__init__(atoms.universe.trajectory, **how)
        self._atoms = atoms
        self._how = (species_of(atoms), (first, second), r_max_A, bins)

    def _prepare(self) -> None:
        self._counter = RadialCounter(*self._how)

    def _single_frame(self) -> None:
        if self._ts.dimensions is None:
            raise InputError("a frame has no periodic cell", remedy="Set the dimensions of the universe.")
        positions = self._atoms.positions.astype(float)
        self._counter.add(positions, np.asarray(self._ts.triclinic_dimensions, dtype=float))

    def _conclude(self) -> None:
        self.results.rdf = self._counter.result()


class Jumps(_Gathering):
    """Jumps of a species between sites.

    Parameters
    ----------
    atoms
        `AtomGroup` of the whole cell.
    species
        Element that jumps.
    sites
        Fractional coordinates, shape ``(S, 3)``.
    core_A, framework
        As in `anodeflow.analysis.hops.jumps.find_jumps`.
    wrapped
        As in `MeanSquaredDisplacement`.

    Attributes
    ----------
    results.record
        `anodeflow.analysis.hops.jumps.JumpRecord`, for its functions of rates, residence and correlation.
    """

    def __init__(
        self,
        atoms: Any,
        species: str,
        sites: np.ndarray[Any, Any],
        *,
        core_A: float | None = None,
        framework: str | None = None,
        wrapped: bool = False,
        **how: Any,
    ) -> None:
        super().__init__(atoms, wrapped=wrapped, **how)
        self._arguments = (species, np.asarray(sites, dtype=float))
        self._options = {"core_A": core_A, "framework": framework}

    def _conclude(self) -> None:
        self.results.record = find_jumps(self._gathered(), *self._arguments, **self._options)  # type: ignore[arg-type]  # two options


class SpeciesDensity(_Gathering):
    """Density map of a species, with the drift of a framework taken out.

    Parameters
    ----------
    atoms
        `AtomGroup` of the whole cell.
    species
        Element.
    spacing_A, framework
        As in `anodeflow.analysis.hops.density_map.density_map`.
    wrapped
        As in `MeanSquaredDisplacement`.

    Attributes
    ----------
    results.density
        `anodeflow.analysis.hops.density_map.DensityMap`.
    """

    def __init__(
        self,
        atoms: Any,
        species: str,
        *,
        spacing_A: float = 0.25,
        framework: str | None = None,
        wrapped: bool = False,
        **how: Any,
    ) -> None:
        super().__init__(atoms, wrapped=wrapped, **how)
        self._species, self._spacing, self._framework = species, spacing_A, framework

    def _conclude(self) -> None:
        t = self._gathered()
        self.results.density = density_map(t, self._species, spacing_A=self._spacing, framework=self._framework)
