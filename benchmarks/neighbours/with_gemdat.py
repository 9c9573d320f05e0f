"""GEMDAT's column: ``python with_gemdat.py CASE WORK``."""

from __future__ import annotations

import sys
import time
import warnings
from pathlib import Path

import numpy as np
import scipp
from gemdat import Trajectory
from gemdat.metrics import TrajectoryMetricsStd
from pymatgen.core import Structure

warnings.filterwarnings("ignore")


def read(case: Path, name: str, work: Path) -> Trajectory:
    """Read a dump of the case."""
    return Trajectory.from_lammps(
        coords_file=case / f"{name}.lammpstrj", data_file=case / "walk.data", temperature=900, time_step=0.05,
        coords_format="LAMMPSDUMP", cache=work / f"{name}.cache",
    )  # fmt: skip


def main(case: Path, work: Path) -> None:
    """Run all rows."""
    work.mkdir(parents=True, exist_ok=True)
    for name in ("walk0", "walk1", "cage"):
        try:
            trajectory = read(case, name, work)
        except Exception as error:
            print(name, "not read:", type(error).__name__, str(error)[:200])
            continue
        lithium = trajectory.filter("Li")
        end = float(lithium.metrics().tracer_diffusivity(dimensions=3)) * 1e4
        parts = TrajectoryMetricsStd(lithium.split(10)).tracer_diffusivity(dimensions=3) * 1e4
        print(f"{name}: {len(lithium.species)} Li, end-point D {end:.3g}, of ten parts {parts:.2u} cm^2/s", flush=True)
        begin = time.process_time()
        lags = scipp.array(dims=["time interval"], values=np.arange(20, 1001, 20) * 0.05, unit="ps")
        kinisi = lithium.to_kinisi_diffusion_analyzer("Li", dt=lags, progress=False, save_cache=False)
        kinisi.diffusion(scipp.scalar(5.0, unit="ps"), progress=False)
        low, high = np.percentile(kinisi.D.values, [2.5, 97.5])
        print(f"   kinisi D {kinisi.D.values.mean():.3g} [{low:.3g}, {high:.3g}] {kinisi.D.unit}, "
              f"{time.process_time() - begin:.0f} s CPU", flush=True)  # fmt: skip
    from gemdat import Jumps

    trajectory = read(case, "hops", work)
    structure = Structure.from_file(case / "lisi.vasp").make_supercell((2, 2, 1), in_place=False)
    sites = Structure.from_sites([site for site in structure if site.specie.symbol == "Li"])
    transitions = trajectory.transitions_between_sites(sites, floating_specie="Li", site_radius=1.0)
    jumps = Jumps(transitions)
    print(
        "hops made",
        (case / "hops.txt").read_text().strip(),
        "jumps found",
        len(jumps.data),
        "transitions",
        len(transitions.events),
        "jump diffusivity",
        jumps.jump_diffusivity(3),
    )


if __name__ == "__main__":
    main(Path(sys.argv[1]).resolve(), Path(sys.argv[2]).resolve())
