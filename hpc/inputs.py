"""Files of the user's in the folder of a run, so that the run can be moved, reported on and run again anywhere."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import TypeVar

import yaml
from pydantic import BaseModel

from ..errors import InputError
from ..files import write_bytes
from ..potentials.cards import DISTIL_PREFIX, card
from ..workflows.own_files import Kind, changed, file_part, with_file

INPUTS = "inputs"
_Model = TypeVar("_Model", bound=BaseModel)


def carried(settings: _Model, root: Path) -> tuple[_Model, dict[str, Path | bytes]]:
    """Return settings that name copies of the user's files in the folder of their run, and the copies to make.

    Parameters
    ----------
    settings
        As they were read, so with whole paths. Files that are in the folder already stay where they are.
    root
        Folder of the run.

    Returns
    -------
    settings
        With names relative to the folder.
    copies
        By that name: where the file is, or its content. A card's holds the text of the files that it names.

    Raises
    ------
    InputError
        If a file is not there any more.
    """
    root = root.resolve()
    copies: dict[str, Path | bytes] = {}
    sources: dict[str, Path] = {}

    def carry(kind: Kind, text: str, keys: tuple[str, ...]) -> str:
        file = Path(file_part(kind, text))
        if not file.is_absolute() or text.startswith(DISTIL_PREFIX):
            return text
        if not file.is_file():
            raise InputError("this file is not there any more", where=str(file), remedy="Put it back.")
        if file.is_relative_to(root / INPUTS if kind is Kind.CARD else root):
            return with_file(kind, text, file.relative_to(root).as_posix())
        folder = Path(INPUTS, *(() if kind is Kind.CARD else keys[1:-1] or keys[:1]))
        name, number = folder / file.name, 1
        while sources.setdefault(name.as_posix(), file) != file:  # another file of the same name
            number += 1
            name = folder / str(number) / file.name
        copies[name.as_posix()] = _card_text(file) if kind is Kind.CARD else file
        return with_file(kind, text, name.as_posix())

    return changed(settings, carry), copies


def carry_inputs(settings: _Model, root: Path) -> _Model:
    """Copy the user's files into the folder of a run; return the settings that name these copies."""
    moved, copies = carried(settings, root)
    for name, content in copies.items():
        if isinstance(content, bytes):
            write_bytes(root / name, content)
        else:
            _copy(content, root / name)
    return moved


def _card_text(file: Path) -> bytes:
    content = card(str(file)).model_dump(mode="json", exclude={"reference_table"})
    return yaml.safe_dump(content, sort_keys=False, allow_unicode=True).encode()


def _copy(source: Path, target: Path) -> None:
    """Copy a file, whole or not at all, unless it has been copied before; a trajectory may be long."""
    new = source.stat()
    if target.is_file() and (old := target.stat()).st_size == new.st_size and old.st_mtime_ns == new.st_mtime_ns:
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    begun = target.parent / f".{target.name}.{os.getpid()}"
    shutil.copy2(source, begun)
    begun.replace(target)
