"""The section ``lithiation_front``: host faces against a lithium-rich alloy, as a Flow and as a part of the results."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import numpy as np
from jobflow import Flow

from ...engines.lammps.layers import LayerSampling
from ...engines.lammps.md import MDSettings
from ...errors import InputError
from ...potentials.cards import PotentialCard, card
from ...structures.side import side_name
from ..campaign import Campaign
from ..flow import job_metadata, refuse_extrapolation, sign
from ..jobs import MeltQuenchMaker
from ..own_files import named
from ..seeds import derive_seed
from .jobs import LITHIUM, FrontMaker
from .settings import FrontSettings

if TYPE_CHECKING:
    from jobflow import Job
    from pymatgen.core import Structure

_GLASS = "a-"
_LONGEST_RUN_OF_RESTARTS = 1000


def asked(campaign: Campaign) -> FrontSettings:
    """Return the section of a campaign that asks for fronts; it has to be there."""
    assert campaign.lithiation_front is not None
    return campaign.lithiation_front


def host_slab(face: str, campaign: Campaign) -> Structure:
    """Return the slab of a face, or for a glass the packing that has to be quenched first.

    Parameters
    ----------
    face
        As in the file: ``Si(100)`` or ``a-Si``.
    campaign
        Gives thickness, area and seed.

    Raises
    ------
    InputError
        If it cannot be built, or does not consist of one element.
    """
    front, where = asked(campaign), f"lithiation_front.faces: {face}"
    try:
        slab = _packing(face, campaign) if face.startswith(_GLASS) else _crystal(face, campaign)
    except InputError as error:
        raise InputError(error.what, where=where, remedy=error.remedy) from None
    elements = {site.specie.symbol for site in slab}
    if len(elements) != 1 or LITHIUM in elements:
        raise InputError(
            f"the host of a front is one element besides lithium, and {face} holds {', '.join(sorted(elements))}",
            where=where,
            remedy=f"Give a face of the element that takes up lithium from {front.alloy}.",
        )
    return slab


def _packing(face: str, campaign: Campaign) -> Structure:
    """Return a packing in a cell of the wanted area and thickness."""
    from pymatgen.core import Composition

    from ...structures.amorphous import pack
    from ...structures.density import estimated_density_g_cm3, parse_composition
    from ...units import G_MOL_A3_TO_G_CM3

    front, content = asked(campaign), parse_composition(face.removeprefix(_GLASS))
    mass = float(Composition(content).weight) / sum(content.values())
    volume = front.area_A2 * front.host_thickness_A
    atoms = max(8, round(estimated_density_g_cm3(content) * volume / (mass * G_MOL_A3_TO_G_CM3)))
    width = front.area_A2**0.5
    return pack(
        face.removeprefix(_GLASS),
        atoms=atoms,
        cell=np.diag([width, width, front.host_thickness_A]),
        seed=derive_seed(campaign.seed, "front", side_name(face), "packing"),
    )


def _crystal(face: str, campaign: Campaign) -> Structure:
    """Return a crystal slab cut along its plane, repeated until its area is large enough."""
    from pymatgen.core import Structure

    from ...structures.interface import interface

    front = asked(campaign)
    specification = f"{face}:{front.host_thickness_A:g}"
    made = interface(specification, f"{_GLASS}{front.alloy}:10", max_area_A2=max(front.area_A2, 150.0), max_atoms=5000)
    chosen = made.atoms_of(0)
    sites = [made.structure[k] for k in chosen]
    slab = Structure(
        made.structure.lattice,
        [site.specie.symbol for site in sites],
        [site.coords for site in sites],
        coords_are_cartesian=True,
    )
    repeats = [1, 1, 1]
    area = abs(float(np.linalg.det(np.asarray(slab.lattice.matrix)[:2, :2])))
    while area * repeats[0] * repeats[1] < front.area_A2:
        lengths = [slab.lattice.abc[k] * repeats[k] for k in (0, 1)]
        repeats[lengths.index(min(lengths))] += 1
    slab.make_supercell(repeats)
    return slab


def front_flow(campaign: Campaign) -> Flow:
    """Return the Flow of the fronts; what is wrong with them is found here, before anything runs.

    Raises
    ------
    InputError
        For a face or an alloy that cannot be built or that the potential does not describe.
    """
    from ...structures.join import join_with_packing

    front, potential = asked(campaign), card(campaign.potential)
    flows: list[Flow | Job] = []
    refuse_extrapolation(campaign, extrapolations(campaign, potential))
    for face in front.faces:
        slab = host_slab(face, campaign)
        host = slab[0].specie.symbol
        seed = derive_seed(campaign.seed, "front", side_name(face), "alloy")
        joined = join_with_packing(slab, front.alloy, thickness_A=front.alloy_thickness_A, seed=seed)
        symbols = {site.specie.symbol for site in joined}
        try:
            potential.check_elements(symbols)
        except InputError as error:
            raise InputError(error.what, where=f"lithiation_front, {face}, potential", remedy=error.remedy) from None
        if symbols != {LITHIUM, host}:
            raise InputError(
                f"{front.alloy} against {face} holds {', '.join(sorted(symbols))}",
                where="lithiation_front.alloy",
                remedy=f"Give an alloy of {LITHIUM} and {host}.",
            )
        flows.append(_face_flow(campaign, face, slab, joined, potential, seed))
    return sign(Flow(flows, name="lithiation front"), campaign, potential)


def _face_flow(
    campaign: Campaign, face: str, slab: Structure, joined: Structure, potential: PotentialCard, seed: int
) -> Flow:
    front, name = asked(campaign), _plain(face)
    about = {"section": "lithiation_front", "phase": "amorphous" if face.startswith(_GLASS) else "crystal"}
    jobs: list[Flow | Job] = []
    start: Any = slab
    if face.startswith(_GLASS):
        quench = MeltQuenchMaker(
            potential,
            derive_seed(campaign.seed, "front", side_name(face), "melt"),
            name=f"{name} melt-quench",
            timestep_fs=front.timestep_fs,
            **front.melt_quench.model_dump(),
        )
        glass = quench.make(slab)
        steps = sum(stage.steps for _, stage in quench.stages())
        glass.update_metadata(job_metadata(side_name(face), len(slab), steps) | about)
        jobs.append(glass)
        start = glass.output["structure"]
    settings = front_settings(campaign, face, float(joined.lattice.c), slab[0].specie.symbol)
    maker = FrontMaker(
        potential,
        settings,
        slab[0].specie.symbol,
        front.alloy,
        front.alloy_thickness_A,
        seed,
        front.equilibration_ps,
        name=f"{name} front",
    )
    run = maker.make(start)
    run.update_metadata(job_metadata(side_name(face), len(joined), settings.steps, front.temperature_K) | about)
    jobs.append(run)
    return Flow(jobs, name=name)


def front_settings(campaign: Campaign, face: str, height_A: float, host: str) -> MDSettings:
    """Return the run of one front.

    Parameters
    ----------
    campaign
        Its conditions.
    face
        For the seed of the velocities.
    height_A
        Height of the cell at the start, for the number of layers.
    host
        Element whose neighbours are counted.
    """
    front = asked(campaign)
    window = front.steps(front.window_ps)
    return MDSettings(
        "npt",
        -(-front.steps(front.production_ps) // window) * window,
        front.temperature_K,
        derive_seed(campaign.seed, "front", side_name(face), "velocities"),
        pressure_GPa=front.stack_pressure_MPa / 1000,
        cell="normal" if front.in_plane == "clamped" else "stack",
        layers=LayerSampling(
            max(4, round(height_A / front.layer_A)), front.sample_every, window, host, front.coordination_A
        ),
        timestep_fs=front.timestep_fs,
        dump_every=0,
        thermo_every=front.sample_every,
        restart_every=window * max(1, _LONGEST_RUN_OF_RESTARTS // window),
    )


def _plain(face: str) -> str:
    return re.sub(r"[^A-Za-z0-9-]+", " ", side_name(face)).strip().replace(" ", "-")


def extrapolations(campaign: Campaign, potential: PotentialCard) -> list[str]:
    """Return in what the fronts go beyond what the model was made for, a sentence each."""
    front = asked(campaign)
    hottest = front.temperature_K
    if any(face.startswith(_GLASS) for face in front.faces):
        hottest = max(hottest, front.melt_quench.melt_temperature_K)
    from ...structures.density import parse_composition

    symbols = {element.symbol for element in parse_composition(front.alloy)}
    outside = potential.domain.outside(symbols, temperature_K=hottest, pressure_GPa=front.stack_pressure_MPa / 1000)
    return [f"{potential.name} extrapolates for the fronts: {'; '.join(outside)}."] if outside else []


def methods(campaign: Campaign) -> list[str]:
    """Return the sentences on the fronts for the paragraph on methods."""
    front = named(asked(campaign))
    quench = front.melt_quench
    sentences = [
        f"Slabs of {', '.join(front.faces)}, at least {front.host_thickness_A:g} Å thick and {front.area_A2:g} Å² "
        f"wide, met {front.alloy_thickness_A:g} Å of {front.alloy}, packed at random, at both faces of a periodic "
        f"cell. After a relaxation at 0 K in a fixed cell, {front.production_ps:g} ps ran at {front.temperature_K:g} K "
        f"under a stack pressure of {front.stack_pressure_MPa:g} MPa ({front.in_plane} in the plane); the first "
        f"{front.equilibration_ps:g} ps are left out of the mean profiles.",
        f"Stress (per-atom virial with its kinetic term), composition and coordination (within "
        f"{front.coordination_A:g} Å) were sampled every {front.sample_every} steps in layers of about "
        f"{front.layer_A:g} Å and averaged over windows of {front.window_ps:g} ps; errors are those of means over "
        "blocks of windows. The front is where the share of lithium reaches half of that in the alloy at the start.",
    ]
    if any(face.startswith(_GLASS) for face in front.faces):
        sentences.append(
            f"The glass of the host was packed at random, melted for {quench.melt_ps:g} ps at "
            f"{quench.melt_temperature_K:g} K, cooled at {quench.quench_rate_K_ps:g} K/ps and annealed for "
            f"{quench.anneal_ps:g} ps."
        )
    return sentences
