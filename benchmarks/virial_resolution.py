"""How flat the normal stress of layers is where it has to be flat: a front that is relaxed at 0 K.

    python benchmarks/virial_resolution.py [--face "Si(100)"] [--alloy Li15Si4]

Every atom is in equilibrium, so the stress along the normal is exactly the same through all planes. What the sums of
per-atom virials in layers show beyond that is the resolution of the method, not a stress.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from pathlib import Path

from anodeflow.analysis.mechanics.layers import read_layers
from anodeflow.engines.lammps.layers import STRESS_PROFILE, LayerSampling, layer_files
from anodeflow.engines.lammps.md import MDSettings, run_md
from anodeflow.engines.lammps.relax import relax
from anodeflow.engines.lammps.setup import System
from anodeflow.engines.resources import Resources
from anodeflow.potentials.cards import card
from anodeflow.structures.interface import interface
from anodeflow.structures.join import join_with_packing
from anodeflow.units import BAR_TO_GPA
from pymatgen.core import Structure


def measure(face: str, alloy: str, potential: str, thickness_A: float) -> dict[str, object]:
    """Return the scatter of the normal stress over layers of several heights, in GPa."""
    model = card(potential)
    made = interface(f"{face}:20", f"a-{alloy}:10", max_area_A2=150.0, max_atoms=5000)
    sites = [made.structure[k] for k in made.atoms_of(0)]
    slab = Structure(
        made.structure.lattice, [s.specie.symbol for s in sites], [s.coords for s in sites], coords_are_cartesian=True
    )
    joined = join_with_packing(slab, alloy, thickness_A=thickness_A, seed=1)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        rest = relax(System.of(joined, model), folder / "relax", Resources(), cell="fixed")
        height, volume = rest.structure.lattice.c, rest.structure.volume
        fine = round(height / 0.75)
        fine += -fine % 24
        settings = MDSettings(
            "nvt", 20, 0.01, 1, layers=LayerSampling(fine, every=1, window=10), dump_every=0, restart_every=10,
            timestep_fs=0.01, thermo_every=1,
        )  # fmt: skip
        run = run_md(System.of(rest.structure, model), settings, folder / "md", Resources())
        table = read_layers(layer_files(run.directory, STRESS_PROFILE)).values[0] * (fine / volume) * BAR_TO_GPA
    found = {}
    for merged in (2, 3, 4, 6, 8, 12):
        if fine % merged == 0:
            layers = table.reshape(fine // merged, merged, 6).mean(axis=1)
            found[f"{merged * height / fine:.2f}"] = float(layers[:, 2].std())
    return {
        "face": face,
        "atoms": len(joined),
        "largest_force_eV_A": rest.max_force_eV_A,
        "normal_stress_GPa": float(table[:, 2].mean()),
        "rms_over_layers_GPa": found,
    }


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--face", default="Si(100)")
    parser.add_argument("--alloy", default="Li15Si4")
    parser.add_argument("--potential", default="LiSi-MEAM-Cui2012")
    parser.add_argument("--thickness", type=float, default=24.0)
    given = parser.parse_args()
    print(json.dumps(measure(given.face, given.alloy, given.potential, given.thickness), indent=1))
