"""Levels of a ladder by name: a potential card, or a DFT protocol, each as a maker of ASE calculators."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..errors import InputError
from ..potentials.ase_model import AseModel
from ..potentials.calculator import LammpsCalculator
from ..potentials.cards import PotentialCard, card, card_names, is_card_file
from .cp2k import CP2K_PROTOCOLS, check_cp2k_elements, cp2k_factory, cp2k_version
from .gpaw import PROTOCOLS, gpaw_calculator, gpaw_version
from .lammps.launch import find_program

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from ase.calculators.calculator import Calculator

    from .images import CalculatorFactory


@dataclass(frozen=True)
class Level:
    """An energy model of a ladder.

    Attributes
    ----------
    name
        As in campaign files.
    kind
        ``potential`` or ``DFT``.
    factory
        Makes a calculator for each image.
    card
        The potential's card; None for DFT.
    program, version
        What evaluates it.
    fingerprint
        Changes when the model does.
    settings
        For documents.
    expensive
        Whether an evaluation takes so long that images are worth a process each.
    """

    name: str
    kind: str
    factory: CalculatorFactory
    card: PotentialCard | None
    program: str
    version: str
    fingerprint: str
    settings: dict[str, Any]
    expensive: bool

    @property
    def cautions(self) -> tuple[str, ...]:
        """Known faults of the model that concern barriers, a sentence each."""
        faults = self.card.known_faults if self.card is not None else ()
        return tuple(text for text in faults if "barrier" in text)

    def check_elements(self, symbols: Iterable[str]) -> None:
        """Raise InputError unless the level describes every one of `symbols`."""
        if self.card is not None:
            self.card.check_elements(symbols)
        elif self.name in CP2K_PROTOCOLS:
            check_cp2k_elements(symbols, CP2K_PROTOCOLS[self.name].basis)


def _ase_calculator(model: AseModel, folder: Path) -> Calculator:
    """Return a calculator of a model that runs inside Python, with the precision that relaxations need."""
    return model.for_relaxation().make()


def is_dft_level(name: str) -> bool:
    """Whether a name is that of a DFT level, installed or not."""
    return name in PROTOCOLS or name in CP2K_PROTOCOLS


def level_names() -> list[str]:
    """Return the names of all levels."""
    return [*card_names(), *PROTOCOLS, *CP2K_PROTOCOLS]


def find_level(name: str, *, beside: Iterable[str] = ()) -> Level:
    """Return a level by name, or from a card file of the user's.

    Parameters
    ----------
    name
        As in campaign files.
    beside
        Elements of all cells whose energies are subtracted from each other: GPAW then takes as many plane waves for
        each as the one that needs most.

    Raises
    ------
    InputError
        If there is none; the message lists those there are.
    EngineError
        If the program behind it is not installed.
    """
    if name in PROTOCOLS:
        protocol, version = PROTOCOLS[name], gpaw_version()
        wanted = tuple(beside)
        protocol = protocol.common_to(wanted) if wanted else protocol
        factory: CalculatorFactory = functools.partial(gpaw_calculator, protocol)
        settings = protocol.settings() | {"version": version}
        return Level(name, "DFT", factory, None, "GPAW", version, f"{settings}", settings, True)
    if name in CP2K_PROTOCOLS:
        factory, version = cp2k_factory(name), cp2k_version()
        settings = CP2K_PROTOCOLS[name].settings() | {"version": version}
        return Level(name, "DFT", factory, None, "CP2K", version, f"{settings}", settings, True)
    if name in card_names() or is_card_file(name):
        potential = card(name)
        if isinstance(potential.model, AseModel):
            settings = {"program": "ASE", "potential": name, "model": potential.fingerprint}
            potential.model.make()  # what is missing is said now, not by the first image
            factory = functools.partial(_ase_calculator, potential.model)
            return Level(name, "potential", factory, potential, "ASE", "", potential.fingerprint, settings, False)
        version = find_program().version
        settings = {"program": "LAMMPS", "potential": name, "version": version}
        factory = functools.partial(LammpsCalculator, potential)
        return Level(name, "potential", factory, potential, "LAMMPS", version, potential.fingerprint, settings, False)
    raise InputError(f"no level is called '{name}'", where="levels", remedy=f"There are: {', '.join(level_names())}.")
