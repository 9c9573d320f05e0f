"""Write the page that says for each system of the phase library which model there is, from the cards.

    python docs/make_models.py [docs/models.md]

Nothing is computed here: deviations and costs are those of the reference tables, which
``anodeflow potentials check NAME --packaged`` wrote.
"""

from __future__ import annotations

import sys
from pathlib import Path

from anodeflow.files import write_text
from anodeflow.potentials.cards import card, card_names
from anodeflow.potentials.checks import ReferenceCheck
from anodeflow.potentials.coverage import Coverage, chemical_systems, coverage
from anodeflow.structures.elasticity import INDEPENDENT

HEAD = """# Which model for which system

Written by `python docs/make_models.py` from the cards; `tests/potentials/test_coverage.py` holds the page against them.
One line for each chemical system of the phase library and each model that runs it, the best first, four at most.

* **checked** are the phases of just this system in the reference table of the model; **ΔV** is the largest deviation of
  their volumes (against DFT with the same functional where the table says so, otherwise against the cell of the phase
  library), **ΔE** the largest of their formation energies. Where nothing was checked there is no number.
* **cost** is processor time per atom and step on one core, measured on the system in brackets by
  `anodeflow potentials check NAME --packaged --only cost`.
* *outside* means that the model was not made for the system: campaigns run it only with `accept_extrapolation: true`.

"""
ELASTIC_HEAD = """
# Elastic constants

In GPa, at 0 K with the atoms relaxed, from strains of ±0.5 %
(`anodeflow potentials check NAME --packaged --only elastic`); bulk and shear modulus after Hill. Measured values are
those of `potentials/data/measured/elastic.yaml` with their sources and temperatures, most of them at room temperature.

"""
MOST = 4


def _cost(entry: Coverage) -> str:
    if entry.cost_us is None:
        return "no molecular dynamics"
    return f"{entry.cost_us:.3g} µs ({entry.cost_system})"


def page() -> str:
    """Return the text of the page."""
    lines = ["| system | phases | model | checked | ΔV | ΔE | cost |", "| --- | --- | --- | --- | --- | --- | --- |"]
    for system, phases in sorted(chemical_systems().items(), key=lambda item: (len(item[0]), sorted(item[0]))):
        for number, entry in enumerate(coverage(system)[:MOST]):
            volume, formation = entry.volume_deviation_percent, entry.formation_deviation_eV_atom
            cells = [
                "–".join(sorted(system)) if number == 0 else "",
                ", ".join(phases) if number == 0 else "",
                entry.card + (" (*outside*)" if entry.outside else ""),
                ", ".join(entry.checked) or "–",
                "–" if volume is None else f"{volume:.1f} %",
                "–" if formation is None else f"{formation:.3f} eV/atom",
                _cost(entry),
            ]
            lines.append(f"| {' | '.join(cells)} |")
    return HEAD + "\n".join(lines) + "\n" + ELASTIC_HEAD + "\n".join(_elastic_lines()) + "\n"


def _elastic_lines() -> list[str]:
    """Return the table of elastic constants: for each crystal what was measured, then each model."""
    found: dict[str, dict[str, dict[str, ReferenceCheck]]] = {}
    for name in card_names():
        for row in card(name).reference_table:
            if row.unit == "GPa":
                found.setdefault(row.system, {}).setdefault(name, {})[row.property] = row
    columns = [f"elastic constant {name}" for name in INDEPENDENT["hexagonal"]] + ["bulk modulus", "shear modulus"]
    lines = ["| crystal | model | C11 | C12 | C13 | C33 | C44 | bulk | shear |", "| --- " * 9 + "|"]
    for system, models in sorted(found.items()):
        every = {name: row for rows in models.values() for name, row in rows.items()}
        measured = [_number(every[name].reference) if name in every else "–" for name in columns]
        lines.append(f"| {system} | **measured** | {' | '.join(measured)} |")
        for model, rows in models.items():
            values = [_number(rows[name].model) if name in rows else "–" for name in columns]
            fault = ", *unstable*" if any("unstable" in name for name in rows) else ""
            lines.append(f"| | {model}{fault} | {' | '.join(values)} |")
    return lines


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.1f}".replace("-", "−")


if __name__ == "__main__":
    write_text(Path(sys.argv[1] if len(sys.argv) > 1 else "docs/models.md"), page())
