"""Where a result comes from: hashes of its inputs and of the code, versions of the engines, host and seed."""

from __future__ import annotations

import hashlib
import os
import platform
import socket
from fnmatch import fnmatch
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .. import __version__
from ..files import sha256

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_ROOT = Path(__file__).resolve().parents[1]
_NOT_OF_THE_PACKAGE = {"tests", "benchmarks", "docs", "examples", "build"}
_PAGES = "report"
_ANALYSIS = ("analysis", "quantity.py", "units.py", "workflows/diffusion/analysis.py")
_ENGINES = {"LAMMPS", "GPAW", "CP2K", "VASP"}
_INPUTS = ("in.*", "system.data", "settings.json", "*.meam", "model.*")


@cache
def code_hashes() -> dict[str, str]:
    """Return the SHA-256 of the package's own sources: all of them, and those that turn trajectories into numbers.

    Pages and pictures of a report do not count as analysis: they change no number.
    """
    return {"all": _hash(_sources(_ROOT)), "analysis": _hash(_analysis_sources())}


def _sources(folder: Path) -> Iterable[Path]:
    for path in sorted(folder.iterdir()):
        if path.is_dir():
            if path.name[0] not in "._" and not (folder == _ROOT and path.name in _NOT_OF_THE_PACKAGE):
                yield from _sources(path)
        elif path.suffix in (".py", ".yaml", ".csv"):
            yield path


def _analysis_sources() -> Iterable[Path]:
    for name in _ANALYSIS:
        path = _ROOT / name
        if path.is_dir():
            yield from (file for file in _sources(path) if _PAGES not in file.relative_to(path).parts)
        else:
            yield path


def _hash(paths: Iterable[Path]) -> str:
    digest = hashlib.sha256()
    for path in paths:
        digest.update(f"{path.relative_to(_ROOT).as_posix()}\0".encode() + path.read_bytes() + b"\0")
    return digest.hexdigest()


def provenance(job: Mapping[str, Any], digest: str, folder: Path) -> dict[str, Any]:
    """Return where the result of a job comes from.

    Parameters
    ----------
    job
        Encoded job with resolved inputs.
    digest
        Its content hash.
    folder
        Its folder; the hashes of the engine's input files in it are listed.

    Returns
    -------
    dict
        ``inputs`` (content hash), ``files`` (SHA-256 by name), ``code`` (version, hashes of the sources),
        ``engines`` and ``models`` (version or fingerprint by name), ``host``, ``python``, ``seed`` (of the Maker, else
        of the campaign; None where nothing is random).
    """
    metadata = job.get("metadata") or {}
    fingerprint = metadata.get("fingerprint") or {}
    return {
        "inputs": digest,
        "files": {path.relative_to(folder).as_posix(): sha256(path) for path in sorted(_inputs(folder))},
        "code": {"version": __version__, **code_hashes()},
        "engines": {name: value for name, value in fingerprint.items() if name in _ENGINES},
        "models": {name: value for name, value in fingerprint.items() if name not in _ENGINES},
        "host": socket.gethostname(),
        "python": platform.python_version(),
        "seed": _seed(job, metadata),
    }


def engines_here(names: Iterable[str]) -> dict[str, str]:
    """Return the versions that engines have on this machine, of those whose version a program tells."""
    from ..engines.gpaw import gpaw_version
    from ..engines.lammps.launch import find_program

    tell = {"LAMMPS": lambda: find_program().version, "GPAW": gpaw_version}
    return {name: tell[name]() for name in names if name in tell}


def _inputs(folder: Path) -> Iterable[Path]:
    """Yield the engine's input files below a folder."""
    for parent, _, names in os.walk(folder):
        yield from (Path(parent, name) for name in names if any(fnmatch(name, pattern) for pattern in _INPUTS))


def _seed(job: Mapping[str, Any], metadata: Mapping[str, Any]) -> int | None:
    maker = ((job.get("function") or {}).get("@bound")) or {}
    settings = maker.get("settings") if isinstance(maker.get("settings"), dict) else {}
    found = (maker.get("seed"), (settings or {}).get("seed"), metadata.get("seed"))
    return next((int(seed) for seed in found if seed is not None), None)


def is_stale(job_metadata: Mapping[str, Any], result: Mapping[str, Any]) -> bool:
    """Return whether a finished job has to be analysed again because the analysis code has changed since.

    Only jobs whose metadata say ``analysis`` are: their folder holds what the engine gave, and doing them again starts
    no engine.
    """
    if not job_metadata.get("analysis"):
        return False
    code = (result.get("provenance") or {}).get("code") or {}
    return bool(code.get("analysis") != code_hashes()["analysis"])
