"""anodeflow's column: ``python with_anodeflow.py CASE WORK``, CASE from make_case.py."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import numpy as np

RUN = [sys.executable, "-m", "anodeflow", "run"]


def frames(path: Path) -> tuple[list[int], list[Counter[str]]]:
    """Return the steps of a text dump and how many atoms of each element every frame has."""
    steps, elements = [], []
    lines = path.read_text().splitlines()
    natoms = int(lines[3])
    for at in range(0, len(lines), natoms + 9):
        steps.append(int(lines[at + 1]))
        elements.append(Counter(line.split()[1] for line in lines[at + 9 : at + 9 + natoms]))
    return steps, elements


def run(case: Path, folder: Path, seed: str, stop_when: int = 0) -> float:
    """Run the campaign; with `stop_when`, SIGKILL everything once that many jobs are finished and an MD is half-way."""
    begin = time.monotonic()
    process = subprocess.Popen(
        [*RUN, "campaign.yaml", "--dir", str(folder), "--cores", "2"],
        cwd=case, env=os.environ | {"PYTHONHASHSEED": seed}, start_new_session=True,
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    while stop_when and process.poll() is None:
        done = len(list(folder.glob("*/result.json")))
        half = [p for p in folder.glob("*/progress.json") if not (p.parent / "result.json").exists()]
        if done >= stop_when and any(_share(path) > 0.4 for path in half):
            os.killpg(process.pid, signal.SIGKILL)
            print(f"  SIGKILL: {done} jobs finished, under way: {[(p.parent.name, _share(p)) for p in half]}")
            break
        time.sleep(0.05)
    process.wait()
    return time.monotonic() - begin


def _share(path: Path) -> float:
    try:
        progress = json.loads(path.read_text())
    except (OSError, ValueError):
        return 0.0
    return round(progress["step"] / progress["total"], 2)


def values(folder: Path) -> list[tuple[str, str, float | None]]:
    """Return all quantities of a run."""
    results = json.loads((folder / "results.json").read_text())
    return [(q["name"], q["species"], q["value"]) for q in results["quantities"]]


def campaigns(case: Path, work: Path) -> None:
    """Whole, killed and resumed, again; elements and frames of every dump."""
    whole, killed = work / "whole", work / "killed"
    print(f"whole run: {run(case, whole, '0'):.0f} s")
    for stop in (3, 8, 12):
        run(case, killed, str(stop), stop)
    print(f"killed three times, the same command again: {run(case, killed, '77'):.0f} s")
    state = json.loads((whole / "jobs.json").read_text())
    print("jobs:", Counter(job["state"] for job in state["jobs"]))
    for folder in (whole, killed):
        for dump in sorted(folder.glob("*/**/*.lammpstrj")):
            steps, elements = frames(dump)
            gaps = set(np.diff(steps).tolist())
            print(f"  {dump.relative_to(work)}: {len(steps)} frames, {steps[0]}..{steps[-1]}, gaps {gaps}, "
                  f"elements {set(map(str, map(dict, elements)))}")  # fmt: skip
    one, two = values(whole), values(killed)
    same = [a for a, b in zip(one, two, strict=True) if a[2] != b[2] and not np.isclose(a[2], b[2], rtol=1e-9)]
    print(f"quantities: {len(one)}; different after the kills: {same}")
    before = {path: path.stat().st_mtime_ns for path in whole.glob("*/result.json")}
    wall = run(case, whole, "5")
    unchanged = all(path.stat().st_mtime_ns == stamp for path, stamp in before.items())
    print(f"same command again: {wall:.0f} s, {len(before)} results untouched: {unchanged}")
    for name, species, value in one:
        if name in ("tracer_diffusivity", "activation_energy", "ionic_conductivity"):
            print("  ", name, species, value)


def walks(case: Path) -> None:
    """D and its interval of walks of known D and of a cage, both in a triclinic cell."""
    from anodeflow.analysis.reading.trajectory import read_trajectory
    from anodeflow.analysis.transport.diffusion import tracer_diffusivity

    for dump in (*sorted(case.glob("walk*.lammpstrj")), case / "cage.lammpstrj"):
        trajectory = read_trajectory(dump, timestep_fs=1.0)
        lithium = trajectory.select("Li")
        result = tracer_diffusivity(lithium.positions, time_step_ps=lithium.interval_ps).quantity
        print(dump.name, "D =", result.value, "+-", result.uncertainty, result.interval95, result.warnings)


def band(case: Path, work: Path) -> None:
    """Relax the ends of the hop and the band between them with EMT."""
    from anodeflow.engines.ends import relax_ends
    from anodeflow.engines.neb import NebSettings, run_neb
    from anodeflow.structures.paths import align, interpolate
    from ase.calculators.emt import EMT
    from pymatgen.core import Structure

    ends = [Structure.from_file(case / f"hop_{name}.vasp") for name in ("first", "last")]
    relaxed = relax_ends(align(*ends, reorder=False), lambda folder: EMT(), work / "ends")
    result = run_neb(interpolate(relaxed.band, 5), lambda folder: EMT(), work / "band", NebSettings(0.03))
    barrier = result.energies_eV.max() - result.energies_eV[0]
    print(f"NEB: converged {result.converged}, barrier {barrier:.4f} eV, steps {result.steps} {result.reason}")


def jumps(case: Path) -> None:
    """Count the jumps of the hopping walk."""
    from anodeflow.analysis.hops.jumps import find_jumps, jump_rate
    from anodeflow.analysis.reading.trajectory import read_trajectory
    from pymatgen.core import Structure

    big = Structure.from_file(case / "lisi.vasp").make_supercell((2, 2, 1), in_place=False)
    sites = np.array([site.frac_coords for site in big if site.specie.symbol == "Li"])
    record = find_jumps(read_trajectory(case / "hops.lammpstrj", timestep_fs=1.0), "Li", sites)
    rate = jump_rate(record)
    print(
        "jumps made",
        (case / "hops.txt").read_text().strip(),
        "found",
        record.n_jumps,
        rate.value,
        rate.interval95,
        rate.unit,
    )


if __name__ == "__main__":
    case, work = Path(sys.argv[1]).resolve(), Path(sys.argv[2]).resolve()
    walks(case)
    jumps(case)
    band(case, work / "hop")
    campaigns(case, work)
