"""``results.csv``: every quantity of the campaign, one a line."""

from __future__ import annotations

import csv
import io

from ..literature import interval95
from .document import Results
from .quantities import everything

COLUMNS = (
    "system",
    "condition",
    "temperature_K",
    "name",
    "species",
    "value",
    "uncertainty",
    "low95",
    "high95",
    "unit",
    "converged",
    "extrapolated",
    "n_effective",
    "method",
    "warnings",
    "job",
    "path",
)


def csv_text(results: Results) -> str:
    """Return all quantities as CSV with a header; a number that could not be had is an empty cell."""
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(COLUMNS)
    for located in everything(results):
        quantity = located.quantity
        low, high = interval95(quantity) or (None, None)
        writer.writerow(
            [
                located.system or located.label,
                located.group,
                located.temperature_K,
                quantity.name,
                quantity.species,
                quantity.value,
                quantity.uncertainty,
                low,
                high,
                quantity.unit,
                quantity.converged,
                located.extrapolated,
                quantity.n_effective,
                quantity.method,
                " ".join(quantity.warnings),
                located.job or quantity.source,
                located.path,
            ]
        )
    return stream.getvalue()
