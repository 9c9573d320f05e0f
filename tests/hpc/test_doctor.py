"""The doctor: what works was run, what is missing has its command, what is broken is told with an exit code."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from importlib.util import find_spec

import pytest

pytestmark = pytest.mark.engine


def _doctor(folder, **environment):
    words = [sys.executable, "-m", "anodeflow", "doctor", "--json"]
    answer = subprocess.run(
        words, cwd=folder, env=os.environ | environment, capture_output=True, text=True, check=False
    )
    checks = json.loads(answer.stdout)["checks"] if answer.stdout else []
    return {check["name"]: check for check in checks}, answer


def test_every_part_is_there_or_has_its_command(tmp_path):
    checks, answer = _doctor(tmp_path)
    assert answer.returncode == 0, answer.stderr
    for name in ("Python", "LAMMPS", "MPI", "potentials", "disk"):
        assert checks[name]["state"] == "works", checks[name]
    assert "50 steps of 76 atoms ran" in checks["LAMMPS"]["found"]
    assert "on 2 ranks, 50 steps" in checks["MPI"]["found"]
    assert "20" in checks["LAMMPS"]["version"]
    extras = {
        "CHGNet (ml)": ("chgnet", "ml"),
        "GPAW (dft)": ("gpaw", "dft"),
        "jobflow-remote (cluster)": ("jobflow_remote", "cluster"),
    }
    for name, (package, extra) in extras.items():
        if find_spec(package) is None:
            assert checks[name]["state"] == "missing"
            assert f"-m pip install 'anodeflow[{extra}]'" in checks[name]["remedy"]
        else:
            assert checks[name]["version"]
    for check in checks.values():
        assert check["found"], check
        assert (check["state"] == "works") == (not check["remedy"]), check
    assert not list(tmp_path.iterdir()), "it leaves nothing behind"


def test_a_lammps_that_does_not_run_is_broken_with_its_remedy(tmp_path):
    """It says who it is and then crashes, which only a real run can find."""
    broken = tmp_path / "lmp"
    broken.write_text(
        '#!/bin/sh\nif [ "$1" = -h ]; then\n'
        'echo "Large-scale Atomic/Molecular Massively Parallel Simulator - 1 Jan 2001"; exit 0; fi\nkill -SEGV $$\n'
    )
    broken.chmod(0o755)
    checks, answer = _doctor(tmp_path, ANODEFLOW_LAMMPS=str(broken))
    assert answer.returncode == 3
    assert checks["LAMMPS"]["state"] == "broken"
    assert "SIGSEGV" in checks["LAMMPS"]["found"]
    assert checks["potentials"]["state"] == "broken" and "pip install" in checks["potentials"]["remedy"]
    assert "nothing runs before this is mended: LAMMPS" in answer.stderr
