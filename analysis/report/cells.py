"""What stands in a cell of a table: a result, a published value, a verdict."""

from __future__ import annotations

from ..literature import LiteratureValue
from .markup import NOT_BREAKING, escape, number_text, quantity_html, unit_text
from .quantities import Comparison, Located

_CLASSES = {"agrees": "agrees", "differs": "differs", "cannot be compared": "cannot"}


def value_html(located: Located | None) -> str:
    """Return a result with its error, its exact value and its place; *none* where nothing was asked for."""
    if located is None:
        return '<span class="none">none</span>'
    return quantity_html(located.quantity, located.path)


def published_html(row: LiteratureValue) -> str:
    """Return a published value or range with its unit."""
    text = number_text(row.low)
    if row.low != row.high:
        text += f" to {number_text(row.high)}"
    unit = unit_text(row.unit)
    return escape(f"{text}{NOT_BREAKING}{unit}" if unit else text)


def verdict_html(comparison: Comparison) -> str:
    """Return the verdict as a word with its mark."""
    word = comparison.verdict.word
    return f'<span class="verdict {_CLASSES[word]}">{word}</span>'
