"""From coefficients to a card: the files of LAMMPS, and the guard that stops runs which leave what was learnt."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ...potentials.cards import Citation, PotentialCard
from ...potentials.domain import Domain
from ...potentials.guard import Guard
from ...potentials.pod import COEFFICIENT_FILE, PARAMETER_FILE, Pod
from ...potentials.source_file import OwnFile
from .configurations import shortest_distances
from .descriptors import Descriptors

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ase import Atoms
    from numpy.typing import NDArray

    from ...potentials.pod import PodBasis

    Array = NDArray[np.float64]

_CLOSER = 0.9
_WIDER = 0.5


def pod_card(
    name: str,
    basis: PodBasis,
    elements: tuple[str, ...],
    coefficients: Array,
    *,
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
    guard
        See `guard_of`.
    highest_temperature_K
        Of the configurations that were learnt.
    teacher
        Name of the card that gave the labels.
    """
    numbers = "\n".join(f"{value:.12g}" for value in coefficients)
    return PotentialCard(
        name=name,
        kind="distilled",
        elements=elements,
        systems=f"what {teacher} was asked about: see the campaign that made it" if teacher else "",
        domain=Domain(systems=("-".join(elements),), highest_temperature_K=highest_temperature_K),
        known_faults=(f"It repeats what {teacher} gets wrong.",) if teacher else (),
        citation=Citation(
            text="N.-C. Nguyen, A. Rohskopf, J. Comput. Phys. 480 (2023) 112030", doi="10.1016/j.jcp.2023.112030"
        ),
        licence="that of the teacher's weights",
        origin=f"distilled from {teacher} with anodeflow" if teacher else "",
        model=Pod(
            order=elements,
            parameters=OwnFile(name=PARAMETER_FILE, text=basis.text(elements)),
            coefficients=OwnFile(
                name=COEFFICIENT_FILE, text=f"model_coefficients: {len(coefficients)} 0 0\n{numbers}\n"
            ),
            guard=guard,
        ),
    )


def guard_of(
    basis: PodBasis, elements: tuple[str, ...], coefficients: Array, configurations: Sequence[Atoms], every: int = 100
) -> Guard:
    """Return the range that the configurations span.

    Parameters
    ----------
    basis, elements, coefficients
        The model.
    configurations
        What it was fitted to.
    every
        Steps between looks.

    Returns
    -------
    Guard
        Nine tenths of the shortest distance of each pair of elements; and of the energies of single atoms, as this
        model shares them out, the range widened by half of itself on either side.
    """
    blocks = coefficients.reshape(len(elements), -1)
    seen: dict[str, list[float]] = {symbol: [] for symbol in elements}
    with Descriptors(basis, elements) as descriptors:
        for atoms in configurations:
            local = descriptors.per_atom(atoms)
            for index, symbol in enumerate(atoms.get_chemical_symbols()):
                block = blocks[elements.index(symbol)]
                seen[symbol].append(float(block[0] + local[index] @ block[1:]))
    energies = {}
    for symbol, values in seen.items():
        if values:
            low, high = min(values), max(values)
            margin = max(_WIDER * (high - low), 0.1)
            energies[symbol] = (round(low - margin, 4), round(high + margin, 4))
    distances = {pair: round(_CLOSER * value, 4) for pair, value in shortest_distances(configurations).items()}
    return Guard(every=every, shortest_A=distances, energy_eV=energies)
