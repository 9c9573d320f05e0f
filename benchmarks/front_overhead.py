"""What sampling stress in layers costs, and how near a front's run comes to bare LAMMPS.

    python benchmarks/front_overhead.py --atoms 5000 --steps 500 --repeats 3

A Si(100) | Li15Si4 front is run in turn three ways over the same steps from the same start: *bare* (an input with
nothing but the system, the NPT dynamics and one line of output every 100 steps, run by ``lmp``), *plain* (`run_md`
without layers) and *layers* (`run_md` with stress, composition and coordination in layers, as a campaign samples them).
Times are CPU seconds of the ``lmp`` processes, which other work on the machine disturbs least; ratios are taken within
one repeat, and the median is printed.
"""

from __future__ import annotations

import argparse
import json
import resource
import statistics
import tempfile
from dataclasses import replace
from pathlib import Path

from anodeflow.engines.lammps.launch import run_lammps
from anodeflow.engines.lammps.md import MDSettings, md_commands, run_md
from anodeflow.engines.lammps.script import Minimize, MinStyle, WriteData, render
from anodeflow.engines.lammps.setup import System
from anodeflow.engines.resources import Resources
from anodeflow.files import write_text
from anodeflow.potentials.cards import card
from anodeflow.structures.join import join_with_packing
from anodeflow.structures.lammps_data import read_lammps_data
from anodeflow.workflows.campaign import Campaign
from anodeflow.workflows.front.flow import front_settings, host_slab

DENSITY_PER_A3 = 0.052


def children_cpu_s() -> float:
    """Return user and system time of all ended child processes."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def build(atoms: int, steps: int, sample_every: int) -> tuple[System, MDSettings]:
    """Return a front of about `atoms` atoms and its run."""
    height = 80.0
    section = {
        "faces": ["Si(100)"],
        "alloy": "Li15Si4",
        "host_thickness_A": height / 2,
        "alloy_thickness_A": height / 2,
        "area_A2": atoms / DENSITY_PER_A3 / height,
        "equilibration_ps": 0.001,
        "production_ps": 10.0,
        "sample_every": sample_every,
        "window_ps": 0.5,
    }
    document = {"name": "bench", "seed": 7, "potential": "LiSi-MEAM-Cui2012", "lithiation_front": section}
    campaign = Campaign.model_validate(document)
    slab = host_slab("Si(100)", campaign)
    joined = join_with_packing(slab, "Li15Si4", thickness_A=height / 2, seed=7)
    settings = front_settings(campaign, "Si(100)", joined.lattice.c, "Si")
    return System.of(joined, card("LiSi-MEAM-Cui2012")), replace(settings, steps=steps)


def bare(system: System, settings: MDSettings, folder: Path) -> None:
    """Run the dynamics and nothing else: no restart files, no pieces, no layers, little output."""
    system.write_files(folder)
    quiet = replace(settings, layers=None, thermo_every=100)
    commands = md_commands(system, quiet, restart=None, resources=Resources())
    keep = [c for c in commands if c.keyword not in ("restart", "write_restart", "write_data", "run", "variable")]
    write_text(folder / "in.bare.lammps", render(keep) + f"run {settings.steps}\n")
    run_lammps(folder, "in.bare.lammps", "log.bare.lammps", Resources())


def settled(system: System, folder: Path) -> System:
    """Return the system after a short minimisation, enough for dynamics to start from a random packing."""
    system.write_files(folder)
    commands = [
        *system.commands(thermo_every=50),
        MinStyle("cg"),
        Minimize(0.0, 0.05, 100, 400),
        WriteData("settled.data"),
    ]
    write_text(folder / "in.settle.lammps", render(commands))
    run_lammps(folder, "in.settle.lammps", "log.settle.lammps", Resources())
    return System.of(read_lammps_data(folder / "settled.data", system.element_map), system.card).at_rest()


def main() -> None:
    """Run the comparison and print one JSON document."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--atoms", type=int, default=5000)
    parser.add_argument("--steps", type=int, default=500)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--sample-every", type=int, default=10)
    options = parser.parse_args()
    system, settings = build(options.atoms, options.steps, options.sample_every)
    times: dict[str, list[float]] = {"bare": [], "plain": [], "layers": []}
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        system = settled(system, root / "settle")
        for repeat in range(options.repeats):
            for way in times:
                before = children_cpu_s()
                folder = root / f"{way}-{repeat}"
                if way == "bare":
                    bare(system, settings, folder)
                else:
                    run_md(system, settings if way == "layers" else replace(settings, layers=None), folder, Resources())
                times[way].append(children_cpu_s() - before)
    pairs = {
        "layers / plain": [a / b for a, b in zip(times["layers"], times["plain"], strict=True)],
        "layers / bare": [a / b for a, b in zip(times["layers"], times["bare"], strict=True)],
    }
    document = {
        "atoms": len(system.structure),
        "steps": settings.steps,
        "samples_every": options.sample_every,
        "cpu_s": {way: [round(value, 2) for value in values] for way, values in times.items()},
        "ratio": {what: [round(value, 4) for value in values] for what, values in pairs.items()},
        "cost_of_layers_percent": round(100 * (statistics.median(pairs["layers / plain"]) - 1), 2),
        "share_of_bare_steps_per_s_percent": round(100 / statistics.median(pairs["layers / bare"]), 2),
    }
    print(json.dumps(document, indent=1))


if __name__ == "__main__":
    main()
