"""The structure: a static picture, and on top of it, where scripts run, a model that turns with the pointer."""

from __future__ import annotations

import base64
import json
from typing import Any

from .document import System
from .markup import escape

_MOST_ATOMS = 20000
"""Above this many atoms the page keeps to the static picture."""


def structure_html(system: System, key: str) -> str:
    """Return the figure of a system's structure, or an empty string where there is none."""
    if system.structure is None:
        return ""
    from pymatgen.core import Structure

    try:
        structure = Structure.from_dict(system.structure)
    except (KeyError, TypeError, ValueError, AttributeError):
        return '<p class="none">The structure in the results cannot be read.</p>'
    picture = base64.b64encode(_picture(structure)).decode()
    model, legend = _model(structure)
    lengths = ", ".join(f"{x:.2f}" for x in structure.lattice.abc)
    angles = ", ".join(f"{x:.1f}" for x in structure.lattice.angles)
    text = f"{system.label}: {len(structure)} atoms in a cell of {lengths} Å and {angles}°"
    data = ""
    if len(structure) <= _MOST_ATOMS:
        data = f'<script type="application/json" class="model">{json.dumps(model, separators=(",", ":"))}</script>'
    keys = "".join(
        f'<li><span class="ball" style="--ball:{colour}"></span>{escape(symbol)} <span class="count">{count}</span></li>'
        for symbol, colour, count in legend
    )
    return (
        f'<figure class="structure" id="{key}"><div class="stage">'
        f'<img alt="{escape(text)}" src="data:image/png;base64,{picture}">{data}</div>'
        f'<figcaption><ul class="elements">{keys}</ul><p>{escape(text)}.'
        '<span class="hint" hidden> Drag or use the arrow keys to turn it, double-click to turn it back.</span></p>'
        "</figcaption></figure>"
    )


AZIMUTH_DEG, ELEVATION_DEG = -28.0, 14.0
"""Where the viewer stands at first, in the static picture and in the turning model alike."""


def _elements(structure: Any) -> list[tuple[str, str, float, int]]:
    """Return symbol, colour, drawn radius in Å and count of each element, the most frequent first."""
    from ase.data import atomic_numbers, covalent_radii
    from ase.data.colors import jmol_colors

    counts = structure.composition.get_el_amt_dict()
    found = []
    for symbol, count in sorted(counts.items(), key=lambda item: -item[1]):
        number = atomic_numbers.get(symbol, 0)
        red, green, blue = (round(255 * float(part)) for part in jmol_colors[number])
        radius = 0.55 * float(covalent_radii[number])
        found.append((symbol, f"#{red:02x}{green:02x}{blue:02x}", radius, round(count)))
    return found


def _model(structure: Any) -> tuple[dict[str, Any], list[tuple[str, str, int]]]:
    """Return what the page's script draws: elements, atoms ``[x, y, z, element]`` in Å, and the cell vectors."""
    elements = _elements(structure)
    index = {symbol: i for i, (symbol, _, _, _) in enumerate(elements)}
    cartesian = structure.lattice.get_cartesian_coords(structure.frac_coords % 1.0)
    atoms = [
        [round(float(x), 2), round(float(y), 2), round(float(z), 2), index[site.species.elements[0].symbol]]
        for (x, y, z), site in zip(cartesian, structure, strict=True)
    ]
    model = {
        "elements": [[symbol, colour, round(radius, 3)] for symbol, colour, radius, _ in elements],
        "atoms": atoms,
        "cell": [[round(float(x), 3) for x in row] for row in structure.lattice.matrix],
        "view": [AZIMUTH_DEG, ELEVATION_DEG],
    }
    return model, [(symbol, colour, count) for symbol, colour, _, count in elements]


def _picture(structure: Any) -> bytes:
    """Return a PNG of the structure with its cell, seen from the model's first position, on a clear ground."""
    import io
    from math import cos, radians, sin

    import numpy as np
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.collections import EllipseCollection, LineCollection
    from matplotlib.colors import to_rgb
    from matplotlib.figure import Figure

    model, _ = _model(structure)
    a, e = radians(AZIMUTH_DEG), radians(ELEVATION_DEG)
    turn = np.array(
        [[cos(a), -sin(a), 0], [sin(e) * sin(a), sin(e) * cos(a), cos(e)], [-cos(e) * sin(a), -cos(e) * cos(a), sin(e)]]
    )
    cell = np.array(model["cell"])
    centre = cell.sum(0) / 2
    atoms = np.array([row[:3] for row in model["atoms"]])
    kinds = np.array([row[3] for row in model["atoms"]])
    seen = (atoms - centre) @ turn.T
    corners = np.array([[i, j, k] for i in (0, 1) for j in (0, 1) for k in (0, 1)])
    edges = [(p, q) for p in range(8) for q in range(p) if np.abs(corners[p] - corners[q]).sum() == 1]
    frame = (corners @ cell - centre) @ turn.T
    figure = Figure(figsize=(6.4, 5.2), dpi=150)
    FigureCanvasAgg(figure)
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set_aspect("equal")
    axes.axis("off")
    lines = [frame[[p, q], :2] for p, q in edges]
    axes.add_collection(LineCollection(lines, colors="#8a9099", linewidths=1.0, alpha=0.7, zorder=0))
    order = np.argsort(seen[:, 2])
    radii = np.array([row[2] for row in model["elements"]])[kinds]
    colours = np.array([to_rgb(row[1]) for row in model["elements"]])[kinds]
    near = (seen[:, 2] - seen[:, 2].min()) / max(float(np.ptp(seen[:, 2])), 1e-9)
    for shrink, lift, shift in ((1.0, -0.28, 0.0), (0.88, 0.0, 0.06), (0.5, 0.25, 0.2), (0.22, 0.55, 0.3)):
        shade = colours * (1 + min(lift, 0)) + (1 - colours) * max(lift, 0)
        shade = shade * (0.72 + 0.28 * near[:, None]) + 0.5 * (0.28 - 0.28 * near[:, None])
        axes.add_collection(
            EllipseCollection(
                2 * radii[order] * shrink,
                2 * radii[order] * shrink,
                np.zeros(len(order)),
                offsets=seen[order, :2] + np.outer(radii[order] * shift, (-1.0, 1.0)),
                units="xy",
                facecolors=np.clip(shade[order], 0, 1),
                edgecolors="none",
                transform=axes.transData,
                offset_transform=axes.transData,
            )
        )
    every = np.vstack([seen[:, :2], frame[:, :2]])
    low, high = every.min(0) - 1.0, every.max(0) + 1.0
    axes.set_xlim(low[0], high[0])
    axes.set_ylim(low[1], high[1])
    stream = io.BytesIO()
    figure.savefig(stream, format="png", transparent=True)
    return stream.getvalue()
