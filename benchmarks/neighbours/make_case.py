"""Write the small case that every script here runs: a triclinic cell of LiSi, its MEAM, and walks of known D.

``python make_case.py CASE`` with anodeflow importable. Nothing in the folder is specific to anodeflow.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from anodeflow.potentials.cards import card
from anodeflow.structures.element_map import ElementMap
from anodeflow.structures.lammps_data import lammps_oriented, write_lammps_data
from anodeflow.structures.phases import phase
from pymatgen.core import Lattice, Structure

SHEAR = np.array([[1, 0.06, 0.04], [0, 1, 0.05], [0, 0, 1]])
TRUE_D_CM2_S = 2e-5
FRAMES, TIMESTEP_FS, EVERY = 2000, 1.0, 50

CAMPAIGN = """\
name: neighbours
seed: 7
potential: LiSi-MEAM-Cui2012
systems:
  t-LiSi:
    phase: lisi.vasp
  a-Li15Si4:
    amorphous: {composition: Li15Si4, atoms: 76}
    melt_quench: {melt_temperature_K: 1800, melt_ps: 1, quench_rate_K_ps: 1200, anneal_ps: 0.25}
diffusion:
  temperatures_K: [700, 1100, 1500]
  equilibration_ps: 0.5
  production_ps: 4
  frame_interval_fs: 20
"""


def write_walk(path: Path, structure: Structure, step_A: float, *, site_A: float, seed: int) -> None:
    """Write a dump in which Li walks (or, with no step, vibrates about its site) and Si vibrates."""
    rng = np.random.default_rng(seed)
    symbols = [site.specie.symbol for site in structure]
    lithium = np.array([symbol == "Li" for symbol in symbols])
    walk = np.cumsum(rng.normal(0, step_A, (FRAMES, len(symbols), 3)), axis=0) * lithium[None, :, None]
    walk -= walk[0]
    write_dump(path, structure, symbols, structure.cart_coords + walk + rng.normal(0, site_A, walk.shape))


def write_hops(path: Path, structure: Structure, *, chance: float, site_A: float, seed: int) -> int:
    """Write a dump in which every other Li is gone and the rest hop to empty Li sites; return the number of hops."""
    rng = np.random.default_rng(seed)
    symbols = np.array([site.specie.symbol for site in structure])
    sites, frame = np.flatnonzero(symbols == "Li"), np.flatnonzero(symbols == "Si")
    distance = structure.distance_matrix[np.ix_(sites, sites)]
    near = [np.flatnonzero((row > 0.1) & (row < 3.3)) for row in distance]
    where = rng.permutation(len(sites))[: len(sites) // 2]
    at = structure.cart_coords[sites[where]]
    hops, path_of = 0, np.empty((FRAMES, len(where), 3))
    for step in range(FRAMES):
        for ion in np.flatnonzero(rng.random(len(where)) < chance if step else np.zeros(len(where), bool)):
            target = rng.choice(near[where[ion]])
            if target not in where:
                _, image = structure[sites[where[ion]]].distance_and_image(structure[sites[target]])
                ends = structure.frac_coords[sites[[where[ion], target]]]
                at[ion] += structure.lattice.get_cartesian_coords(ends[1] + image - ends[0])
                where[ion], hops = target, hops + 1
        path_of[step] = at
    still = np.broadcast_to(structure.cart_coords[frame], (FRAMES, len(frame), 3))
    positions = np.concatenate([path_of, still], axis=1)
    write_dump(
        path, structure, ["Li"] * len(where) + ["Si"] * len(frame), positions + rng.normal(0, site_A, positions.shape)
    )
    return hops


def write_dump(path: Path, structure: Structure, symbols: list[str], positions: np.ndarray) -> None:
    """Write positions of shape ``(F, N, 3)`` in Å as LAMMPS does for a triclinic cell, unwrapped."""
    (ax, _, _), (bx, by, _), (cx, cy, cz) = structure.lattice.matrix
    xs, ys = [0, bx, cx, bx + cx], [0, cy]
    box = [(min(xs), ax + max(xs), bx), (min(ys), by + max(ys), cx), (0, cz, cy)]
    with path.open("w") as out:
        for number, frame in enumerate(positions):
            out.write(f"ITEM: TIMESTEP\n{number * EVERY}\nITEM: NUMBER OF ATOMS\n{len(symbols)}\n")
            out.write("ITEM: BOX BOUNDS xy xz yz pp pp pp\n")
            out.write("".join(f"{lo:.8f} {hi:.8f} {tilt:.8f}\n" for lo, hi, tilt in box))
            out.write("ITEM: ATOMS id element xu yu zu\n")
            for index, (symbol, (x, y, z)) in enumerate(zip(symbols, frame, strict=True)):
                out.write(f"{index + 1} {symbol} {x:.6f} {y:.6f} {z:.6f}\n")


def write_hop(folder: Path) -> None:
    """Write both ends of a copper vacancy hop in an oblique Cu3Au, for EMT, not relaxed."""
    cell = 3.74 * np.eye(3) @ np.array([[1, 0.02, 0.01], [0, 1, 0.03], [0, 0, 1]])
    alloy = Structure(Lattice(cell), ["Au", "Cu", "Cu", "Cu"], [[0, 0, 0], [0.5, 0.5, 0], [0.5, 0, 0.5], [0, 0.5, 0.5]])
    alloy.make_supercell(2)
    copper = [index for index, site in enumerate(alloy) if site.specie.symbol == "Cu"]
    gone = copper[0]
    moving = min(copper[1:], key=lambda index: alloy.get_distance(gone, index))
    last = alloy.copy()
    last.translate_sites([moving], alloy.frac_coords[gone] - alloy.frac_coords[moving], to_unit_cell=True)
    for name, structure in (("first", alloy), ("last", last)):
        structure.remove_sites([gone])
        structure.to(str(folder / f"hop_{name}.vasp"), fmt="poscar")


def main() -> None:
    """Write everything into the folder of the command line."""
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    ideal = phase("LiSi").structure
    sheared = Structure(Lattice(np.array(ideal.lattice.matrix) @ SHEAR), ideal.species, ideal.frac_coords)
    structure = lammps_oriented(sheared)
    structure.to(str(folder / "lisi.vasp"), fmt="poscar")
    elements = ElementMap.of([site.specie.symbol for site in structure])
    model = card("LiSi-MEAM-Cui2012").lammps(elements)
    for name, text in model.files.items():
        (folder / name).write_text(text)
    (folder / "pair.txt").write_text(
        f"{model.pair_style}\n" + "\n".join(" ".join(map(str, line)) for line in model.pair_coeff) + "\n"
    )
    write_hop(folder)
    (folder / "campaign.yaml").write_text(CAMPAIGN)
    big = lammps_oriented(sheared.make_supercell((2, 2, 1), in_place=False))
    write_lammps_data(big, folder / "walk.data", ElementMap.of([site.specie.symbol for site in big]))
    interval_ps = TIMESTEP_FS * EVERY * 1e-3
    step_A = float(np.sqrt(2 * TRUE_D_CM2_S * 1e4 * interval_ps))  # 1 cm^2/s = 1e4 A^2/ps
    for seed in range(5):
        write_walk(folder / f"walk{seed}.lammpstrj", big, step_A, site_A=0.1, seed=seed)
    write_walk(folder / "cage.lammpstrj", big, 0.0, site_A=0.3, seed=9)
    hops = write_hops(folder / "hops.lammpstrj", big, chance=0.005, site_A=0.15, seed=3)
    (folder / "hops.txt").write_text(f"{hops}\n")
    print(folder, structure.lattice.angles, model.pair_style, model.pair_coeff, elements)


if __name__ == "__main__":
    main()
