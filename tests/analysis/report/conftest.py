"""A synthetic campaign: random walks of known diffusivity in place of molecular dynamics.

Nothing here ran on an engine. Every number in the document is computed from the walks with small formulas of this
file, so that the report has real curves, real scatter and real gaps to show.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from anodeflow.quantity import Quantity, Reference

BOLTZMANN = 8.617333262e-5
TRUE_PREFACTOR_CM2_S = 2.4e-3
TRUE_BARRIER_EV = {"c-Li15Si4": 0.52, "a-Li15Si4": 0.36}
TEMPERATURES_K = (600.0, 750.0, 900.0, 1050.0)
FRAME_PS = 0.05
FRAMES = 800


def walk_msd(diffusivity_cm2_s, atoms, rng, rattle_A=0.35):
    """MSD of a random walk with a cage rattle on top: lags in ps, MSD and its standard error in Å²."""
    step = np.sqrt(2 * diffusivity_cm2_s * 1e4 * FRAME_PS)
    path = np.cumsum(rng.normal(0, step, (FRAMES, atoms, 3)), axis=0)
    path += rng.normal(0, rattle_A, path.shape)
    lags = np.unique(np.geomspace(1, FRAMES // 2, 60).astype(int))
    per_atom = np.array([((path[lag:] - path[:-lag]) ** 2).sum(-1).mean(0) for lag in lags])
    return lags * FRAME_PS, per_atom.mean(1), per_atom.std(1, ddof=1) / np.sqrt(atoms)


def diffusion(name, species, lag, msd, error, reach_A2):
    """Straight line through the second half of the lags; no result where the MSD stays under `reach_A2`."""
    window = lag > 0.4 * lag[-1]
    slope, intercept = np.polyfit(lag[window], msd[window], 1)
    moved = msd[-1] - 3 * 2 * 0.35**2
    if moved < reach_A2:
        quantity = Quantity(
            "tracer_diffusivity",
            None,
            "cm^2/s",
            method="generalised least squares on the MSD",
            species=species,
            converged=False,
            warnings=(
                f"{species} is not diffusive yet: beyond its rattle the MSD reaches {max(moved, 0):.2f} Å² in "
                f"{lag[-1]:.0f} ps, and at least {reach_A2:g} Å² are needed.",
            ),
            source=name,
        )
        return quantity, None, None, None
    value = slope / 6 * 1e-4
    sigma = value * float(error[-1] / msd[-1]) * 1.6
    quantity = Quantity(
        "tracer_diffusivity",
        value,
        "cm^2/s",
        sigma,
        (max(value - 1.96 * sigma, value * 0.2), value + 1.96 * sigma),
        "generalised least squares on the MSD",
        species,
        n_effective=float(int((value / sigma) ** 2)),
        source=name,
    )
    return quantity, [float(lag[window][0]), float(lag[-1])], float(slope), float(intercept)


def make_run(system, temperature, counts, volume_A3, host, rng):
    job = f"{system}-{temperature:.0f}K-production"
    true = TRUE_PREFACTOR_CM2_S * np.exp(-TRUE_BARRIER_EV[system] / BOLTZMANN / temperature)
    msd, quantities = {}, []
    for species, atoms in counts.items():
        lag, curve, error = walk_msd(true if species == "Li" else true / 400, atoms, rng)
        quantity, window, slope, intercept = diffusion(job, species, lag, curve, error, 4.0)
        quantities.append(quantity)
        msd[species] = {
            "lag_time_ps": lag.tolist(),
            "msd_A2": curve.tolist(),
            "msd_error_A2": error.tolist(),
            "window_ps": window,
            "fit_slope_A2_ps": slope,
            "fit_intercept_A2": intercept,
            "quantity": quantity.to_dict(),
        }
    time = np.arange(0, FRAMES * FRAME_PS, 0.2)
    thermo = {
        "time_ps": time.tolist(),
        "temperature_K": (temperature + rng.normal(0, temperature / 25, time.size)).tolist(),
        "energy_eV_atom": (-2.36 + 3 * BOLTZMANN * temperature + rng.normal(0, 0.004, time.size)).tolist(),
        "pressure_GPa": rng.normal(0.02, 0.25, time.size).tolist(),
        "volume_A3": np.full(time.size, volume_A3).tolist(),
    }
    lithium = next(q for q in quantities if q.species == "Li")
    mean_T = float(np.mean(thermo["temperature_K"]))
    quantities += [
        Quantity("temperature", mean_T, "K", 2.1, method="mean over the run", source=job),
        Quantity("pressure", float(np.mean(thermo["pressure_GPa"])), "GPa", 0.02, method="mean", source=job),
        Quantity("volume_per_host_atom", volume_A3 / counts[host], "A^3", 0.21, method="NPT mean", source=job),
        Quantity("density", 1.19 - 1e-4 * (temperature - 300), "g/cm^3", 0.003, method="NPT mean", source=job),
    ]
    if lithium.value is not None:
        sigma = lithium.value * 1e-4 * counts["Li"] / volume_A3 * 1e30 * 1.602e-19 / (BOLTZMANN * temperature) / 100
        quantities.append(
            Quantity(
                "ionic_conductivity",
                sigma,
                "S/cm",
                sigma * lithium.uncertainty / lithium.value,
                method="Nernst–Einstein from the tracer diffusivity, Haven ratio 1",
                species="Li",
                source=job,
            )
        )
    return {
        "temperature_K": temperature,
        "job": job,
        "quantities": [q.to_dict() for q in quantities],
        "msd": msd,
        "thermo": thermo,
        "steps": 40000,
        "timestep_fs": 1.0,
        "steps_per_s": 412.0 + temperature / 100,
        "wall_s": 96.4 - temperature / 100,
    }


def make_arrhenius(system, runs):
    points, used = [], []
    for run in runs:
        quantity = next(q for q in run["quantities"] if q["name"] == "tracer_diffusivity" and q["species"] == "Li")
        good = quantity["value"] is not None
        reason = "" if good else "not diffusive at this temperature"
        points.append({"temperature_K": run["temperature_K"], "quantity": quantity, "used": good, "reason": reason})
        used += [(run["temperature_K"], quantity["value"], quantity["uncertainty"])] if good else []
    if len(used) < 3:
        return {}
    T, D, dD = (np.array(column) for column in zip(*used, strict=True))
    x, y, w = 1 / (BOLTZMANN * T), np.log(D), D / dD
    coefficients, covariance = np.polyfit(x, y, 1, w=w, cov="unscaled")
    draws = np.random.default_rng(5).multivariate_normal(coefficients, covariance, 4000)
    grid = 1 / np.linspace(1 / 1050, 1 / 300, 60)
    lines = np.exp(draws[:, :1] / (BOLTZMANN * grid) + draws[:, 1:])
    low, middle, high = np.percentile(lines, [2.5, 50, 97.5], axis=0)
    common = {"method": "weighted fit of ln D against 1/T", "species": "Li", "source": system}
    barrier, error = -coefficients[0], float(np.sqrt(covariance[0, 0]))
    energies = (barrier - 1.96 * error, barrier + 1.96 * error)
    return {
        "Li": {
            "activation_energy": Quantity(
                "activation_energy", barrier, "eV", error, energies, n_effective=float(len(T)), **common
            ).to_dict(),
            "prefactor": Quantity(
                "diffusion_prefactor",
                float(np.exp(coefficients[1])),
                "cm^2/s",
                float(np.exp(coefficients[1]) * np.sqrt(covariance[1, 1])),
                **common,
            ).to_dict(),
            "at_300K": Quantity(
                "tracer_diffusivity",
                float(middle[-1]),
                "cm^2/s",
                float((high[-1] - low[-1]) / 3.92),
                (float(low[-1]), float(high[-1])),
                warnings=(f"Extrapolated from {T.min():.0f} to {T.max():.0f} K.",),
                **common,
            ).to_dict(),
            "points": points,
            "band": {
                "temperature_K": grid.tolist(),
                "value_cm2_s": middle.tolist(),
                "low": low.tolist(),
                "high": high.tolist(),
            },
            "warnings": ["One temperature was left out because lithium does not diffuse there in the time simulated."]
            if len(T) < len(runs)
            else [],
        }
    }


def make_structures():
    from pymatgen.core import Lattice, Structure

    crystal = Structure.from_spacegroup(
        "I-43d",
        Lattice.cubic(10.59),
        ["Li", "Li", "Si"],
        [[0.096088, 0.626928, 0.713441], [0.75, 0.125, 0.0], [0.042428, 0.542428, 0.957572]],
    )
    crystal.make_supercell([2, 1, 1])
    rng = np.random.default_rng(11)
    lattice = Lattice([[11.6, 0, 0], [1.9, 11.3, 0], [0.7, -1.1, 11.4]])  # triclinic, as a melt quenched freely is
    species = ["Si"] * 20 + ["Li"] * 75
    least = {("Si", "Si"): 2.3, ("Li", "Si"): 2.3, ("Li", "Li"): 2.2}
    placed: list[np.ndarray] = []
    for index, element in enumerate(species):
        for attempt in range(20000):
            trial = rng.random(3)
            if placed:
                distance = lattice.get_all_distances([trial], placed)[0]
                floor = [least[tuple(sorted((element, other)))] for other in species[:index]]
                if np.any(distance < np.array(floor) * (1 - attempt / 60000)):
                    continue
            placed.append(trial)
            break
    return {"c-Li15Si4": crystal, "a-Li15Si4": Structure(lattice, species, placed)}


def make_document(seed=2026):
    """The whole of a synthetic ``results.json``."""
    rng = np.random.default_rng(seed)
    structures = make_structures()
    systems, jobs = [], []
    for name, structure in structures.items():
        counts = {e: int(n) for e, n in structure.composition.get_el_amt_dict().items()}
        runs = [make_run(name, T, counts, structure.volume, "Si", rng) for T in TEMPERATURES_K]
        relaxed = [
            Quantity("lattice_parameter", 10.588, "A", method="box relaxation to zero pressure"),
            Quantity("energy_per_atom", -2.361, "eV", method="box relaxation to zero pressure"),
            Quantity("volume_per_host_atom", structure.volume / counts["Si"], "A^3", method="box relaxation"),
            Quantity("density", float(structure.density), "g/cm^3", method="box relaxation to zero pressure"),
        ]
        amorphous = name.startswith("a-")
        systems.append(
            {
                "name": name,
                "formula": "Li15Si4",
                "kind": "amorphous" if amorphous else "crystal",
                "natoms": len(structure),
                "structure": structure.as_dict(),
                "description": "Packed at random with minimum distances, melted at 1500 K, quenched to 300 K at "
                "10 K/ps and zero pressure."
                if amorphous
                else "Cubic Li15Si4 (I-43d), conventional cell repeated 2 × 1 × 1, cell relaxed to zero pressure.",
                "evidence": None
                if amorphous
                else {
                    "class": "A-PBE",
                    "meaning": "cell and coordinates from a file (PBE-relaxed Materials Project structure)",
                    "citation": "M. B. Oviedo et al., J. Phys. Chem. A 127 (2023) 2637",
                },
                "relaxed": {"quantities": [q.to_dict() for q in (relaxed[1:] if amorphous else relaxed)]},
                "runs": runs,
                "arrhenius": make_arrhenius(name, runs),
            }
        )
        steps = ["relax", *(["melt-quench"] if amorphous else [])]
        steps += [f"{T:.0f}K-{part}" for T in TEMPERATURES_K for part in ("equilibrate", "production")]
        for index, step in enumerate(steps):
            jobs.append(
                {
                    "name": f"{name} {step}",
                    "folder": f"{name}-{step}-{index:08x}",
                    "state": "done",
                    "wall_s": 2.1 if step == "relax" else 48.0 + 3 * index,
                    "steps": None if step == "relax" else 40000,
                    "steps_per_s": None if step == "relax" else 409.0 + index,
                    "resumed": 1 if index == 4 else 0,
                    "hash": f"{index * 2654435761 % 2**32:08x}" * 8,
                }
            )
    quantities = [q for s in systems for q in s["relaxed"]["quantities"]]
    quantities += [q for s in systems for run in s["runs"] for q in run["quantities"]]
    for system in systems:
        for fit in system["arrhenius"].values():
            quantities += [fit["activation_energy"], fit["prefactor"], fit["at_300K"]]
    return {
        "anodeflow": "0.1.0",
        "command": ["anodeflow", "run", "examples/lithium_silicon.yaml"],
        "inputs": {"examples/lithium_silicon.yaml": "9f2c" * 16},
        "quantities": quantities,
        "warnings": ["a-Li15Si4: the melt was held for 10 ps only; the glass may remember its packing."],
        "files": ["c-Li15Si4-600K-production-00000002/production.dump"],
        "campaign": {
            "title": "Lithium diffusion in Li15Si4, crystalline and amorphous",
            "systems": [{"phase": "Li15Si4", "supercell": [2, 1, 1]}, {"amorphous": "Li15Si4", "atoms": 95}],
            "potential": "meam_LiSi_Cui2012",
            "temperatures_K": list(TEMPERATURES_K),
            "timestep_fs": 1.0,
            "equilibration_ps": 5.0,
            "production_ps": 40.0,
            "seed": seed,
        },
        "seed": seed,
        "versions": {"anodeflow": "0.1.0", "lammps": "22 Jul 2025 - Update 4", "python": "3.11.2", "numpy": "2.3.4"},
        "host": {"cores": 2, "machine": "x86_64"},
        "potential": {
            "name": "meam_LiSi_Cui2012",
            "kind": "meam (2NN)",
            "elements": ["Li", "Si"],
            "citation": "Z. Cui, F. Gao, Z. Cui, J. Qu, J. Power Sources 207 (2012) 150",
            "licence": "parameters are published facts; packaged by OpenKIM under CDDL-1.0",
            "fingerprint": "5d41402abc4b2a76" * 4,
            "known_faults": ["Fitted to crystalline Li–Si phases: the glass is an extrapolation."],
            "checks": [
                {
                    "name": "lattice parameter of Li15Si4",
                    "value": 10.588,
                    "reference": 10.59,
                    "unit": "A",
                    "source": "Cui et al. 2012",
                },
                {
                    "name": "energy of Li15Si4",
                    "value": -2.361,
                    "reference": -2.361,
                    "unit": "eV/atom",
                    "source": "Cui et al. 2012",
                },
            ],
        },
        "citations": [
            {
                "key": "cui2012",
                "text": "Z. Cui, F. Gao, Z. Cui, J. Qu, J. Power Sources 207 (2012) 150.",
                "doi": "10.1016/j.jpowsour.2012.01.145",
            },
            {
                "key": "thompson2022",
                "text": "A. P. Thompson et al., LAMMPS, Comput. Phys. Commun. 271 (2022) 108171.",
                "doi": "10.1016/j.cpc.2021.108171",
            },
        ],
        "methods": "Molecular dynamics was run with LAMMPS (22 Jul 2025, update 4) and the second-nearest-neighbour "
        "MEAM of Cui et al. for Li–Si, with a time step of 1 fs. Cells were relaxed to zero pressure, equilibrated for "
        "5 ps at constant pressure and sampled for 40 ps at constant volume (Nosé–Hoover thermostat, 0.1 ps) at 600, "
        "750, 900 and 1050 K. Mean squared displacements were averaged over all time origins after removal of the "
        "drift of the centre of mass; tracer diffusivities follow from a generalised least squares fit over the "
        "diffusive window, activation energies from a weighted fit of ln D against 1/T. Intervals are 95 %.",
        "systems": systems,
        "jobs": jobs,
        "started": "2026-11-22T18:02:11+00:00",
        "finished": "2026-11-22T18:11:03+00:00",
        "wall_s": 532.0,
    }


@pytest.fixture(scope="session")
def synthetic_document():
    """A synthetic campaign document; nothing in it came from an engine."""
    return json.loads(json.dumps(make_document()))


@pytest.fixture()
def synthetic_directory(synthetic_document, tmp_path) -> Path:
    """A folder with the synthetic ``results.json``."""
    (tmp_path / "results.json").write_text(json.dumps(synthetic_document))
    return tmp_path


@pytest.fixture(scope="session")
def written(synthetic_document, tmp_path_factory) -> Path:
    """A folder with the synthetic ``results.json`` and the report that was written from it."""
    from anodeflow.analysis.report import write_report

    folder = tmp_path_factory.mktemp("campaign")
    (folder / "results.json").write_text(json.dumps(synthetic_document))
    assert write_report(folder) == folder / "report.html"
    return folder


@pytest.fixture
def part_document():
    """A campaign whose results are a part with groups, an overview and a plot."""
    published = Reference((280.0, 300.0), "%", "the review")
    groups = [
        {
            "label": "a-LiSi",
            "headline": ["volume_expansion"],
            "quantities": [Quantity("volume_expansion", 74.2, "%", uncertainty=1.5, source="job 1").to_dict()],
        },
        {
            "label": "a-Li15Si4",
            "headline": ["volume_expansion", "yield_stress"],
            "quantities": [
                Quantity("volume_expansion", 271.0, "%", uncertainty=2.0, reference=published).to_dict(),
                Quantity("yield_stress", None, "GPa", converged=False, warnings=("the curve does not bend",)).to_dict(),
            ],
        },
    ]
    plot = {
        "key": "expansion",
        "title": "Volume against lithium",
        "x_label": "x in LiₓSi",
        "y_label": "expansion (%)",
        "curves": [{"label": "glass", "x": [1.0, 3.75], "y": [74.2, 271.0], "error": [1.5, 2.0], "style": "points"}],
        "published": [{"label": "the review", "low": 280, "high": 300}],
    }
    part = {
        "key": "series",
        "title": "Lithiation series of Si",
        "asked": "What does lithium do to silicon?",
        "warnings": [],
        "overview": ["volume_expansion", "yield_stress"],
        "groups": groups,
        "plots": [plot],
    }
    quantities = [quantity for group in groups for quantity in group["quantities"]]
    warnings = ["the voltages of this model are wrong"]
    return {"anodeflow": "0", "systems": [], "parts": [part], "quantities": quantities, "warnings": warnings}
