"""Time that the command line and the import need before anything happens.

Usage: python benchmarks/startup.py

Prints the median wall time of 11 runs of each, after one that warms the file cache, and of a bare interpreter
beside it.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import time


def median_s(words: list[str], runs: int = 11) -> float:
    """Return the median wall time of a command in s."""
    times = []
    for _ in range(runs + 1):
        begin = time.perf_counter()
        subprocess.run(words, check=True, capture_output=True)
        times.append(time.perf_counter() - begin)
    return statistics.median(times[1:])


def main() -> None:
    """Run the benchmark and print its lines."""
    python = sys.executable
    print(f"python -c pass         {median_s([python, '-c', 'pass']):.3f} s")
    print(f"import anodeflow       {median_s([python, '-c', 'import anodeflow']):.3f} s")
    print(f"anodeflow --help       {median_s([python, '-m', 'anodeflow', '--help']):.3f} s")
    print(f"anodeflow run --help   {median_s([python, '-m', 'anodeflow', 'run', '--help']):.3f} s")


if __name__ == "__main__":
    main()
