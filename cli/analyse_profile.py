"""``anodeflow analyse profile``: densities, diffusion and interfaces along the normal of the layers."""

from __future__ import annotations

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
    from ..analysis.reading.trajectory import Trajectory
    from ..analysis.structure.profiles import Heights
    from ..quantity import Quantity


def register(app: typer.Typer) -> None:
    """Add the verbs of this module to ``anodeflow analyse``."""
    app.command("profile")(profile)


def profile(
    files: Files,
    species: Species = ["Li"],  # noqa: B006 - typer reads the default, nothing changes it
    data: Data = None,
    elements: Elements = None,
    timestep_fs: Timestep = None,
    drift: Drift = "all",
    start: Start = None,
    stop: Stop = None,
    step: Step = None,
    axis: Annotated[str, typer.Option("--axis", help="Box vector that crosses the layers: a, b or c.")] = "c",
    layer_A: Annotated[float, typer.Option("--layer-A", help="Thickness of a layer of the density in Å.")] = 1.0,
    diffusion_layer_A: Annotated[
        float | None, typer.Option("--diffusion-layer-A", help="Also diffusion in layers so thick, in Å.")
    ] = None,
    interface: Annotated[
        tuple[float, float] | None,
        typer.Option("--interface", help="Lowest and highest height in Å of a window with one interface."),
    ] = None,
    side: Annotated[
        str | None, typer.Option("--side", help="Elements of one side of the interface, such as 'P S Cl'.")
    ] = None,
    blocks: Annotated[int, typer.Option("--blocks", help="Blocks of time.", min=2)] = 10,
    as_json: Json = False,
    out: Out = None,
    explain: Explain = False,
) -> None:
    """Densities and compositions by layer; with options, diffusion by layer and an interface in time."""
    from ..analysis.figures import draw_profiles
    from ..analysis.structure.profiles import density_profile, heights
    from ..errors import InputError

    if axis not in ("a", "b", "c"):
        raise InputError(f"there is no box vector {axis}", where="--axis", remedy="Give a, b or c.")
    if (interface is None) != (side is None):
        raise InputError("--interface and --side belong together", remedy="Give both or neither.")
    trajectory = read(files, data=data, elements=elements, timestep_fs=timestep_fs, start=start, stop=stop, step=step)
    where = heights(trajectory.positions, trajectory.cells, axis="abc".index(axis), origins=trajectory.origins)
    density = density_profile(where, trajectory.species, layer_A=layer_A, blocks=blocks)
    names = list(density.density_per_A3)
    rows = [(float(z), *(float(density.density_per_A3[name][i]) for name in names)) for i, z in enumerate(density.z_A)]
    quantities: list[Quantity] = []
    tables: dict[str, Any] = {"density": (("z_A", *(f"{name}_per_A3" for name in names)), rows)}
    curves = {name: (density.density_per_A3[name], density.error_per_A3[name]) for name in names}
    figures = {"density": lambda path: draw_profiles(density.z_A, curves, path, ylabel="number density (1/Å³)")}
    extra: dict[str, Any] = {"axis": axis, "density": density.to_dict()}
    if diffusion_layer_A is not None:
        extra["layers"] = {}
        for name in species:
            found, table, document = _layers(trajectory, where, name, fixed(drift), diffusion_layer_A)
            quantities += found
            tables[f"diffusion_{name}"] = table
            extra["layers"][name] = document
    if interface is not None and side is not None:
        found, table, document = _interface(trajectory, where, interface, side.replace(",", " ").split(), blocks)
        quantities += found
        tables["interface"] = table
        extra["interface"] = document
    finish(
        "profile",
        inputs=files,
        quantities=quantities,
        warnings=trajectory.warnings,
        tables=tables,
        figures=figures,
        extra=extra,
        out=out,
        as_json=as_json,
        explained=explain,
    )


def _layers(
    trajectory: Trajectory, where: Heights, name: str, drift: str | list[str] | None, layer_A: float
) -> tuple[list[Quantity], Any, dict[str, Any]]:
    """Return diffusion by layer as quantities, table and document."""
    from ..analysis.reading.displacements import walk
    from ..analysis.transport.regions import layer_diffusivity

    moved = walk(trajectory, name, drift=drift) @ where.in_plane.T
    mean = float(where.period_A.mean())
    chosen = where.height_A[:, trajectory.indices(name)] * (mean / where.period_A)[:, None]
    result = layer_diffusivity(
        moved,
        chosen,
        period_A=mean,
        time_step_ps=trajectory.interval_ps,
        layer_A=layer_A,
        species=name,
        source=trajectory.source,
    )
    header = ("z_A", "parallel_cm2_s", "parallel_error", "perpendicular_cm2_s", "perpendicular_error", "residence_ps")
    rows = [
        (float(z), along.value, along.uncertainty, across.value, across.uncertainty, float(stay))
        for z, along, across, stay in zip(
            result.z_A, result.parallel, result.perpendicular, result.residence_ps, strict=True
        )
    ]
    return [*result.parallel, *result.perpendicular], (header, rows), result.to_dict()


def _interface(
    trajectory: Trajectory, where: Heights, window: tuple[float, float], side: list[str], blocks: int
) -> tuple[list[Quantity], Any, dict[str, Any]]:
    """Return position and width of an interface in time, and the law by which it widens."""
    import numpy as np

    from ..analysis.structure.interface import growth_law, track_interface
    from ..errors import InputError
    from ..quantity import Quantity

    chosen = np.zeros(trajectory.n_atoms, dtype=bool)
    chosen[trajectory.indices(side)] = True
    mean = float(where.period_A.mean())
    track = track_interface(
        where.height_A * (mean / where.period_A)[:, None],
        chosen,
        window_A=window,
        period_A=mean,
        time_step_ps=trajectory.interval_ps,
        blocks=blocks,
    )
    seen = np.flatnonzero(np.isfinite(track.width_A))
    document: dict[str, Any] = track.to_dict()
    if len(seen) == 0:
        raise InputError(
            "no step of the composition is in the window", where="--interface", remedy="Look at the density first."
        )
    method = f"tanh profile of the fraction of {' '.join(side)}, last of {blocks} blocks"
    quantities = []
    for label, values, errors in (
        ("interface_position", track.position_A, track.position_error_A),
        ("interface_width", track.width_A, track.width_error_A),
    ):
        value, error = float(values[seen[-1]]), float(errors[seen[-1]])
        interval = (value - 1.96 * error, value + 1.96 * error)
        quantities.append(Quantity(label, value, "Å", uncertainty=error, interval95=interval, method=method))
    if len(seen) >= 5:
        law = growth_law(track.time_ps[seen], track.width_A[seen], track.width_error_A[seen])
        document["growth"] = {"law": law.law, "chi_squared": law.chi_squared, "freedom": law.freedom}
        quantities += [law.exponent, law.rate]
    rows = [
        tuple(float(value) for value in row)
        for row in zip(
            track.time_ps,
            track.position_A,
            track.position_error_A,
            track.width_A,
            track.width_error_A,
            strict=True,
        )
    ]
    header = ("time_ps", "position_A", "position_error_A", "width_A", "width_error_A")
    return quantities, (header, rows), document
