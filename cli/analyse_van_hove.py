"""``anodeflow analyse van-hove``: how far ions go, who takes their places, and how far from Gaussian that is."""

from __future__ import annotations

from typing import Annotated

import typer

from .analyse import Data, Drift, Elements, Explain, Files, Json, Out, Start, Step, Stop, Timestep, finish, fixed, read


def register(app: typer.Typer) -> None:
    """Add the verb of this module to ``anodeflow analyse``."""
    app.command("van-hove")(van_hove)


def van_hove(
    files: Files,
    species: Annotated[str, typer.Option("--species", help="Element to follow.")] = "Li",
    other: Annotated[
        str | None, typer.Option("--other", help="Element around it in the distinct part; the same if not given.")
    ] = None,
    lag_ps: Annotated[
        list[float] | None, typer.Option("--lag-ps", help="Time in ps; may be given again. Four if not given.")
    ] = None,
    bin_A: Annotated[float, typer.Option("--bin-A", help="Width of a bin of distance in Å.", min=0.01)] = 0.1,
    data: Data = None,
    elements: Elements = None,
    timestep_fs: Timestep = None,
    drift: Drift = "all",
    start: Start = None,
    stop: Stop = None,
    step: Step = None,
    as_json: Json = False,
    out: Out = None,
    explain: Explain = False,
) -> None:
    """Van Hove functions, self and distinct, and the non-Gaussian parameter."""
    from ..analysis.figures import draw_curves
    from ..analysis.transport.van_hove import van_hove as functions

    t = read(files, data=data, elements=elements, timestep_fs=timestep_fs, start=start, stop=stop, step=step)
    found = functions(t, species, lag_times_ps=lag_ps or (), other=other, drift=fixed(drift), bin_A=bin_A)
    lags = [float(time) for time in found.lag_time_ps]

    def rows(r_A: object, values: object) -> list[tuple[float, float, float]]:
        return [
            (time, float(r), float(g))
            for time, row in zip(lags, values, strict=True)  # type: ignore[call-overload]  # arrays
            for r, g in zip(r_A, row, strict=True)  # type: ignore[call-overload]  # arrays
        ]

    alpha = [
        tuple(float(value) if value == value else None for value in row)  # NaN where ions do not move or are few
        for row in zip(found.alpha_time_ps, found.alpha, found.alpha_error, strict=True)
    ]
    pair = f"{species}-{found.other}"
    finish(
        "van-hove",
        inputs=files,
        quantities=[found.maximum, found.maximum_time],
        warnings=t.warnings,
        tables={
            "van_hove_self": (("lag_time_ps", "r_A", "4_pi_r2_G_1_A"), rows(found.r_self_A, found.self_1_A)),
            "van_hove_distinct": (("lag_time_ps", "r_A", "G_over_density"), rows(found.r_distinct_A, found.distinct)),
            "non_gaussian": (("lag_time_ps", "alpha2", "alpha2_error"), alpha),
        },
        figures={
            "van_hove_self": lambda path: draw_curves(
                {f"{t:.3g} ps": (found.r_self_A, g, None) for t, g in zip(lags, found.self_1_A, strict=True)},
                path, xlabel=f"distance gone by {species} (Å)", ylabel="4πr² Gₛ(r, t) (1/Å)",
            ),
            "van_hove_distinct": lambda path: draw_curves(
                {f"{t:.3g} ps": (found.r_distinct_A, g, None) for t, g in zip(lags, found.distinct, strict=True)},
                path, xlabel=f"distance {pair} (Å)", ylabel="G_d(r, t) / ρ",
            ),
            "non_gaussian": lambda path: draw_curves(
                {species: (found.alpha_time_ps, found.alpha, found.alpha_error)},
                path, xlabel="lag time (ps)", ylabel="non-Gaussian parameter α₂", log_x=True,
            ),
        },
        extra={
            "frames": t.n_frames,
            "interval_ps": t.interval_ps,
            "drift": drift,
            "pair": pair,
            "lag_time_ps": lags,
            "self": {"r_A": found.r_self_A.tolist(), "per_A": found.self_1_A.tolist()},
            "distinct": {"r_A": found.r_distinct_A.tolist(), "over_density": found.distinct.tolist()},
            "non_gaussian": dict(
                zip(("lag_time_ps", "alpha2", "alpha2_error"), map(list, zip(*alpha, strict=True)), strict=True)
            ),
        },
        out=out,
        as_json=as_json,
        explained=explain,
        needed=[],
    )  # fmt: skip
