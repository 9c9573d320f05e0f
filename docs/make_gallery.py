"""Build every pair of the review from one line each, draw it, and write ``docs/gallery.md``.

Run with ``python docs/make_gallery.py`` in a checkout; pictures go to ``docs/gallery/``.
"""

from __future__ import annotations

import io
import time
from pathlib import Path

from anodeflow.files import write_bytes, write_text
from anodeflow.structures.amorphous import pack
from anodeflow.structures.interface import interface
from anodeflow.structures.phases import phase
from anodeflow.structures.picture import draw_structure
from anodeflow.structures.polar import compensated_slab
from anodeflow.structures.polymer import polymer_electrolyte
from PIL import Image

PAIRS = (
    ("Si | Li6PS5Cl", 'interface("Si(100)", "Li6PS5Cl(100)")'),
    ("Si | LiPON", 'interface("Si(100)", "LiPON")'),
    ("Si | LLZO", 'interface("Si(110)", "LLZO(110)")'),
    ("Sn | Li3PS4", 'interface("beta-Sn(100)", "gamma-Li3PS4(100)")'),
    ("Sn | LiPON", 'interface("beta-Sn(100)", "LiPON")'),
    ("Sb | LiBH4", 'interface("Sb(001)", "LiBH4(100)")'),
    ("Bi | LiBH4", 'interface("Bi(001)", "LiBH4(001)")'),
    ("Li21Si5 | Li6PS5Cl", 'interface("Li21Si5(100)", "Li6PS5Cl(100)", max_strain=0.06)'),
    ("LiIn | Li3PS4", 'interface("LiIn(100)", "gamma-Li3PS4(100)")'),
    ("SiCO | LiXPON", 'interface("SiCO", "LiXPON")'),
    ("Si | Li21Si5 | Li6PS5Cl", 'interface("Si(100)", "Li6PS5Cl(100)", interlayer="Li21Si5:8")'),
    ("Si | MgO | Li6PS5Cl", 'interface("Si(100)", "Li6PS5Cl(100)", interlayer="MgO:6", max_strain=0.08)'),
)
"""Names and calls; each call is run as it stands."""

BULKS = (
    ("SiO2 network", 'pack("SiO2", atoms=216, density_g_cm3=2.2, network=True, seed=1)'),
    ("PEO with LiTFSI", "polymer_electrolyte(chains=4, monomers=25, oxygen_per_lithium=20, seed=1)"),
    (
        "LiF(111) without dipole",
        'compensated_slab(phase("LiF").structure, "111", charges={"Li": 1, "F": -1}, thickness_A=15).slab.structure',
    ),
)
"""What is no interface: a glass whose atoms are bonded, a polymer electrolyte, a polar slab with moved ions."""

LARGEST_BYTES = 60_000


def small_png(structure: object, title: str) -> bytes:
    """Draw a structure and reduce the picture to a palette so that it stays small."""
    for width in (620, 520, 420, 340):
        stream = io.BytesIO()
        draw_structure(structure, stream, title=title, width_px=width)
        image = Image.open(stream).convert("RGB").quantize(colors=96)
        packed = io.BytesIO()
        image.save(packed, format="PNG", optimize=True)
        if packed.tell() <= LARGEST_BYTES:
            return packed.getvalue()
    return packed.getvalue()


def main() -> None:
    """Write the page and its pictures."""
    folder = Path(__file__).resolve().parent
    lines = [
        "# Gallery: the interfaces of the review, one line each",
        "",
        "Made by `python docs/make_gallery.py`, which runs every call below as it stands "
        "(`from anodeflow.structures.interface import interface`). Each structure has passed the builder's checks: "
        "no pair below 0.85 of its contact distance at any contact, composition and formal charge of every side, "
        "order of the layers, and that the slab matched is the slab built. Cells are periodic sandwiches with two "
        "interfaces unless a vacuum is given. CPU time is that of one run on one core, ordering of partial "
        "occupancies included.",
        "",
        "| pair | atoms | area Å² | misfit % | strain of each side (11, 22, 12) % | nearest at each contact | CPU s |",
        "|---|---|---|---|---|---|---|",
    ]
    pictures = []
    for name, call in PAIRS:
        start = time.process_time()
        made = eval(call, {"interface": interface})  # noqa: S307 (the calls above, and nothing else)
        spent = time.process_time() - start
        strain = "; ".join(
            f"{side} {100 * e[0][0]:+.2f} {100 * e[1][1]:+.2f} {100 * e[0][1]:+.2f}"
            for side, e in (made.record.strain or {}).items()
        )
        gaps = "; ".join(f"{made.contacts.pairs[key]} {gap:.2f} Å" for key, gap in made.contacts.gaps_A.items())
        misfit = "glass" if made.match is None else f"{100 * made.match.strain:.2f}"
        area = made.record.area_A2 or 0.0
        shown = name.replace("|", "\\|")
        lines.append(f"| {shown} | {len(made.structure)} | {area:.1f} | {misfit} | {strain} | {gaps} | {spent:.2f} |")
        file = name.replace(" | ", "_").lower() + ".png"
        write_bytes(folder / "gallery" / file, small_png(made.structure, f"{name}, {len(made.structure)} atoms"))
        pictures += [f"## {name}", "", f"```python\n{call}\n```", "", f"![{name}](gallery/{file})", ""]
        warnings = [w for w in made.record.warnings if not w.startswith("misfit")]
        if warnings:
            pictures += ["; ".join(warning.rstrip(".") for warning in warnings) + ".", ""]
    known = {"pack": pack, "polymer_electrolyte": polymer_electrolyte}
    known |= {"compensated_slab": compensated_slab, "phase": phase}
    for name, call in BULKS:
        start = time.process_time()
        structure = eval(call, dict(known))  # noqa: S307 (the calls above, and nothing else)
        spent = time.process_time() - start
        file = "".join(c if c.isalnum() else "_" for c in name).lower() + ".png"
        write_bytes(folder / "gallery" / file, small_png(structure, f"{name}, {len(structure)} atoms"))
        said = f"{structure.composition.formula}, {spent:.2f} CPU s, compilation included."
        pictures += [f"## {name}", "", f"```python\n{call}\n```", "", f"![{name}](gallery/{file})", "", said, ""]
    write_text(folder / "gallery.md", "\n".join([*lines, "", *pictures]).rstrip() + "\n")


if __name__ == "__main__":
    main()
