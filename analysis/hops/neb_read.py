"""Bands that other programs left behind: LAMMPS' neb, VASP's folders of images, and ASE trajectories."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...errors import InputError
from ..reading.formats import check_what_is_announced
from .neb import NebPath, path_from_images

FloatArray = NDArray[np.float64]


def read_neb(path: str | Path, *, images: int | None = None) -> NebPath:
    """Read a finished or running band; what it is, its content tells.

    Parameters
    ----------
    path
        Folder of VASP images (``00``, ``01``, ...), the main ``log.lammps`` of a LAMMPS ``neb`` run or a
        folder that holds it, or an ASE trajectory (of one band, or of all steps of its relaxation).
    images
        Number of images in a band, where an ASE trajectory of many bands does not show it.

    Raises
    ------
    InputError
        If there is no band, or an image has no energy.
    """
    path = Path(path)
    if path.is_dir():
        numbered = sorted(each for each in path.iterdir() if each.is_dir() and re.fullmatch(r"\d\d", each.name))
        if len(numbered) >= 3:
            return _read_vasp(numbered, path)
        for name in ("log.lammps", "neb.traj"):
            if (path / name).is_file():
                return read_neb(path / name, images=images)
        trajectories = sorted(path.glob("*.traj"))
        if len(trajectories) == 1:
            return read_neb(trajectories[0], images=images)
        raise InputError(
            "there is no band",
            where=str(path),
            remedy="Give a folder of 00, 01, ..., a log.lammps or an ASE trajectory.",
        )
    if not path.is_file():
        raise InputError("there is no such file", where=str(path))
    with path.open("rb") as stream:
        head = stream.read(4096)
    if head[:8] == b"- of Ulm" or path.suffix in (".traj", ".xyz", ".extxyz"):
        return _read_ase(path, images)
    if b"LAMMPS" in head or b"MaxReplicaForce" in head:
        return _read_lammps(path)
    raise InputError(
        "not a band", where=str(path), remedy="Give a folder of images, a log.lammps or an ASE trajectory."
    )


def _from_atoms(atoms: list[Any], source: str, warnings: tuple[str, ...] = ()) -> NebPath:
    if any(not np.array_equal(each.numbers, atoms[0].numbers) for each in atoms):
        raise InputError("the images hold different atoms, or in another order", where=source)
    energies, forces = [], []
    for number, each in enumerate(atoms):
        try:
            energies.append(float(each.get_potential_energy()))
        except Exception:  # ASE raises what its calculators raise
            raise InputError(
                f"image {number} has no energy", where=source, remedy="Compute both ends too, with the same settings."
            ) from None
        try:
            forces.append(np.array(each.get_forces(apply_constraint=False)))
        except Exception:  # as above
            forces.append(np.full((len(each), 3), np.nan))
    inner = np.array(forces[1:-1])
    known = None if np.isnan(inner).any() else np.array(forces)
    if known is None:
        warnings = (*warnings, "the images have no forces: the barrier rests on energies alone")
    cells = np.array([np.asarray(each.cell) for each in atoms])
    positions = np.array([each.positions for each in atoms])
    if abs(np.linalg.det(cells)).min() < 1e-9:  # molecules: no images to cross
        cells = np.broadcast_to(np.eye(3) * 1e6, cells.shape)
    return path_from_images(positions, np.array(energies), known, cells, source=source, warnings=warnings)


def _read_ase(path: Path, images: int | None) -> NebPath:
    import ase.io

    if path.suffix in (".xyz", ".extxyz"):
        check_what_is_announced(path)
    try:
        frames = list(ase.io.iread(str(path), ":"))
    except Exception as error:  # ASE raises whatever its parsers meet
        raise InputError(f"ASE cannot read it ({error})", where=str(path)) from None
    if len(frames) < 3:
        raise InputError(
            f"a band of {len(frames)} images", where=str(path), remedy="Give both ends and images between."
        )
    if images is None:
        # A relaxation writes band after band, and the first image never moves.
        first = frames[0].positions
        again = [i for i in range(1, len(frames)) if np.array_equal(frames[i].positions, first)]
        images = again[0] if again else len(frames)
        if again and (images < 3 or len(frames) % images or again != list(range(images, len(frames), images))):
            raise InputError("the number of images cannot be told", where=str(path), remedy="Give images.")
    if images < 3 or len(frames) < images:
        raise InputError(f"{len(frames)} frames hold no band of {images} images", where=str(path))
    return _from_atoms(frames[-images:], str(path))


def _read_vasp(folders: list[Path], path: Path) -> NebPath:
    import ase.io

    atoms = []
    notes: list[str] = []
    for folder in folders:
        found = next(
            (folder / name for name in ("vasprun.xml", "OUTCAR", "OUTCAR.gz") if (folder / name).is_file()), None
        )
        if found is None:
            raise InputError(
                "an image has neither OUTCAR nor vasprun.xml",
                where=str(folder),
                remedy="Copy the OUTCAR of both relaxed ends into the first and last folder.",
            )
        try:
            atoms.append(ase.io.read(str(found), index=-1))
        except Exception as error:  # ASE raises whatever its parsers meet
            raise InputError(f"ASE cannot read it ({error})", where=str(found)) from None
        if found.name != "vasprun.xml" and electrons_unconverged(found):
            notes.append(f"the electrons of image {folder.name} did not converge: its energy is not that of the image")
    return replace(_from_atoms(atoms, str(path), tuple(notes)), electrons_converged=not notes)


def electrons_unconverged(outcar: Path) -> bool:
    """Whether VASP says in an OUTCAR that the last self-consistency of the electrons was not reached.

    Parameters
    ----------
    outcar
        Path of the file, gzipped or not.
    """
    import gzip

    with (
        gzip.open(outcar, "rt", errors="replace") if outcar.suffix == ".gz" else outcar.open(errors="replace") as lines
    ):
        ends = [line for line in lines if "aborting loop" in line]
    return bool(ends) and "not reached" in ends[-1]


def _read_lammps(path: Path) -> NebPath:
    """Read the last line of the table that LAMMPS' neb writes to the log of the whole run.

    Its columns are ``RDi`` and ``PEi``, the normalised place and energy of each image, after ``RDT``, the
    length of the path; the verbose form adds the gradient of each image and its angle with the path.
    """
    header: list[str] = []
    values: list[float] = []
    for line in path.read_text(errors="replace").splitlines():
        words = line.split()
        if words[:2] == ["Step", "MaxReplicaForce"]:
            header = words
        elif header and len(words) >= len(header) and words[0].isdigit():
            try:
                values = [float(word) for word in words]
            except ValueError:
                continue
    if not header or not values:
        raise InputError(
            "there is no table of a band",
            where=str(path),
            remedy="Give the main log.lammps of a neb run, not a partition's.",
        )
    at = header.index("RD1") if "RD1" in header else -1
    total = header.index("RDT") if "RDT" in header else -1
    if at < 0 or total < 0:
        raise InputError(
            "the table of the band lists no images", where=str(path), remedy="Leave 'verbosity terse' out."
        )
    rest = values[at:]
    verbose = any(word.lower().startswith("pathangle") for word in header)
    count = len(rest) // 2
    if verbose:
        count = next(i for i, word in enumerate(header[at:]) if word.lower().startswith("pathangle")) // 2
        listed = sum(1 for word in header[at:] if re.fullmatch(r"PE(\d+|N)", word))
        if listed and "..." in header:
            raise InputError(
                "the verbose table is abbreviated", where=str(path), remedy="Give an ASE trajectory of the images."
            )
    place, energy = np.array(rest[0 : 2 * count : 2]), np.array(rest[1 : 2 * count : 2])
    if count < 3 or not np.isclose(place[0], 0) or not np.isclose(place[-1], 1, atol=1e-6):
        raise InputError("the table of the band is not understood", where=str(path))
    length = values[total]
    notes = ("LAMMPS' table has no forces along the path: the barrier rests on energies alone",)
    force = values[header.index("MaxAtomForce")] if "MaxAtomForce" in header else None
    return NebPath(energy, place * length, None, force, str(path), notes)
