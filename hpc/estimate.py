"""From a job to what it needs: its stages from its Maker, their speed from probes.

Nothing here knows a campaign. A Maker's molecular dynamics is whatever `MDSettings` it holds (or its ``stages()``), its
model is the `PotentialCard` it holds, and its atoms are those of the first structure up its line of parents.
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields, is_dataclass, replace
from typing import TYPE_CHECKING, Any

from ..engines.lammps.md import MDSettings
from ..engines.lammps.setup import System
from ..potentials.cards import PotentialCard
from .probes import Probe, probe_analysis, probe_calls, probe_md, probe_relaxation

if TYPE_CHECKING:
    from collections.abc import Iterator

    from jobflow import Flow, Job
    from pymatgen.core import Structure

    from ..structures.paths import Band
    from .needs import JobNeeds
    from .probes import ProbeCache

JOB_CPU_S = 0.4
"""Processor time of a job besides its engine and its analysis: start, files, result."""
JOB_DISK_MB = 0.2

RELAX_CALLS = {"crystal": 300, "packing": 1500, "glass": 1500}
"""Force calls of a relaxation: 36 to 525 were counted for crystals, 1500 for a packing."""
ELASTIC_CALLS = 100
"""Force calls of each of the relaxations under a strain."""
END_CALLS = 12
"""Force calls for one end point of a band; 4 to 20 were counted."""
BAND_STEPS = 20
"""Steps of a band; 11 to 45 were counted. Each evaluates every image between the end points."""

ELECTRON_CALLS = {"electronic": 6, "density difference": 6}
"""Force calls that take as long as converging a density and its empty bands, or three densities; a rough guess."""
CELL_CALLS = {"none": 1, "normal": 40, "positions": 60, "cell": 60}
"""Force calls of a relaxation for its energy; a rough guess."""
_STILL = MDSettings("nvt", 1000, 300.0, None, timestep_fs=1e-3, dump_every=0)
"""Molecular dynamics in which nothing moves: it costs what the calls of a relaxation do, wherever the atoms start."""

_RESTART_MB_PER_ATOM = 250e-6
_THERMO_MB = 250e-6
_PYTHON_MB = 250.0
_COPIES = 4  # of all positions, that an analysis holds at once


@dataclass
class Estimator:
    """Fills in the needs of the jobs of one Flow.

    Attributes
    ----------
    flow
        The Flow.
    cache
        Remembers probes.
    """

    flow: Flow
    cache: ProbeCache
    jobs: dict[str, Job] = field(init=False)
    parents: dict[str, list[str]] = field(init=False)

    def __post_init__(self) -> None:
        pairs = list(self.flow.iterflow())
        self.jobs = {job.uuid: job for job, _ in pairs}
        self.parents = {job.uuid: list(parents) for job, parents in pairs}

    def fill(self, needs: JobNeeds) -> JobNeeds:
        """Return the needs of a job with times, memory and disk."""
        job = self.jobs[needs.uuid]
        maker: Any = job.maker
        if needs.kind in ("crystal", "band"):
            return self._ladder(needs, job)
        if needs.kind in ELECTRON_CALLS:
            return self._single(needs, job, ELECTRON_CALLS[needs.kind])
        if needs.kind == "cell energy":
            return self._single(needs, job, CELL_CALLS[maker.relax])
        card, structure, packed = first_of(maker, PotentialCard), self.structure(job), self.packed(job)
        if card is None or structure is None:
            return _with_cpu(needs, JOB_CPU_S)
        stages = md_stages(maker)
        if not stages and needs.steps:
            stages = [MDSettings("npt", needs.steps, float(job.metadata.get("temperature_K") or 300.0), None)]
        cpu_s, disk_MB, memory_MB = JOB_CPU_S, JOB_DISK_MB, _PYTHON_MB
        natoms = needs.natoms or len(structure)
        scale = natoms / len(structure)  # of a supercell that is made on the way
        for stage in stages:
            probe = self._rate(structure, card, stage, needs, packed=packed)
            cpu_s += probe.start_cpu_s + scale * probe.cpu_s * stage.steps
            frames = stage.steps // stage.dump_every + 1 if stage.dump_every else 0
            disk_MB += scale * frames * probe.frame_MB + stage.steps / stage.thermo_every * _THERMO_MB
            disk_MB += 4 * natoms * _RESTART_MB_PER_ATOM
            memory_MB = max(memory_MB, _PYTHON_MB + probe.memory_MB * needs.mpi_ranks)
        calls = int(job.metadata.get("calls") or relax_calls(needs.kind, packed=packed, has_stages=bool(stages)))
        if calls and not stages and System.of(structure, card).model.external:
            probe = probe_relaxation(structure, card, self.cache)
            cpu_s += probe.start_cpu_s + scale * probe.cpu_s * calls
            memory_MB = max(memory_MB, probe.memory_MB)
        elif calls:
            probe = self._rate(structure, card, stages[0] if stages else _STILL, needs, packed=packed)
            cpu_s += probe.start_cpu_s + scale * probe.cpu_s * calls
            memory_MB = max(memory_MB, _PYTHON_MB + probe.memory_MB * needs.mpi_ranks)
        frames = int(job.metadata.get("frames") or 0)
        species = getattr(maker, "species", None)
        if frames and species:
            analysis = probe_analysis(structure, tuple(species), dict(maker.charges), frames, self.cache)
            cpu_s += scale * analysis.cpu_s * frames
            disk_MB += frames * 16e-6 * (1 + len(species))
            memory_MB = max(memory_MB, _PYTHON_MB + _COPIES * frames * natoms * 24e-6)
        return _with_cpu(needs, cpu_s, disk_MB=disk_MB, memory_MB=memory_MB, probed=True)

    def _rate(
        self, structure: Structure, card: PotentialCard, stage: MDSettings, needs: JobNeeds, *, packed: bool
    ) -> Probe:
        from ..engines.resources import Resources

        return probe_md(structure, card, stage, Resources(needs.mpi_ranks, needs.threads), self.cache, packed=packed)

    def _ladder(self, needs: JobNeeds, job: Job) -> JobNeeds:
        """Return the needs of a crystal or a band of a ladder."""
        from ..engines.levels import find_level
        from ..structures.hop_ends import hop_ends
        from ..structures.paths import repeats_for

        maker: Any = job.maker
        structure = self.structure(job)
        assert structure is not None
        if needs.kind == "crystal":
            level = find_level(maker.level)
            if level.card is not None:
                probe = self._rate(structure, level.card, _STILL, replace(needs, mpi_ranks=1), packed=False)
                return _with_cpu(
                    needs, JOB_CPU_S + probe.start_cpu_s + probe.cpu_s * RELAX_CALLS["crystal"], probed=True
                )
            probe = probe_calls(level, _as_band(structure), self.cache)
            return _with_cpu(needs, JOB_CPU_S + 5 * (probe.start_cpu_s + probe.cpu_s), probed=True)
        rung = maker.level
        level = find_level(rung.name)
        band = hop_ends(structure, maker.hop, repeats_for(structure.lattice.matrix, rung.image_distance_A))
        probe = probe_calls(level, band, self.cache)
        calls = 2 * END_CALLS + (rung.images - 2) * min(rung.steps, BAND_STEPS)
        moved = {"all": len(band.symbols), "moving": 1, "none": 0}[rung.vibrations]
        calls += 2 * 6 * moved
        cpu_s = JOB_CPU_S + rung.images * probe.start_cpu_s + calls * probe.cpu_s
        filled = replace(needs, images=rung.images, natoms=len(band.symbols), steps=0)
        kept = 2 * rung.images + 2 * 6 * moved
        disk_MB = JOB_DISK_MB + kept * probe.frame_MB
        return _with_cpu(filled, cpu_s, memory_MB=probe.memory_MB * needs.cores, disk_MB=disk_MB, probed=True)

    def _single(self, needs: JobNeeds, job: Job, calls: int) -> JobNeeds:
        """Return the needs of a job that takes so many force calls of a level for its cell."""
        from ..engines.levels import find_level

        maker: Any = job.maker
        structure = self.structure(job)
        assert structure is not None
        probe = probe_calls(find_level(maker.level), _as_band(structure), self.cache)
        scale = (needs.natoms or len(structure)) / len(structure)
        cpu_s = JOB_CPU_S + scale * (probe.start_cpu_s + calls * probe.cpu_s)
        return _with_cpu(needs, cpu_s, memory_MB=probe.memory_MB * needs.cores, probed=True)

    def structure(self, job: Job) -> Structure | None:
        """Return the atoms that a job works on: a structure it was given, or that of the nearest parent."""
        from pymatgen.core import Structure

        waiting, seen = [job.uuid], set()
        while waiting:
            uuid = waiting.pop(0)
            if uuid in seen or uuid not in self.jobs:
                continue
            seen.add(uuid)
            one = self.jobs[uuid]
            found: Structure | None = first_of([one.function_args, one.function_kwargs, one.maker], Structure)
            if found is not None:
                return found
            waiting += self.parents[uuid]
        return None

    def packed(self, job: Job) -> bool:
        """Return whether a job's atoms come from a packing at random: itself or a parent melts it."""
        from .needs import kind_of

        waiting, seen = [job.uuid], set()
        while waiting:
            uuid = waiting.pop()
            if uuid in self.jobs and uuid not in seen:
                seen.add(uuid)
                if kind_of(self.jobs[uuid]) == "melt quench":
                    return True
                waiting += self.parents[uuid]
        return False


def _as_band(structure: Structure) -> Band:
    """Return a band whose first image is a structure, as a probe of single calls wants it."""
    import numpy as np

    from ..structures.paths import Band

    symbols = tuple(site.specie.symbol for site in structure)
    return Band(symbols, np.array(structure.lattice.matrix), np.repeat(structure.cart_coords[None], 2, axis=0))


def relax_calls(kind: str, *, packed: bool, has_stages: bool) -> int:
    """Return how many force calls the relaxations of a job take."""
    if kind == "melt quench":
        return RELAX_CALLS["packing"]
    if kind == "elastic":
        return 13 * ELASTIC_CALLS
    if "relax" in kind or not has_stages:
        return RELAX_CALLS["glass" if packed else "crystal"]
    return 0


def md_stages(maker: Any) -> list[MDSettings]:
    """Return the stages of molecular dynamics that a Maker runs."""
    stages = getattr(maker, "stages", None)
    if callable(stages):
        return [one for one in _walk(stages()) if isinstance(one, MDSettings)]
    return [one for one in _walk(maker) if isinstance(one, MDSettings)]


def first_of(item: Any, kind: type[Any]) -> Any:
    """Return the first object of a type in nested sequences, mappings and dataclasses, or None."""
    return next((one for one in _walk(item) if isinstance(one, kind)), None)


def _walk(item: Any) -> Iterator[Any]:
    from pymatgen.core import Structure

    yield item
    if isinstance(item, Structure | str):
        return
    if is_dataclass(item) and not isinstance(item, type):
        for one in fields(item):
            yield from _walk(getattr(item, one.name, None))
    elif isinstance(item, dict):
        for value in item.values():
            yield from _walk(value)
    elif isinstance(item, list | tuple):
        for value in item:
            yield from _walk(value)


def _with_cpu(
    needs: JobNeeds,
    cpu_s: float,
    *,
    disk_MB: float = JOB_DISK_MB,
    memory_MB: float = _PYTHON_MB,
    probed: bool = False,
) -> JobNeeds:
    """Fill in the times: processors share the work, and a queue gives half as much again and five minutes."""
    wall_s = cpu_s / needs.cores
    return replace(
        needs,
        cpu_s=cpu_s,
        wall_s=wall_s,
        wall_limit_s=1.5 * wall_s + 300.0,
        disk_MB=disk_MB,
        memory_MB=memory_MB,
        probed=probed,
    )
