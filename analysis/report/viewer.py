"""The structure: a static picture, and on top of it, where scripts run, a model that turns with the pointer."""

from __future__ import annotations

import base64
import json
from typing import Any

from .document import System
from .markup import escape

_MOST_ATOMS = 20000
"""Above this many atoms the page keeps to the static picture."""

_WIDTH_PX = 640
"""Width of the static picture; the page shows it at most half as wide as itself."""


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
        f'<li><span class="ball" style="--ball:{colour}"></span>{escape(symbol)} '
        f'<span class="count">{count}</span></li>'
        for symbol, colour, count in legend
    )
    return (
        f'<figure class="structure" id="{key}"><div class="stage">'
        f'<img alt="{escape(text)}" src="data:image/png;base64,{picture}">{data}</div>'
        f'<figcaption><ul class="elements">{keys}</ul><p>{escape(text)}.'
        '<span class="hint" hidden> Drag or use the arrow keys to turn it, double-click to turn it back.</span></p>'
        "</figcaption></figure>"
    )


AZIMUTH_DEG, ELEVATION_DEG = 22.0, 12.0
"""Where the viewer stands at first, in the static picture and in the turning model alike."""


def _kind(site: Any) -> str:
    symbol = str(site.species.elements[0].symbol)
    return f"{symbol}, moving" if site.properties.get("moving") else symbol


def _kinds(structure: Any) -> list[tuple[str, str, float, int]]:
    """Return name, colour, drawn radius in Å and count of each element, the most frequent first; what moves is last."""
    from collections import Counter

    from ase.data import atomic_numbers, covalent_radii
    from ase.data.colors import jmol_colors

    from ...structures.picture import MOVING

    found = []
    for kind, count in sorted(Counter(map(_kind, structure)).items(), key=lambda item: ("," in item[0], -item[1])):
        symbol, _, moving = kind.partition(",")
        number = atomic_numbers.get(symbol, 0)
        red, green, blue = (round(255 * float(part)) for part in (MOVING if moving else jmol_colors[number]))
        found.append((kind, f"#{red:02x}{green:02x}{blue:02x}", 0.55 * float(covalent_radii[number]), count))
    return found


def _model(structure: Any) -> tuple[dict[str, Any], list[tuple[str, str, int]]]:
    """Return what the page's script draws: elements, atoms ``[x, y, z, element]`` in Å, and the cell vectors."""
    kinds = _kinds(structure)
    index = {kind: i for i, (kind, _, _, _) in enumerate(kinds)}
    matrix = structure.lattice.matrix
    if structure.lattice.c > 1.6 * max(structure.lattice.a, structure.lattice.b):
        matrix = matrix[:, [2, 1, 0]] * [1.0, 1.0, -1.0]  # a tall cell lies on its side, as in the picture
    cartesian = (structure.frac_coords % 1.0) @ matrix
    atoms = [
        [round(float(x), 2), round(float(y), 2), round(float(z), 2), index[_kind(site)]]
        for (x, y, z), site in zip(cartesian, structure, strict=True)
    ]
    model = {
        "elements": [[kind, colour, round(radius, 3)] for kind, colour, radius, _ in kinds],
        "atoms": atoms,
        "cell": [[round(float(x), 3) for x in row] for row in matrix],
        "view": [AZIMUTH_DEG, ELEVATION_DEG],
    }
    return model, [(kind, colour, count) for kind, colour, _, count in kinds]


def _picture(structure: Any) -> bytes:
    """Return a PNG of the structure with its cell."""
    import io

    from ...structures.picture import draw_structure

    stream = io.BytesIO()
    draw_structure(
        structure, stream, azimuth_deg=AZIMUTH_DEG, elevation_deg=ELEVATION_DEG, width_px=_WIDTH_PX, legend=False
    )
    return stream.getvalue()
