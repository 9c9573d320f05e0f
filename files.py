"""Reading and writing files so that nothing is ever half-written."""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from pathlib import Path
from typing import Any


def write_text(path: str | Path, text: str, *, sync: bool = True) -> Path:
    """Write a text file atomically: the whole new content or the old file, never part of it."""
    return write_bytes(path, text.encode(), sync=sync)


def write_bytes(path: str | Path, content: bytes, *, sync: bool = True) -> Path:
    """Write bytes atomically through a temporary file in the same folder.

    Parameters
    ----------
    path
        Where to.
    content
        Bytes.
    sync
        Wait until they are on the disk, so that a failure of power costs nothing; for what can be made again, no.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(content)
            stream.flush()
            if sync:
                os.fsync(stream.fileno())
        umask = os.umask(0)
        os.umask(umask)
        Path(temporary).chmod(0o666 & ~umask)
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
    return path


def write_json(path: str | Path, document: Any, *, sync: bool = True) -> Path:
    """Write a JSON document atomically; NaN and infinity are refused."""
    return write_text(path, json.dumps(document, indent=1, allow_nan=False, ensure_ascii=False) + "\n", sync=sync)


def sha256(path: str | Path) -> str:
    """Return the SHA-256 of a file as 64 hexadecimal digits."""
    with Path(path).open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
