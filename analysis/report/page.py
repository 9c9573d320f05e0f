"""The shell of a page: head, style, script, contents, and how a figure is written."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import resources

from .markup import escape, table
from .svg import Figure, View


@dataclass(frozen=True)
class Section:
    """A part of the page with its heading; `key` is its address."""

    key: str
    title: str
    body: str


def figure_html(figure: Figure) -> str:
    """Return a figure with its views, legend, caption and the table of its numbers."""
    tabs = ""
    if len(figure.views) > 1:
        buttons = "".join(
            f'<button type="button" aria-pressed="{"true" if i == 0 else "false"}">{escape(view.label)}</button>'
            for i, view in enumerate(figure.views)
        )
        tabs = f'<div class="tabs" role="group" aria-label="Scale">{buttons}</div>'
    drawings = "".join(_drawing(view) for view in figure.views)
    legend = ""
    if figure.series:
        entries = []
        for index, series in enumerate(figure.series):
            note = f" <small>{escape(series.note)}</small>" if series.note else ""
            style = f' style="--key:var(--s{series.colour})"' if series.colour >= 0 else ""
            entries.append(
                f'<li><button type="button" aria-pressed="true" data-series="{index}">'
                f'<span class="key {series.style}"{style}></span>'
                f"<span>{escape(series.label)}{note}</span></button></li>"
            )
        legend = f'<ul class="legend" aria-label="Series">{"".join(entries)}</ul>'
    caption = f"<figcaption><p>{escape(figure.caption)}</p></figcaption>" if figure.caption else ""
    numbers = ""
    if figure.rows:
        inside = table(
            f"{figure.title}: numbers",
            figure.columns,
            [[escape(cell) for cell in row] for row in figure.rows],
        )
        numbers = f'<details class="numbers"><summary>Numbers of this figure</summary>{inside}</details>'
    return (
        f'<figure class="chart" id="{figure.key}"><div class="head"><h4>{escape(figure.title)}</h4>{tabs}</div>'
        f"{drawings}{legend}{caption}{numbers}</figure>"
    )


def _drawing(view: View) -> str:
    data = ""
    if view.points:
        points = [[point.x, point.y, point.series, point.text] for point in view.points]
        text = json.dumps(points, ensure_ascii=False, separators=(",", ":")).replace("<", "\\u003c")
        data = f'<script type="application/json" class="points">{text}</script>'
    return f'<div class="drawing">{view.svg}{data}</div>'


def page(title: str, over: str, facts: Sequence[tuple[str, str]], sections: Sequence[Section], footer: str) -> str:
    """Return the whole document.

    Parameters
    ----------
    title, over
        Heading, and the small line above it; plain text.
    facts
        Pairs of name and value for the line under the heading; the values are HTML.
    sections
        Parts in order; those with an empty body are left out.
    footer
        HTML.
    """
    sections = [section for section in sections if section.body]
    folder = resources.files(__package__)
    style = (folder / "report.css").read_text(encoding="utf-8")
    script = ""
    if any('<script type="application/json"' in section.body for section in sections):
        script = f"<script>\n{(folder / 'report.js').read_text(encoding='utf-8')}</script>\n"
    meta = "".join(f"<li><b>{escape(name)}</b> {value}</li>" for name, value in facts if value)
    links = "".join(f'<li><a href="#{s.key}">{escape(s.title)}</a></li>' for s in sections)
    body = "".join(
        f'<section id="{s.key}" aria-labelledby="{s.key}-title"><h2 id="{s.key}-title">{escape(s.title)}</h2>'
        f"{s.body}</section>"
        for s in sections
    )
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="color-scheme" content="light dark">\n<meta name="generator" content="anodeflow">\n'
        '<link rel="icon" href="data:,">\n'
        f"<title>{escape(title)}</title>\n<style>\n{style}</style>\n</head>\n<body>\n"
        f'<a class="skip" href="#{sections[0].key if sections else "top"}">Skip to the results</a>\n'
        '<div class="page">\n'
        f'<header class="top" id="top"><p class="over">{escape(over)}</p><h1>{escape(title)}</h1>'
        f'<ul class="meta">{meta}</ul></header>\n'
        f'<nav class="contents" aria-label="Contents"><ul>{links}</ul></nav>\n<main>\n{body}\n</main>\n'
        f"<footer>{footer}</footer>\n</div>\n{script}</body>\n</html>\n"
    )
