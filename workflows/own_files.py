"""Files of the user's that a campaign file, a ladder or a distillation names: found beside it, carried into its run.

A field that may name one says so in its type, and everything here follows the types.
"""

from __future__ import annotations

from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar, get_args

from pydantic import BaseModel

from ..potentials.cards import DISTIL_PREFIX, is_card_file
from ..structures.side import side_file, side_name

if TYPE_CHECKING:
    from collections.abc import Callable

_Model = TypeVar("_Model", bound=BaseModel)


class Kind(Enum):
    """What a text stands for that may name a file."""

    STRUCTURE = "a name of the phase library or a structure file"
    SIDE = "a side of an interface, whose name may be a structure file"
    CARD = "the name of a level or a card file"
    DATA = "a file"


StructureName = Annotated[str, Kind.STRUCTURE]
SideName = Annotated[str, Kind.SIDE]
CardName = Annotated[str, Kind.CARD]
DataFile = Annotated[str, Kind.DATA]


def beside(settings: _Model, path: Path) -> _Model:
    """Return settings in which every file that stands beside `path` has its whole path; names stay names."""

    def absolute(kind: Kind, text: str, _: tuple[str, ...]) -> str:
        name = file_part(kind, text)
        file = path.parent / name
        if kind is Kind.DATA or (kind is Kind.CARD and is_card_file(name)) or file.is_file():
            return with_file(kind, text, str(file.resolve()))
        return text

    return changed(settings, absolute)


def named(settings: _Model) -> _Model:
    """Return settings as labels and sentences call their files: without the folders that they are in."""
    return changed(settings, lambda _, text, __: side_name(text))


def file_part(kind: Kind, text: str) -> str:
    """Return what would be the path of a file in a text."""
    if kind is Kind.SIDE:
        return side_file(text)
    return text.removeprefix(DISTIL_PREFIX) if kind is Kind.CARD else text


def with_file(kind: Kind, text: str, file: str) -> str:
    """Return a text with another path of the file that it names."""
    return text.replace(file_part(kind, text), file, 1)


def changed(
    settings: _Model, change: Callable[[Kind, str, tuple[str, ...]], str], keys: tuple[str, ...] = ()
) -> _Model:
    """Return settings with every text that may name a file changed.

    Parameters
    ----------
    settings
        Of any section or file.
    change
        Gives the new text from what it stands for, the text, and the keys that lead to it.
    keys
        That lead to `settings`.
    """
    update = {}
    for name, field in type(settings).model_fields.items():
        kind = _kind(field.annotation, *field.metadata)
        old = getattr(settings, name)
        new = _changed(old, kind, change, (*keys, name))
        if new != old:
            update[name] = new
    return settings.model_copy(update=update) if update else settings


def _changed(
    value: Any, kind: Kind | None, change: Callable[[Kind, str, tuple[str, ...]], str], keys: tuple[str, ...]
) -> Any:
    if isinstance(value, BaseModel):
        return changed(value, change, keys)
    if isinstance(value, str):
        return value if kind is None else change(kind, value, keys)
    if isinstance(value, tuple):
        return tuple(_changed(item, kind, change, keys) for item in value)
    if isinstance(value, dict):
        return {name: _changed(item, kind, change, (*keys, str(name))) for name, item in value.items()}
    return value


def _kind(*parts: Any) -> Kind | None:
    """Return what the texts inside a type stand for, from its parts; None where they name no files."""
    for part in parts:
        found = part if isinstance(part, Kind) else _kind(*get_args(part))
        if found is not None:
            return found
    return None
