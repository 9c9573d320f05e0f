"""Functions that jobs of the runner's tests call; they have to be importable by its workers."""

from __future__ import annotations

import os
import time
from pathlib import Path

from jobflow import Flow, Response, job


def count_here(value):
    """Leave a mark for each start, and return the value."""
    with Path("starts").open("a") as stream:
        stream.write("x")
    return value


@job
def add(a, b):
    count_here(0)
    return a + b


@job
def slow_add(a, b, seconds=0.6):
    count_here(0)
    time.sleep(seconds)
    return a + b


@job
def fail(value):
    raise ValueError(f"no luck with {value}")


@job
def die(value):
    os.kill(os.getpid(), 9)


@job
def resources():
    return [os.environ["ANODEFLOW_MPI_RANKS"], os.environ["ANODEFLOW_THREADS"]]


@job
def twice_replaced(value):
    first = add(value, 1)
    second = add(first.output, 10)
    return Response(replace=Flow([first, second], output=second.output))


@job
def with_addition(value):
    return Response(output=value, addition=Flow([add(value, 100)]))


@job
def with_detour(value):
    return Response(output=value, detour=Flow([slow_add(value, 1000, 0.2)]))


@job
def die_until(value, starts):
    """Kill this process, until it has been started often enough."""
    count_here(0)
    if len(Path("starts").read_text()) < starts:
        os.kill(os.getpid(), 9)
    return value


@job
def hungry(value):
    """Ask for more memory than there is, the first time."""
    count_here(0)
    if len(Path("starts").read_text()) == 1:
        import numpy as np

        np.ones(2**50)
    return value


@job
def fill_the_disk(value):
    with Path("/dev/full").open("w") as stream:
        stream.write("x" * 100000)
    return value
