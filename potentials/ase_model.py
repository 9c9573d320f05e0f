"""Models that run in Python: any ASE calculator by its import path, with its weights by file.

LAMMPS calls such a model back at every step (`engines.lammps.external`), so whatever runs there with a pair style runs
with one of these too.
"""

from __future__ import annotations

import hashlib
import json
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import BeforeValidator, JsonValue, ValidationInfo, field_validator

from ..errors import EngineError, InputError
from .model import EXTERNAL_FILE, LammpsPotential, PairModel, Strict
from .source_file import wheel_file

if TYPE_CHECKING:
    from ase.calculators.calculator import Calculator

    from ..structures.element_map import ElementMap

_PAIR_CUTOFF_A = 3.0
"""Of the empty pair style that LAMMPS wants; the model looks for its neighbours itself."""


class PackagedWeights(Strict):
    """Weights inside an installed package.

    Attributes
    ----------
    distribution
        Name of the package.
    file
        Path inside it.
    sha256
        What the file has to hash to.
    """

    distribution: str
    file: str
    sha256: str

    def path(self) -> Path | None:
        """Return where the file is, or None where the package is not installed."""
        return wheel_file(self.distribution, self.file)


class OwnWeights(Strict):
    """Weights in a file of the user's; they stay where they are, and are known again by their hash.

    Attributes
    ----------
    location
        Absolute path.
    sha256
        Of the file when the card was read.
    """

    location: str
    sha256: str

    def path(self) -> Path | None:
        """Return where the file is, or None where it is gone."""
        path = Path(self.location)
        return path if path.is_file() else None


def _read_weights(value: Any, info: ValidationInfo) -> Any:
    """Turn a path into its absolute form with the hash of the file, relative to the folder of the card."""
    if not isinstance(value, str):
        return value
    folder = (info.context or {}).get("folder")
    if folder is None:
        raise ValueError("a path is only read from a card file")
    path = (Path(folder) / Path(value).expanduser()).resolve()
    if not path.is_file():
        raise ValueError(f"there is no file {path}")
    return {"location": str(path), "sha256": _file_hash(path, path.stat().st_mtime_ns)}


class AseModel(PairModel):
    """A model that an ASE calculator evaluates.

    Attributes
    ----------
    calculator
        What makes the calculator, as ``module:name``; the name may have dots.
    weights
        File with the weights: in a card of the user's a path, in one of the package ``{distribution, file, sha256}``;
        None for a calculator that needs none.
    weights_argument
        Name of the argument that takes the path of the weights.
    arguments
        Further arguments by name.
    relaxation_arguments
        Arguments that come on top, or instead, where forces are brought to zero: a model in single precision stalls.
    install
        What to install with pip when `calculator` cannot be imported or the weights are not there.
    """

    style: Literal["ase"] = "ase"
    calculator: str
    weights: Annotated[PackagedWeights | OwnWeights, BeforeValidator(_read_weights)] | None = None
    weights_argument: str = "weights"
    arguments: dict[str, JsonValue] = {}  # noqa: RUF012 - pydantic copies defaults
    relaxation_arguments: dict[str, JsonValue] = {}  # noqa: RUF012
    install: str = ""

    @field_validator("calculator")
    @classmethod
    def _path(cls, value: str) -> str:
        module, _, name = value.partition(":")
        if not all(part.isidentifier() for part in (*module.split("."), *name.split("."))):
            raise ValueError(f"'{value}' is no import path; write module:name, such as ase.calculators.emt:EMT")
        return value

    def identity(self) -> dict[str, Any]:
        """Return what decides the energies: the hash of the weights counts, and not where they lie."""
        content = self.model_dump(mode="json", exclude={"install", "weights", "relaxation_arguments"})
        return content | {"weights": None if self.weights is None else self.weights.sha256}

    def lammps(self, types: ElementMap) -> LammpsPotential:
        """Return an empty pair style, and the model in a file that our LAMMPS process reads."""
        content = {"model": self.model_dump(mode="json"), "elements": list(types.elements)}
        return LammpsPotential(
            files={EXTERNAL_FILE: json.dumps(content, indent=1) + "\n"},
            pair_style=("zero", str(_PAIR_CUTOFF_A)),
            pair_coeff=(("*", "*"),),
            external=True,
        )

    def for_relaxation(self) -> AseModel:
        """Return the model with its arguments for relaxations."""
        if not self.relaxation_arguments:
            return self
        return self.model_copy(update={"arguments": self.arguments | self.relaxation_arguments})

    def make(self) -> Calculator:
        """Return the calculator.

        Raises
        ------
        InputError
            If the weights are missing or are not those of the card.
        EngineError
            If the calculator cannot be imported or made.
        """
        remedy = f"Install it with: pip install '{self.install}'." if self.install else "Install what it belongs to."
        module, _, name = self.calculator.partition(":")
        try:
            found: Any = import_module(module)
            for part in name.split("."):
                found = getattr(found, part)
        except ImportError as error:
            raise EngineError(f"{self.calculator} cannot be imported: {error}", remedy=remedy) from None
        except AttributeError:
            raise EngineError(f"there is no {name} in {module}", where="model.calculator", remedy=remedy) from None
        arguments = dict(self.arguments)
        if self.weights is not None:
            arguments[self.weights_argument] = str(self._checked_weights(remedy))
        try:
            calculator: Calculator = found(**arguments)
        except (InputError, EngineError):
            raise
        except Exception as error:
            message = " ".join(str(error).split()) or type(error).__name__
            raise EngineError(f"{self.calculator} cannot be made: {message}", where="model.arguments") from None
        missing = {"energy", "forces", "stress"} - set(getattr(calculator, "implemented_properties", ()))
        if missing:
            raise InputError(
                f"{self.calculator} does not give {', '.join(sorted(missing))}",
                where="model.calculator",
                remedy="Take a calculator that gives energy, forces and stress.",
            )
        return calculator

    def _checked_weights(self, remedy: str) -> Path:
        assert self.weights is not None
        path = self.weights.path()
        if path is None or not path.is_file():
            if isinstance(self.weights, PackagedWeights):
                raise InputError(f"the weights of {self.weights.distribution} are not here", remedy=remedy)
            raise InputError(
                "the weights are not here any more", where=self.weights.location, remedy="Put the file back."
            )
        if _file_hash(path, path.stat().st_mtime_ns) != self.weights.sha256:
            raise InputError(
                "the weights are not those that the card was made with", where=str(path), remedy="Put the file back."
            )
        return path


@cache
def _file_hash(path: Path, changed_ns: int) -> str:
    """Return the SHA-256 of a file; the time of its last change keeps the memory honest."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def read_external(path: Path) -> tuple[AseModel, tuple[str, ...]]:
    """Return the model of a file that `AseModel.lammps` wrote, and the element of each LAMMPS type."""
    content = json.loads(path.read_text())
    return AseModel.model_validate(content["model"]), tuple(content["elements"])
