"""``anodeflow analyse diffusion | conductivity | arrhenius``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from .analyse import (
    Data,
    Drift,
    Elements,
    Explain,
    Files,
    Json,
    Out,
    Species,
    Start,
    Step,
    Stop,
    Timestep,
    finish,
    fixed,
    read,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from ..analysis.reading.trajectory import Trajectory
    from ..quantity import Quantity

Temperature = Annotated[float | None, typer.Option("--temperature-K", help="Temperature of the run.", min=0)]
Window = Annotated[
    float | None, typer.Option("--window-start-ps", help="Lag from which the motion is diffusive; found if not given.")
]
Seed = Annotated[int, typer.Option("--seed", help="Seed of kinisi's sampling.")]
_LONG_DUMP = 200_000_000
"""Bytes from which a single dump is streamed instead of read at once."""

_CURVE = ("species", "lag_time_ps", "msd_A2", "msd_error_A2")


def register(app: typer.Typer) -> None:
    """Add the verbs of this module to ``anodeflow analyse``."""
    app.command("diffusion")(diffusion)
    app.command("conductivity")(conductivity)
    app.command("arrhenius")(arrhenius)


def diffusion(
    files: Files,
    species: Species = ["Li"],  # noqa: B006 - typer reads the default, nothing changes it
    data: Data = None,
    elements: Elements = None,
    timestep_fs: Timestep = None,
    temperature_K: Temperature = None,
    drift: Drift = "all",
    start: Start = None,
    stop: Stop = None,
    step: Step = None,
    window_start_ps: Window = None,
    directions: Annotated[bool, typer.Option("--directions", help="Also the coefficients along x, y and z.")] = False,
    region: Annotated[
        tuple[float, float] | None,
        typer.Option("--region", help="Also in the plane, between two heights in Å along the third box vector."),
    ] = None,
    kinisi: Annotated[bool, typer.Option("--kinisi", help="Add the posterior of kinisi, a second opinion.")] = False,
    seed: Seed = 1,
    as_json: Json = False,
    out: Out = None,
    explain: Explain = False,
) -> None:
    """Tracer diffusion coefficient with a 95 % interval, or why there is none yet."""
    from ..analysis.figures import draw_msd
    from ..analysis.transport.diffusion import tracer_diffusivity
    from ..analysis.transport.second_opinion import kinisi_diffusivity

    source = _Walks(
        files,
        data=data,
        elements=elements,
        timestep_fs=timestep_fs,
        drift=fixed(drift),
        frames=(start, stop, step),
        whole=region is not None,
    )
    results, quantities, ours = [], [], []
    for name in species:
        positions = source.of(name)
        result = tracer_diffusivity(
            positions,
            time_step_ps=source.interval_ps,
            species=name,
            source=source.name,
            window_start_ps=window_start_ps,
        )
        results.append(result)
        ours.append(result.quantity)
        quantities.append(result.quantity)
        if directions:
            # the window of all directions together is the better known one
            known = result.window_ps[0] if result.window_ps else window_start_ps
            quantities += _along_axes(positions, source, name, known)
        if region is not None and source.trajectory is not None:
            quantities.append(_in_region(positions, source.trajectory, name, region))
        if kinisi and result.window_ps:
            quantities.append(
                kinisi_diffusivity(
                    positions,
                    time_step_ps=source.interval_ps,
                    window_start_ps=result.window_ps[0],
                    seed=seed,
                    species=name,
                    source=source.name,
                )
            )
    rows = [
        (result.quantity.species, float(lag), float(msd), float(error))
        for result in results
        for lag, msd, error in zip(result.lag_time_ps, result.msd_A2, result.msd_error_A2, strict=True)
    ]
    finish(
        "diffusion",
        inputs=files,
        quantities=quantities,
        warnings=source.warnings,
        tables={"msd": (_CURVE, rows)},
        figures={"msd": lambda path: draw_msd(results, path)},
        extra={
            "temperature_K": temperature_K,
            "frames": source.frames,
            "interval_ps": source.interval_ps,
            "drift": drift,
            "msd": {str(result.quantity.species): _without_quantity(result.to_dict()) for result in results},
        },
        out=out,
        as_json=as_json,
        explained=explain,
        needed=ours,
    )


def conductivity(
    files: Files,
    temperature_K: Annotated[float, typer.Option("--temperature-K", help="Temperature of the run.", min=0)],
    species: Annotated[str, typer.Option("--species", help="Element that carries the charge.")] = "Li",
    charge: Annotated[float, typer.Option("--charge", help="Charge of its ion in elementary charges.")] = 1.0,
    metallic: Annotated[bool, typer.Option("--metallic", help="The phase conducts electrons besides.")] = False,
    data: Data = None,
    elements: Elements = None,
    timestep_fs: Timestep = None,
    drift: Drift = "all",
    start: Start = None,
    stop: Stop = None,
    step: Step = None,
    window_start_ps: Window = None,
    as_json: Json = False,
    out: Out = None,
    explain: Explain = False,
) -> None:
    """Ionic conductivity from tracer and collective diffusion, and the Haven ratio between them."""
    from ..analysis.figures import draw_msd
    from ..analysis.reading.displacements import walk
    from ..analysis.transport.collective import collective_diffusivity, haven_ratio
    from ..analysis.transport.conductivity import nernst_einstein_conductivity
    from ..analysis.transport.diffusion import tracer_diffusivity

    trajectory = read(files, data=data, elements=elements, timestep_fs=timestep_fs, start=start, stop=stop, step=step)
    positions = walk(trajectory, species, drift=fixed(drift))
    density = positions.shape[1] / float(trajectory.volume.mean())
    options: dict[str, Any] = {
        "time_step_ps": trajectory.interval_ps,
        "species": species,
        "source": trajectory.source,
        "window_start_ps": window_start_ps,
    }
    tracer = tracer_diffusivity(positions, **options)
    collective = collective_diffusivity(positions, **options)
    pair = (tracer.quantity, collective.quantity)
    sigma: list[Quantity] = [
        nernst_einstein_conductivity(item, density, temperature_K=temperature_K, charge=charge, metallic=metallic)
        for item in pair
    ]
    finish(
        "conductivity",
        inputs=files,
        quantities=[*pair, haven_ratio(*pair), *sigma],
        warnings=trajectory.warnings,
        tables={
            "conductivity_msd": (
                ("motion", "lag_time_ps", "msd_A2"),
                [
                    (name, float(lag), float(msd))
                    for name, curve in (("tracer", tracer), ("collective", collective))
                    for lag, msd in zip(curve.lag_time_ps, curve.msd_A2, strict=True)
                ],
            )
        },
        figures={"conductivity_msd": lambda path: draw_msd([tracer, collective], path)},
        extra={
            "temperature_K": temperature_K,
            "charge": charge,
            "number_density_per_A3": density,
            "drift": drift,
            "msd": {
                "tracer": _without_quantity(tracer.to_dict()),
                "collective": _without_quantity(collective.to_dict()),
            },
        },
        out=out,
        as_json=as_json,
        explained=explain,
        needed=sigma,
    )


def arrhenius(
    files: Annotated[
        list[Path],
        typer.Argument(
            help="Folders or JSON files of diffusion results, or a CSV with temperature_K, value, uncertainty.",
            metavar="DIR|FILE ...",
        ),
    ],
    species: Annotated[str, typer.Option("--species", help="Element.")] = "Li",
    predict_K: Annotated[
        list[float], typer.Option("--predict-K", help="Temperature to predict at; may be given again.")
    ] = [300.0],  # noqa: B006 - typer reads the default, nothing changes it
    vft: Annotated[bool, typer.Option("--vft", help="Also the Vogel–Fulcher–Tammann law, for curved plots.")] = False,
    as_json: Json = False,
    out: Out = None,
    explain: Explain = False,
) -> None:
    """Activation energy and prefactor from diffusion coefficients at several temperatures."""
    from ..analysis.collect import collect_diffusivities
    from ..analysis.figures import draw_arrhenius
    from ..analysis.transport.arrhenius import arrhenius_fit
    from ..analysis.transport.vft import vft_fit

    found, inputs = collect_diffusivities(files, species)
    fit = arrhenius_fit([item[0] for item in found], [item[1] for item in found], species=species)
    predictions = [fit.predict(temperature) for temperature in predict_K]
    curved: list[Quantity] = []
    if vft:
        law = vft_fit([item[0] for item in found], [item[1] for item in found])
        curved = [law.pseudo_activation_energy, law.vogel_temperature, law.prefactor]
    rows = [
        (point.temperature_K, point.diffusivity.value, point.diffusivity.uncertainty, point.left_out)
        for point in fit.points
    ]
    finish(
        "arrhenius",
        inputs=inputs,
        quantities=[fit.activation_energy, fit.prefactor, *predictions, *curved],
        tables={"arrhenius": (("temperature_K", "D_cm2_s", "uncertainty_cm2_s", "left_out"), rows)},
        figures={"arrhenius": lambda path: draw_arrhenius(fit, path, to_K=min(predict_K))},
        extra={"fit": fit.to_dict()},
        out=out,
        as_json=as_json,
        explained=explain,
        needed=[fit.activation_energy, *curved],
    )


class _Walks:
    """Walks of species from files: read at once, or streamed where one long LAMMPS dump would fill the memory."""

    def __init__(
        self,
        files: Sequence[Path],
        *,
        data: Path | None,
        elements: str | None,
        timestep_fs: float | None,
        drift: str | list[str] | None,
        frames: tuple[int | None, int | None, int | None],
        whole: bool,
    ) -> None:
        from ..analysis.reading.formats import kind_of

        self.trajectory: Trajectory | None = None
        self._path, self._data, self._timestep_fs, self._drift = files[0], data, timestep_fs, drift
        self._types = elements.replace(",", " ").split() if elements else None
        start, stop, step = frames
        alone = len(files) == 1 and frames == (None, None, None) and not whole
        if alone and files[0].is_file() and files[0].stat().st_size >= _LONG_DUMP and kind_of(files[0]) == "lammps":
            self.name = str(files[0])
            self.warnings: tuple[str, ...] = ()
            self.interval_ps, self.frames = 0.0, 0
            return
        self.trajectory = read(
            files, data=data, elements=elements, timestep_fs=timestep_fs, start=start, stop=stop, step=step
        )
        self.name, self.warnings = self.trajectory.source, self.trajectory.warnings
        self.interval_ps, self.frames = self.trajectory.interval_ps, self.trajectory.n_frames

    def of(self, species: str) -> NDArray[Any]:
        """Return the displacements of a species, shape ``(F, N, 3)``, in Å."""
        if self.trajectory is not None:
            from ..analysis.reading.displacements import walk

            return walk(self.trajectory, species, drift=self._drift)
        import numpy as np
        from rich.console import Console
        from rich.progress import Progress

        from ..analysis.reading.trajectory import Trajectory
        from ..analysis.transport.walk_stream import stream_walk

        with Progress(console=Console(stderr=True), transient=True) as shown:
            task = shown.add_task(f"following {species}", total=None)
            streamed = stream_walk(
                self._path,
                species,
                timestep_fs=self._timestep_fs,
                data=self._data,
                types=self._types,
                drift=self._drift,
                progress=lambda done, total: shown.update(task, completed=done, total=total),
            )
        count = len(streamed.time_ps)
        cells = np.broadcast_to(np.eye(3), (count, 3, 3))
        # a trajectory of no atoms, for its judgement of the times
        even = Trajectory(np.empty((count, 0, 3)), cells, (), streamed.time_ps, self.name).evenly_spaced()
        self.interval_ps, self.frames = even.interval_ps, even.n_frames
        self.warnings = tuple(dict.fromkeys((*streamed.warnings, *even.warnings)))
        return streamed.displacements[count - even.n_frames :]


def _along_axes(positions: NDArray[Any], source: _Walks, species: str, window_start_ps: float | None) -> list[Quantity]:
    """Return the coefficient along each Cartesian axis."""
    from dataclasses import replace

    from ..analysis.transport.diffusion import tracer_diffusivity

    found = []
    for column, axis in enumerate("xyz"):
        result = tracer_diffusivity(
            positions[:, :, [column]],
            time_step_ps=source.interval_ps,
            species=species,
            dimensions=1,
            source=source.name,
            minimum_msd_A2=4.0 / 3,
            window_start_ps=window_start_ps,
        )
        found.append(replace(result.quantity, name=f"tracer_diffusivity_{axis}"))
    return found


def _in_region(positions: NDArray[Any], trajectory: Trajectory, species: str, region: tuple[float, float]) -> Quantity:
    """Return the coefficient in the plane of ions that stay between two heights; the region may cross the cell."""
    import numpy as np

    from ..analysis.structure.profiles import heights
    from ..analysis.transport.regions import staying_diffusivity
    from ..errors import InputError

    low, high = region
    where = heights(trajectory.positions, trajectory.cells, origins=trajectory.origins)
    period = float(where.period_A.mean())
    if not 0 < high - low < period:
        raise InputError(
            f"the region from {low:g} to {high:g} Å does not fit the height of {period:.4g} Å",
            where="--region",
            remedy="Give the lower height first; the higher may lie above the cell.",
        )
    chosen = where.height_A[:, trajectory.indices(species)] * (period / where.period_A)[:, None]
    return staying_diffusivity(
        positions @ where.in_plane.T,
        np.mod(chosen - low, period) < high - low,
        time_step_ps=trajectory.interval_ps,
        species=species,
        source=f"{trajectory.source}; layer {low:g}–{high:g} Å",
    )


def _without_quantity(document: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in document.items() if key != "quantity"}
