"""What a diffusion job takes from its own trajectory, and what all temperatures together give."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ...analysis.reading.displacements import walk
from ...analysis.reading.trajectory import read_trajectory
from ...analysis.series import mean_quantity
from ...analysis.transport.arrhenius import ArrheniusFit, arrhenius_fit
from ...analysis.transport.conductivity import nernst_einstein_conductivity
from ...analysis.transport.diffusion import tracer_diffusivity
from ...analysis.transport.msd import mean_squared_displacement
from ...analysis.transport.second_opinion import kinisi_diffusivity
from ...errors import InputError
from ...files import write_text
from ...quantity import Quantity
from ...units import BAR_TO_GPA

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from ...engines.lammps.md import MDRun

MSD_FILE = "msd.csv"
_ROOM_TEMPERATURE_K = 300.0
_INSULATOR_FORMERS = {"H", "N", "O", "F", "S", "Cl", "Br", "I"}


def analyse_diffusion(
    run: MDRun, species: tuple[str, ...], charges: dict[str, float], *, seed: int, source: str
) -> dict[str, Any]:
    """Return the diffusion part of a job's document; ``msd.csv`` beside the trajectory holds the MSD at every lag.

    Parameters
    ----------
    run
        Finished NVT run with a trajectory.
    species
        Elements whose diffusivity is wanted.
    charges
        Charge in e of the elements that carry ionic current; these also get kinisi's posterior as a second opinion.
    seed
        Seed of kinisi's sampling.
    source
        Name of the job.

    Returns
    -------
    dict
        ``quantities``, ``msd`` by element, ``warnings``; JSON types.
    """
    settings = run.settings
    assert run.dump is not None
    trajectory = read_trajectory(run.dump, timestep_fs=settings.timestep_fs)
    temperature = mean_quantity("temperature", run.thermo["temp"], "K", source=source)
    pressure = mean_quantity("pressure", run.thermo["press"], "GPa", source=source, scale=BAR_TO_GPA)
    symbols = [site.specie.symbol for site in run.structure]
    volume = float(run.structure.lattice.volume)
    quantities: list[Quantity] = []
    curves: dict[str, Any] = {}
    warnings: list[str] = []
    columns = {"lag_time_ps": np.arange(trajectory.n_frames) * trajectory.interval_ps}
    for symbol in species:
        displacements = walk(trajectory, symbol, drift="all")
        columns[f"msd_{symbol}_A2"] = mean_squared_displacement(displacements)
        result = tracer_diffusivity(displacements, time_step_ps=trajectory.interval_ps, species=symbol, source=source)
        quantities.append(result.quantity)
        curves[symbol] = result.to_dict()
        if symbol in charges:
            if result.window_ps is not None:
                try:
                    second = kinisi_diffusivity(
                        displacements,
                        time_step_ps=trajectory.interval_ps,
                        window_start_ps=result.window_ps[0],
                        seed=seed,
                        species=symbol,
                        source=source,
                    )
                    quantities.append(second)
                except InputError as error:  # the first opinion stands without it
                    warnings.append(f"{symbol}: no second opinion by kinisi, {error.what}")
            quantities.append(
                nernst_einstein_conductivity(
                    result.quantity,
                    symbols.count(symbol) / volume,
                    temperature_K=settings.temperature_K,
                    charge=charges[symbol],
                    metallic=not _INSULATOR_FORMERS & set(symbols),
                )
            )
    rows = [
        ",".join(columns),
        *(",".join(f"{value:.8g}" for value in row) for row in zip(*columns.values(), strict=True)),
    ]
    write_text(run.directory / MSD_FILE, "\n".join(rows) + "\n")
    return {
        "quantities": [quantity.to_dict() for quantity in [*quantities, temperature, pressure]],
        "msd": curves,
        "frames": trajectory.n_frames,
        "warnings": [*trajectory.warnings, *warnings],
    }


def diffusing(quantities: Iterable[dict[str, Any]], elements: Collection[str]) -> list[str]:
    """Return which of `elements` a job showed to diffuse.

    Parameters
    ----------
    quantities
        Of the document of a diffusion job.
    elements
        Symbols to look for.
    """
    return [
        quantity["species"]
        for quantity in quantities
        if quantity["name"] == "tracer_diffusivity" and quantity["species"] in elements and quantity["converged"]
    ]


def arrhenius_document(
    species: str, temperatures_K: list[float], documents: list[dict[str, Any]], framework: Collection[str] = ()
) -> dict[str, Any]:
    """Return the Arrhenius fit through the tracer diffusivities of one element.

    Parameters
    ----------
    species
        Element.
    temperatures_K
        Temperature of each document.
    documents
        As returned by `analyse_diffusion`.
    framework
        Elements that do not diffuse in the crystal; temperatures at which one does are left out.
    """
    diffusivities = [_tracer(document, species) for document in documents]
    molten = {}
    for temperature, document in zip(temperatures_K, documents, strict=True):
        moving = diffusing(document["quantities"], framework)
        if moving:
            molten[temperature] = f"melted, {' and '.join(moving)} diffuses too"
    fit = arrhenius_fit(temperatures_K, diffusivities, species=species, left_out=molten)
    room = fit.predict(_ROOM_TEMPERATURE_K)
    quantities = [fit.activation_energy, fit.prefactor, room]
    return {
        "quantities": [quantity.to_dict() for quantity in quantities],
        "fit": {
            "activation_energy": fit.activation_energy.to_dict(),
            "prefactor": fit.prefactor.to_dict(),
            "at_300K": room.to_dict(),
            "segments": fit.to_dict()["segments"],
            "points": [
                {
                    "temperature_K": point.temperature_K,
                    "quantity": point.diffusivity.to_dict(),
                    "used": not point.left_out,
                    "reason": point.left_out,
                }
                for point in fit.points
            ],
            "band": _band(fit, temperatures_K),
            "warnings": list(fit.activation_energy.warnings),
        },
    }


def _band(fit: ArrheniusFit, temperatures_K: list[float]) -> dict[str, list[float]]:
    """Return the line and its 95 % band from room temperature to above the hottest run, evenly in 1/T."""
    names = ("temperature_K", "value_cm2_s", "low", "high")
    if not fit.segments:
        return {name: [] for name in names}
    inverse = np.linspace(1 / _ROOM_TEMPERATURE_K, 1 / (1.05 * max(temperatures_K)), 60)
    rows = []
    for temperature in 1 / inverse:
        quantity = fit.predict(float(temperature))
        assert quantity.value is not None and quantity.interval95 is not None
        rows.append((float(temperature), quantity.value, *quantity.interval95))
    return {name: [row[column] for row in rows] for column, name in enumerate(names)}


def _tracer(document: dict[str, Any], species: str) -> Quantity:
    """Return the first tracer diffusivity of an element in a document: our own estimate."""
    found = next(
        quantity
        for quantity in document["quantities"]
        if quantity["name"] == "tracer_diffusivity" and quantity["species"] == species
    )
    return Quantity.from_dict(found)
