"""Readers of the formats that are not LAMMPS text dumps."""

from __future__ import annotations

import gzip
import re
import zlib
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from ...errors import InputError
from . import xdr
from .dump_source import open_dump, read_some
from .raw import RawTrajectory
from .species import map_types, types_of_data

FloatArray = NDArray[np.float64]
_DIGITS_OF_COLUMNS = 3
SpeciesMap = Mapping[Any, str] | Sequence[str] | None


def open_text(path: Path) -> IO[str]:
    """Open a plain or gzip text file, told by content."""
    with path.open("rb") as stream:
        compressed = stream.read(2) == b"\x1f\x8b"
    return gzip.open(path, "rt", errors="replace") if compressed else path.open(errors="replace")


def kind_of(path: Path) -> str:
    """Return which reader a file needs, by content and then by name.

    Returns
    -------
    str
        ``lammps``, ``lammps-binary``, ``xdatcar``, ``vasprun``, ``ase``, ``xdr`` or ``mdanalysis``.

    Raises
    ------
    InputError
        If the file cannot be read, or is empty.
    """
    try:
        with open_dump(path) as stream:
            head = read_some(stream, 4096, path)
    except OSError as error:
        raise InputError(f"cannot be read: {error.strerror or 'damaged'}", where=str(path)) from None
    if not head.strip():
        raise InputError("the file is empty", where=str(path))
    name = path.name.lower()
    name = name.removesuffix(".gz")
    if head.lstrip()[:5] == b"ITEM:":
        return "lammps"
    if b"DUMPATOM" in head[:24] or b"DUMPCUSTOM" in head[:24]:
        return "lammps-binary"
    if head.lstrip()[:5] == b"<?xml" and b"<modeling" in head:
        return "vasprun"
    lines = head.splitlines()
    if "xdatcar" in name or (len(lines) > 7 and lines[7].split()[:1] == [b"Direct"]):
        return "xdatcar"
    if name.endswith((".xyz", ".extxyz", ".traj", ".db", ".json")) or head[:8] == b"- of Ulm":
        return "ase"
    if name.endswith(xdr.SUFFIXES):
        return "xdr"
    if name.endswith((".lammpstrj", ".dump", ".lammpsdump")):
        raise InputError("not a LAMMPS text dump", where=str(path), remedy="Give a dump written by 'dump custom'.")
    return "mdanalysis"


def read_xdatcar(path: Path) -> RawTrajectory:
    """Read VASP's XDATCAR, with fixed or changing cell; the counter is the configuration number."""
    raw: RawTrajectory | None = None
    lines: list[str] = []
    with open_text(path) as stream, suppress(EOFError):  # a compressed file may end early
        lines.extend(line.removesuffix("\n") for line in stream)
        lines.append("")
    cell = np.empty((3, 3))
    species: tuple[str, ...] = ()
    i, restarted = 0, 0
    while i < len(lines):
        if not lines[i].strip():
            i += 1
            continue
        if not lines[i].startswith(("Direct", "Cartesian")):
            if i + 6 >= len(lines):
                break
            cell, named = _poscar_header(lines[i : i + 7], len(lines), f"{path}:{i + 1}")
            if species and named != species:
                raise InputError("the atoms change", where=f"{path}:{i + 1}")
            species = named
            raw = raw or RawTrajectory(path, species, unwrapped=False, counted=True)
            i += 7
            continue
        if raw is None:
            raise InputError("there is no header", where=str(path), remedy="Give a whole XDATCAR.")
        if lines[i].startswith("Cartesian"):
            raise InputError("Cartesian positions are not XDATCAR's", where=f"{path}:{i + 1}")
        number = lines[i].partition("=")[2].split()
        n = len(species)
        rows = [line.split() for line in lines[i + 1 : i + 1 + n]]
        # The last line of a file still being written may lack digits: it counts only with its line feed.
        if i + 1 + n >= len(lines) or len(rows) < n:
            raw.warnings.append("the last frame is cut off and was left out")
            break
        try:
            scaled = np.array([row[:3] for row in rows], dtype=float)
            step = int(number[0]) if number else len(raw.steps) + 1
        except ValueError:
            scaled = np.empty((0, 3))
        if scaled.shape != (n, 3):
            raise InputError(f"a configuration does not hold {n} positions", where=f"{path}:{i + 1}")
        if raw.steps and step + restarted <= raw.steps[-1]:
            restarted = raw.steps[-1] + (raw.steps[-1] - raw.steps[-2] if len(raw.steps) > 1 else 1) - step
            raw.warnings.append(f"the counter starts again at configuration {step}; the pieces were joined")
        raw.add(scaled @ cell, cell, step + restarted)
        i += 1 + n
    if raw is None:
        raise InputError("not an XDATCAR", where=str(path))
    return raw


def _poscar_header(lines: list[str], most: int, where: str) -> tuple[FloatArray, tuple[str, ...]]:
    try:
        scale = float(lines[1].split()[0])
        cell = np.array([[float(word) for word in line.split()[:3]] for line in lines[2:5]])
        names, counts = lines[5].split(), [int(word) for word in lines[6].split()]
        if cell.shape != (3, 3) or not names or len(names) != len(counts) or min(counts) < 0 or sum(counts) > most:
            raise ValueError
    except (ValueError, IndexError):
        raise InputError("a header is not that of an XDATCAR", where=where) from None
    if scale < 0:
        scale = (-scale / abs(np.linalg.det(cell))) ** (1 / 3)
    return cell * scale, tuple(name for name, count in zip(names, counts, strict=True) for _ in range(count))


def read_vasprun(path: Path) -> RawTrajectory:
    """Read the ionic steps of VASP's vasprun.xml; POTIM gives the time of a molecular dynamics run."""
    from xml.etree import ElementTree

    raw: RawTrajectory | None = None
    species: tuple[str, ...] = ()
    potim = ibrion = None
    truncated = False
    with open_text(path) as stream:
        try:
            events = ElementTree.iterparse(stream)  # noqa: S314 - the user's own result, and expat bounds entities
            for _, node in events:
                if node.tag == "i" and node.get("name") == "POTIM" and potim is None:
                    potim = float(node.text or "nan")
                elif node.tag == "i" and node.get("name") == "IBRION" and ibrion is None:
                    ibrion = int(node.text or -1)
                elif node.tag == "array" and node.get("name") == "atoms":
                    species = tuple((row[0].text or "").strip() for row in node.iter("rc"))
                elif node.tag == "calculation":
                    structure = node.find("structure")
                    if structure is not None:
                        raw = raw or RawTrajectory(path, species, unwrapped=False, counted=True)
                        cell = _vectors(structure.find("crystal/varray[@name='basis']"))
                        scaled = _vectors(structure.find("varray[@name='positions']"))
                        step = len(raw.steps) + 1
                        time = potim * 1e-3 * step if ibrion == 0 and potim else None
                        raw.add(scaled @ cell, cell, step, time)
                    node.clear()
        except (ElementTree.ParseError, EOFError, ValueError) as error:
            if type(error) is ValueError:
                raise InputError("a number is malformed", where=str(path)) from None
            truncated = True
    if raw is None:
        raise InputError("there is no ionic step", where=str(path), remedy="Give a finished vasprun.xml.")
    if truncated:
        raw.warnings.append("the file is cut off; whole ionic steps were read")
    return raw


def _vectors(node: Any) -> FloatArray:
    if node is None:
        raise ValueError
    rows = [[float(word) for word in (row.text or "").split()] for row in node]
    return np.array(rows, dtype=float).reshape(-1, 3)


def read_ase(path: Path) -> RawTrajectory:
    """Read extended XYZ, ASE trajectories and whatever else ASE reads; the counter is the number of the frame."""
    import ase.io

    if path.name.lower().removesuffix(".gz").endswith("xyz"):
        check_what_is_announced(path)
    raw: RawTrajectory | None = None
    try:
        for number, atoms in enumerate(ase.io.iread(str(path), ":")):
            species = tuple(str(symbol) for symbol in atoms.symbols)
            if raw is None:
                a, b, c = (bool(flag) for flag in atoms.pbc)
                raw = RawTrajectory(path, species, unwrapped=False, counted=True, periodic=(a, b, c))
            elif species != raw.species and len(species) == len(raw.species):
                raise InputError("the order or kind of the atoms changes", where=f"{path}: frame {number}")
            raw.add(np.array(atoms.positions), np.array(atoms.cell), number)
    except InputError:
        raise
    except Exception as error:  # ASE raises whatever its parsers meet
        if raw is None or not raw.steps:
            raise InputError(f"ASE cannot read it ({_short(error)})", where=str(path)) from None
        raw.warnings.append(f"after frame {len(raw.steps) - 1} the file is damaged and was left out ({_short(error)})")
    if raw is None:
        raise InputError("there is no frame", where=str(path))
    return raw


def check_what_is_announced(path: Path) -> None:
    """Refuse numbers of atoms and columns that an extended XYZ file cannot hold: ASE would count up to them."""
    atoms = lines = 0
    try:
        with open_text(path) as stream, suppress(EOFError):
            for line in stream:
                lines += 1
                with suppress(ValueError):
                    atoms = max(atoms, int(line))
                if any(len(number) > _DIGITS_OF_COLUMNS for number in re.findall(r":[RISL]:\s*[+-]?([\d_]+)", line)):
                    raise InputError("a property has too many columns", where=f"{path}:{lines}")
    except zlib.error as error:
        raise InputError(f"the compressed file is damaged ({error})", where=str(path)) from None
    if atoms > lines:
        raise InputError(f"{atoms} atoms are announced in a file of {lines} lines", where=str(path))


def read_xdr(path: Path, data: str | Path | None, species: SpeciesMap) -> RawTrajectory:
    """Read XTC and TRR, with a topology or LAMMPS data file."""
    raw: RawTrajectory | None = None
    try:
        for frame in xdr.xdr_frames(path):
            if raw is None:
                notes: list[str] = []
                labels = _species_of_topology(path, data, species, len(frame.positions), notes)
                raw = RawTrajectory(path, labels, unwrapped=False, counted=False, warnings=notes)
            raw.add(frame.positions, frame.cell, frame.step, frame.time_ps)
    except xdr.XdrDamagedError as error:
        if raw is None:
            raise InputError(f"the file is damaged ({error})", where=str(path)) from None
        raw.warnings.append(f"after frame {len(raw.steps) - 1} the file is damaged and was left out ({_short(error)})")
    if raw is None:
        raise InputError("there is no frame", where=str(path))
    if path.suffix.lower() == ".xtc":
        raw.warnings.append("XTC holds rounded positions (usually to 0.01 Å)")
    return raw


def read_mdanalysis(path: Path, data: str | Path | None, species: SpeciesMap) -> RawTrajectory:
    """Read DCD, NetCDF and whatever else MDAnalysis reads, with a topology or LAMMPS data file."""
    import warnings

    import MDAnalysis

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            reader = MDAnalysis.coordinates.core.reader(
                str(path), **({"format": "DCD"} if path.suffix == ".dcd" else {})
            )
        except Exception as error:  # MDAnalysis raises whatever its parsers meet
            raise InputError(
                f"no reader knows this file ({_short(error)})",
                where=str(path),
                remedy="Give a LAMMPS dump, XDATCAR, vasprun.xml, extended XYZ, ASE .traj, DCD, XTC, TRR or NetCDF.",
            ) from None
        notes: list[str] = []
        labels = _species_of_topology(path, data, species, reader.n_atoms, notes)
        raw = RawTrajectory(path, labels, unwrapped=False, counted=False, warnings=notes)
        header = getattr(getattr(reader, "_file", None), "header", None)
        dcd: dict[str, int] = header if isinstance(header, dict) and "nsavc" in header else {}
        try:
            for ts in reader:
                if ts.dimensions is None:
                    raise InputError("the file has no periodic cell", where=str(path))
                cell = np.asarray(ts.triclinic_dimensions, dtype=float)
                if dcd:
                    step, time = dcd["istart"] + ts.frame * max(dcd["nsavc"], 1), None
                else:
                    step, time = int(ts.data.get("step", ts.frame)), float(ts.time)
                raw.add(np.array(ts.positions, dtype=float), cell, step, time)
        except InputError:
            raise
        except Exception as error:  # MDAnalysis raises whatever its parsers meet
            if not raw.steps:
                raise InputError(f"MDAnalysis cannot read it ({_short(error)})", where=str(path)) from None
            raw.warnings.append(
                f"after frame {len(raw.steps) - 1} the file is damaged and was left out ({_short(error)})"
            )
    return raw


def _short(error: Exception) -> str:
    """Return the first sentence of what another library says: some go on with all that they know."""
    lines = str(error).strip().splitlines() or [type(error).__name__]
    return lines[0].split(". ")[0].rstrip(". ")


def _species_of_topology(
    path: Path, data: str | Path | None, species: SpeciesMap, n_atoms: int, notes: list[str]
) -> tuple[str, ...]:
    if species is not None and not isinstance(species, Mapping) and len(species) == n_atoms:
        return tuple(species)
    if data is None:
        raise InputError(
            "the file holds positions only",
            where=str(path),
            remedy="Give data (a LAMMPS data file or a topology) or species by atom.",
        )
    from .lammps_data import read_types

    text = Path(data)
    try:
        types = read_types(text)
    except (InputError, UnicodeDecodeError):
        import MDAnalysis

        atoms = MDAnalysis.Universe(str(data)).atoms
        labels = tuple(str(a) for a in getattr(atoms, "elements", getattr(atoms, "names", ())))
        if len(labels) != n_atoms:
            raise InputError(
                f"{len(labels)} atoms in the topology, {n_atoms} in the trajectory", where=str(data)
            ) from None
        return labels
    if len(types) != n_atoms:
        raise InputError(f"{len(types)} atoms in the data file, {n_atoms} in the trajectory", where=str(data))
    if species is not None:
        return map_types(types, species, str(data))
    return map_types(types, types_of_data(data), str(data))
