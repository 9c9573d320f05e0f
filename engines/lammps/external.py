"""LAMMPS with a model that runs in Python: ``python -m anodeflow.engines.lammps.external -in SCRIPT -log LOG``.

The script is run line by line in LAMMPS' library. As soon as it has defined ``fix external pf/callback``, the model of
`EXTERNAL_FILE` in the folder is bound to it and gives energy, forces and virial from then on; everything else (restart
files, dumps, thermostats, barostats, the wall time) is LAMMPS' own. One process evaluates the whole cell, with threads.

Whatever fails in the model ends the process with a line that begins with ``ERROR``, as LAMMPS itself does: an exception
cannot travel through LAMMPS.
"""

from __future__ import annotations

import argparse
import os
import sys
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import numpy as np

from ...errors import AnodeflowError, InputError
from ...potentials.ase_model import read_external
from ...potentials.calculator import lammps_library
from ...potentials.model import EXTERNAL_FILE

if TYPE_CHECKING:
    from ase.calculators.calculator import Calculator
    from numpy.typing import NDArray

FIX_ID = "model"
_VOIGT_TO_LAMMPS = (0, 1, 2, 5, 4, 3)
"""From ASE's xx, yy, zz, yz, xz, xy to LAMMPS' xx, yy, zz, xy, xz, yz."""


class Callback:
    """Evaluates a model for the atoms that LAMMPS holds.

    Parameters
    ----------
    lammps
        LAMMPS' library with the fix defined.
    calculator
        Gives energy, forces and stress.
    elements
        Element of each LAMMPS type.

    Attributes
    ----------
    of_atoms
        Whether LAMMPS wants the virial of each atom too.
    """

    def __init__(self, lammps: Any, calculator: Calculator, elements: tuple[str, ...]) -> None:
        self.lammps, self.calculator, self.elements = lammps, calculator, elements
        self._atoms: Any = None
        self._last_step: int | None = None
        self.of_atoms = False

    def __call__(
        self,
        caller: Any,
        step: int,
        nlocal: int,
        tag: NDArray[np.int32],
        x: NDArray[np.float64],
        f: NDArray[np.float64],
    ) -> None:
        """Fill `f`, the forces in LAMMPS' own order, and set energy and virial; called by LAMMPS."""
        try:
            if step == self._last_step and hasattr(self.calculator, "forget"):
                # The second time at a step is where a piece of the run begins, as a continuation does. It sums in the
                # order of a new neighbour list, so this run has to as well.
                self.calculator.forget()
            self._last_step = step
            order = np.argsort(tag[:nlocal])
            energy, forces, stress, volume = self._evaluate(x[:nlocal][order], order)
            if not (np.isfinite(energy) and np.isfinite(forces).all() and np.isfinite(stress).all()):
                stop(f"the model gives non-numeric energy or forces at step {step}")
            f[order] = forces
            self.lammps.fix_external_set_energy_global(FIX_ID, energy)
            virial = -stress[list(_VOIGT_TO_LAMMPS)] * volume
            self.lammps.fix_external_set_virial_global(FIX_ID, [float(value) for value in virial])
            if self.of_atoms:
                each = np.empty((nlocal, 6))
                stresses = np.asarray(self.calculator.get_property("stresses", self._atoms))
                each[order] = -stresses[:, _VOIGT_TO_LAMMPS] * volume
                self.lammps.fix_external_set_virial_peratom(FIX_ID, each.tolist())
        except AnodeflowError as error:
            stop(f"{error.what} at step {step}")
        except Exception as error:
            import traceback

            traceback.print_exc()
            stop(f"the model failed at step {step}: {type(error).__name__}: {' '.join(str(error).split())}")

    def _evaluate(
        self, positions: NDArray[np.float64], order: NDArray[np.int64]
    ) -> tuple[float, NDArray[np.float64], NDArray[np.float64], float]:
        """Return energy, forces by id, stress in ASE's order and units, and the volume."""
        low, high, xy, yz, xz, _, _ = self.lammps.extract_box()
        (ax, by, cz) = (top - bottom for top, bottom in zip(high, low, strict=True))
        cell = np.array([[ax, 0.0, 0.0], [xy, by, 0.0], [xz, yz, cz]])
        if self._atoms is None:
            from ase import Atoms

            kinds = np.asarray(self.lammps.numpy.extract_atom("type"))[: len(order)][order]
            symbols = [self.elements[kind - 1] for kind in kinds]
            self._atoms = Atoms(symbols, positions=positions - low, cell=cell, pbc=True)
        atoms = self._atoms
        atoms.set_cell(cell)
        atoms.set_positions(positions - low)
        energy = float(self.calculator.get_property("energy", atoms))
        forces = np.asarray(self.calculator.get_property("forces", atoms))
        stress = np.asarray(self.calculator.get_property("stress", atoms))
        if stress.shape == (3, 3):
            stress = stress[[0, 1, 2, 1, 0, 0], [0, 1, 2, 2, 2, 1]]
        return energy, forces, stress, float(ax * by * cz)


def stop(message: str) -> NoReturn:
    """End the process at once with LAMMPS' kind of last line."""
    sys.stdout.flush()
    sys.stderr.write(f"ERROR: {message}\n")
    sys.stderr.flush()
    os._exit(1)


def run_script(lammps: Any, script: Path, model: Path) -> None:
    """Run the lines of `script`, with the model bound to its fix.

    Parameters
    ----------
    lammps
        LAMMPS' library.
    script
        Input file.
    model
        File that `AseModel.lammps` wrote.
    """
    described, elements = read_external(model)
    calculator = described.make()
    callback = Callback(lammps, calculator, elements)
    for line in script.read_text().splitlines():
        words = line.split()
        if words[:1] == ["compute"] and words[3:4] == ["stress/atom"]:
            if "stresses" not in calculator.implemented_properties:
                raise InputError(
                    f"{described.calculator} gives no stress of single atoms, which this run samples",
                    remedy="Take another model, or leave the profile of the stress out.",
                )
            callback.of_atoms = True
        lammps.command(line)
        if words[:2] == ["fix", FIX_ID]:
            lammps.set_fix_external_callback(FIX_ID, callback, None)


def main() -> None:
    """Run one input file in the current folder."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("-in", dest="script", required=True)
    parser.add_argument("-log", dest="log", required=True)
    given = parser.parse_args()
    warnings.simplefilter("ignore")  # standard error is for what ends a run
    try:
        lammps = lammps_library()(cmdargs=["-log", given.log, "-screen", "none", "-nocite"])
        run_script(lammps, Path(given.script), Path(EXTERNAL_FILE))
    except AnodeflowError as error:
        stop(str(error))
    except Exception as error:  # what LAMMPS raises says which command failed
        stop(" ".join(str(error).split()).removeprefix("ERROR: "))
    lammps.close()


if __name__ == "__main__":
    main()
