"""Profiles sampled while a run goes: stress, composition and coordination in layers along z.

Many-body styles refuse LAMMPS' own stress profiles (``stress/cartesian``, ``stress/mop``). The per-atom virial with its
kinetic term, summed in layers of equal share of the cell, works for every style that has a per-atom virial. LAMMPS
writes means over windows of time, so nothing larger than the profiles is kept.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ...errors import InputError
from .script import Command, Compute, Fix, Group

if TYPE_CHECKING:
    from pathlib import Path

    from .setup import System

STRESS_PROFILE = "layer_stress"
COORDINATION_PROFILE = "layer_coordination"


@dataclass(frozen=True)
class LayerSampling:
    """What is sampled in layers along z.

    Attributes
    ----------
    layers
        Number of layers, each an equal share of the cell.
    every
        Steps between samples.
    window
        Steps that one mean covers; a multiple of `every`.
    centre
        Element whose neighbours of its own kind are counted; None counts none.
    cutoff_A
        Distance up to which it has a neighbour.
    """

    layers: int
    every: int = 20
    window: int = 1000
    centre: str | None = None
    cutoff_A: float = 2.8

    def __post_init__(self) -> None:
        if self.layers < 1 or self.every < 1 or self.window < self.every or self.window % self.every:
            raise InputError(
                f"{self.layers} layers every {self.every} steps in windows of {self.window} steps cannot be sampled",
                remedy="Let the window be a multiple of the interval.",
            )


def layer_commands(system: System, sampling: LayerSampling, segment: int) -> list[Command]:
    """Return the commands that sample, each quantity into a file of its own for each start of LAMMPS.

    Parameters
    ----------
    system
        Gives the elements.
    sampling
        What to sample.
    segment
        Number of the start; a continuation writes new files, and `layer_files` gives all of them.
    """
    # By default LAMMPS assigns atoms to reduced bins at the setup of a run, which moves them by a last bit on the way
    # to fractions and back, but not where that step has been assigned before: a continuation would not be equal.
    bins = ("bin/1d", "z", "lower", 1.0 / sampling.layers, "units", "reduced", "nchunk", "every")
    commands: list[Command] = [Compute("layer", "all", "chunk/atom", bins)]
    commands.append(Compute("layer_stress", "all", "stress/atom", ("NULL",)))
    times = (sampling.every, sampling.window // sampling.every, sampling.window, "layer")
    ending: tuple[str, ...] = ("format", "%17.9g", "norm", "none")

    def mean(name: str, group: str, values: tuple[str, ...]) -> Fix:
        file = f"{name}.{segment:03d}.profile"
        return Fix(name, group, "ave/chunk", (*times, *values, *ending, "file", file))

    commands.append(mean(STRESS_PROFILE, "all", tuple(f"c_layer_stress[{k}]" for k in range(1, 7))))
    for kind, element in enumerate(system.element_map.elements, start=1):
        group = f"layer_{element}"
        commands += [Group(group, ("type", kind)), mean(group, group, ("density/number",))]
    if sampling.centre is not None:
        group = f"layer_{sampling.centre}"
        arguments = ("cutoff", sampling.cutoff_A, "group", group)
        commands.append(Compute("layer_neighbours", group, "coord/atom", arguments))
        commands.append(mean(COORDINATION_PROFILE, group, ("c_layer_neighbours",)))
    return commands


def layer_files(directory: Path, name: str) -> list[Path]:
    """Return the files of one profile over all starts of a run, in order.

    Parameters
    ----------
    directory
        Folder of the run.
    name
        `STRESS_PROFILE`, `COORDINATION_PROFILE`, or ``layer_`` and the symbol of an element.
    """
    return sorted(directory.glob(f"{name}.[0-9][0-9][0-9].profile"))
