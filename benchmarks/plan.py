"""The plan of three campaigns against what they then take.

Usage: python benchmarks/plan.py [--cores 2]

Each campaign is planned with an empty memory of probes, then run. What is compared is processor time, as the plan
gives it for its jobs and as the jobs' records give it, so that other work on the machine counts as little as
it can; the load is printed beside it. The wall time of a plan is for processors of one's own.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

GLASS = """\
name: glass
seed: 7
potential: LiSi-MEAM-Cui2012
systems:
  c-Li15Si4: {phase: Li15Si4, supercell: [2, 1, 1]}
  a-LiSi:
    amorphous: {composition: LiSi, atoms: 120}
    melt_quench: {melt_ps: 3, quench_rate_K_ps: 400, anneal_ps: 1}
diffusion: {temperatures_K: [700, 900], equilibration_ps: 2, production_ps: 8, frame_interval_fs: 20}
"""
SALT = """\
name: salt
seed: 8
potential: LiX-EIM-Zhou2010
systems:
  LiCl: {phase: LiCl, supercell: [4, 4, 4]}
diffusion: {temperatures_K: [500, 600, 700], equilibration_ps: 3, production_ps: 10, frame_interval_fs: 50}
"""
LADDER = """\
name: ladder
crystal: {phase: Si}
species: Li
hops:
  T-H-T: {kind: interstitial, path: [[0.5, 0.5, 0.5], [0.75, 0.75, 0.75]]}
levels:
  - {name: LiSi-MEAM-Cui2012, image_distance_A: 16, images: 7, force_tolerance_eV_A: 0.01}
"""


def anodeflow(words: list[str], cache: Path) -> str:
    """Run a command of ours and return its standard output."""
    environment = dict(os.environ, XDG_CACHE_HOME=str(cache))
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        environment[name] = "1"
    command = [sys.executable, "-m", "anodeflow", *words]
    answer = subprocess.run(command, env=environment, check=False, capture_output=True, text=True)
    if answer.returncode != 0:
        raise SystemExit(answer.stderr)
    return answer.stdout


def compare(name: str, text: str, command: str, cores: int, scratch: Path) -> float:
    """Plan and run a campaign; print a line and return the ratio of plan and truth."""
    file, root = scratch / f"{name}.yaml", scratch / name
    file.write_text(text)
    plan = json.loads(anodeflow(["plan", str(file), "--cores", str(cores), "--json"], scratch / f"cache-{name}"))
    load = os.getloadavg()[0]
    begin = time.monotonic()
    anodeflow([command, str(file), "--dir", str(root), "--cores", str(cores)], scratch / f"cache-{name}")
    wall_s = time.monotonic() - begin
    taken = {}
    for path in root.glob("*/result.json"):
        document = json.loads(path.read_text())
        taken[document["name"]] = sum(document["cpu_s"].values())
    for job in plan["jobs"]:
        print(f"    {job['name']:32} plan {job['cpu_s']:8.2f} s   taken {taken[job['name']]:8.2f} s", file=sys.stderr)
    planned, total = plan["total"]["cpu_s"], sum(taken.values())
    disk = sum(path.stat().st_size for path in root.glob("*/**/*") if path.is_file()) / 1e6
    probes = plan["probes"]
    print(
        f"{name:8} plan {planned:7.1f} s, taken {total:7.1f} s, ratio {planned / total:5.2f}; "
        f"wall time plan {plan['total']['wall_s']:6.1f} s, taken {wall_s:6.1f} s with start and report; "
        f"disk plan {plan['total']['disk_MB']:6.1f} MB, taken {disk:6.1f} MB; "
        f"{probes['taken']} probes in {probes['cpu_s']:.0f} s; load {load:.1f} to {os.getloadavg()[0]:.1f}",
        flush=True,
    )
    return planned / total


def main() -> None:
    """Run the benchmark and print its lines."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cores", type=int, default=2)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        cases = (("glass", GLASS, "run"), ("salt", SALT, "run"), ("ladder", LADDER, "barrier"))
        ratios = [compare(name, text, command, options.cores, Path(scratch)) for name, text, command in cases]
    print(f"farthest from 1: {max(ratios, key=lambda ratio: abs(ratio - 1)):.2f}")


if __name__ == "__main__":
    main()
