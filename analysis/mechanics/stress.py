"""Stress through a layered cell from per-atom virials, with its errors and a check of mechanical equilibrium."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ...errors import InputError
from ...quantity import Quantity
from ...units import BAR_TO_GPA
from ..reading.lammps_dump import LammpsDump

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

FloatArray = NDArray[np.float64]

XX, YY, ZZ, XY, XZ, YZ = range(6)
"""Order of the components, as in LAMMPS."""

_PRESSURE_GPA = {"metal": BAR_TO_GPA, "real": 1.01325e-4, "si": 1e-9}
"""GPa in the pressure unit of LAMMPS' unit styles (bar, atm, Pa)."""

_MVV_EV = 1.66053906660e-27 * 1e4 / 1.602176634e-19
"""eV in (g/mol)(Å/ps)², and so the kinetic term in metal units."""

_EV_TO_BAR_A3 = 1.602176634e6
"""bar·Å³ in eV."""

_MOST_BLOCKS, _FEWEST_BLOCKS = 32, 8
_MOST_ALIKE = 0.8


def block_error(blocks: FloatArray) -> FloatArray:
    """Return the standard error of the mean of successive blocks, which may still depend on their neighbours.

    The correlation of neighbours is that of all values together, with the bias that their own mean gives it taken away,
    and none where it is negative; the series is taken for one of the first order.

    Parameters
    ----------
    blocks
        Shape ``(B, ...)``, two blocks at least.
    """
    count = len(blocks)
    rest = blocks - blocks.mean(axis=0)
    whole = float((rest**2).sum())
    alike = float((rest[1:] * rest[:-1]).sum()) / whole + 1 / count if whole else 0.0
    memory = min(max(alike, 0.0), _MOST_ALIKE)
    return np.asarray(blocks.std(axis=0, ddof=1) * np.sqrt((1 + memory) / (1 - memory) / count))


class BlockMean:
    """Mean of arrays with an error from blocks, in memory that does not grow with their number.

    When the table of blocks is full, neighbours are merged and the block length doubles; so there are
    always between 16 and 32 blocks (H. Flyvbjerg, H. G. Petersen, J. Chem. Phys. 91 (1989) 461).
    """

    def __init__(self, shape: tuple[int, ...]) -> None:
        self._blocks: list[FloatArray] = []
        self._length = 1
        self._sum = np.zeros(shape)
        self._filled = 0
        self.count = 0
        self._total = np.zeros(shape)

    def add(self, values: FloatArray) -> None:
        """Take in one frame."""
        self._sum += values
        self._total += values
        self._filled += 1
        self.count += 1
        if self._filled == self._length:
            self._blocks.append(self._sum / self._length)
            self._sum = np.zeros_like(self._sum)
            self._filled = 0
            if len(self._blocks) == _MOST_BLOCKS:
                pairs = zip(self._blocks[::2], self._blocks[1::2], strict=True)
                self._blocks = [(a + b) / 2 for a, b in pairs]
                self._length *= 2

    def mean(self) -> FloatArray:
        """Return the mean of all frames."""
        return self._total / max(self.count, 1)

    def blocks(self) -> FloatArray:
        """Return the means of the whole blocks, shape ``(B, ...)``."""
        return np.array(self._blocks)

    def error(self) -> FloatArray:
        """Return the standard error of the mean; NaN for fewer than eight blocks."""
        if len(self._blocks) < _FEWEST_BLOCKS:
            return np.full(self._total.shape, np.nan)
        return block_error(self.blocks())


@dataclass(frozen=True)
class StressProfile:
    """Stress in layers parallel to the faces that `axis` crosses; tension is positive.

    Attributes
    ----------
    position_A
        Middles of the layers along the normal, in the mean cell, shape ``(B,)``.
    stress_GPa
        σxx, σyy, σzz, σxy, σxz, σyz of each layer, shape ``(B, 6)``.
    error_GPa
        Standard errors from blocks of frames; NaN where the run is too short.
    blocks_GPa
        Means of blocks of frames, shape ``(K, B, 6)``.
    cell_stress_GPa
        Of the whole cell, the volume-weighted sum of the layers, shape ``(6,)``; minus the pressure tensor.
    layer_volume_A3, area_A2
        Mean volume of a layer and area of the faces.
    atoms_per_A3
        Number density of each layer, shape ``(B,)``.
    axis
        0, 1 or 2.
    n_frames
        Frames averaged over.
    warnings
        Sentences.
    source
        File.
    """

    position_A: FloatArray
    stress_GPa: FloatArray
    error_GPa: FloatArray
    blocks_GPa: FloatArray
    cell_stress_GPa: FloatArray
    layer_volume_A3: float
    area_A2: float
    atoms_per_A3: FloatArray
    axis: int
    n_frames: int
    warnings: tuple[str, ...] = ()
    source: str = ""

    @property
    def layer_A(self) -> float:
        """Thickness of a layer."""
        return self.layer_volume_A3 / self.area_A2

    @property
    def hydrostatic_GPa(self) -> FloatArray:
        """Mean of the normal stresses of each layer, shape ``(B,)``."""
        return np.asarray(self.stress_GPa[:, :3].mean(axis=1))

    @property
    def von_mises_GPa(self) -> FloatArray:
        """Von Mises stress of the mean tensor of each layer, shape ``(B,)``."""
        return von_mises(self.stress_GPa)

    def normal_balance(self) -> Quantity:
        """Return how far the normal stress is from being the same in all layers, as equilibrium demands.

        Without body forces the divergence of the stress vanishes, so the normal component is constant along
        the normal. What is left beyond the error is a stress not yet relaxed, or the resolution of virials
        that are counted where atoms are rather than along bonds: layers thinner than a bond length show it.

        Returns
        -------
        Quantity
            ``normal_stress_imbalance`` in GPa: the root-mean-square deviation of σ along the normal from
            its mean over layers that hold atoms. ``converged`` says whether it is within twice the error.
        """
        filled = self.atoms_per_A3 > 0.05 * self.atoms_per_A3.max()
        component = self.stress_GPa[filled, self.axis]
        deviation = float(np.sqrt(np.mean((component - component.mean()) ** 2)))
        noise = float(np.sqrt(np.nanmean(self.error_GPa[filled, self.axis] ** 2))) if self._has_errors else None
        balanced = noise is not None and deviation <= 2 * noise
        why: tuple[str, ...] = ()
        if noise is None:
            why = ("the run is too short to say whether the normal stress is balanced",)
        elif not balanced:
            why = (
                f"the normal stress varies by {deviation:.3g} GPa between layers, {noise:.3g} GPa is its error: "
                "the cell is not in mechanical equilibrium, or the layers are thinner than the virial resolves",
            )
        return Quantity(
            "normal_stress_imbalance", deviation, "GPa", uncertainty=noise, converged=balanced, warnings=why,
            method=f"rms deviation over {int(filled.sum())} layers of {self.layer_A:.3g} Å", source=self.source,
        )  # fmt: skip

    @property
    def _has_errors(self) -> bool:
        return bool(np.isfinite(self.error_GPa).any())


def von_mises(stress: FloatArray) -> FloatArray:
    """Return the von Mises stress of tensors xx, yy, zz, xy, xz, yz, shape ``(..., 6)``, in their unit."""
    xx, yy, zz, xy, xz, yz = np.moveaxis(np.asarray(stress), -1, 0)
    deviator = (xx - yy) ** 2 + (yy - zz) ** 2 + (zz - xx) ** 2 + 6 * (xy**2 + xz**2 + yz**2)
    return np.asarray(np.sqrt(deviator / 2))


def stress_profile(
    path: str | Path,
    *,
    stress: Sequence[str] | str = "c_stress",
    kinetic: Mapping[str, float] | str = "included",
    layers: int | None = None,
    layer_A: float = 3.0,
    axis: int = 2,
    units: str = "metal",
    skip_frames: int = 0,
) -> StressProfile:
    """Return the stress profile of a LAMMPS dump that holds per-atom stresses.

    LAMMPS' per-atom virial comes from any pair style that has one: pair potentials, MEAM, ReaxFF, SNAP and
    machine-learned models, for which its own profile computes (``stress/cartesian``) are not made. The
    kinetic part belongs to it::

        compute stress all stress/atom NULL               # both parts
        dump    s all custom 100 stress.dump id element xu yu zu c_stress[*]

    The sum over the layers, weighted with their volume, is minus the pressure tensor of the thermo output.

    Parameters
    ----------
    path
        Dump with positions and six columns of stress × volume.
    stress
        The six columns xx, yy, zz, xy, xz, yz, or the stem of ``stem[1]`` to ``stem[6]``.
    kinetic
        ``"included"`` if the columns hold it; else the mass in g/mol of each label of the dump (element or
        type), and it is added from the columns vx, vy, vz (metal units). Give the masses that the run used:
        MEAM puts those of its library in the place of the data file's.
    layers, layer_A
        Number of layers, or their thickness in Å at least.
    axis
        Box vector that crosses the layers: 0, 1, 2.
    units
        LAMMPS unit style, where the file does not say it.
    skip_frames
        Frames at the beginning to leave out.

    Raises
    ------
    InputError
        If columns are missing, the units have no pressure here, or no frame is left.
    """
    dump = LammpsDump(path)
    if dump.first.units:
        units = dump.first.units
    names = tuple(f"{stress}[{k}]" for k in range(1, 7)) if isinstance(stress, str) else tuple(stress)
    if len(names) != 6:
        raise InputError(f"{len(names)} columns of stress instead of six", where=str(path))
    masses = None
    if not isinstance(kinetic, str):
        masses = masses_of(dump.labels, kinetic, str(path))
        if units != "metal":
            raise InputError("the kinetic part is added in metal units only", where=str(path))
    elif kinetic != "included":
        raise InputError(f"kinetic is '{kinetic}'", remedy="Give 'included' or the mass of each element.")
    columns = names + (("vx", "vy", "vz") if masses is not None else ())
    first_cell, _ = dump.box_in_angstrom(dump.first)
    sums = StressSums(first_cell, layers=layers, layer_A=layer_A, axis=axis, units=units, source=str(path))
    for number, frame in enumerate(dump.frames(columns)):
        if number < skip_frames:
            continue
        cell, origin = dump.box_in_angstrom(frame.header)
        if not frame.header.periodic[axis]:
            raise InputError("the box is not periodic across the layers", where=str(path))
        virial = frame.values[:, :6]
        if masses is not None:
            virial = virial + kinetic_stress(frame.values[:, 6:9], masses)
        sums.add(frame.positions - origin, cell, virial)
    if not sums.n_frames:
        raise InputError("no frame is left", where=str(path), remedy="Choose a smaller skip_frames.")
    return sums.result(dump.warnings)


class StressSums:
    """Adds up per-atom stresses by layer, frame by frame.

    Parameters
    ----------
    cell
        Of the first frame, shape ``(3, 3)`` in Å.
    layers, layer_A, axis, units
        As in `stress_profile`.
    source
        What the frames are from.

    Raises
    ------
    InputError
        If the units have no pressure here, or the layers are not normal to the axis.
    """

    def __init__(
        self,
        cell: FloatArray,
        *,
        layers: int | None = None,
        layer_A: float = 3.0,
        axis: int = 2,
        units: str = "metal",
        source: str = "",
    ) -> None:
        if units not in _PRESSURE_GPA:
            raise InputError(f"no pressure unit is known for '{units}' units", where=source)
        _check_axis(cell, axis, source)
        if layers is None:
            layers = max(1, int(float(_height(cell, axis)) / layer_A + 1e-6))
        self._layers, self._axis, self._unit_GPa, self._source = layers, axis, _PRESSURE_GPA[units], source
        self._mean = BlockMean((layers, 6))
        self._density = np.zeros(layers)
        self._heights = self._volumes = 0.0

    @property
    def n_frames(self) -> int:
        """Frames added so far."""
        return self._mean.count

    def add(self, positions: FloatArray, cell: FloatArray, stress_volume: FloatArray) -> None:
        """Add a frame.

        Parameters
        ----------
        positions, cell
            From the corner of the cell, shapes ``(N, 3)`` and ``(3, 3)`` in Å.
        stress_volume
            Stress × volume of each atom in the units, xx, yy, zz, xy, xz, yz, shape ``(N, 6)``.
        """
        layers = self._layers
        volume = float(abs(np.linalg.det(cell)))
        fraction = (positions @ np.linalg.inv(cell))[:, self._axis]
        layer = np.minimum(((fraction - np.floor(fraction)) * layers).astype(np.int64), layers - 1)
        table = np.empty((layers, 6))
        for k in range(6):
            table[:, k] = np.bincount(layer, weights=stress_volume[:, k], minlength=layers)
        self._mean.add(table * (layers / volume) * self._unit_GPa)
        self._density += np.bincount(layer, minlength=layers) * (layers / volume)
        self._heights += float(_height(cell, self._axis))
        self._volumes += volume

    def result(self, warnings: Sequence[str] = ()) -> StressProfile:
        """Return the profile of the frames so far, one at least."""
        layers, n = self._layers, self._mean.count
        notes = list(warnings)
        if n < _FEWEST_BLOCKS:
            notes.append(f"{n} frames give no error")
        return StressProfile(
            position_A=(np.arange(layers) + 0.5) * self._heights / n / layers,
            stress_GPa=self._mean.mean(),
            error_GPa=self._mean.error(),
            blocks_GPa=self._mean.blocks(),
            cell_stress_GPa=self._mean.mean().mean(axis=0),
            layer_volume_A3=self._volumes / n / layers,
            area_A2=self._volumes / self._heights,
            atoms_per_A3=self._density / n,
            axis=self._axis,
            n_frames=n,
            warnings=tuple(notes),
            source=self._source,
        )


def kinetic_stress(velocities: FloatArray, masses: FloatArray) -> FloatArray:
    """Return the kinetic part of LAMMPS' per-atom stress × volume, ``-m vₐ v_b``, in bar·Å³.

    Parameters
    ----------
    velocities
        Shape ``(N, 3)`` in Å/ps.
    masses
        Shape ``(N,)`` in g/mol.
    """
    factor = -masses * _MVV_EV * _EV_TO_BAR_A3
    pairs = ((0, 0), (1, 1), (2, 2), (0, 1), (0, 2), (1, 2))
    return np.column_stack([factor * velocities[:, a] * velocities[:, b] for a, b in pairs])


def masses_of(labels: Sequence[str], table: Mapping[str, float], where: str = "") -> FloatArray:
    """Return the mass of each atom in g/mol, shape ``(N,)``.

    Raises
    ------
    InputError
        If the table lacks a label.
    """
    if missing := sorted(set(labels) - set(table)):
        raise InputError(f"there is no mass of {missing[0]}", where=where, remedy="Give one for every label.")
    return np.array([float(table[name]) for name in labels])


def _height(cell: FloatArray, axis: int) -> float:
    from ..cells import widths

    return float(widths(cell)[axis])


def _check_axis(cell: FloatArray, axis: int, where: str) -> None:
    """Refuse layers whose normal is no Cartesian axis: the components would not be what they are called."""
    if axis not in (0, 1, 2):
        raise InputError(f"axis is {axis}", remedy="Give 0, 1 or 2.")
    normal = np.cross(cell[(axis + 1) % 3], cell[(axis + 2) % 3])
    normal /= np.linalg.norm(normal)
    if abs(abs(normal[axis]) - 1) > 1e-6:
        raise InputError(
            f"the layers across box vector {axis + 1} are not normal to {'xyz'[axis]}",
            where=where,
            remedy="Choose axis 2, which always is in LAMMPS' cells.",
        )
