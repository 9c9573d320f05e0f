"""The diffusion campaign as a jobflow Flow: relax, equilibrate, run, analyse, for each system and temperature."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from jobflow import Flow

from ...engines.lammps.md import MDSettings
from ...errors import InputError
from ...potentials.cards import PotentialCard, card
from ..campaign import Campaign, DiffusionSettings, SystemSettings
from ..flow import job_metadata, refuse_extrapolation, sign
from ..jobs import DiffusionMaker, EquilibrateMaker, MeltQuenchMaker, RelaxMaker, fit_arrhenius
from ..seeds import derive_seed
from ..settings import MeltQuenchSettings

if TYPE_CHECKING:
    from collections.abc import Iterable

    from jobflow import Job
    from pymatgen.core import Structure

    from ...structures.record import Source


def diffusion_flow(campaign: Campaign) -> Flow:
    """Return the Flow of a campaign; everything that can be wrong with it is found here, before anything runs.

    Parameters
    ----------
    campaign
        As read by `read_campaign`.

    Raises
    ------
    InputError
        For an unknown phase or potential, an element that the potential does not know, a composition or density that
        cannot be built.
    """
    potential = card(campaign.potential)
    structures = {name: start_structure(campaign, name)[0] for name in campaign.systems}
    for name, structure in structures.items():
        _check(name, structure, potential, asked(campaign))
    _check_charges(asked(campaign), structures.values())
    refuse_extrapolation(campaign, extrapolations(campaign, potential))
    flows: list[Flow | Job] = [
        _system_flow(campaign, name, structure, potential) for name, structure in structures.items()
    ]
    return sign(Flow(flows, name=campaign.name), campaign, potential)


def asked(campaign: Campaign) -> DiffusionSettings:
    """Return the section of a campaign that asks for diffusion; it has to be there."""
    assert campaign.diffusion is not None
    return campaign.diffusion


def extrapolations(campaign: Campaign, potential: PotentialCard) -> list[str]:
    """Return in what a campaign goes beyond what its model was made for, a sentence for each system.

    Parameters
    ----------
    campaign
        The campaign.
    potential
        Its model.
    """
    found = []
    for name, system in campaign.systems.items():
        structure, _ = start_structure(campaign, name)
        hottest = max(asked(campaign).temperatures_K)
        if system.amorphous is not None:
            hottest = max(hottest, (system.melt_quench or MeltQuenchSettings()).melt_temperature_K)
        outside = potential.domain.outside(
            {site.specie.symbol for site in structure},
            temperature_K=hottest,
            pressure_GPa=asked(campaign).pressure_GPa,
        )
        if outside:
            found.append(f"{potential.name} extrapolates for {name}: {'; '.join(outside)}.")
    return found


def start_structure(campaign: Campaign, name: str) -> tuple[Structure, Source | None]:
    """Return the crystal or packing that a system starts from, and where a crystal comes from.

    Parameters
    ----------
    campaign
        The campaign.
    name
        Name of the system.

    Raises
    ------
    InputError
        If it cannot be built.
    """
    system: SystemSettings = campaign.systems[name]
    where = f"systems.{name}"
    try:
        if system.amorphous is not None:
            from ...structures.amorphous import pack

            glass = system.amorphous
            structure = pack(
                glass.composition,
                atoms=glass.atoms,
                density_g_cm3=glass.density_g_cm3,
                network=glass.network,
                seed=derive_seed(campaign.seed, name, "packing"),
            )
            return structure, None
        from ...structures.phases import find_structure

        assert system.phase is not None
        structure, source = find_structure(system.phase)
    except InputError as error:
        raise InputError(error.what, where=f"{where}: {error.where}".rstrip(": "), remedy=error.remedy) from None
    if not structure.is_ordered:
        raise InputError(
            f"{system.phase} has partial occupancies", where=where, remedy="Order it first and give the file."
        )
    structure.make_supercell(list(system.supercell))
    return structure, source


def methods(campaign: Campaign) -> list[str]:
    """Return the sentences on systems, runs and analysis for the paragraph on methods."""
    diffusion = asked(campaign)
    temperatures = ", ".join(f"{temperature:g}" for temperature in diffusion.temperatures_K)
    sentences = []
    for name, system in campaign.systems.items():
        if system.amorphous is None:
            repeats = "×".join(str(count) for count in system.supercell)
            sentences.append(f"{name} is a {repeats} supercell of the crystal, relaxed at 0 K.")
        else:
            quench = system.melt_quench or MeltQuenchSettings()
            sentences.append(
                f"{name} was packed at random, melted for {quench.melt_ps:g} ps at {quench.melt_temperature_K:g} K, "
                f"cooled at {quench.quench_rate_K_ps:g} K/ps to {quench.final_temperature_K:g} K and annealed for "
                f"{quench.anneal_ps:g} ps, all at zero pressure, then relaxed at 0 K."
            )
    sentences += [
        f"At each of {temperatures} K the cell was equilibrated for {diffusion.equilibration_ps:g} ps at "
        f"{diffusion.pressure_GPa:g} GPa (Nosé–Hoover thermostat and barostat, relaxation times 0.1 and 1 ps) and "
        f"fixed at its mean over the second half; {diffusion.production_ps:g} ps at constant volume and temperature "
        f"followed, with a frame every {diffusion.frame_interval_fs:g} fs and a timestep of "
        f"{diffusion.timestep_fs:g} fs throughout.",
        "Mean squared displacements are taken over all time origins after the mean motion of all atoms was removed. "
        "Tracer diffusion coefficients come from generalised least squares over the diffusive window, with an error "
        "from the spread over the ions; the posterior of kinisi is given as a second opinion. Intervals are 95 %. "
        "Activation energies come from a weighted fit of ln D against 1/T to the temperatures at which the motion was "
        "diffusive. Conductivities follow from the Nernst–Einstein relation with a Haven ratio of 1.",
    ]
    return sentences


def _check(name: str, structure: Structure, potential: PotentialCard, diffusion: DiffusionSettings) -> None:
    symbols = {site.specie.symbol for site in structure}
    try:
        potential.check_elements(symbols)
    except InputError as error:
        raise InputError(error.what, where=f"systems.{name}, potential", remedy=error.remedy) from None
    absent = sorted(set(diffusion.species or ()) - symbols)
    if absent:
        raise InputError(
            f"there is no {', '.join(absent)} in {name}", where="diffusion.species", remedy="Leave it out."
        )
    if len(structure) < 8:
        raise InputError(
            f"{name} has only {len(structure)} atoms",
            where=f"systems.{name}",
            remedy="Take a supercell of at least 8 atoms.",
        )


def _check_charges(diffusion: DiffusionSettings, structures: Iterable[Structure]) -> None:
    """Raise if a charge is that of an element that no system holds; the default one of lithium may be without use."""
    present = {site.specie.symbol for structure in structures for site in structure}
    given = {symbol for symbol, charge in diffusion.charges.items() if (symbol, charge) != ("Li", 1.0)}
    if absent := sorted(given - present):
        raise InputError(
            f"there is no {', '.join(absent)} in any system", where="diffusion.charges", remedy="Leave it out."
        )


def _system_flow(campaign: Campaign, name: str, structure: Structure, potential: PotentialCard) -> Flow:
    system, diffusion = campaign.systems[name], asked(campaign)
    jobs: list[Flow | Job] = []
    start: Any = structure
    if system.amorphous is not None:
        quench = system.melt_quench or MeltQuenchSettings()
        maker = MeltQuenchMaker(
            potential,
            derive_seed(campaign.seed, name, "melt"),
            name=f"{name} melt-quench",
            timestep_fs=diffusion.timestep_fs,
            **quench.model_dump(),
        )
        glass = maker.make(start)
        glass.update_metadata(_metadata(name, structure, sum(stage.steps for _, stage in maker.stages())))
        jobs.append(glass)
        start = glass.output["structure"]

    cell = _cell_freedom(structure, amorphous=system.amorphous is not None)
    relaxation = RelaxMaker(potential, name=f"{name} relax", cell=cell, pressure_GPa=diffusion.pressure_GPa).make(start)
    relaxation.update_metadata(_metadata(name, structure, 0))
    jobs.append(relaxation)

    symbols = sorted({site.specie.symbol for site in structure})
    species = diffusion.species or tuple(symbols)
    frames_every = max(1, round(diffusion.frame_interval_fs / diffusion.timestep_fs))
    runs = []
    for temperature in diffusion.temperatures_K:
        label = f"{temperature:g}K"
        equilibration = MDSettings(
            "npt",
            _steps(diffusion.equilibration_ps, diffusion),
            temperature,
            derive_seed(campaign.seed, name, label, "velocities"),
            pressure_GPa=diffusion.pressure_GPa,
            cell=cell,
            timestep_fs=diffusion.timestep_fs,
            dump_every=0,
            thermo_every=10,
        )
        equilibrate = EquilibrateMaker(potential, equilibration, name=f"{name} equilibrate {label}").make(
            relaxation.output["structure"]
        )
        production = MDSettings(
            "nvt",
            _steps(diffusion.production_ps, diffusion),
            temperature,
            None,
            timestep_fs=diffusion.timestep_fs,
            dump_every=frames_every,
        )
        charges = {symbol: value for symbol, value in diffusion.charges.items() if symbol in species}
        seed = derive_seed(campaign.seed, name, label, "posterior")
        run = DiffusionMaker(potential, production, species, seed, charges, name=f"{name} diffuse {label}").make(
            equilibrate.output["structure"]
        )
        equilibrate.update_metadata(_metadata(name, structure, equilibration.steps, temperature))
        run.update_metadata(_metadata(name, structure, production.steps, temperature))
        run.update_metadata({"analysis": True, "frames": production.steps // production.dump_every + 1})
        jobs += [equilibrate, run]
        runs.append(run)
    crystal = system.amorphous is None
    framework = tuple(symbol for symbol in species if crystal and symbol not in diffusion.charges)
    for symbol in species:
        fit = fit_arrhenius(symbol, list(diffusion.temperatures_K), [run.output for run in runs], framework)
        fit.name = f"{name} Arrhenius {symbol}"
        fit.update_metadata(_metadata(name, structure, 0) | {"analysis": True})
        jobs.append(fit)
    return Flow(jobs, name=name)


def _metadata(system: str, structure: Structure, steps: int, temperature_K: float | None = None) -> dict[str, Any]:
    return job_metadata(system, len(structure), steps, temperature_K)


def _steps(length_ps: float, diffusion: DiffusionSettings) -> int:
    return max(1, round(length_ps * 1000 / diffusion.timestep_fs))


def _cell_freedom(structure: Structure, *, amorphous: bool) -> Any:
    """Return how the cell may change: a glass is scaled, right angles stay right, anything else is let go."""
    if amorphous:
        return "iso"
    return "aniso" if structure.lattice.is_orthogonal else "tri"
