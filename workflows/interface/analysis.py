"""What a run of an interface says: reaction, thickness and its growth, transport by region, stress by layer."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from ...analysis.mechanics.interface_stress import interface_stress
from ...analysis.mechanics.layers import layer_stress_profile, read_layers
from ...analysis.mechanics.stress import block_error
from ...analysis.reading.displacements import walk
from ...analysis.reading.trajectory import Trajectory, read_trajectory
from ...analysis.replicas import replica_mean
from ...analysis.series import mean_quantity
from ...analysis.structure.interface import growth_law, track_interface
from ...analysis.structure.profiles import density_profile, heights
from ...analysis.transport.regions import layer_diffusivity, staying_diffusivity
from ...engines.lammps.layers import STRESS_PROFILE, layer_files
from ...errors import InputError
from ...quantity import Quantity
from ...structures.parting import lay_out
from .chemistry import LITHIUM, Chemistry, follow_chemistry
from .separation import INTERFACES

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from ...analysis.mechanics.stress import StressProfile
    from ...engines.lammps.md import MDRun

    Array = NDArray[np.float64]

_MOST_FRAMES = 60
_BLOCKS = 10
_NEAR_A = 4.0
"""Within this distance of a contact an ion is at the interface."""
_REACTED_SHARE, _REACTED_BONDS = 0.02, 2
"""Bonds between different elements, as a share and as a number, that have to be lost for a reaction."""
_THICKER_A = 2.0
_ACROSS_LAYER_A = 5.0
_TRACK_LAYER_A = 1.0
_FEWEST_FRAMES = 20


@dataclass(frozen=True)
class Course:
    """The trajectory of an interface from the first contact on.

    Attributes
    ----------
    whole
        Equilibration and production, or as far as they came.
    production
        The second alone; None where it was not reached.
    equilibration_ps
        Where the second begins.
    sides
        Side of each atom.
    """

    whole: Trajectory
    production: Trajectory | None
    equilibration_ps: float
    sides: NDArray[np.int64]


def course_of(
    dumps: Sequence[Any], timestep_fs: Sequence[float], sides: Sequence[int], equilibration_ps: float
) -> Course:
    """Read the dumps of the equilibration and of the production, where there is one, as one trajectory.

    Parameters
    ----------
    dumps
        One or two files.
    timestep_fs
        Of each.
    sides
        Side of each atom.
    equilibration_ps
        Length of the first.
    """
    parts = [read_trajectory(path, timestep_fs=step) for path, step in zip(dumps, timestep_fs, strict=True)]
    first = parts[0]
    if len(parts) == 1:
        return Course(first, None, equilibration_ps, np.asarray(sides))
    second = parts[1]
    # the second begins with the frame that the first ends with, but for whole box vectors
    ends = _fractions(first, -1)
    turns = np.rint(ends - _fractions(second, 0))
    rest = second.positions[1:] + np.einsum("nk,fkj->fnj", turns, second.cells[1:])
    origins = None
    if first.origins is not None and second.origins is not None:
        origins = np.concatenate([first.origins, second.origins[1:]])
    moved = replace(
        first,
        positions=np.concatenate([first.positions, rest]),
        cells=np.concatenate([first.cells, second.cells[1:]]),
        time_ps=np.concatenate([first.time_ps, first.time_ps[-1] + second.time_ps[1:] - second.time_ps[0]]),
        origins=origins,
    )
    return Course(moved, second, equilibration_ps, np.asarray(sides))


def _fractions(trajectory: Trajectory, frame: int) -> Array:
    origin = np.zeros(3) if trajectory.origins is None else trajectory.origins[frame]
    return np.asarray((trajectory.positions[frame] - origin) @ np.linalg.inv(trajectory.cells[frame]))


def analyse_course(course: Course, contacts: int, *, source: str) -> dict[str, Any]:
    """Return what the trajectory says: chemistry, thickness and growth, composition, and transport by region.

    Parameters
    ----------
    course
        Of `course_of`.
    contacts
        Number of contacts in the cell.
    source
        Name of the job.
    """
    whole = course.whole
    every = max(1, -(-whole.n_frames // _MOST_FRAMES))
    some = whole[::every]
    chemistry = follow_chemistry(some.positions, some.cells, some.species, some.time_ps)
    area = float(np.mean(heights(some.positions, some.cells, origins=some.origins).area_A2))
    quantities = _chemistry_quantities(chemistry, area * INTERFACES, course, source)
    widths, thickness = _thickness(course, contacts, source)
    quantities += thickness
    reacted = _reaction(chemistry, widths, course.equilibration_ps)
    document: dict[str, Any] = {
        "chemistry": chemistry.to_dict(),
        "thickness": widths,
        "reacted": reacted,
        "warnings": [],
    }
    late = course.production or whole
    document["profile"] = _composition(late)
    if course.production is not None:
        quantities += _transport(course.production, course.sides, source)
    document["quantities"] = quantities
    return document


def _chemistry_quantities(chemistry: Chemistry, area_A2: float, course: Course, source: str) -> list[Quantity]:
    """Return means over the production, or over the last half of what there is."""
    begin = course.equilibration_ps if course.production is not None else 0.5 * float(chemistry.time_ps[-1])
    late = chemistry.time_ps >= begin
    per_nm2 = 100.0 / area_A2
    found = []

    def mean(name: str, values: Array, unit: str, method: str, scale: float = 1.0, species: str | None = None) -> None:
        one = mean_quantity(name, values[late], unit, source=source, scale=scale)
        found.append(replace(one, method=f"{method}; {one.method}", species=species))

    count = f"of {chemistry.unlike_at_start} bonds between different elements, for the area of both interfaces"
    mean("broken_bonds", chemistry.broken, "1/nm^2", f"lost {count}", per_nm2)
    mean("new_bonds", chemistry.new, "1/nm^2", "bonds between different elements that were not there at first", per_nm2)
    for pair in ("P-S", "Cl-P", "O-P", "B-H", "O-Si"):
        if pair in chemistry.at_start or pair in chemistry.lost:
            lost = chemistry.lost.get(pair, np.zeros(len(chemistry.time_ps)))
            mean("broken_bonds", lost, "1/nm^2", f"lost of {chemistry.at_start.get(pair, 0)}", per_nm2, pair)
    if chemistry.units is not None and chemistry.units[0]:
        share = chemistry.units / chemistry.units[0]
        mean("thiophosphate_units_left", share, "1", f"PS4 units over the {chemistry.units[0]:.0f} of the first frame")
    for salt, values in chemistry.salt_like.items():
        method = f"more than the {values[0]:.0f} of the first frame"
        mean("salt_like_anions", values - values[0], "1/nm^2", method, per_nm2, salt)
    return found


def _thickness(course: Course, contacts: int, source: str) -> tuple[dict[str, Any], list[Quantity]]:
    """Return the width of the mixed zone in blocks of time, its last value, and the law of its growth."""
    whole = course.whole
    where = heights(whole.positions, whole.cells, origins=whole.origins)
    period = float(where.period_A.mean())
    scaled = where.height_A * (period / where.period_A)[:, None]
    step = float(whole.time_ps[-1] - whole.time_ps[0]) / max(1, whole.n_frames - 1)
    centres = _centres(scaled[0], period, course.sides, contacts)
    tracks = []
    for k in range(contacts):
        low = centres[k]
        high = low + (centres[(k + 1) % contacts] - low) % period
        try:
            tracks.append(
                track_interface(
                    scaled,
                    belonging(whole.species, course.sides, k, (k + 1) % contacts),
                    window_A=(low, high),
                    period_A=period,
                    time_step_ps=step,
                    layer_A=_TRACK_LAYER_A,
                    blocks=min(_BLOCKS, whole.n_frames),
                )
            )
        except InputError:
            continue
    method = "10 to 90 % of a tanh profile of the share of one side, by elements; mean over the contacts"
    nothing = "the mixed zone was not found: the window between the sides is too narrow or the profile is no step"
    if not tracks:
        none = _no_widths(method, nothing, source)
        return {"time_ps": [], "thickness_A": [], "error_A": []}, none
    width = np.array([track.width_A for track in tracks])
    # a step sharper than the layers is not resolved by them, whatever the fit says
    error = np.hypot(np.array([track.width_error_A for track in tracks]), _TRACK_LAYER_A / np.sqrt(12))
    good = np.isfinite(width).all(axis=0)
    mean = np.where(good, width.mean(axis=0), np.nan)
    spread = np.where(good, np.sqrt((error**2).sum(axis=0)) / len(tracks), np.nan)
    time = tracks[0].time_ps
    plain = [[float(v) if np.isfinite(v) else None for v in row] for row in (mean, spread)]
    widths = {"time_ps": [float(v) for v in time], "thickness_A": plain[0], "error_A": plain[1]}
    if not good.any():
        none = _no_widths(method, nothing, source)
        return widths, none
    last = int(np.flatnonzero(good)[-1])
    value, own = float(mean[last]), float(spread[last])
    quantities = [
        Quantity(
            "interphase_thickness", value, "Å", uncertainty=own, interval95=(value - 1.96 * own, value + 1.96 * own),
            method=f"{method}, in the last block of time", source=source,
        )
    ]  # fmt: skip
    try:
        law = growth_law(time[good] + (0.5 * step if time[0] == 0 else 0.0), mean[good], spread[good])
        note = (f"the law is {law.law}", *law.exponent.warnings)
        quantities.append(replace(law.exponent, name="interphase_growth_exponent", source=source, warnings=note))
        quantities.append(replace(law.rate, name="interphase_growth_rate", source=source))
        widths["law"] = law.law
    except InputError as fault:
        for name, unit in (("interphase_growth_exponent", "1"), ("interphase_growth_rate", "Å/ps")):
            quantities.append(Quantity(name, None, unit, converged=False, warnings=(fault.what,), source=source))
    return widths, quantities


def belonging(species: Sequence[str], sides: NDArray[np.int64], one: int, other: int) -> Array:
    """Return how far each atom speaks for one side of a contact rather than the other, by its element alone.

    An element of which the sides hold the shares a and b of their atoms counts a / (a + b): 1 or 0 where one side alone
    holds it. Atoms of an element that both hold are not told apart, so that lithium which both exchange without any
    change of composition mixes nothing.

    Parameters
    ----------
    species
        Element of each atom.
    sides
        Side of each atom at the start.
    one, other
        Numbers of the two sides.
    """
    names = np.asarray(species)
    found = np.zeros(len(names))
    for element in set(names.tolist()):
        own = names == element
        shares = [float((own & (sides == side)).sum() / (sides == side).sum()) for side in (one, other)]
        found[own] = shares[0] / sum(shares) if sum(shares) else 0.5
    return found


def _no_widths(method: str, why: str, source: str) -> list[Quantity]:
    names = (("interphase_thickness", "Å"), ("interphase_growth_exponent", "1"), ("interphase_growth_rate", "Å/ps"))
    return [
        Quantity(name, None, unit, method=method, converged=False, warnings=(why,), source=source)
        for name, unit in names
    ]


def _centres(height_A: Array, period_A: float, sides: NDArray[np.int64], count: int) -> list[float]:
    """Return the middle of each side as a height inside the cell."""
    angle = 2 * np.pi * height_A / period_A
    found = []
    for k in range(count):
        own = angle[sides == k]
        found.append(float(np.arctan2(np.sin(own).mean(), np.cos(own).mean()) / (2 * np.pi) % 1.0) * period_A)
    return found


def _reaction(chemistry: Chemistry, widths: dict[str, Any], equilibration_ps: float) -> str:
    """Return the sentence that says that the sides react within the equilibration, or an empty one."""
    early = (chemistry.time_ps > 0.5 * equilibration_ps) & (chemistry.time_ps <= equilibration_ps + 1e-9)
    said = []
    if early.any() and chemistry.unlike_at_start:
        lost = float(chemistry.broken[early].mean())
        if lost >= max(_REACTED_BONDS, _REACTED_SHARE * chemistry.unlike_at_start):
            said.append(f"{lost:.3g} of {chemistry.unlike_at_start} bonds between different elements are broken")
    time = np.array(widths["time_ps"])
    thick = np.array([np.nan if v is None else v for v in widths["thickness_A"]], dtype=float)
    error = np.array([np.nan if v is None else v for v in widths["error_A"]], dtype=float)
    inside = np.isfinite(thick) & (time <= equilibration_ps)
    if inside.sum() > 1:
        first, last = np.flatnonzero(inside)[[0, -1]]
        growth = thick[last] - thick[first]
        if growth > max(_THICKER_A, 2 * float(np.hypot(error[first], error[last]))):
            said.append(f"the mixed zone grew by {growth:.2g} Å")
    if not said:
        return ""
    return f"The sides react within the equilibration of {equilibration_ps:g} ps: {' and '.join(said)}"


def _composition(trajectory: Trajectory) -> dict[str, Any]:
    """Return the share of each element in layers along the normal."""
    where = heights(trajectory.positions, trajectory.cells, origins=trajectory.origins)
    profile = density_profile(where, trajectory.species, layer_A=1.0, blocks=min(_BLOCKS, trajectory.n_frames))
    found: dict[str, Any] = {"z_A": [float(v) for v in profile.z_A], "share": {}, "error": {}}
    for element in profile.density_per_A3:
        share, error = profile.fraction(element)
        for name, values in (("share", share), ("error", error)):
            found[name][element] = [float(f"{v:.4g}") if np.isfinite(v) else None for v in values]
    return found


def _transport(trajectory: Trajectory, sides: NDArray[np.int64], source: str) -> list[Quantity]:
    """Return D of lithium along and across the layers at the contacts and inside each side."""
    if LITHIUM not in trajectory.species:
        return []
    if trajectory.n_frames <= _FEWEST_FRAMES:  # a guard stopped the run
        why = (f"{trajectory.n_frames} frames give no diffusivity; {_FEWEST_FRAMES + 1} are needed",)
        names = [f"interface_diffusivity_{way}" for way in ("along", "across")]
        return [
            Quantity(name, None, "cm^2/s", species=LITHIUM, converged=False, warnings=why, source=source)
            for name in names
        ]
    even = trajectory.evenly_spaced()
    where = heights(even.positions, even.cells, origins=even.origins)
    period = float(where.period_A.mean())
    scaled = where.height_A * (period / where.period_A)[:, None]
    ions = even.indices(LITHIUM)
    moves = walk(even, LITHIUM, drift="all") @ where.in_plane.T
    own = scaled[:, ions]
    count = int(sides.max()) + 1
    contacts = _contacts(scaled.mean(axis=0) % period, period, sides, count, even)
    near = np.zeros(own.shape, dtype=bool)
    for height in contacts:
        near |= np.abs((own - height + 0.5 * period) % period - 0.5 * period) <= _NEAR_A
    regions: dict[str, tuple[Any, list[float]]] = {"interface": (near, contacts)}
    for k in range(count):
        low, high = contacts[k - 1], contacts[k - 1] + (contacts[k] - contacts[k - 1]) % period
        within = (own - low) % period <= high - low
        regions[f"side_{k + 1}"] = (within & ~near, [0.5 * (low + high) % period])
    layers = None
    with suppress(InputError):  # a cell too low for layers gives D along them all the same
        layers = layer_diffusivity(
            moves, own, period_A=period, time_step_ps=even.interval_ps, layer_A=min(_ACROSS_LAYER_A, 0.24 * period),
            source=source,
        )  # fmt: skip
    found = []
    for region, (inside, places) in regions.items():
        along = staying_diffusivity(moves, inside, time_step_ps=even.interval_ps, species=LITHIUM, source=source)
        found.append(replace(along, name=f"{region}_diffusivity_along"))
        if layers is not None:
            across = [
                layers.perpendicular[int(place // (period / len(layers.z_A))) % len(layers.z_A)] for place in places
            ]
            one = replica_mean([replace(q, source=source) for q in across])
            method = one.method.replace("mean over replicas", "mean over the contacts")
            found.append(replace(one, name=f"{region}_diffusivity_across", method=method, source=source))
    return found


def _contacts(height_A: Array, period_A: float, sides: NDArray[np.int64], count: int, even: Trajectory) -> list[float]:
    """Return the heights of the contacts in the first frame, inside the cell."""
    from pymatgen.core import Lattice, Structure

    origin = np.zeros(3) if even.origins is None else even.origins[0]
    first = Structure(Lattice(even.cells[0]), list(even.species), even.positions[0] - origin, coords_are_cartesian=True)
    laid = lay_out(first, sides.tolist())
    return [float(height / laid.period_A % 1.0 * period_A) for height in laid.contacts_A]


def analyse_stress(run: MDRun, sides: Sequence[int], *, source: str) -> tuple[dict[str, Any], list[Quantity]]:
    """Return the profile of the stress and what follows from it: balance, largest compression, interface stress.

    Parameters
    ----------
    run
        The production, with layers.
    sides
        Side of each atom.
    source
        Name of the job.
    """
    windows = read_layers(layer_files(run.directory, STRESS_PROFILE))
    steps, ends = run.thermo["step"], windows.step
    length = int(ends[1] - ends[0])

    def mean(column: str) -> Array:
        inside = [(steps > end - length) & (steps <= end) for end in ends]
        return np.array([run.thermo[column][chosen].mean() for chosen in inside])

    profile = layer_stress_profile(windows, mean("vol"), mean("lz"), source=source)
    balance = profile.normal_balance()
    laid = lay_out(run.structure, sides)
    contacts = [height / laid.period_A * float(profile.layer_A * len(profile.position_A)) for height in laid.contacts_A]
    return _stress_document(profile, balance), [balance, *_stress_quantities(profile, balance, contacts)]


def _stress_document(profile: StressProfile, balance: Quantity) -> dict[str, Any]:
    blocks = profile.blocks_GPa[:, :, :3].mean(axis=2)
    error = block_error(blocks) if len(blocks) > 1 else np.full(len(blocks[0]), np.nan)
    columns = {
        "position_A": profile.position_A,
        "stress_xx_GPa": profile.stress_GPa[:, 0],
        "stress_yy_GPa": profile.stress_GPa[:, 1],
        "stress_zz_GPa": profile.stress_GPa[:, 2],
        "stress_zz_error_GPa": profile.error_GPa[:, 2],
        "hydrostatic_GPa": profile.hydrostatic_GPa,
        "hydrostatic_error_GPa": error,
        "von_mises_GPa": profile.von_mises_GPa,
    }
    plain = {name: [float(f"{v:.5g}") if np.isfinite(v) else None for v in values] for name, values in columns.items()}
    return plain | {"balanced": balance.converged}


def _stress_quantities(profile: StressProfile, balance: Quantity, contacts: list[float]) -> list[Quantity]:
    """Return the largest hydrostatic compression of a layer, and the interface stress of contacts inside the cell."""
    blocks = profile.blocks_GPa[:, :, :3].mean(axis=2)
    filled = profile.atoms_per_A3 > 0.05 * profile.atoms_per_A3.max()
    place = int(np.where(filled, profile.hydrostatic_GPa, np.inf).argmin())
    enough = len(blocks) >= 8
    error = float(block_error(blocks)[place]) if enough else None
    notes = ("the largest of several noisy layers is too large by about its error", *balance.warnings)
    found = [
        Quantity(
            "peak_compression", -float(profile.hydrostatic_GPa[place]), "GPa", uncertainty=error,
            method="most negative hydrostatic stress of a layer, sign reversed", converged=balance.converged,
            warnings=notes, source=profile.source,
        )
    ]  # fmt: skip
    top = float(profile.position_A[-1] + profile.layer_A / 2)
    stresses: list[tuple[Quantity, Quantity]] = []
    for k in range(len(contacts) - 1):
        own = contacts[k] % top
        low = 0.5 * (contacts[k - 1] - (top if k == 0 else 0.0) + contacts[k])
        high = 0.5 * (contacts[k] + contacts[k + 1])
        margin = max(profile.layer_A, 0.35 * min(own - low, high - own))
        if low < 0 or high > top or own <= low:
            continue
        try:
            stresses.append(interface_stress(profile, own, (low, low + margin), (high - margin, high)))
        except InputError:
            continue
    for axis, name in enumerate(("interface_stress_1", "interface_stress_2")):
        if stresses:
            one = replica_mean([pair[axis] for pair in stresses])
            found.append(replace(one, converged=one.converged and balance.converged))
        else:
            why = ("the middles of both sides do not lie inside the cell around a contact",)
            found.append(Quantity(name, None, "N/m", converged=False, warnings=why, source=profile.source))
    return found
