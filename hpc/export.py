"""A run packed as an RO-Crate: what another person needs to read its results, trust them, and run it again.

The metadata follow the Workflow Run profile of RO-Crate 1.1 (S. Soiland-Reyes et al., Data Science 5 (2022) 97;
S. Leo et al., PLoS ONE 19 (2024) e0309210) as far as a single run goes: the campaign file is the workflow, the run is
a ``CreateAction`` from the inputs to the results.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import tempfile
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from .. import __version__
from ..errors import InputError
from ..files import sha256
from ..workflows.barrier.campaign import BarrierCampaign, read_barrier_campaign
from ..workflows.campaign import Campaign, read_campaign
from ..workflows.distil.campaign import DistilCampaign, read_distil_campaign
from .inputs import INPUTS, carried
from .provenance import code_hashes
from .store import ERROR_FILE, JOB_FILE, RESULT_FILE, STATE_FILE, is_locked, read_json

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

METADATA_FILE = "ro-crate-metadata.json"
CAMPAIGN_FILES = {"campaign.yaml": "run", "barrier.yaml": "barrier", "distil.yaml": "distil"}
_LEFT_OUT = ("restart.*", "*.npz", "progress.json", ".*")
_TRAJECTORIES = ("*.lammpstrj", "*.lammpstrj.*", "*.traj")
_RECORDS = ("run.json", "README.md")
_HOME = "https://w3id.org/ro/crate/1.1"
_PROFILE = "https://w3id.org/ro/wfrun/process/0.5"
_FORMATS = {
    ".yaml": "application/yaml",
    ".json": "application/json",
    ".csv": "text/csv",
    ".html": "text/html",
    ".png": "image/png",
    ".cif": "chemical/x-cif",
    ".md": "text/markdown",
}


@dataclass(frozen=True)
class Export:
    """A written crate.

    Attributes
    ----------
    path
        The zip file.
    files
        Names of the files in it.
    unfinished
        Jobs that had not finished.
    command
        What runs it again, after unpacking.
    """

    path: Path
    files: tuple[str, ...]
    unfinished: tuple[str, ...]
    command: str


def export_run(directory: Path, out: Path | None = None, *, trajectories: bool = False) -> Export:
    """Pack the folder of a run as an RO-Crate.

    Parameters
    ----------
    directory
        Folder of a campaign, of a ladder or of a distillation.
    out
        Zip file; ``<name>.crate.zip`` beside the folder by default.
    trajectories
        Whether trajectories go with it; restarts never do.

    Raises
    ------
    InputError
        If the folder holds no run, or a run is at work in it.
    """
    root = Path(directory).resolve()
    name = next((name for name in CAMPAIGN_FILES if (root / name).exists()), None)
    state = read_json(root / STATE_FILE)
    if name is None or state is None:
        raise InputError("this folder holds no run", where=str(directory), remedy="Give the folder of one.")
    if is_locked(root):
        raise InputError("a run is at work in this folder", where=str(directory), remedy="Wait until it has ended.")
    target = Path(out) if out else root.parent / f"{root.name}.crate.zip"
    left_out = _LEFT_OUT if trajectories else (*_LEFT_OUT, *_TRAJECTORIES)
    rows = state["jobs"]
    current = {row["folder"] for row in rows if row["folder"]}
    paths = [path for path in _files(root, left_out) if _belongs(path.relative_to(root), root, current)]
    if target.resolve() in paths:
        paths.remove(target.resolve())
    command = f"anodeflow {CAMPAIGN_FILES[name]} {name} --dir again"
    content = {path.relative_to(root).as_posix(): path for path in paths}
    made = {"README.md": _readme(root, command, rows, trajectories=trajectories).encode()}
    made |= _movable(root / name)
    content = {key: path for key, path in content.items() if key not in made}
    metadata = _metadata(root, name, content, made, rows, command)
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=".crate-") as scratch:
        packed = Path(scratch) / "crate.zip"
        with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr(METADATA_FILE, json.dumps(metadata, indent=1, ensure_ascii=False, allow_nan=False) + "\n")
            for key, data in made.items():
                archive.writestr(key, data)
            for key, path in content.items():
                archive.write(path, key)
        shutil.move(packed, target)
    unfinished = tuple(row["name"] for row in rows if row["state"] != "done")
    return Export(target, (METADATA_FILE, *made, *content), unfinished, command)


def _movable(file: Path) -> dict[str, bytes]:
    """Return the file of a run that names the user's files in its folder, and these, where some lie elsewhere yet."""
    settings: Campaign | BarrierCampaign | DistilCampaign
    if CAMPAIGN_FILES[file.name] == "distil":
        settings = read_distil_campaign(file)
    elif CAMPAIGN_FILES[file.name] == "barrier":
        settings = read_barrier_campaign(file)
    else:
        settings = read_campaign(file)
    moved, copies = carried(settings, file.parent)
    if not copies:
        return {}
    text = yaml.safe_dump(moved.resolved(), sort_keys=False, allow_unicode=True)
    found = {name: content if isinstance(content, bytes) else content.read_bytes() for name, content in copies.items()}
    return {file.name: text.encode(), **found}


def _files(root: Path, left_out: Iterable[str]) -> list[Path]:
    patterns = tuple(left_out)
    return [
        path
        for path in sorted(root.rglob("*"))
        if path.is_file() and not path.is_symlink() and not _is_left_out(path, root, patterns)
    ]


def _is_left_out(path: Path, root: Path, patterns: tuple[str, ...]) -> bool:
    """Return whether a file is of a kind that stays behind; a trajectory that a ladder starts from does not."""
    is_input = path.relative_to(root).parts[0] == INPUTS and not path.name.startswith(".")
    return not is_input and any(path.match(pattern) for pattern in patterns)


def _belongs(path: Path, root: Path, current: set[str]) -> bool:
    """Return whether a file is of the run as it stands: folders of jobs that earlier inputs had are left out."""
    top = root / path.parts[0]
    is_job = top.is_dir() and any((top / name).exists() for name in (JOB_FILE, RESULT_FILE, ERROR_FILE))
    return not is_job or path.parts[0] in current


def _metadata(
    root: Path,
    campaign: str,
    content: Mapping[str, Path],
    made: Mapping[str, bytes],
    rows: list[Mapping[str, Any]],
    command: str,
) -> dict[str, Any]:
    """Return the JSON-LD document that describes every file and the run."""
    results = read_json(root / "results.json") or {}
    documents = [read_json(root / row["folder"] / RESULT_FILE) for row in rows if row["folder"]]
    finished = [document for document in documents if document]
    engines: dict[str, str] = {}
    models: dict[str, str] = {}
    for document in finished:
        source = document.get("provenance") or {}
        engines |= source.get("engines") or {}
        models |= source.get("models") or {}
    ended = max((document["finished"] for document in finished), default="")
    names = [*made, *content]
    inputs = [name for name in names if name == campaign or name.startswith(f"{INPUTS}/")]
    outputs = [name for name in names if "/" not in name and name not in (campaign, STATE_FILE, *_RECORDS)]
    programs = [_program("anodeflow", __version__, {"sha256OfSources": code_hashes()["all"]})]
    programs += [_program(name, version, {}) for name, version in sorted(engines.items())]
    failed = [row["name"] for row in rows if row["state"] != "done"]
    graph: list[dict[str, Any]] = [
        {
            "@id": METADATA_FILE,
            "@type": "CreativeWork",
            "about": {"@id": "./"},
            "conformsTo": {"@id": _HOME},
        },
        {
            "@id": "./",
            "@type": "Dataset",
            "name": root.name,
            "description": f"The run '{root.name}' of anodeflow {__version__}: inputs, results, report and the record "
            f"of every job. Unpacked, it is run again with: {command}",
            "datePublished": ended or "1970-01-01",
            "license": "The files belong to whoever made the run; ask them. Models have the licences on their cards.",
            "conformsTo": {"@id": _PROFILE},
            "hasPart": [{"@id": name} for name in names],
            "mainEntity": {"@id": campaign},
            "mentions": {"@id": "#run"},
        },
        {"@id": _PROFILE, "@type": "CreativeWork", "name": "Process Run Crate", "version": "0.5"},
        {
            "@id": "#run",
            "@type": "CreateAction",
            "name": f"Run of {campaign}",
            "startTime": min((document["started"] for document in finished), default=""),
            "endTime": ended,
            "actionStatus": "http://schema.org/" + ("FailedActionStatus" if failed else "CompletedActionStatus"),
            "instrument": [{"@id": program["@id"]} for program in programs],
            "object": [{"@id": name} for name in inputs],
            "result": [{"@id": name} for name in outputs],
            "description": " ".join(str(word) for word in results.get("command", [])),
        }
        | ({"error": f"These jobs did not finish: {', '.join(failed)}"} if failed else {}),
        *programs,
        *(
            {"@id": f"#model-{name}", "@type": "CreativeWork", "name": name, "sha256": fingerprint}
            for name, fingerprint in sorted(models.items())
        ),
        *(_described(key, len(data), hashlib.sha256(data).hexdigest()) for key, data in made.items()),
        *(_described(key, path.stat().st_size, sha256(path)) for key, path in content.items()),
    ]
    return {"@context": f"{_HOME}/context", "@graph": graph}


def _described(name: str, size: int, digest: str) -> dict[str, Any]:
    return {
        "@id": name,
        "@type": "File",
        "name": name,
        "contentSize": str(size),
        "encodingFormat": _FORMATS.get(Path(name).suffix, "text/plain"),
        "sha256": digest,
    }


def _program(name: str, version: str, more: Mapping[str, Any]) -> dict[str, Any]:
    return {"@id": f"#{name}", "@type": "SoftwareApplication", "name": name, "softwareVersion": version, **more}


def _readme(root: Path, command: str, rows: list[Mapping[str, Any]], *, trajectories: bool) -> str:
    done = sum(1 for row in rows if row["state"] == "done")
    kept = (
        "Trajectories are here."
        if trajectories
        else "Trajectories and restarts are not here; running again makes them."
    )
    report = "`report.html` opens in any browser; " if (root / "report.html").exists() else ""
    return (
        f"# {root.name}\n\n"
        f"A run of anodeflow {__version__}: {done} of {len(rows)} jobs done. {kept}\n\n"
        f"- {report}`results.json` holds {'the same' if report else 'the'} numbers.\n"
        "- Each folder is a job: `job.json` its inputs, `result.json` its result with hashes, versions, host, seed.\n"
        f"- `{METADATA_FILE}` lists every file with its SHA-256.\n\n"
        "To run it again, in the unpacked folder:\n\n"
        f"```\npip install 'anodeflow=={__version__}'\n{command}\n```\n\n"
        "The same inputs have the same hashes, so the folders of the jobs will have the same names.\n"
    )
