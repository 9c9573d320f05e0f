"""What a converged density of GPAW holds: bands with their projections on elements, and all electrons on a grid.

Bands are computed again at the fixed density on a mesh of their own, with empty ones converged, which the ground state
does not ask for. Everything is written into one file of the folder, and taken from there the next time.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from ase.calculators.calculator import kpts2sizeandoffsets

from ..errors import EngineError
from .dft_failures import explain
from .gpaw import GpawCalculator, gpaw_version
from .images import load_arrays, save_arrays

if TYPE_CHECKING:
    from pathlib import Path

    from ase import Atoms
    from numpy.typing import NDArray

    from .gpaw import GpawProtocol

    Array = NDArray[np.float64]

STATE_FILE = "electronic.npz"
_EMPTY_SHARE = 0.3  # empty bands for each filled one
_LEAST_EMPTY = 6
_SPARE_SHARE = 0.15  # further bands, which are not asked to converge: without them the highest take very long
_EIGENSTATES = 1e-5  # eV² per electron; the energies' error is of second order in it
_REFINEMENTS = (2, 4)  # of GPAW's grid of wave functions


@dataclass(frozen=True)
class ElectronicState:
    """A converged ground state.

    Attributes
    ----------
    energy_eV
        Total energy, extrapolated to no smearing.
    energies_eV
        Kohn-Sham energies, shape (spins, k-points, bands).
    weights
        Of the k-points, summing to 1.
    fermi_eV
        Fermi level.
    projections
        By element: weight of each state on the bound orbitals of its atoms, shape as `energies_eV`.
    coarse_density_e_A3, density_e_A3
        All electrons, cores included, on two grids, the second twice as fine along each axis.
    kpoints
        Mesh of the bands.
    """

    energy_eV: float
    energies_eV: Array
    weights: Array
    fermi_eV: float
    projections: dict[str, Array]
    coarse_density_e_A3: Array
    density_e_A3: Array
    kpoints: tuple[int, int, int]


def electronic_state(
    atoms: Atoms, protocol: GpawProtocol, folder: Path, *, band_spacing_per_A: float | None = None, bands: bool = True
) -> ElectronicState:
    """Converge the density of some atoms and read from it what is wanted.

    Parameters
    ----------
    atoms
        Periodic in three directions.
    protocol
        Level.
    folder
        For GPAW's text and the result; a result that is there is read.
    band_spacing_per_A
        Largest distance of k-points of the bands; that of the level by default.
    bands
        Whether bands are wanted; without, only the energy and the density are there.

    Raises
    ------
    EngineError
        If GPAW is missing or fails; known failures in a sentence.
    """
    gpaw_version()  # what is not installed is said first
    folder.mkdir(parents=True, exist_ok=True)
    if (held := load_arrays(folder / STATE_FILE)) is not None:
        return _read(held)
    calculator = GpawCalculator(protocol, folder)
    atoms = atoms.copy()
    atoms.calc = calculator
    try:
        energy = float(atoms.get_potential_energy())
        inside = calculator.converged()
        found = _bands(inside, atoms, protocol, folder, band_spacing_per_A) if bands else _NO_BANDS
        coarse, fine = (np.asarray(inside.get_all_electron_density(gridrefinement=n)) for n in _REFINEMENTS)
    except EngineError:
        raise
    except Exception as error:
        known = explain(f"{type(error).__name__}: {error}")
        if known is None:
            raise
        raise EngineError(f"{folder.name} {known.what}", where=f"{folder}/gpaw.txt", remedy=known.remedy) from error
    energies, weights, fermi, parts, mesh = found
    state = ElectronicState(energy, energies, weights, fermi, parts, coarse, fine, mesh)
    _write(folder / STATE_FILE, state)
    return state


_Levels = tuple["Array", "Array", float, "dict[str, Array]", tuple[int, int, int]]
_NO_BANDS: _Levels = (np.zeros((1, 0, 0)), np.zeros(0), 0.0, {}, (0, 0, 0))


def _bands(inside: Any, atoms: Atoms, protocol: GpawProtocol, folder: Path, spacing: float | None) -> _Levels:
    """Return energies, weights, Fermi level, projections and mesh of the bands at the density that `inside` holds."""
    from gpaw.dos import IBZWaveFunctions, get_projector_numbers

    size, _ = kpts2sizeandoffsets(density=1 / (spacing or protocol.k_spacing_per_A), gamma=True, atoms=atoms)
    mesh = tuple(int(count) for count in size)
    filled = int(np.ceil(inside.get_number_of_electrons() / 2))
    wanted = filled + max(_LEAST_EMPTY, int(np.ceil(_EMPTY_SHARE * filled)))
    fixed = inside.fixed_density(
        kpts={"size": mesh, "gamma": True},
        nbands=wanted + 4 + int(np.ceil(_SPARE_SHARE * wanted)),
        convergence={"bands": wanted, "eigenstates": _EIGENSTATES},
        update_fermi_level=True,
        txt=str(folder / "bands.txt"),
    )
    waves = IBZWaveFunctions(fixed)
    energies = np.asarray(waves.eigenvalues(), dtype=float)[:, :, :wanted]
    parts: dict[str, Array] = {}
    for number, symbol in enumerate(atoms.get_chemical_symbols()):
        setup = fixed.setups[number]
        orbitals = [index for ell in range(4) for index in get_projector_numbers(setup, ell)]
        weight = np.asarray(waves.pdos_weights(number, orbitals), dtype=float)  # (k-points, bands, spins)
        parts[symbol] = parts.get(symbol, 0.0) + np.moveaxis(weight, 2, 0)[:, :, :wanted]
    return energies, np.asarray(waves.weights(), dtype=float), float(fixed.get_fermi_level()), parts, mesh  # type: ignore[return-value]


def _write(path: Path, state: ElectronicState) -> None:
    save_arrays(
        path,
        {
            "energy_eV": state.energy_eV,
            "energies_eV": state.energies_eV,
            "weights": state.weights,
            "fermi_eV": state.fermi_eV,
            "coarse": state.coarse_density_e_A3,
            "fine": state.density_e_A3,
            "kpoints": np.array(state.kpoints),
            "elements": np.array(list(state.projections)),
            "projections": np.array(list(state.projections.values())),
        },
    )


def _read(held: dict[str, Any]) -> ElectronicState:
    parts = dict(zip(held["elements"].tolist(), held["projections"], strict=True))
    mesh = tuple(int(count) for count in held["kpoints"])
    return ElectronicState(
        float(held["energy_eV"]), held["energies_eV"], held["weights"], float(held["fermi_eV"]), parts,
        held["coarse"], held["fine"], mesh,  # type: ignore[arg-type]
    )  # fmt: skip
