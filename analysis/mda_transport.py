"""Diffusion, conductivity and profiles as MDAnalysis analyses, on any `AtomGroup` with ``run(start, stop, step)``."""

from __future__ import annotations

from typing import Any

from .mda import _Gathering
from .reading.displacements import walk
from .structure.profiles import density_profile, heights
from .transport.collective import collective_diffusivity, haven_ratio
from .transport.diffusion import tracer_diffusivity
from .transport.regions import layer_diffusivity


class TracerDiffusivity(_Gathering):
    """Tracer and collective diffusion of a species, and the Haven ratio between them.

    Parameters
    ----------
    atoms
        `AtomGroup`, whole cell if the drift of all is to be taken out.
    species
        Element to follow.
    drift
        As in `anodeflow.analysis.reading.displacements.walk`.
    wrapped
        Whether the trajectory holds wrapped positions, to be followed by their small steps.
    window_start_ps
        As in `anodeflow.analysis.transport.diffusion.tracer_diffusivity`.

    Attributes
    ----------
    results.tracer
        `anodeflow.analysis.transport.diffusion.TracerDiffusion`.
    results.collective
        `anodeflow.analysis.transport.collective.CollectiveDiffusion`.
    results.haven_ratio
        `anodeflow.quantity.Quantity`.

    Examples
    --------
    >>> universe = MDAnalysis.Universe("system.data", "run.dcd")  # doctest: +SKIP
    >>> run = TracerDiffusivity(universe.atoms, "Li", drift="Si", wrapped=True).run(start=100)  # doctest: +SKIP
    >>> print(run.results.tracer.quantity)  # doctest: +SKIP
    """

    def __init__(
        self,
        atoms: Any,
        species: str,
        *,
        drift: str | None = "all",
        wrapped: bool = False,
        window_start_ps: float | None = None,
        **how: Any,
    ) -> None:
        super().__init__(atoms, wrapped=wrapped, **how)
        self._species, self._drift, self._start = species, drift, window_start_ps

    def _conclude(self) -> None:
        trajectory = self._gathered().evenly_spaced()
        positions = walk(trajectory, self._species, drift=self._drift)
        options: dict[str, Any] = {
            "time_step_ps": trajectory.interval_ps,
            "species": self._species,
            "window_start_ps": self._start,
        }
        self.results.tracer = tracer_diffusivity(positions, **options)
        self.results.collective = collective_diffusivity(positions, **options)
        self.results.haven_ratio = haven_ratio(self.results.tracer.quantity, self.results.collective.quantity)


class LayerProfile(_Gathering):
    """Densities along the normal of two box vectors, and diffusion of a species by layer.

    Parameters
    ----------
    atoms
        `AtomGroup` of the whole cell.
    species
        Element whose diffusion is wanted; None for densities only.
    axis
        Box vector that crosses the layers: 0, 1 or 2.
    layer_A, diffusion_layer_A
        Thickness of the layers of density and of diffusion in Å.
    drift, wrapped
        As in `TracerDiffusivity`.

    Attributes
    ----------
    results.density
        `anodeflow.analysis.structure.profiles.Profile`.
    results.diffusion
        `anodeflow.analysis.transport.regions.LayerDiffusion`, or None.
    """

    def __init__(
        self,
        atoms: Any,
        species: str | None = None,
        *,
        axis: int = 2,
        layer_A: float = 1.0,
        diffusion_layer_A: float = 5.0,
        drift: str | None = "all",
        wrapped: bool = False,
        **how: Any,
    ) -> None:
        super().__init__(atoms, wrapped=wrapped, **how)
        self._species, self._drift, self._axis = species, drift, axis
        self._layers = (layer_A, diffusion_layer_A)

    def _conclude(self) -> None:
        trajectory = self._gathered()
        where = heights(trajectory.positions, trajectory.cells, axis=self._axis, origins=trajectory.origins)
        self.results.density = density_profile(where, trajectory.species, layer_A=self._layers[0])
        self.results.diffusion = None
        if self._species is not None:
            mean = float(where.period_A.mean())
            own = where.height_A[:, trajectory.indices(self._species)] * (mean / where.period_A)[:, None]
            self.results.diffusion = layer_diffusivity(
                walk(trajectory, self._species, drift=self._drift) @ where.in_plane.T,
                own,
                period_A=mean,
                time_step_ps=trajectory.interval_ps,
                layer_A=self._layers[1],
                species=self._species,
            )
