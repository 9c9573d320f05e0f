"""Density-functional levels through GPAW: plane waves, PAW data sets of ``gpaw-data``, PBE."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from ..errors import EngineError, InputError

if TYPE_CHECKING:
    from pathlib import Path

    from .images import CalculatorFactory


class MissingGpawError(EngineError):
    """GPAW is not installed."""


@dataclass(frozen=True)
class GpawProtocol:
    """Settings of a level, and what they cost.

    Attributes
    ----------
    name
        Name of the level.
    cutoff_eV
        Kinetic energy up to which plane waves are used.
    k_spacing_per_A
        Largest distance of k-points along a reciprocal vector (2 π included), Γ-centred.
    smearing_eV
        Width of the Fermi-Dirac occupation.
    density_tolerance
        Largest change of the density in a converged step, in electrons per valence electron.
    xc
        Functional.
    cost
        What to expect, measured.
    """

    name: str
    cutoff_eV: float
    k_spacing_per_A: float
    smearing_eV: float
    density_tolerance: float
    xc: str
    cost: str

    def settings(self) -> dict[str, Any]:
        """Return the settings as plain JSON types, for documents."""
        return {
            "program": "GPAW",
            "xc": self.xc,
            "plane_wave_cutoff_eV": self.cutoff_eV,
            "k_spacing_per_A": self.k_spacing_per_A,
            "smearing_eV": self.smearing_eV,
            "density_tolerance": self.density_tolerance,
        }


PROTOCOLS = {
    protocol.name: protocol
    for protocol in (
        GpawProtocol(
            "gpaw-fast", 250.0, 0.60, 0.05, 1e-4, "PBE", "seconds of one core a force call for 9 atoms; for tests"
        ),
        GpawProtocol(
            "gpaw-moderate", 300.0, 0.40, 0.05, 1e-4, "PBE", "about 10 s of one core a force call for 9 atoms"
        ),
        GpawProtocol("gpaw-precise", 450.0, 0.25, 0.05, 1e-5, "PBE", "minutes of one core a force call for 9 atoms"),
    )
}
"""The levels by name."""


def gpaw_installed() -> bool:
    """Whether GPAW can be imported."""
    return find_spec("gpaw") is not None


def gpaw_version() -> str:
    """Return GPAW's version.

    Raises
    ------
    MissingGpawError
        If it is not installed.
    """
    _check_installed()
    from gpaw import __version__

    return str(__version__)


def gpaw_protocol(name: str) -> GpawProtocol:
    """Return a level by its name."""
    if name not in PROTOCOLS:
        raise InputError(
            f"no DFT level is called '{name}'", where="levels", remedy=f"There are: {', '.join(PROTOCOLS)}."
        )
    return PROTOCOLS[name]


def gpaw_factory(name: str) -> CalculatorFactory:
    """Return what makes calculators of a level; it may be sent to other processes.

    Raises
    ------
    InputError
        If there is no such level.
    MissingGpawError
        If GPAW is not installed.
    """
    protocol = gpaw_protocol(name)
    _check_installed()
    return functools.partial(gpaw_calculator, protocol)


def gpaw_calculator(protocol: GpawProtocol, folder: Path) -> Any:
    """Return a GPAW calculator whose text output goes into `folder`.

    One calculator belongs to one image: moved a little, it starts from its last wave functions. It runs on one rank,
    since plane waves at Γ alone cannot be shared by two without ScaLAPACK.

    Parameters
    ----------
    protocol
        Settings.
    folder
        For ``gpaw.txt``.
    """
    from gpaw import GPAW, PW, FermiDirac

    return GPAW(
        mode=PW(protocol.cutoff_eV),
        xc=protocol.xc,
        kpts={"density": 1 / protocol.k_spacing_per_A, "gamma": True},
        occupations=FermiDirac(protocol.smearing_eV),
        convergence={"density": protocol.density_tolerance},
        # an image may lose its symmetry on its way; only k and -k stay equal
        symmetry={"point_group": False},
        txt=str(folder / "gpaw.txt"),
    )


def _check_installed() -> None:
    if not gpaw_installed():
        raise MissingGpawError(
            "GPAW is not installed",
            remedy="Install it with: pip install 'anodeflow[dft]'; it needs a C++ compiler.",
        )
