"""What anodeflow raises: one sentence that says what is wrong, where, and what to do."""

from __future__ import annotations


class AnodeflowError(Exception):
    """Base of every error that is meant for the user.

    Parameters
    ----------
    what
        What is wrong, without a full stop.
    where
        File and line, field, or job it was found in.
    remedy
        What to do about it, as an imperative sentence.
    """

    exit_code = 1

    def __init__(self, what: str, *, where: str = "", remedy: str = "") -> None:
        self.what = what
        self.where = where
        self.remedy = remedy
        super().__init__(str(self))

    def __str__(self) -> str:
        text = self.what + (f" ({self.where})" if self.where else "")
        return f"{text}. {self.remedy}" if self.remedy else f"{text}."

    def __reduce__(self) -> tuple[object, ...]:
        return _rebuild, (type(self), self.what, self.where, self.remedy)


def _rebuild(kind: type[AnodeflowError], what: str, where: str, remedy: str) -> AnodeflowError:
    return kind(what, where=where, remedy=remedy)


def validation_sentence(message: str) -> str:
    """Return pydantic's message as the beginning of one of ours: our own validators' as written, its own in small.

    A sentence of ours may begin with an element.
    """
    own = message.removeprefix("Value error, ")
    return own if own != message else message[:1].lower() + message[1:]


class InputError(AnodeflowError):
    """Something the user gave cannot be used: a file, a value, a composition."""

    exit_code = 2


class EngineError(AnodeflowError):
    """A program that computes failed or could not be started."""

    exit_code = 3


class NotConvergedError(AnodeflowError):
    """A calculation ended properly, but not at an answer."""

    exit_code = 4


class OutOfTimeError(EngineError):
    """A job met its time limit and stopped cleanly; it goes on from where it is when it is started again."""

    exit_code = 75  # EX_TEMPFAIL of sysexits.h: try again
