"""What the error messages of DFT programs mean, in a sentence, and what to do about it."""

from __future__ import annotations

import re
from dataclasses import dataclass


@dataclass(frozen=True)
class Explained:
    """A failure that is known.

    Attributes
    ----------
    key
        ``scf``, ``setups``, ``too_close`` or ``memory``.
    what
        What went wrong, as the end of a sentence that begins with the image.
    remedy
        What to do.
    """

    key: str
    what: str
    remedy: str


_KEPT = "The band is kept; the same command goes on from here."


def explain(text: str) -> Explained | None:
    """Return what an error message means, or None if it is not known.

    Parameters
    ----------
    text
        Type and message of the exception, as Python prints them.
    """
    setup = re.search(r'PAW dataset file "(\w+)\.(\w+)"', text)
    if setup:
        element, functional = setup.groups()
        return Explained(
            "setups",
            f"needs a PAW data set of {element} for {functional}, and there is none",
            f"Install those that exist: pip install 'anodeflow[dft]'; GPAW_SETUP_PATH may name further ones. {_KEPT}",
        )
    close = re.search(r"[Aa]toms are too close, e\.g\. ([\d.]+)", text)
    if close:
        return Explained(
            "too_close",
            f"has two atoms {float(close[1]):.2f} Å apart",
            "The path goes through an atom: take more images, or other end points.",
        )
    if re.search(r"MemoryError|bad_alloc|[Cc]annot allocate memory|Memory allocation still failed", text):
        return Explained("memory", "needs more memory than there is", f"Take fewer workers or a smaller cell. {_KEPT}")
    if "converge" in text.lower():
        return Explained(
            "scf",
            "has electrons that do not converge",
            f"Try another mixing, a wider smearing, or a better start. {_KEPT}",
        )
    return None


def last_words(text: str) -> str:
    """Return the line with which a process says why it ends, or nothing.

    Parameters
    ----------
    text
        What it wrote on its standard error, with the stack that Python's ``faulthandler`` adds below.
    """
    before, fatal, after = text.partition("Fatal Python error: ")
    lines = [line.strip() for line in before.splitlines() if line.strip()]
    if fatal:
        lines = lines or [after.partition("\n")[0].strip()]
    return lines[-1] if lines else ""
