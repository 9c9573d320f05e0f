"""Molecular dynamics that can be killed at any moment and goes on to its *total* number of steps.

A run writes two restart files in turn and one at its end. A continuation takes the newest whole one, keeps velocities
and thermostat state, and ramps go on where they were. The dump is cut back to the restart first, so no frame is
missing and none is double.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from ...errors import InputError
from ...files import write_json, write_text
from ...structures.lammps_data import read_lammps_data
from ...units import FS_TO_PS, GPA_TO_BAR
from ..handled import EXPLODING_ENERGY, LOST_ATOMS, Handled, handled_here, record_handled
from .dump import check_first_frame, truncate_dump
from .failures import LammpsError, LostAtomsError, UnstableError, WallTimeError
from .guard import guard_commands
from .launch import StepRate, find_program, run_lammps
from .layers import LayerSampling, layer_commands
from .log import Thermo, last_step, read_logs
from .pieces import BEFORE, NEWEST, GridVariables, OnGrid, run_in_pieces
from .restart import RestartHashes, newest_restart, restart_step
from .script import (
    Command,
    Dump,
    DumpModify,
    Fix,
    Timer,
    Timestep,
    Velocity,
    WriteData,
    WriteRestart,
    render,
)
from .setup import System

if TYPE_CHECKING:
    from collections.abc import Callable

    from pymatgen.core import Structure

    from ..resources import Resources

DUMP_FILE = "trajectory.lammpstrj"
_SETTINGS_FILE = "settings.json"
_FINAL_DATA = "final.data"
_RESTARTS = (NEWEST, BEFORE, "restart.end")
_LARGEST_HEATING = 20.0


@dataclass(frozen=True)
class MDSettings:
    """One stage of molecular dynamics.

    Attributes
    ----------
    ensemble
        ``nvt`` or ``npt``; Nosé–Hoover chains.
    steps
        Total number of steps.
    temperature_K
        Temperature at the start.
    seed
        Seed of the velocities; None takes over those that the structure brings.
    final_temperature_K
        Temperature at the end, reached linearly; None for a constant one.
    pressure_GPa
        For ``npt``.
    cell
        For ``npt``: ``iso`` scales the cell, ``aniso`` lets its lengths go, ``tri`` also its angles. ``stack`` puts
        the pressure on z and none on x and y; ``normal`` puts it on z and keeps the cell along x and y.
    strain_rates_1_ps
        For ``npt``: rates at which the cell is strained along x, y and z, in 1/ps; a direction with a rate other than
        0 follows it, the others are held at zero stress.
    layers
        What is sampled in layers while it runs; None samples nothing.
    timestep_fs
        In fs.
    thermostat_ps, barostat_ps
        Relaxation times in ps.
    dump_every, thermo_every, restart_every
        Steps between frames, lines of the log, and restart files; ``dump_every=0`` writes no trajectory.
    """

    ensemble: Literal["nvt", "npt"]
    steps: int
    temperature_K: float
    seed: int | None
    final_temperature_K: float | None = None
    pressure_GPa: float = 0.0
    cell: Literal["iso", "aniso", "tri", "stack", "normal"] = "iso"
    strain_rates_1_ps: tuple[float, float, float] = (0.0, 0.0, 0.0)
    layers: LayerSampling | None = None
    timestep_fs: float = 1.0
    thermostat_ps: float = 0.1
    barostat_ps: float = 1.0
    dump_every: int = 50
    thermo_every: int = 50
    restart_every: int = 1000

    def __post_init__(self) -> None:
        if isinstance(self.layers, dict):  # as it comes back from a document
            object.__setattr__(self, "layers", LayerSampling(**self.layers))
        for name in ("steps", "temperature_K", "timestep_fs", "thermostat_ps", "barostat_ps", "thermo_every"):
            if getattr(self, name) <= 0:
                raise InputError(f"{name} has to be positive and is {getattr(self, name)}", where="molecular dynamics")
        if self.restart_every <= 0 or self.dump_every < 0:
            raise InputError("intervals of restarts and frames have to be positive", where="molecular dynamics")
        if any(self.strain_rates_1_ps) and (self.ensemble != "npt" or all(self.strain_rates_1_ps)):
            raise InputError("straining needs 'npt' and a direction that is left free", where="molecular dynamics")
        if self.layers and self.restart_every % self.layers.window:
            raise InputError("restart_every has to be a multiple of the window of layers", where="molecular dynamics")


@dataclass(frozen=True)
class MDRun:
    """A finished run.

    Attributes
    ----------
    directory
        Folder with everything.
    structure
        Last step: positions unwrapped by LAMMPS' image flags, velocities as a site property.
    thermo
        Output of the log, joined over continuations.
    dump
        Trajectory, or None.
    settings
        What was run: what was asked, but for the timestep after a failure that was handled.
    segments
        How many times LAMMPS was started for it.
    program_version
        LAMMPS' own.
    handled
        Failures after which it was run again with a shorter timestep.
    """

    directory: Path
    structure: Structure
    thermo: Thermo
    dump: Path | None
    settings: MDSettings
    segments: int
    program_version: str
    handled: tuple[Handled, ...] = ()

    @property
    def steps_per_s(self) -> float | None:
        """Steps per second inside LAMMPS' own loops."""
        return self.thermo.loop_steps / self.thermo.loop_time_s if self.thermo.loop_time_s > 0 else None


def run_md(
    system: System,
    settings: MDSettings,
    directory: Path,
    resources: Resources,
    *,
    progress: Callable[[int, int, float], None] | None = None,
) -> MDRun:
    """Run, or go on with, or just read a stage of molecular dynamics.

    A run that loses atoms or explodes is run again from its beginning with half the timestep, twice at most, in a
    folder ``retry-<n>`` of its own, which then also holds its trajectory; `MDRun.handled` says so.

    Parameters
    ----------
    system
        Structure and model.
    settings
        What to do.
    directory
        Folder of this run alone. If it holds a part of the same run, that is continued; if it holds all of it,
        LAMMPS is not started.
    resources
        Processors and wall time.
    progress
        Called with step, total and steps per second while LAMMPS runs.

    Raises
    ------
    LammpsError
        A named failure; see `failures`. `WallTimeError` means that the run stopped cleanly and can go on.
    InputError
        If the folder holds another run.
    """
    directory = Path(directory)
    if system.model.shells is not None:
        raise InputError(
            f"molecular dynamics with the shells of {system.card.name} is not possible",
            where="potential",
            remedy="Take a potential without shells.",
        )
    handled = handled_here(directory)
    while True:
        tried = len(handled)
        folder = directory / f"retry-{tried}" if tried else directory
        told = None if progress is None else _in_asked_steps(progress, 2**tried)
        try:
            run = _run_once(system, _shorter(settings, 2**tried), folder, resources, told)
        except (LostAtomsError, UnstableError) as error:
            handler = LOST_ATOMS if isinstance(error, LostAtomsError) else EXPLODING_ENERGY
            if tried >= handler.tries:
                tries = f"{error.what}; tried {tried + 1} times, last with a timestep of"
                shortest = settings.timestep_fs / 2**tried
                raise type(error)(f"{tries} {shortest:g} fs", where=error.where, remedy=error.remedy) from error
            timestep = settings.timestep_fs / 2 ** (tried + 1)
            changed = f"a timestep of {timestep:g} fs, from the beginning of the stage"
            handled.append(Handled(handler.name, error.what, changed, tried + 1))
            record_handled(directory, handled[-1])
        else:
            return replace(run, handled=tuple(handled))


def _shorter(settings: MDSettings, factor: int) -> MDSettings:
    """Return the same stage with a timestep shorter by `factor`; frames stay equally far apart in time."""
    if factor == 1:
        return settings
    counts = {name: getattr(settings, name) * factor for name in ("steps", "dump_every", "thermo_every")}
    shorter = replace(settings, timestep_fs=settings.timestep_fs / factor, layers=None, **counts)
    if settings.layers is None:
        return shorter
    layers = replace(settings.layers, every=settings.layers.every * factor, window=settings.layers.window * factor)
    return replace(shorter, layers=layers, restart_every=settings.restart_every * factor)


def _in_asked_steps(progress: Callable[[int, int, float], None], factor: int) -> Callable[[int, int, float], None]:
    def told(step: int, total: int, steps_per_s: float) -> None:
        progress(step // factor, total // factor, steps_per_s / factor)

    return told


def _run_once(
    system: System,
    settings: MDSettings,
    directory: Path,
    resources: Resources,
    progress: Callable[[int, int, float], None] | None,
) -> MDRun:
    """Run or go on with a stage as it is."""
    _claim(directory, system, settings)
    segment = len(list(directory.glob("log.*.lammps")))
    while (newest := _newest(directory)) is None or newest[1] < settings.steps or not _is_final(directory, settings):
        resources.check_time(directory.name)
        _run_segment(system, settings, directory, resources, segment, newest, progress)
        segment += 1
        reached = _newest(directory)
        if reached is None or reached[1] < settings.steps:
            if resources.wall_time_s is None:
                raise LammpsError(
                    f"LAMMPS ended without an error at step {reached[1] if reached else 0} of {settings.steps}",
                    where=directory.name,
                    remedy=LammpsError.advice,
                )
            raise WallTimeError(
                f"the wall time of {resources.wall_time_s:g} s was met at step {reached[1] if reached else 0} "
                f"of {settings.steps}",
                where=directory.name,
                remedy=WallTimeError.advice,
            )
    logs = sorted(directory.glob("log.*.lammps"))
    thermo = read_logs(logs)
    _check_heating(thermo, settings, directory)
    dump = directory / DUMP_FILE if settings.dump_every else None
    if dump:
        check_first_frame(dump, system.symbols)
    return MDRun(
        directory=directory,
        structure=read_lammps_data(directory / _FINAL_DATA, system.element_map),
        thermo=thermo,
        dump=dump,
        settings=settings,
        segments=len(logs),
        program_version=find_program().version,
    )


def _claim(directory: Path, system: System, settings: MDSettings) -> None:
    """Write the inputs of a new run, or check that the folder holds the same one."""
    asked = json.loads(
        json.dumps(
            {
                "settings": asdict(settings),
                "elements": list(system.element_map.elements),
                "masses": list(system.element_map.masses()),
                "natoms": len(system.structure),
                "potential": system.card.name,
                "fingerprint": system.card.fingerprint,
            }
        )
    )
    path = directory / _SETTINGS_FILE
    if path.exists():
        found = json.loads(path.read_text())
        if found != asked:
            differing = sorted(key for key in asked if found.get(key) != asked[key])
            raise InputError(
                f"the folder holds another run; {', '.join(differing)} differ",
                where=str(path),
                remedy="Use an empty folder.",
            )
        return
    system.write_files(directory)
    write_json(path, asked)


def _newest(directory: Path) -> tuple[Path, int] | None:
    return newest_restart([directory / name for name in _RESTARTS])


def _is_final(directory: Path, settings: MDSettings) -> bool:
    """Return whether the last data file is there and of the last step."""
    path = directory / _FINAL_DATA
    if not path.exists():
        return False
    with path.open() as stream:
        return f"timestep = {settings.steps}," in stream.readline()


def _run_segment(
    system: System,
    settings: MDSettings,
    directory: Path,
    resources: Resources,
    segment: int,
    newest: tuple[Path, int] | None,
    progress: Callable[[int, int, float], None] | None,
) -> None:
    start = newest[1] if newest else 0
    dump = directory / DUMP_FILE
    frames_to = truncate_dump(dump, start) if settings.dump_every else None
    commands = md_commands(
        system,
        settings,
        restart=newest[0].name if newest else None,
        start=start,
        frames_to=frames_to,
        segment=segment,
        resources=resources,
    )
    script, log = f"in.{segment:03d}.lammps", f"log.{segment:03d}.lammps"
    write_text(directory / script, render(commands))
    rate, hashes = StepRate(start), RestartHashes([directory / name for name in _RESTARTS])
    checked = settings.dump_every == 0

    def watch() -> None:
        nonlocal checked
        hashes.look()
        checked = checked or check_first_frame(dump, system.symbols)
        step = last_step(directory / log)
        if progress and step is not None:
            progress(step, settings.steps, rate(step))

    run_lammps(directory, script, log, resources, watch=watch)
    _keep_exact(directory, start, settings)


def _keep_exact(directory: Path, start: int, settings: MDSettings) -> None:
    """Let a run that met its wall time go on from the last piece's end, where it stays equal to the last bit.

    A few steps are computed again. Only a run that came to no such end goes on from where it stopped.
    """
    steps = {path: restart_step(path) for path in (directory / name for name in _RESTARTS)}
    ends = [step for step in steps.values() if step and (step % settings.restart_every == 0 or step == settings.steps)]
    if max(ends, default=0) > start:
        for path, step in steps.items():
            if step is not None and step > max(ends):
                path.unlink()


def md_commands(
    system: System,
    settings: MDSettings,
    *,
    restart: str | None,
    start: int = 0,
    frames_to: int | None = None,
    segment: int = 0,
    resources: Resources,
) -> list[Command]:
    """Return the script of a run, from its data file or from a restart.

    Parameters
    ----------
    system, settings
        What to run.
    restart
        Restart file to go on from; None starts.
    start
        Step of that file.
    frames_to
        Step of the last frame that the trajectory holds already.
    segment
        How many times LAMMPS was started before.
    resources
        Gives the wall time.
    """
    first, last = settings.temperature_K, settings.final_temperature_K or settings.temperature_K
    coupling: tuple[str | float, ...] = ("temp", first, last, settings.thermostat_ps)
    if settings.ensemble == "npt":
        coupling += _barostat(settings)
        # LAMMPS would take the middle of the cell that it finds, which a continuation finds changed.
        coupling += ("fixedpoint", *(float(system.structure.lattice.matrix[axis][axis]) / 2 for axis in range(3)))
    commands = system.commands(restart=restart, thermo_every=settings.thermo_every)
    commands.append(GridVariables())
    if restart is not None:
        commands.append(OnGrid())
    commands.append(Timestep(settings.timestep_fs * FS_TO_PS))
    if restart is None and settings.seed is not None:
        commands.append(Velocity("all", "create", first, settings.seed))
    commands.append(Fix("integrate", "all", settings.ensemble, coupling))
    strained = [(axis, rate) for axis, rate in zip("xyz", settings.strain_rates_1_ps, strict=True) if rate]
    if strained:
        words = tuple(word for axis, rate in strained for word in (axis, "erate", rate))
        commands.append(Fix("strain", "all", "deform", (1, *words, "remap", "x")))
    if settings.layers:
        commands += layer_commands(system, settings.layers, segment)
    if system.model.guard is not None:
        commands += guard_commands(system.model.guard, system.element_map)
    if settings.dump_every:
        columns = ("id", "element", "xu", "yu", "zu")
        commands.append(Dump("trajectory", "all", "custom", settings.dump_every, DUMP_FILE, columns))
        elements = system.element_map.elements
        modify: tuple[str | int, ...] = ("element", *elements, "sort", "id", "format", "float", "%.8f", "flush", True)
        if restart is not None:
            modify = (*modify, "append", True)
            if frames_to == start:
                modify = (*modify, "delay", start + 1)
        commands.append(DumpModify("trajectory", modify))
    if resources.time_left_s is not None:
        commands.append(Timer.after(resources.time_left_s))
    commands += run_in_pieces(settings.steps, settings.restart_every, start)
    commands += [WriteRestart(_RESTARTS[2]), WriteData(_FINAL_DATA)]
    return commands


def _barostat(settings: MDSettings) -> tuple[str | float, ...]:
    """Return how ``fix npt`` couples to the cell."""
    pressure_bar, relaxation = settings.pressure_GPa * GPA_TO_BAR, settings.barostat_ps
    if any(settings.strain_rates_1_ps):
        targets = {axis: 0.0 for axis, rate in zip("xyz", settings.strain_rates_1_ps, strict=True) if not rate}
    elif settings.cell == "stack":
        targets = {"x": 0.0, "y": 0.0, "z": pressure_bar}
    elif settings.cell == "normal":
        targets = {"z": pressure_bar}
    else:
        return settings.cell, pressure_bar, pressure_bar, relaxation
    return tuple(word for axis, target in targets.items() for word in (axis, target, target, relaxation))


def _check_heating(thermo: Thermo, settings: MDSettings, directory: Path) -> None:
    """Raise if the run ended far hotter than any thermostat would leave it."""
    hottest = max(settings.temperature_K, settings.final_temperature_K or 0.0)
    last = thermo["temp"][len(thermo.table) // 2 :]
    if len(last) and last.mean() > _LARGEST_HEATING * hottest:
        raise UnstableError(
            f"the mean temperature of the second half is {last.mean():.3g} K where {hottest:g} K was asked for",
            where=directory.name,
            remedy=UnstableError.advice,
        )
