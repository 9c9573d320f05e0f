"""The section ``series``: an alloy from no lithium to its end phase, crystalline and amorphous, as a Flow."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Any, Literal

from jobflow import Flow

from ...engines.lammps.md import MDSettings
from ...errors import InputError
from ...potentials.cards import PotentialCard, card
from ..campaign import Campaign
from ..flow import job_metadata, refuse_extrapolation, sign
from ..jobs import DiffusionMaker, EquilibrateMaker, MeltQuenchMaker, RelaxMaker
from ..seeds import derive_seed
from .jobs import ElasticMaker, StrainMaker
from .settings import SeriesSettings

if TYPE_CHECKING:
    from jobflow import Job
    from pymatgen.core import Structure

TESTS: tuple[Literal["uniaxial_tension", "biaxial_compression"], ...] = ("uniaxial_tension", "biaxial_compression")
LITHIUM = "Li"
_LARGEST_DENOMINATOR = 40
_NO_COORDINATES = "D"


@dataclass(frozen=True)
class Sample:
    """One cell of the series.

    Attributes
    ----------
    label
        ``c-Li15Si4`` or ``a-Li15Si4``; replicas share it.
    phase
        ``crystal`` or ``amorphous``.
    replica
        From 1.
    structure
        Where it starts.
    x
        Lithium per host atom; None for lithium metal.
    """

    label: str
    phase: Literal["crystal", "amorphous"]
    replica: int
    structure: Structure
    x: float | None

    @property
    def name(self) -> str:
        """Name of its jobs."""
        return f"{self.label} {self.replica}" if self.phase == "amorphous" else self.label


def asked(campaign: Campaign) -> SeriesSettings:
    """Return the section of a campaign that asks for a series; it has to be there."""
    assert campaign.series is not None
    return campaign.series


def samples(campaign: Campaign) -> list[Sample]:
    """Return the cells of the series: lithium metal, the crystals, and the glasses.

    Raises
    ------
    InputError
        If one cannot be built, or holds anything besides lithium and the host.
    """
    series = asked(campaign)
    found = [_crystal(name, series) for name in (LITHIUM, *_crystal_names(series))]
    return found + [_glass(x, replica, campaign) for x in series.x for replica in range(1, series.replicas + 1)]


def _crystal_names(series: SeriesSettings) -> tuple[str, ...]:
    from ...structures.phases import phase, phase_names

    if series.crystals is not None:
        return series.crystals
    every = [phase(name) for name in phase_names()]
    return tuple(
        item.name
        for item in every
        if item.host_element == series.host
        and (item.host_phase is not None or item.name == series.host)
        and item.structure.is_ordered
        and len(item.structure) <= series.largest_crystal
        and not item.evidence.startswith(_NO_COORDINATES)
        and {site.specie.symbol for site in item.structure} <= {LITHIUM, series.host}
        and "vacuum" not in item.note
    )


def _crystal(name: str, series: SeriesSettings) -> Sample:
    from ...structures.phases import find_structure

    try:
        structure, _ = find_structure(name)
    except InputError as error:
        raise InputError(error.what, where=f"series.crystals: {name}", remedy=error.remedy) from None
    structure = structure.copy()
    content = structure.composition
    if not structure.is_ordered or {element.symbol for element in content} - {LITHIUM, series.host}:
        raise InputError(
            f"{name} is not an ordered alloy of {LITHIUM} and {series.host}",
            where="series.crystals",
            remedy="Leave it out.",
        )
    repeats = [1, 1, 1]
    while len(structure) * repeats[0] * repeats[1] * repeats[2] < 0.75 * series.atoms:
        lengths = [length * count for length, count in zip(structure.lattice.abc, repeats, strict=True)]
        repeats[lengths.index(min(lengths))] += 1
    structure.make_supercell(repeats)
    hosts = content[series.host]
    return Sample(
        f"c-{content.reduced_formula}", "crystal", 1, structure, float(content[LITHIUM] / hosts) if hosts else None
    )


def formula(host: str, x: float) -> str:
    """Return the formula of LixM with whole numbers, such as ``Li15Si4``."""
    share = Fraction(x).limit_denominator(_LARGEST_DENOMINATOR)
    hosts = f"{host}{share.denominator}" if share.denominator > 1 else host
    if not share.numerator:
        return host
    return f"{LITHIUM}{share.numerator}{hosts}" if share.numerator > 1 else f"{LITHIUM}{hosts}"


def _glass(x: float, replica: int, campaign: Campaign) -> Sample:
    from ...structures.amorphous import pack

    series, composition = asked(campaign), formula(asked(campaign).host, x)
    label = f"a-{composition}"
    seed = derive_seed(campaign.seed, "series", label, str(replica), "packing")
    try:
        structure = pack(composition, atoms=series.atoms, seed=seed)
    except InputError as error:
        raise InputError(error.what, where=f"series.x: {x:g}", remedy=error.remedy) from None
    content = structure.composition
    return Sample(label, "amorphous", replica, structure, float(content[LITHIUM] / content[series.host]))


def series_flow(campaign: Campaign) -> Flow:
    """Return the Flow of the series; what is wrong with it is found here, before anything runs.

    Raises
    ------
    InputError
        For a host or phase that is not known, or that the potential does not describe.
    """
    series, potential = asked(campaign), card(campaign.potential)
    try:
        potential.check_elements({LITHIUM, series.host})
    except InputError as error:
        raise InputError(error.what, where="series.host, potential", remedy=error.remedy) from None
    refuse_extrapolation(campaign, extrapolations(campaign, potential))
    flows: list[Flow | Job] = [_sample_flow(campaign, sample, potential) for sample in samples(campaign)]
    return sign(Flow(flows, name="lithiation series"), campaign, potential)


def extrapolations(campaign: Campaign, potential: PotentialCard) -> list[str]:
    """Return in what the series goes beyond what its model was made for, a sentence each."""
    series = asked(campaign)
    hottest = max(series.melt_quench.melt_temperature_K, series.temperature_K, *series.diffusion.temperatures_K)
    pressure = series.stack_pressure_MPa / 1000
    outside = potential.domain.outside({LITHIUM, series.host}, temperature_K=hottest, pressure_GPa=pressure)
    return [f"{potential.name} extrapolates for the series: {'; '.join(outside)}."] if outside else []


def _sample_flow(campaign: Campaign, sample: Sample, potential: PotentialCard) -> Flow:
    series = asked(campaign)
    jobs: list[Flow | Job] = []

    def add(job: Any, steps: int, temperature_K: float | None = None) -> Any:
        job.update_metadata(
            job_metadata(sample.label, len(sample.structure), steps, temperature_K)
            | {"section": "series", "x": sample.x, "phase": sample.phase, "replica": sample.replica}
        )
        jobs.append(job)
        return job.output["structure"]

    def seed(*parts: str) -> int:
        return derive_seed(campaign.seed, "series", sample.name, *parts)

    start: Any = sample.structure
    if sample.phase == "amorphous":
        quench = MeltQuenchMaker(
            potential,
            seed("melt"),
            name=f"{sample.name} melt-quench",
            timestep_fs=series.timestep_fs,
            **series.melt_quench.model_dump(),
        )
        start = add(quench.make(start), sum(stage.steps for _, stage in quench.stages()))
    free: Any = "aniso" if sample.structure.lattice.is_orthogonal else "tri"
    relaxed = add(RelaxMaker(potential, name=f"{sample.name} relax", cell=free).make(start), 0)
    if sample.x is None:
        return Flow(jobs, name=sample.name)
    add(ElasticMaker(potential, name=f"{sample.name} elastic").make(relaxed), 0)

    def equilibrated(temperature_K: float, length_ps: float) -> Any:
        label = f"{temperature_K:g}K"
        pressed = series.in_plane == "clamped" or series.stack_pressure_MPa != 0
        cell: Any = free if not pressed else "normal" if series.in_plane == "clamped" else "stack"
        settings = MDSettings(
            "npt",
            series.steps(length_ps),
            temperature_K,
            seed(label, "velocities"),
            pressure_GPa=series.stack_pressure_MPa / 1000,
            cell=cell,
            timestep_fs=series.timestep_fs,
            dump_every=0,
            thermo_every=10,
        )
        maker = EquilibrateMaker(potential, settings, name=f"{sample.name} equilibrate {label}")
        return add(maker.make(relaxed), settings.steps, temperature_K)

    cold = equilibrated(series.temperature_K, series.equilibration_ps)
    for test in TESTS:
        strain = StrainMaker.of(
            potential,
            test,
            temperature_K=series.temperature_K,
            timestep_fs=series.timestep_fs,
            name=f"{sample.name} {test.replace('_', ' ')}",
            **series.strain.model_dump(),
        )
        add(strain.make(cold), strain.settings.steps, series.temperature_K)
    if sample.x > 0:
        run = series.diffusion
        for temperature in run.temperatures_K:
            hot = equilibrated(temperature, run.equilibration_ps)
            production = MDSettings(
                "nvt",
                series.steps(run.production_ps),
                temperature,
                None,
                timestep_fs=series.timestep_fs,
                dump_every=max(1, round(run.frame_interval_fs / series.timestep_fs)),
            )
            species = (LITHIUM, series.host)
            name = f"{sample.name} diffuse {temperature:g}K"
            maker = DiffusionMaker(potential, production, species, seed(name, "posterior"), {}, name=name)
            add(maker.make(hot), production.steps, temperature)
    return Flow(jobs, name=sample.name)


def methods(campaign: Campaign) -> list[str]:
    """Return the sentences on the series for the paragraph on methods."""
    series = asked(campaign)
    quench, strain, run = series.melt_quench, series.strain, series.diffusion
    temperatures = ", ".join(f"{temperature:g}" for temperature in run.temperatures_K)
    rate = strain.rate_1_ps * 1e12
    return [
        f"Glasses of about {series.atoms} atoms, {series.replicas} for each composition, were packed at random, melted "
        f"for {quench.melt_ps:g} ps at {quench.melt_temperature_K:g} K, cooled at {quench.quench_rate_K_ps:g} K/ps to "
        f"{quench.final_temperature_K:g} K and annealed for {quench.anneal_ps:g} ps at zero pressure. Crystals and "
        "glasses were relaxed at 0 K; elastic constants are finite differences of the stress under strains of ±0.5 % "
        "with relaxed atoms, averaged after Hill.",
        f"Volumes are means over the second half of {series.equilibration_ps:g} ps at {series.temperature_K:g} K under "
        f"a stack pressure of {series.stack_pressure_MPa:g} MPa ({series.in_plane} in the plane). Uniaxial tension and "
        f"biaxial compression followed at {series.temperature_K:g} K and a strain rate of {rate:.3g} 1/s, the other "
        f"directions at zero stress; yield is the {100 * strain.offset:g} % offset, the flow stress the mean from a "
        f"strain of {strain.flow_from:g} to {strain.largest:g}. Rates like these raise yield and flow stress above "
        "those of an experiment.",
        f"Diffusivities are those of {run.production_ps:g} ps at constant volume at {temperatures} K. Errors of the "
        "glasses are standard errors of the mean over the replicas, with Student's t for the 95 % intervals.",
        "Voltages are slopes of the convex hull of energies at 0 K against lithium metal at the same level.",
    ]
