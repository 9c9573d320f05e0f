"""Fuzz every reader for some minutes: ``python benchmarks/fuzz_readers.py --minutes 10``.

Runs the property tests of damaged files again and again with new seeds and many examples of each. A crash is any
exception that is not an `InputError`; a hang is an example that takes more than 5 s, or a pass that does not end.
Prints how many examples each reader has seen, and fails at the first pass that finds something.
"""

from __future__ import annotations

import argparse
import os
import re
import secrets
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).parent.parent
_PASS_S = 1800
"""Seconds after which a pass counts as hanging."""


def one_pass(examples: int, seed: int) -> tuple[int, str]:
    """Run all fuzz tests once; exit code and what pytest printed."""
    command = [
        sys.executable, "-m", "pytest", "tests/analysis", "-k", "fuzz", "-q", "-x", "-p", "no:cacheprovider",
        "--hypothesis-show-statistics", f"--hypothesis-seed={seed}",
    ]  # fmt: skip
    settings = {**os.environ, "ANODEFLOW_FUZZ": str(examples)}
    try:
        done = subprocess.run(
            command, cwd=ROOT, env=settings, capture_output=True, text=True, timeout=_PASS_S, check=False
        )
    except subprocess.TimeoutExpired as error:
        return 1, f"a pass hangs: {error.output}"
    return done.returncode, done.stdout + done.stderr


def main() -> int:
    """Read the command line and fuzz until the time is over."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--examples", type=int, default=2500, help="of the LAMMPS readers in a pass; a fifth of others")
    options = parser.parse_args()
    seen: Counter[str] = Counter()
    begin, cpu = time.monotonic(), os.times()
    passes, code = 0, 0
    while code == 0 and time.monotonic() - begin < 60 * options.minutes:
        seed = secrets.randbelow(2**31)
        code, text = one_pass(options.examples, seed)
        passes += 1
        test = ""
        for line in text.splitlines():
            if found := re.match(r"tests/\S+::(\S+):$", line):
                test = found[1]
            elif found := re.search(r"(\d+) passing, (\d+) failing, and (\d+) invalid", line):
                seen[test] += sum(map(int, found.groups()))
        if code:
            print(f"seed {seed}\n{text[-8000:]}")
    for test, count in sorted(seen.items()):
        print(f"{count:8d}  {test}")
    now = os.times()
    used = now.children_user + now.children_system - cpu.children_user - cpu.children_system
    print(
        f"{sum(seen.values())} examples, {passes} passes, {(time.monotonic() - begin) / 60:.1f} min, {used:.0f} s CPU"
    )
    print("nothing found" if code == 0 else "FOUND SOMETHING")
    return code


if __name__ == "__main__":
    sys.exit(main())
