"""``results.json`` of a campaign, read with its shape checked.

Additional keys are allowed everywhere, so that a newer writer does not break an older reader; a missing or wrong one
is an `InputError` that names the field.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from ...errors import InputError
from ...quantity import Quantity
from .markup import subscripted


def _quantity(given: Any) -> Quantity:
    if isinstance(given, Quantity):
        return given
    if not isinstance(given, dict):
        raise ValueError("a quantity is an object with name, value and unit")
    for key in ("name", "unit"):
        if not isinstance(given.get(key), str):
            raise ValueError(f"a quantity needs its {key} as text")
    for key in ("value", "uncertainty", "n_effective"):
        if isinstance(given.get(key), bool) or not isinstance(given.get(key, 0.0), int | float | None):
            raise ValueError(f"{key} of {given['name']} is not a number")
    known = {key: value for key, value in given.items() if key in Quantity.__dataclass_fields__}
    try:
        return Quantity.from_dict({"value": None, **known})
    except (TypeError, KeyError) as error:
        raise ValueError(f"{given['name']} is not a quantity: {error}") from error


QuantityField = Annotated[Quantity, BeforeValidator(_quantity)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="allow", frozen=True, arbitrary_types_allowed=True, allow_inf_nan=False)


class MeanSquaredDisplacement(_Part):
    """MSD of one element in one run, as the diffusion analysis writes it; lists of one length, in ps and Å²."""

    lag_time_ps: list[float]
    msd_A2: list[float]
    msd_error_A2: list[float] | None = None
    window_ps: tuple[float, float] | None = None
    fit_slope_A2_ps: float | None = None
    fit_intercept_A2: float | None = None
    quantity: QuantityField | None = None

    def model_post_init(self, context: Any) -> None:
        """Refuse lists of different lengths."""
        lists = [self.msd_A2] + ([self.msd_error_A2] if self.msd_error_A2 is not None else [])
        if any(len(column) != len(self.lag_time_ps) for column in lists):
            raise ValueError("lag_time_ps, msd_A2 and msd_error_A2 are of different length")


class Thermo(_Part):
    """Course of a run; every list as long as `time_ps`, or empty where not kept."""

    time_ps: list[float] = []
    temperature_K: list[float] = []
    energy_eV_atom: list[float] = []
    pressure_GPa: list[float] = []
    volume_A3: list[float] = []

    def model_post_init(self, context: Any) -> None:
        """Refuse lists of different lengths."""
        for name in ("temperature_K", "energy_eV_atom", "pressure_GPa", "volume_A3"):
            if getattr(self, name) and len(getattr(self, name)) != len(self.time_ps):
                raise ValueError(f"{name} and time_ps are of different length")


class Run(_Part):
    """One production run at one temperature."""

    temperature_K: float
    job: str = ""
    quantities: list[QuantityField] = []
    msd: dict[str, MeanSquaredDisplacement] = {}
    thermo: Thermo = Thermo()
    steps: int | None = None
    timestep_fs: float | None = None
    steps_per_s: float | None = None
    wall_s: float | None = None


class ArrheniusPoint(_Part):
    """One temperature of an Arrhenius fit, and whether and why it was left out."""

    temperature_K: float
    quantity: QuantityField
    used: bool
    reason: str = ""


class ArrheniusBand(_Part):
    """The fitted line with its 95 % band; lists of one length, D in cm²/s."""

    temperature_K: list[float] = []
    value_cm2_s: list[float] = []
    low: list[float] = []
    high: list[float] = []

    def model_post_init(self, context: Any) -> None:
        """Refuse lists of different lengths."""
        if len({len(self.temperature_K), len(self.value_cm2_s), len(self.low), len(self.high)}) > 1:
            raise ValueError("the columns of the band are of different length")


class Arrhenius(_Part):
    """Arrhenius fit of one element."""

    activation_energy: QuantityField | None = None
    prefactor: QuantityField | None = None
    at_300K: QuantityField | None = None
    points: list[ArrheniusPoint] = []
    band: ArrheniusBand | None = None
    warnings: list[str] = []


def _cited(given: Any) -> Any:
    """Accept a citation as text, or as an object with its text and DOI."""
    if isinstance(given, dict) and isinstance(given.get("text"), str):
        doi = given.get("doi")
        return f"{given['text']}, doi {doi}" if doi else given["text"]
    return given


CitedText = Annotated[str, BeforeValidator(_cited)]


class Evidence(_Part):
    """How sure the starting structure is."""

    grade: str = Field(alias="class")
    meaning: str = ""
    citation: CitedText = ""


class Relaxed(_Part):
    """The relaxed cell before the runs."""

    quantities: list[QuantityField] = []


class System(_Part):
    """One structure of the campaign with its runs."""

    name: str
    formula: str = ""
    kind: str = ""
    natoms: int | None = None
    structure: dict[str, Any] | None = None
    description: str = ""
    evidence: Evidence | None = None
    relaxed: Relaxed | None = None
    runs: list[Run] = []
    arrhenius: dict[str, Arrhenius] = {}

    @property
    def label(self) -> str:
        """The name as it is printed, the digits of the formula as subscripts."""
        return subscripted(self.name, self.formula)


class Curve(_Part):
    """One curve of a plot; lists of one length.

    `error` is one standard error, None where there is none. `slope` is drawn as a short tangent through each point.
    `as_before` gives it the colour of the curve before, which it belongs to.
    """

    label: str
    x: list[float | None]
    y: list[float | None]
    error: list[float | None] | None = None
    slope: list[float] | None = None
    style: Literal["line", "points", "steps"] = "line"
    as_before: bool = False

    def model_post_init(self, context: Any) -> None:
        """Refuse lists of different lengths."""
        given = (self.x, self.y, self.error, self.slope)
        if len({len(column) for column in given if column is not None}) > 1:
            raise ValueError("x, y, error and slope of a curve are of different length")


class PublishedBand(_Part):
    """A published value or range, drawn across a plot."""

    label: str
    low: float
    high: float


class Plot(_Part):
    """A plot of curves with what stands beside it."""

    key: str
    title: str
    caption: str = ""
    x_label: str
    y_label: str
    log_y: bool = False
    curves: list[Curve] = []
    published: list[PublishedBand] = []


class Group(_Part):
    """Quantities that belong together, such as those of one composition; `headline` names the important ones.

    With a `formula` they are held against the literature of that composition, at `temperature_K` where there is one.
    Beside other campaigns it is called `compared_as`, or else by its `label`; `level` is its level of theory where a
    part has several.
    """

    label: str
    compared_as: str = ""
    level: str = ""
    formula: str = ""
    phase: Literal["crystal", "amorphous", "any"] = "any"
    x: float | None = None
    temperature_K: float | None = None
    quantities: list[QuantityField] = []
    headline: list[str] = []


class Drawing(_Part):
    """A structure that a part shows, as pymatgen writes it."""

    label: str
    structure: dict[str, Any]


class PartTable(_Part):
    """A table of a part that is none of quantities, such as what was ranked and why; numbers are printed as given."""

    title: str
    columns: list[str]
    rows: list[list[str | float | int | None]] = []

    def model_post_init(self, context: Any) -> None:
        """Refuse rows of another length."""
        if any(len(row) != len(self.columns) for row in self.rows):
            raise ValueError(f"a row of the table '{self.title}' is of another length than its head")


class Part(_Part):
    """What one section of a campaign other than diffusion found.

    `asked` says what was asked; `overview` names the quantities that make a table with one row a group; `warnings`
    are sentences for the first lines of the report; `drawings` are structures to show beside the plots, `tables` stand
    before them.
    """

    key: str
    title: str
    asked: str = ""
    warnings: list[str] = []
    overview: list[str] = []
    groups: list[Group] = []
    tables: list[PartTable] = []
    plots: list[Plot] = []
    drawings: list[Drawing] = []


class Check(_Part):
    """A property of a potential, recomputed, beside its published value."""

    name: str
    value: float | None = None
    reference: float | None = None
    unit: str = ""
    source: str = ""


class Potential(_Part):
    """The card of the energy model."""

    name: str
    kind: str = ""
    elements: list[str] = []
    citation: CitedText = ""
    licence: str = ""
    validity: str = ""
    fingerprint: str = ""
    known_faults: list[str] = []
    checks: list[Check] = []


class Citation(_Part):
    """One entry of the list of references."""

    key: str = ""
    text: str
    doi: str | None = None


class Job(_Part):
    """One job of the campaign and what it cost."""

    name: str
    folder: str = ""
    state: str = ""
    wall_s: float | None = None
    steps: int | None = None
    steps_per_s: float | None = None
    resumed: int = 0
    hash: str = ""
    message: str = ""


class Results(_Part):
    """The whole of ``results.json``."""

    anodeflow: str
    command: list[str] = []
    inputs: dict[str, str] = {}
    quantities: list[QuantityField] = []
    warnings: list[str] = []
    files: list[str] = []
    campaign: dict[str, Any] = {}
    seed: int | None = None
    versions: dict[str, str] = {}
    host: dict[str, Any] = {}
    potential: Potential | None = None
    citations: list[Citation] = []
    methods: str = ""
    systems: list[System]
    parts: list[Part] = []
    jobs: list[Job] = []
    started: str = ""
    finished: str = ""
    wall_s: float | None = None

    @property
    def title(self) -> str:
        """Title of the campaign: its own, or its name, or the systems."""
        for key in ("title", "name", "campaign"):
            text = self.campaign.get(key)
            if isinstance(text, str) and text.strip():
                title = text.strip()
                if key == "name":
                    title = title.replace("_", " ")
                    title = title[0].upper() + title[1:]
                for system in self.systems:
                    title = subscripted(title, system.formula)
                return title
        return (
            ", ".join(part.label for part in self.systems) or ", ".join(part.title for part in self.parts) or "Campaign"
        )


def read_results(path: Path) -> Results:
    """Read ``results.json`` and check its shape.

    Parameters
    ----------
    path
        The file.

    Raises
    ------
    InputError
        If the file is not there, is not JSON or has not the right shape; the sentence names the field.
    """
    remedy = "Run the campaign again with `anodeflow run`; finished jobs are not repeated."
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError as error:
        raise InputError("there are no results yet", where=str(path), remedy=remedy) from error
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"the results cannot be read: {error}", where=str(path), remedy=remedy) from error
    try:
        document = json.loads(text)
    except json.JSONDecodeError as error:
        where = f"{path}:{error.lineno}"
        raise InputError(f"the results are not valid JSON: {error.msg}", where=where, remedy=remedy) from error
    try:
        return Results.model_validate(document)
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(str(part) for part in first["loc"]) or "the document"
        what = first["msg"].removeprefix("Value error, ")
        raise InputError(
            f"the results are damaged: {what[:1].lower() + what[1:]}", where=f"{path}, {field}", remedy=remedy
        ) from error
