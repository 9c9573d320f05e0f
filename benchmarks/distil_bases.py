"""Compare descriptions of the same labels: error of the forces on other runs of the teacher, and cost of a step.

    python benchmarks/distil_bases.py PHASE --learn DIR [DIR ...] --hold-out DIR [DIR ...] [--only NAME ...]

A folder holds ``labels-*.json`` or ``md-*.json`` of a job of a distillation; the first fifth of a run held out is left
out, since it starts from the perfect crystal. Without folders the cost alone is measured. Costs are LAMMPS' own time
for one atom and step on one core, times the share of the processor that the run had. SNAP is compared in cost alone.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from anodeflow.engines.lammps.launch import find_program
from anodeflow.engines.pod.card import distilled_card
from anodeflow.engines.pod.configurations import atoms_of, from_document
from anodeflow.engines.pod.fit import Accuracy, describer, fit
from anodeflow.files import write_text
from anodeflow.potentials.pod import PodBasis
from anodeflow.potentials.uf3 import Uf3Basis
from anodeflow.structures.element_map import ElementMap
from anodeflow.structures.lammps_data import write_lammps_data
from anodeflow.structures.ordering import order
from anodeflow.structures.phases import find_structure
from ase import Atoms
from pymatgen.core import Structure

BASES: dict[str, Uf3Basis | PodBasis] = {
    "uf3, triplets to 3.5 Å": Uf3Basis(),
    "uf3, triplets to 4.0 Å": Uf3Basis(three_body_cutoff_A=4.0, opposite_intervals=7),
    "pod, 2+3-body to 4.0 Å": PodBasis(cutoff_A=4.0, two_body=6, three_body=4, three_body_degree=3),
    "pod, 2+3-body to 5.0 Å": PodBasis(),
    "pod, 2+3+4-body to 4.0 Å": PodBasis(
        cutoff_A=4.0, two_body=6, three_body=4, three_body_degree=3, four_body=3, four_body_degree=3
    ),
}
SNAP_TWOJMAX = (2, 4, 6)


def main() -> None:
    """Print one row a basis."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("phase")
    parser.add_argument("--learn", nargs="+", type=Path, default=[])
    parser.add_argument("--hold-out", nargs="+", type=Path, default=[])
    parser.add_argument("--only", nargs="+", default=list(BASES))
    parser.add_argument("--snap", action="store_true", help="measure the cost of SNAP too")
    asked = parser.parse_args()
    structure = crystal(asked.phase)
    elements = tuple(sorted({site.specie.symbol for site in structure}))
    learnt = [atoms for folder in asked.learn for atoms in labelled(folder)]
    held_out = [atoms for folder in asked.hold_out for atoms in labelled(folder, skip=0.2)]
    for name in asked.only:
        row: dict[str, Any] = {"basis": name, "configurations": len(learnt)}
        if learnt:
            coefficients = fit(BASES[name], elements, learnt, Accuracy()).coefficients
        else:
            with describer(BASES[name], elements) as rows:
                size = rows.design(atoms_of(structure), stress=False).shape[1]
            coefficients = np.zeros(size)
        model = distilled_card("x", BASES[name], elements, coefficients)
        if learnt:
            row |= errors(model.ase_calculator(), held_out)
        potential = model.lammps(ElementMap(elements))
        lines = [" ".join(("pair_style", *potential.pair_style))]
        lines += [" ".join(("pair_coeff", *words)) for words in potential.pair_coeff]
        row["us_per_atom_step"] = cost_us(structure, elements, lines, potential.files)
        print(json.dumps(row, ensure_ascii=False), flush=True)
    for twojmax in SNAP_TWOJMAX if asked.snap else ():
        files = snap_files(elements, twojmax)
        lines = ["pair_style snap", f"pair_coeff * * {' '.join((*files, *elements))}"]
        cost = cost_us(structure, elements, lines, files)
        print(json.dumps({"basis": f"snap, twojmax {twojmax}, 5 Å", "us_per_atom_step": cost}), flush=True)


def crystal(phase: str) -> Structure:
    """Return four cells of a phase."""
    structure, source = find_structure(phase)
    if not structure.is_ordered:
        structure = order(structure, source=source, count=1, seed=1)[0].structure
    for key in list(structure.site_properties):
        structure.remove_site_property(key)
    return structure.make_supercell([2, 2, 1])


def labelled(folder: Path, skip: float = 0.0) -> list[Atoms]:
    """Return what a job has labelled."""
    documents = []
    for path in sorted(folder.glob("labels-*.json")):
        documents += json.loads(path.read_text())["configurations"]
    for path in sorted(folder.glob("md-*.json")):
        documents += json.loads(path.read_text())["frames"]
    return [from_document(document) for document in documents[int(skip * len(documents)) :]]


def errors(calculator: Any, held_out: list[Atoms]) -> dict[str, float]:
    """Return the root mean square error of the forces, and in percent of their spread."""
    wrong, right = [], []
    for atoms in held_out:
        ours = atoms.copy()
        ours.calc = calculator
        wrong.append((ours.get_forces() - atoms.get_forces()).ravel())
        right.append(atoms.get_forces().ravel())
    error = float(np.sqrt(np.mean(np.concatenate(wrong) ** 2)))
    return {"force_error_eV_A": error, "percent": 100 * error / float(np.std(np.concatenate(right)))}


def snap_files(elements: tuple[str, ...], twojmax: int) -> dict[str, str]:
    """Return files of SNAP whose coefficients are zero, which cost as much as others."""
    size = 1
    for one in range(twojmax + 1):
        for two in range(one + 1):
            size += sum(j >= one for j in range(one - two, min(twojmax, one + two) + 1, 2))
    blocks = "".join(f"{symbol} 0.5 1.0\n" + "0.0\n" * size for symbol in elements)
    settings = f"rcutfac 5.0\ntwojmax {twojmax}\nrfac0 0.99363\nrmin0 0\nbzeroflag 0\nquadraticflag 0\n"
    return {"a.snapcoeff": f"# zero\n\n{len(elements)} {size}\n{blocks}", "a.snapparam": settings}


def cost_us(structure: Structure, elements: tuple[str, ...], lines: list[str], files: dict[str, str]) -> float:
    """Return the processor time of an atom and step in µs; a tiny timestep keeps the crystal where it is."""
    steps, program = 300, find_program()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for file, text in files.items():
            write_text(folder / file, text)
        write_lammps_data(structure, folder / "a.data", ElementMap(elements))
        script = ["units metal", "boundary p p p", "read_data a.data", *lines, "mass * 20", "velocity all create 300 1"]
        script += ["timestep 1e-5", "neighbor 1.0 bin", "fix 1 all nve", "run 20 post no", f"run {steps}"]
        write_text(folder / "in", "\n".join(script) + "\n")
        command = [program.lmp, "-in", "in", "-screen", "none"]
        subprocess.run(command, cwd=folder, env=program.environment(1), check=True)
        log = (folder / "log.lammps").read_text()
    seconds = float(re.findall(r"Loop time of (\S+)", log)[-1])
    share = float(re.findall(r"([\d.]+)% CPU", log)[-1]) / 100
    return seconds * share / steps / len(structure) * 1e6


if __name__ == "__main__":
    main()
