"""From coefficients to a card: the files of LAMMPS, and the guard that stops runs which leave what was learnt."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ...potentials.cards import Citation, PotentialCard
from ...potentials.domain import Domain
from ...potentials.guard import Guard
from ...potentials.pod import COEFFICIENT_FILE, PARAMETER_FILE, Pod
from ...potentials.source_file import OwnFile
from ...potentials.uf3 import SPLINE_FILE, Uf3, Uf3Basis
from .configurations import shortest_distances

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ase import Atoms
    from numpy.typing import NDArray

    from .fit import Basis

    Array = NDArray[np.float64]

_CITATIONS = {
    "pod": Citation(
        text="N.-C. Nguyen, A. Rohskopf, J. Comput. Phys. 480 (2023) 112030", doi="10.1016/j.jcp.2023.112030"
    ),
    "uf3": Citation(
        text="S. R. Xie, M. Rupp, R. G. Hennig, npj Comput. Mater. 9 (2023) 162", doi="10.1038/s41524-023-01092-7"
    ),
}
_CLOSER = 0.9
_WIDER = 0.5


def distilled_card(
    name: str,
    basis: Basis,
    elements: tuple[str, ...],
    coefficients: Array,
    *,
    reference_eV: Array | None = None,
    guard: Guard | None = None,
    highest_temperature_K: float | None = None,
    teacher: str = "",
) -> PotentialCard:
    """Return the card of a fit.

    Parameters
    ----------
    name
        Name of the card.
    basis, elements, coefficients
        The model.
    reference_eV
        Energies of the elements that the coefficients leave out, shape (E,).
    guard
        See `guard_of`.
    highest_temperature_K
        Of the configurations that were learnt.
    teacher
        Name of the card that gave the labels.
    """
    cited = _CITATIONS[basis.style]
    return PotentialCard(
        name=name,
        kind="distilled",
        elements=elements,
        systems=f"what {teacher} was asked about: see the campaign that made it" if teacher else "",
        domain=Domain(systems=("-".join(elements),), highest_temperature_K=highest_temperature_K),
        known_faults=(f"It repeats what {teacher} gets wrong.",) if teacher else (),
        citation=cited,
        licence="that of the teacher's weights",
        origin=f"distilled from {teacher} with anodeflow" if teacher else "",
        model=_model(basis, elements, coefficients, reference_eV, guard),
    )


def _model(
    basis: Basis, elements: tuple[str, ...], coefficients: Array, reference_eV: Array | None, guard: Guard | None
) -> Pod | Uf3:
    if isinstance(basis, Uf3Basis):
        references = np.zeros(len(elements)) if reference_eV is None else reference_eV
        return Uf3(
            order=elements,
            splines=OwnFile(name=SPLINE_FILE, text=basis.text(elements, coefficients)),
            reference_eV={symbol: float(value) for symbol, value in zip(elements, references, strict=True)},
            guard=guard,
        )
    numbers = "\n".join(f"{value:.12g}" for value in coefficients)
    return Pod(
        order=elements,
        parameters=OwnFile(name=PARAMETER_FILE, text=basis.text(elements)),
        coefficients=OwnFile(name=COEFFICIENT_FILE, text=f"model_coefficients: {len(coefficients)} 0 0\n{numbers}\n"),
        guard=guard,
    )


def guard_of(model: PotentialCard, configurations: Sequence[Atoms], every: int = 100) -> Guard:
    """Return the range that the configurations span.

    Parameters
    ----------
    model
        The card.
    configurations
        What it was fitted to.
    every
        Steps between looks.

    Returns
    -------
    Guard
        Nine tenths of the shortest distance of each pair of elements; and of the energies of single atoms, as LAMMPS
        shares them out, the range widened by half of itself on either side.
    """
    seen: dict[str, list[float]] = {symbol: [] for symbol in model.elements}
    calculator = model.ase_calculator(energies=True)
    for atoms in configurations:
        asked = atoms.copy()
        asked.calc = calculator
        for symbol, energy in zip(asked.get_chemical_symbols(), asked.get_potential_energies(), strict=True):
            seen[symbol].append(float(energy))
    energies = {}
    for symbol, values in seen.items():
        if values:
            low, high = min(values), max(values)
            margin = max(_WIDER * (high - low), 0.1)
            energies[symbol] = (round(low - margin, 4), round(high + margin, 4))
    distances = {pair: round(_CLOSER * value, 4) for pair, value in shortest_distances(configurations).items()}
    return Guard(every=every, shortest_A=distances, energy_eV=energies)
