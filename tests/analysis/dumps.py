"""Writes LAMMPS text dumps of known positions, in every column layout that LAMMPS has."""

from __future__ import annotations

import gzip
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from pathlib import Path

TRICLINIC = np.array([[10.0, 0.0, 0.0], [-5.0, 8.66, 0.0], [2.0, 1.0, 12.0]])
ORIGIN = np.array([1.0, 2.0, 3.0])


def random_walk(frames=20, atoms=50, cell=TRICLINIC, step_A=0.5, seed=0):
    rng = np.random.default_rng(seed)
    return rng.random((atoms, 3)) @ cell + np.cumsum(rng.normal(0, step_A, (frames, atoms, 3)), axis=0)


def bounds(cell, origin):
    (_, _, _), (xy, _, _), (xz, yz, _) = cell
    low = origin + np.array([min(0, xy, xz, xy + xz), min(0, yz), 0])
    high = origin + np.diag(cell) + np.array([max(0, xy, xz, xy + xz), max(0, yz), 0])
    return "ITEM: BOX BOUNDS xy xz yz pp pp pp\n" + "".join(
        f"{a:.16e} {b:.16e} {c:.16e}\n" for a, b, c in zip(low, high, (xy, xz, yz), strict=True)
    )


def frame_text(position, step, cell=TRICLINIC, origin=ORIGIN, *, layout="xu", flags=False, shuffle=None, digits=12):
    """One frame; layout is xu, x, xs or xsu; atoms are Si (type 1) and Li (type 2) in turn."""
    n = len(position)
    fractional = (position - origin) @ np.linalg.inv(cell)
    image = np.floor(fractional).astype(int)
    values = {
        "xu": position,
        "xsu": fractional,
        "x": (fractional - image) @ cell + origin,
        "xs": fractional - image,
    }[layout]
    names = {"xu": "xu yu zu", "xsu": "xsu ysu zsu", "x": "x y z", "xs": "xs ys zs"}[layout]
    lines = [f"ITEM: TIMESTEP\n{step}\nITEM: NUMBER OF ATOMS\n{n}\n{bounds(cell, origin)}"]
    lines.append(f"ITEM: ATOMS element {names} id {'ix iy iz ' if flags else ''}type \n")
    for i in range(n) if shuffle is None else shuffle.permutation(n):
        numbers = " ".join(f"{value:.{digits}g}" for value in values[i])
        crossed = "{} {} {} ".format(*image[i]) if flags else ""
        lines.append(f"{'Li' if i % 2 else 'Si'} {numbers} {i + 1} {crossed}{i % 2 + 1} \n")
    return "".join(lines)


def write_dump(path: Path, positions, cells=TRICLINIC, origin=ORIGIN, *, steps=None, seed=1, **layout) -> Path:
    cells = np.broadcast_to(cells, (len(positions), 3, 3))
    steps = np.arange(len(positions)) * 100 if steps is None else steps
    rng = np.random.default_rng(seed)
    text = "".join(
        frame_text(position, step, cell, origin, shuffle=rng, **layout)
        for position, step, cell in zip(positions, steps, cells, strict=True)
    )
    if path.suffix == ".gz":
        path.write_bytes(gzip.compress(text.encode()))
    else:
        path.write_text(text)
    return path
