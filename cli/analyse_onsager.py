"""``anodeflow analyse onsager``: transport of several species, what they drag along, and who carries the charge."""

from __future__ import annotations

from typing import Annotated

import typer

from .analyse import Data, Drift, Elements, Explain, Files, Json, Out, Start, Step, Stop, Timestep, finish, fixed, read
from .analyse_transport import Window


def register(app: typer.Typer) -> None:
    """Add the verb of this module to ``anodeflow analyse``."""
    app.command("onsager")(onsager)


def onsager(
    files: Files,
    charge: Annotated[
        list[str],
        typer.Option("--charge", help="Mobile element and the charge of its ion, such as Li=1; once for each."),
    ],
    temperature_K: Annotated[float, typer.Option("--temperature-K", help="Temperature of the run.", min=0)],
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
    """Onsager coefficients, ionic conductivity and transference numbers of all mobile species."""
    from ..analysis.figures import draw_curves
    from ..analysis.reading.displacements import walk
    from ..analysis.transport.collective import onsager_coefficients
    from ..quantity import Quantity

    charges = _charges(charge)
    trajectory = read(files, data=data, elements=elements, timestep_fs=timestep_fs, start=start, stop=stop, step=step)
    found = onsager_coefficients(
        {name: walk(trajectory, name, drift=fixed(drift)) for name in charges},
        charges,
        time_step_ps=trajectory.interval_ps,
        volume_A3=float(trajectory.volume.mean()),
        temperature_K=temperature_K,
        window_start_ps=window_start_ps,
    )
    sigma = found.conductivity
    pairs = [(i, j) for i in range(len(found.species)) for j in range(i, len(found.species))]
    times = found.lag_time_ps.tolist()
    curves = {
        f"{found.species[i]}-{found.species[j]}": (found.lag_time_ps, found.curves_1_eV_A[:, i, j], None)
        for i, j in pairs
    }
    coefficients = [
        Quantity(
            "onsager_coefficient",
            float(found.matrix[i, j]),
            "1/(eV A ps)",
            uncertainty=float(found.error[i, j]),
            interval95=(
                float(found.matrix[i, j] - 1.96 * found.error[i, j]),
                float(found.matrix[i, j] + 1.96 * found.error[i, j]),
            ),
            method=sigma.method,
            species=f"{found.species[i]}-{found.species[j]}",
            n_effective=sigma.n_effective,
            converged=sigma.converged,
            warnings=sigma.warnings,
            source=trajectory.source,
        )
        for i, j in pairs
    ]
    finish(
        "onsager",
        inputs=files,
        quantities=[sigma, *found.transference, *coefficients],
        warnings=trajectory.warnings,
        tables={
            "onsager": (
                ("first", "second", "L_1_eV_A_ps", "error_1_eV_A_ps"),
                [
                    (found.species[i], found.species[j], float(found.matrix[i, j]), float(found.error[i, j]))
                    for i, j in pairs
                ],
            ),
            "onsager_displacements": (
                ("lag_time_ps", *(f"{name}_1_eV_A" for name in curves)),
                list(zip(times, *(curve.tolist() for _, curve, _ in curves.values()), strict=True)),
            ),
        },
        figures={
            "onsager": lambda path: draw_curves(
                curves,
                path,
                xlabel="lag time (ps)",
                ylabel="⟨ΔRᵢ·ΔRⱼ⟩ / 6VkT (1/(eV Å))",
            )
        },
        extra={
            "temperature_K": temperature_K,
            "charges": charges,
            "drift": drift,
            "window_start_ps": found.window_start_ps,
        },
        out=out,
        as_json=as_json,
        explained=explain,
        needed=[sigma],
    )


def _charges(words: list[str]) -> dict[str, float]:
    """Return the charge of each element from words such as ``Li=1``."""
    from ..errors import InputError

    charges: dict[str, float] = {}
    for word in words:
        name, _, value = word.partition("=")
        try:
            charges[name.strip()] = float(value)
        except ValueError:
            raise InputError(
                f"'{word}' is no charge", where="--charge", remedy="Write an element and its charge, Li=1."
            ) from None
    if not any(charges.values()):
        raise InputError("no species carries a charge", where="--charge", remedy="Give one that does, such as Li=1.")
    return charges
