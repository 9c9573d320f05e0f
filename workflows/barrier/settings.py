"""What a barrier ladder is asked for: crystal, hops, levels, strains; a file of its own or a section of a campaign."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from ...structures.hop_ends import CrystalHop
from ..own_files import CardName, DataFile, StructureName
from ..settings import Finite, Positive, PositiveInt, Settings, plain_name

Point = tuple[float, float, float]


class CrystalSettings(Settings):
    """The perfect crystal that the hops are in.

    Attributes
    ----------
    phase
        Name in the phase library, or a structure file of the user's (relative to this file).
    relax
        What each level may change: the whole ``cell`` (its volume with DFT), the first two vectors of a layer with
        vacuum along the third (``plane``, DFT only), or nothing (``none``).
    """

    phase: StructureName
    relax: Literal["cell", "plane", "none"] = "cell"


class HopSettings(Settings):
    """One hop, in fractional coordinates of the crystal's own cell; see `anodeflow.structures.hop_ends.CrystalHop`.

    Attributes
    ----------
    kind
        ``vacancy``, ``chain``, ``interstitial`` or ``kick-out``.
    path
        Its points: start and end, for a kick-out or a chain with the lattice site between them.
    """

    kind: Literal["vacancy", "chain", "interstitial", "kick-out"]
    path: Annotated[tuple[Point, ...], Field(min_length=2, max_length=3)]


class SearchSettings(Settings):
    """All symmetry-distinct hops up to a length.

    Attributes
    ----------
    kind
        ``vacancy``, ``chain``, ``interstitial`` or ``kick-out``.
    cutoff_A
        Longest hop, in Å.
    """

    kind: Literal["vacancy", "chain", "interstitial", "kick-out"] = "vacancy"
    cutoff_A: Positive = 4.0


class SeenSettings(Settings):
    """Hops that a trajectory shows: both sides are quenched, with the atoms in the order of the trajectory.

    Attributes
    ----------
    trajectory
        LAMMPS dump at constant volume (relative to this file).
    data
        LAMMPS data file that says which type is which element.
    sites
        Structure in the same cell whose atoms of the species are the sites; peaks of the density by default.
    timestep_fs
        MD timestep.
    most
        At most so many hops, one for each pair of sites, the most frequent first.
    """

    trajectory: DataFile
    data: DataFile | None = None
    sites: DataFile | None = None
    timestep_fs: Positive = 1.0
    most: PositiveInt = 3


class LevelSettings(Settings):
    """One rung of the ladder.

    Attributes
    ----------
    name
        A potential card, the path of a card file of the user's, or a DFT level (``gpaw-fast``, ``gpaw-moderate``,
        ``gpaw-precise``).
    image_distance_A
        Least distance between opposite faces of the supercell.
    images
        Images of the band, both ends included.
    force_tolerance_eV_A
        For the end points and for the force of the band.
    finite_size_A
        Further image distances at which the same hops are computed, for an estimate of the barrier in an infinite
        crystal.
    steps
        At most so many steps of the band.
    vibrations
        Atoms whose vibrations give the attempt frequency and confirm the saddle: ``all``, only the ``moving`` one, or
        ``none``.
    """

    name: CardName
    image_distance_A: Positive = 10.0
    images: Annotated[int, Field(ge=3)] = 5
    force_tolerance_eV_A: Positive = 0.03
    steps: PositiveInt = 200
    vibrations: Literal["all", "moving", "none"] = "all"
    finite_size_A: tuple[Positive, ...] = ()


class StrainSettings(Settings):
    """A state of strain of the crystal, as fractions; the shear components are halves of the engineering strain.

    Attributes
    ----------
    xx, yy, zz, yz, xz, xy
        Components in the Cartesian frame of the crystal.
    """

    xx: Finite = 0.0
    yy: Finite = 0.0
    zz: Finite = 0.0
    yz: Finite = 0.0
    xz: Finite = 0.0
    xy: Finite = 0.0

    @model_validator(mode="after")
    def _small(self) -> StrainSettings:
        largest = max(abs(value) for value in self.components)
        if not 0 < largest <= 0.2:
            raise ValueError("a strain has to be different from 0 and at most 0.2; 0.01 is one per cent")
        return self

    @property
    def components(self) -> tuple[float, ...]:
        """The components xx, yy, zz, yz, xz, xy."""
        return self.xx, self.yy, self.zz, self.yz, self.xz, self.xy

    @property
    def label(self) -> str:
        """A name for jobs, such as ``xx+0.02``."""
        names = ("xx", "yy", "zz", "yz", "xz", "xy")
        return "".join(f"{name}{value:+g}" for name, value in zip(names, self.components, strict=True) if value)


class LadderSettings(Settings):
    """A ladder: exactly one of `hops`, `find` and `seen`.

    Attributes
    ----------
    crystal
        The perfect crystal; not for `seen`, which is about the configurations of the trajectory.
    species
        Element that hops.
    hops
        Hops by name.
    find
        Look for all of them instead.
    seen
        Take them from a trajectory instead.
    levels
        From the cheapest to the best.
    strain
        States of strain at which the hops are computed again, at the last level.
    pressure_GPa
        Pressures at which they are computed again, at the last level; they give the activation volume.
    temperatures_K
        For rates and diffusivities.
    disagreement_eV
        Two levels whose barriers differ by more than this are flagged.
    workers
        Processes for the images of an expensive level.
    """

    crystal: CrystalSettings | None = None
    species: str
    hops: Annotated[dict[str, HopSettings], Field(min_length=1)] | None = None
    find: SearchSettings | None = None
    seen: SeenSettings | None = None
    levels: Annotated[tuple[LevelSettings, ...], Field(min_length=1)]
    strain: tuple[StrainSettings, ...] = ()
    pressure_GPa: tuple[Finite, ...] = ()
    temperatures_K: tuple[Positive, ...] = (300.0,)
    disagreement_eV: Positive = 0.1
    workers: PositiveInt = 2

    @model_validator(mode="after")
    def _consistent(self) -> LadderSettings:
        if [self.hops, self.find, self.seen].count(None) != 2:
            raise ValueError("give exactly one of 'hops' and 'find', or 'seen'")
        if (self.crystal is None) != (self.seen is not None):
            raise ValueError("'hops' and 'find' need a 'crystal', and 'seen' has none")
        if self.seen is not None and (
            self.strain or self.pressure_GPa or any(one.finite_size_A for one in self.levels)
        ):
            raise ValueError("'strain', 'pressure_GPa' and 'finite_size_A' are for the hops of a crystal")
        for name in self.hops or {}:
            plain_name(name)
        names = [level.name for level in self.levels]
        if len(set(names)) != len(names):
            raise ValueError("a level stands twice in 'levels'")
        if 0.0 in self.pressure_GPa:
            raise ValueError("a pressure of 0 is computed anyway; leave it out of 'pressure_GPa'")
        if self.pressure_GPa and self.crystal is not None and self.crystal.relax != "cell":
            raise ValueError("'pressure_GPa' needs a crystal whose cell may relax")
        return self

    def crystal_hops(self) -> dict[str, CrystalHop]:
        """Return the hops that are listed."""
        return {name: CrystalHop(hop.kind, self.species, hop.path) for name, hop in (self.hops or {}).items()}
