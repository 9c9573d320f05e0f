"""What the bands of a ladder give together: agreement of the levels, rates, and diffusion on the network of hops."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ...analysis.hops.hop_network import NetworkHop, network_diffusion
from ...analysis.hops.hop_percolation import Passage, percolation
from ...analysis.hops.vibrations import hop_rate_Hz
from ...errors import InputError
from ...quantity import Quantity
from ...structures.hop_ends import CrystalHop, equal_hops
from ...structures.paths import minimum_image
from ...units import BOLTZMANN_EV_K

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from pymatgen.core import Structure

    Array = NDArray[np.float64]

DEFAULT_ATTEMPT_THZ = 10.0
_SAME_SITE_A = 0.3
_SITE_SPREAD_EV = 0.1
_SLOPE_K = 5.0


def quantity_of(document: Mapping[str, Any], name: str) -> Quantity | None:
    """Return the first quantity of a name in a document."""
    found = next((entry for entry in document["quantities"] if entry["name"] == name), None)
    return None if found is None else Quantity.from_dict(found)


def compare_levels(
    labels: Sequence[str], rungs: Sequence[Sequence[Mapping[str, Any]]], disagreement_eV: float
) -> tuple[list[dict[str, Any]], list[str]]:
    """Return a row for each hop and level, and a sentence for each pair of neighbouring levels that disagree.

    Parameters
    ----------
    labels
        Names of the hops.
    rungs
        For each level the documents of its bands, in the order of `labels`.
    disagreement_eV
        From which difference on.
    """
    rows, warnings = [], []
    for index, label in enumerate(labels):
        before: tuple[str, float] | None = None
        for rung in rungs:
            document = rung[index]
            barrier, reverse = (quantity_of(document, name) for name in ("migration_barrier", "reverse_barrier"))
            value = None if barrier is None else barrier.value
            rows.append(
                {
                    "hop": label,
                    "level": document["level"],
                    "barrier_eV": value,
                    "reverse_eV": None if reverse is None else reverse.value,
                    "error_eV": None if barrier is None else barrier.uncertainty,
                    "converged": document["converged"],
                    "force_calls": document["force_calls"],
                    "natoms": document["natoms"],
                    "saddle_confirmed": (document["vibrations"] or {}).get("confirmed"),
                }
            )
            if value is None:
                continue
            if before is not None and abs(value - before[1]) > disagreement_eV:
                warnings.append(
                    f"{label}: {document['level']} gives {value:.3f} eV and {before[0]} {before[1]:.3f} eV, "
                    f"which differ by more than {disagreement_eV:g} eV."
                )
            before = document["level"], value
    return rows, warnings


def diffusion_of_hops(
    documents: Sequence[Mapping[str, Any]], crystal: Structure, temperatures_K: Sequence[float]
) -> tuple[list[Quantity], list[str]]:
    """Return rates of each hop and the diffusion coefficient of the carrier on the network of all of them.

    Parameters
    ----------
    documents
        Bands of one level. Hops of different kinds do not share a network; only those of the first kind count.
    crystal
        Cell of the perfect crystal at that level.
    temperatures_K
        Temperatures.

    Returns
    -------
    quantities
        ``hop_rate``, ``carrier_diffusivity`` and its ``activation_energy``.
    warnings
        What stands in the way.
    """
    usable = [one for one in documents if one["converged"] and one["band"] is not None]
    merged = [one for one in documents if one.get("same_state_eV") is not None]
    level = documents[0]["level"]
    warnings = [
        f"{one['hop']} is left out of the diffusion coefficient: {(one['warnings'] or ['no band.'])[-1]}"
        for one in documents
        if one not in usable and one not in merged
    ]
    warnings += [f"{one['hop']} joins its two sites without a barrier in the diffusion coefficient." for one in merged]
    if not usable:
        return [], [*warnings, "No band of the last level is converged: there are no rates."]
    attempts = {one["hop"]: _attempt(one) for one in usable}
    quantities = []
    for temperature in temperatures_K:
        for one in usable:
            barrier = quantity_of(one, "migration_barrier")
            assert barrier is not None and barrier.value is not None
            attempt, how = attempts[one["hop"]]
            rate = hop_rate_Hz(attempt, barrier.value, temperature)
            error = None
            if barrier.uncertainty is not None:
                error = rate * barrier.uncertainty / (BOLTZMANN_EV_K * temperature)
            quantities.append(
                Quantity(
                    "hop_rate",
                    rate,
                    "1/s",
                    uncertainty=error,
                    method=f"harmonic transition-state theory at {temperature:g} K, {how}, {level}",
                    species=one["crystal_hop"]["species"],
                    source=f"{one['hop']} {level}",
                    warnings=() if error is None or error < rate else ("The error of the barrier allows any rate.",),
                )
            )
    kind = usable[0]["crystal_hop"]["kind"]
    network = [one for one in (*usable, *merged) if one["crystal_hop"]["kind"] == kind]
    attempts |= {one["hop"]: (DEFAULT_ATTEMPT_THZ, "") for one in merged}
    try:
        tensors = {T: _diffusivity(network, crystal, attempts, T) for T in temperatures_K}
        slopes = {
            T: [_diffusivity(network, crystal, attempts, T + d).trace() for d in (-_SLOPE_K, _SLOPE_K)]
            for T in temperatures_K
        }
    except InputError as error:
        return quantities, [*warnings, f"There is no diffusion coefficient: {error}"]
    carrier = "vacancy" if kind in ("vacancy", "chain") else "interstitial"
    notes = () if carrier != "vacancy" else (
        "This is the vacancy's own coefficient: times the vacancy's share of sites and its correlation factor it gives "
        "the tracer's.",
    )  # fmt: skip
    for temperature, tensor in tensors.items():
        spread = np.linalg.eigvalsh(tensor)
        along = ", ".join(f"{value:.3g}" for value in spread)
        quantities.append(
            Quantity(
                "carrier_diffusivity",
                float(tensor.trace() / 3),
                "cm^2/s",
                method=f"master equation of one {carrier} on all equal hops at {temperature:g} K, {level}; "
                f"principal values {along}",
                species=usable[0]["crystal_hop"]["species"],
                source=level,
                warnings=notes,
            )
        )
        low, high = slopes[temperature]
        inverse = [1 / (BOLTZMANN_EV_K * (temperature + d)) for d in (-_SLOPE_K, _SLOPE_K)]
        quantities.append(
            Quantity(
                "activation_energy",
                -(math.log(high) - math.log(low)) / (inverse[1] - inverse[0]),
                "eV",
                method=f"slope of ln D of the {carrier} at {temperature:g} K, master equation, {level}",
                species=usable[0]["crystal_hop"]["species"],
                source=level,
            )
        )
    return quantities, warnings


def percolation_quantities(documents: Sequence[Mapping[str, Any]], crystal: Structure) -> list[Quantity]:
    """Return for each axis the barrier that the carrier cannot avoid on its way through the crystal.

    Parameters
    ----------
    documents
        Bands of one level; those of the first one's kind count, converged or with both ends in one state.
    crystal
        Cell of the perfect crystal at that level.

    Returns
    -------
    list of Quantity
        ``percolation_barrier`` along a, b and c: the highest saddle of the best way above the lowest site; without a
        value where no way leads along the axis.
    """
    usable = [one for one in documents if one["converged"] or one.get("same_state_eV") is not None]
    usable = [one for one in usable if one["crystal_hop"]["kind"] == usable[0]["crystal_hop"]["kind"]]
    if not usable:
        return []
    cell = np.asarray(crystal.lattice.matrix)
    sites: list[Array] = []
    lowest = math.inf
    passages = []

    def site(point: Array) -> tuple[int, Array]:
        for index, known in enumerate(sites):
            offset = np.rint(point - known)
            if np.linalg.norm((point - known - offset) @ cell) < _SAME_SITE_A:
                return index, offset
        sites.append(point)
        return len(sites) - 1, np.zeros(3)

    for document in usable:
        plain = document["crystal_hop"]
        hop = CrystalHop(plain["kind"], plain["species"], tuple(tuple(point) for point in plain["path"]))
        band = document["band"]
        energies = [document["same_state_eV"]] if band is None else band["energies_eV"]
        lowest = min(lowest, energies[0], energies[-1])
        forward, _ = equal_hops(crystal, hop)
        for one in forward:
            (start, left), (end, right) = (site(np.asarray(point)) for point in (one.path[0], one.path[-1]))
            a, b, c = (int(count) for count in right - left)
            passages.append(Passage(start, end, (a, b, c), float(max(energies)), document["hop"]))
    found = []
    for axis, way in zip("abc", percolation(len(sites), passages), strict=True):
        why = () if way.saddle_eV is not None else (f"The hops that converged lead nowhere along {axis}.",)
        found.append(
            Quantity(
                "percolation_barrier",
                None if way.saddle_eV is None else way.saddle_eV - lowest,
                "eV",
                method=f"along {axis}: highest saddle of the best way above the lowest site"
                + (f", that of {way.hop}" if way.hop else ""),
                species=usable[0]["crystal_hop"]["species"],
                converged=way.saddle_eV is not None,
                source=usable[0]["level"],
                warnings=why,
            )
        )
    return found


def _attempt(document: Mapping[str, Any]) -> tuple[float, str]:
    frequency = quantity_of(document, "attempt_frequency")
    if frequency is None or frequency.value is None:
        return DEFAULT_ATTEMPT_THZ, f"an assumed attempt frequency of {DEFAULT_ATTEMPT_THZ:g} THz"
    return frequency.value, f"Vineyard's attempt frequency of {frequency.value:.3g} THz"


def _diffusivity(
    documents: Sequence[Mapping[str, Any]],
    crystal: Structure,
    attempts: Mapping[str, tuple[float, str]],
    temperature_K: float,
) -> Array:
    """Return the diffusion tensor in cm²/s.

    Energies of sites are averaged over the bands that end there, and rates follow from energies of saddles, so that
    detailed balance holds exactly. Both directions of a hop get the attempt frequency of the forward one.
    """
    cell = np.asarray(crystal.lattice.matrix)
    sites: list[Array] = []
    energies: list[list[float]] = []
    steps: list[tuple[int, int, Array, float, float]] = []

    def site(point: Array, energy: float) -> int:
        for index, known in enumerate(sites):
            if np.linalg.norm(minimum_image(cell, (point - known) @ cell)) < _SAME_SITE_A:
                energies[index].append(energy)
                return index
        sites.append(point - np.floor(point))
        energies.append([energy])
        return len(sites) - 1

    for document in documents:
        plain = document["crystal_hop"]
        hop = CrystalHop(plain["kind"], plain["species"], tuple(tuple(point) for point in plain["path"]))
        if document["band"] is None:  # both ends are one state
            ends, top = (document["same_state_eV"],) * 2, document["same_state_eV"]
        else:
            energies_eV = document["band"]["energies_eV"]
            ends, top = (energies_eV[0], energies_eV[-1]), max(energies_eV)
        forward, backward = equal_hops(crystal, hop)
        for hops, first, last in ((forward, ends[0], ends[1]), (backward, ends[1], ends[0])):
            for one in hops:
                numbers = site(np.asarray(one.path[0]), first), site(np.asarray(one.path[-1]), last)
                steps.append((*numbers, one.vector_A(cell), top, attempts[document["hop"]][0]))
    level = [float(np.mean(values)) for values in energies]
    for start, end, _, top, _ in steps:
        if top < max(level[start], level[end]) - _SITE_SPREAD_EV:
            raise InputError(
                "the energies of a site differ from band to band by more than "
                f"{_SITE_SPREAD_EV:g} eV, so the end points are not the states they are taken for"
            )
    kT = BOLTZMANN_EV_K * temperature_K
    network = [
        NetworkHop(
            start,
            end,
            (float(v[0]), float(v[1]), float(v[2])),
            nu * 1e12 * math.exp(-(max(top, level[start], level[end]) - level[start]) / kT),
        )
        for start, end, v, top, nu in steps
    ]
    return network_diffusion(len(sites), network).tensor_cm2_s
