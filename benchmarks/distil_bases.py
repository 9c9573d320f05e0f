"""Compare descriptions of the same labels: error of the forces on other runs of the teacher, and cost of a step.

    python benchmarks/distil_bases.py PHASE --learn DIR [DIR ...] --hold-out DIR [DIR ...] [--sizes 90 180]
        [--only NAME ...] [--teacher chgnet]

A folder holds ``labels-*.json`` or ``md-*.json`` of a job of a distillation; the first fifth of a run held out is left
out, since it starts from the perfect crystal. ``--sizes`` fits to the first so many configurations too, in one random
order, and ``train_percent`` is the error on what was fitted to: where it is far below the other, more configurations
help; where it is not, only another basis does. Without folders the cost alone is measured. Costs are LAMMPS' own time
for one atom and step on one core, times the share of the processor that the run had; with ``--teacher`` that of the
teacher at the same size is measured in the same minute. SNAP has one weight an element and radii from the elements'
contact distances; its damping is chosen as that of the others is.
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
from anodeflow.engines.pod.configurations import atoms_of, from_document, structure_of
from anodeflow.engines.pod.fit import (
    DAMPINGS,
    GROUPS,
    Accuracy,
    NormalEquations,
    describer,
    fit,
    labels_of,
    reference_energies,
    solve,
    units_of,
)
from anodeflow.files import write_text
from anodeflow.potentials.calculator import lammps_library, rotation_into
from anodeflow.potentials.pod import PodBasis
from anodeflow.potentials.uf3 import Uf3Basis
from anodeflow.structures.distances import contact_distance
from anodeflow.structures.element_map import ElementMap
from anodeflow.structures.lammps_data import lammps_oriented, write_lammps_data
from anodeflow.structures.ordering import order
from anodeflow.structures.phases import find_structure
from ase import Atoms
from distil import teacher_step_s
from pymatgen.core import Structure

BASES: dict[str, Uf3Basis | PodBasis] = {
    "uf3, triplets to 3.5 Å": Uf3Basis(three_body_cutoff_A=3.5),
    "uf3, triplets to 3.75 Å": Uf3Basis(),
    "uf3, triplets to 3.75 Å, 5 and 8 intervals": Uf3Basis(three_body_intervals=5, opposite_intervals=8),
    "uf3, triplets to 4.0 Å": Uf3Basis(three_body_cutoff_A=4.0, three_body_intervals=5, opposite_intervals=8),
    "uf3, triplets to 3.5 Å, pairs to 8 Å": Uf3Basis(cutoff_A=8.0, intervals=32, three_body_cutoff_A=3.5),
    "pod, 2+3-body to 4.0 Å": PodBasis(cutoff_A=4.0, two_body=6, three_body=4, three_body_degree=3),
    "pod, 2+3-body to 5.0 Å": PodBasis(),
    "pod, 2+3+4-body to 4.0 Å": PodBasis(
        cutoff_A=4.0, two_body=6, three_body=4, three_body_degree=3, four_body=3, four_body_degree=3
    ),
}
SNAPS = {
    f"snap, twojmax {twojmax}{', quadratic' if quadratic else ''}": (twojmax, quadratic)
    for twojmax, quadratic in ((2, 0), (4, 0), (6, 0), (2, 1), (4, 1))
}
_SNAP_CUTOFF_A = 5.0


def main() -> None:
    """Print one row a basis and size."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("phase")
    parser.add_argument("--learn", nargs="+", type=Path, default=[])
    parser.add_argument("--hold-out", nargs="+", type=Path, default=[])
    parser.add_argument("--sizes", nargs="+", type=int, default=[])
    parser.add_argument("--only", nargs="+", default=[*BASES, *SNAPS])
    parser.add_argument("--teacher", help="measure its cost beside each basis")
    asked = parser.parse_args()
    structure = crystal(asked.phase)
    elements = tuple(sorted({site.specie.symbol for site in structure}))
    learnt = [atoms for folder in asked.learn for atoms in labelled(folder)]
    learnt = [learnt[index] for index in np.random.default_rng(1).permutation(len(learnt))]
    held_out = {folder.name: labelled(folder, skip=0.2) for folder in asked.hold_out}
    for name in asked.only:
        for size in [*(size for size in asked.sizes if size < len(learnt)), len(learnt)]:
            row: dict[str, Any] = {"basis": name, "configurations": size}
            measured = snap_row if name in SNAPS else basis_row
            row |= measured(name, elements, structure, learnt[:size], held_out)
            if asked.teacher and size == len(learnt):
                row["teacher_us"] = 1e6 * teacher_step_s(asked.teacher, structure) / len(structure)
            print(json.dumps(row, ensure_ascii=False), flush=True)


def basis_row(
    name: str, elements: tuple[str, ...], structure: Structure, learnt: list[Atoms], held_out: dict[str, list[Atoms]]
) -> dict[str, Any]:
    """Return errors and cost of splines or proper orthogonal descriptors."""
    basis, row = BASES[name], {}
    if learnt:
        found = fit(basis, elements, learnt, Accuracy())
        coefficients, row["damping"] = found.coefficients, found.damping
    else:
        with describer(basis, elements) as rows:
            size = rows.design(atoms_of(structure), stress=False).shape[1]
        coefficients = np.zeros(size)
    model = distilled_card("x", basis, elements, coefficients)
    if learnt:
        calculator = model.ase_calculator()

        def forces(atoms: Atoms) -> Any:
            ours = atoms.copy()
            ours.calc = calculator
            return ours.get_forces()

        row |= errors(forces, learnt, held_out)
    potential = model.lammps(ElementMap(elements))
    lines = [" ".join(("pair_style", *potential.pair_style))]
    lines += [" ".join(("pair_coeff", *words)) for words in potential.pair_coeff]
    row["us_per_atom_step"] = cost_us(structure, elements, lines, potential.files)
    return row


def snap_row(
    name: str, elements: tuple[str, ...], structure: Structure, learnt: list[Atoms], held_out: dict[str, list[Atoms]]
) -> dict[str, Any]:
    """Return errors and cost of SNAP."""
    snap, row = Snap(elements, *SNAPS[name]), {}
    coefficients = np.zeros(len(elements) * (snap.size + 1))
    if learnt:
        reference = reference_energies(learnt, elements)
        groups: list[NormalEquations] = []
        for number, atoms in enumerate(learnt):
            x, scale = snap.design(atoms), units_of(atoms, Accuracy())[:-6]
            groups = groups or [NormalEquations.empty(x.shape[1]) for _ in range(GROUPS)]
            groups[number % GROUPS].add(x / scale[:, None], labels_of(atoms, reference, elements)[:-6] / scale)
        found = solve(groups, DAMPINGS)
        coefficients, row["damping"] = found.coefficients, found.damping
        row |= errors(lambda atoms: (snap.design(atoms)[1:] @ coefficients).reshape(-1, 3), learnt, held_out)
    files = snap.files(coefficients)
    lines = ["pair_style snap", f"pair_coeff * * {' '.join((*files, *elements))}"]
    row["us_per_atom_step"] = cost_us(structure, elements, lines, files)
    return row


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


def errors(forces: Any, learnt: list[Atoms], held_out: dict[str, list[Atoms]]) -> dict[str, float]:
    """Return the root mean square errors of the forces in percent of their spread, for each run held out.

    What was learnt counts where the forces are those of a solid, 1 eV/Å or less (root mean square).
    """
    quiet = [atoms for atoms in learnt if np.sqrt(np.mean(atoms.get_forces() ** 2)) < 1.0]
    found = {}
    for name, some in {"train": quiet, **held_out}.items():
        right = np.concatenate([atoms.get_forces().ravel() for atoms in some])
        ours = np.concatenate([forces(atoms).ravel() for atoms in some])
        found[f"{name}_percent"] = round(100 * float(np.sqrt(np.mean((ours - right) ** 2)) / np.std(right)), 2)
    return found


class Snap:
    """LAMMPS' bispectrum components and their derivatives.

    Parameters
    ----------
    elements
        Chemical symbols in the order of the model.
    twojmax, quadratic
        Twice the highest angular momentum, and 1 where products of two components count too.
    """

    def __init__(self, elements: tuple[str, ...], twojmax: int, quadratic: int) -> None:
        self.elements, self.types, self.twojmax, self.quadratic = elements, ElementMap(elements), twojmax, quadratic
        self.size = 0
        for one in range(twojmax + 1):
            for two in range(one + 1):
                self.size += sum(j >= one for j in range(one - two, min(twojmax, one + two) + 1, 2))
        self.size += quadratic * self.size * (self.size + 1) // 2
        touch = np.array([contact_distance(symbol, symbol, elements=set(elements)) for symbol in elements])
        self.radii = 0.5 * touch / touch.max()
        self.weights = np.linspace(0.4, 1.0, len(elements))
        self._lammps: Any = lammps_library()(cmdargs=["-screen", "none", "-log", "none", "-nocite"])

    def design(self, atoms: Atoms) -> Any:
        """Return the rows of energy and forces, shape (1 + 3 N, M)."""
        structure = lammps_oriented(structure_of(atoms))
        words = ["snap", f"{_SNAP_CUTOFF_A}", "0.99363", f"{self.twojmax}"]
        words += [f"{value:.8g}" for value in (*self.radii, *self.weights)]
        words += ["bzeroflag", "0", "quadraticflag", f"{self.quadratic}"]
        with tempfile.TemporaryDirectory() as name:
            write_lammps_data(structure, Path(name) / "a.data", self.types)
            lines = ["clear", "units metal", "atom_modify map yes sort 0 0", "boundary p p p", "box tilt large"]
            lines += [f'read_data "{name}/a.data"', f"pair_style zero {_SNAP_CUTOFF_A + 1}", "pair_coeff * *"]
            lines += [f"compute rows all {' '.join(words)}", "thermo_style custom step c_rows[1][1]", "run 0 post no"]
            self._lammps.commands_list(lines)
        table = np.array(self._lammps.numpy.extract_compute("rows", 0, 2))
        count, size = len(atoms), self.size
        blocks = table[: 1 + 3 * count, :-1].reshape(1 + 3 * count, len(self.elements), size)
        constants = np.zeros((1 + 3 * count, len(self.elements), 1))
        constants[0, :, 0] = [atoms.symbols.count(symbol) for symbol in self.elements]
        rows = np.concatenate([constants, blocks], axis=2).reshape(1 + 3 * count, -1)
        rotation = rotation_into(np.array(atoms.cell), np.array(structure.lattice.matrix))
        turned = np.einsum("ab,nbk->nak", rotation, rows[1:].reshape(count, 3, -1))
        return np.concatenate([rows[:1], turned.reshape(3 * count, -1)])

    def files(self, coefficients: Any) -> dict[str, str]:
        """Return LAMMPS' files."""
        lines = ["# fitted", f"{len(self.elements)} {self.size + 1}"]
        for number, own in enumerate(coefficients.reshape(len(self.elements), -1)):
            lines += [f"{self.elements[number]} {self.radii[number]:.8g} {self.weights[number]:.8g}"]
            lines += [f"{value:.12g}" for value in own]
        settings = f"rcutfac {_SNAP_CUTOFF_A}\ntwojmax {self.twojmax}\nrfac0 0.99363\nrmin0 0\nbzeroflag 0\n"
        settings += f"quadraticflag {self.quadratic}\n"
        return {"a.snapcoeff": "\n".join(lines) + "\n", "a.snapparam": settings}


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
