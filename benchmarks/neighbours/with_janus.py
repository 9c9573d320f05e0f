"""janus-core's column: ``python with_janus.py CASE WORK``; CHGNet, whose weights are in its wheel, is the model."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

from ase.io import read

MODEL = ["--arch", "chgnet", "--device", "cpu", "--no-tracker"]
MD = ["md", "--ensemble", "nvt", "--temp", "900", "--timestep", "1", "--traj-every", "2", "--stats-every", "2",
      "--restart-every", "10", "--file-prefix", "md", *MODEL]  # fmt: skip


def janus(folder: Path, *arguments: str, seed: str = "0") -> subprocess.Popen[bytes]:
    """Start a janus command in a folder, in a session of its own."""
    folder.mkdir(parents=True, exist_ok=True)
    return subprocess.Popen(
        [str(Path(sys.executable).parent / "janus"), *arguments], cwd=folder, start_new_session=True,
        env=os.environ | {"PYTHONHASHSEED": seed}, stdout=(folder / "out.log").open("ab"), stderr=subprocess.STDOUT,
    )  # fmt: skip


def steps_of(folder: Path) -> list[int]:
    """Return the step of every frame of the trajectory."""
    (path,) = folder.glob("md-traj.extxyz")
    return [int(step) for step in re.findall(r"[ ](?:md_)?step=(\d+)", path.read_text())]


def end(folder: Path, title: str, code: int) -> None:
    """Print how a command ended, and the steps of the frames there are."""
    print(f"{title}: exit {code}; frames {steps_of(folder) if (folder / 'md-traj.extxyz').exists() else None}")
    print("   ", sorted(path.name for path in folder.iterdir()))
    if code:
        print("   ", (folder / "out.log").read_text()[-400:])
    sys.stdout.flush()


def main(case: Path, work: Path) -> None:
    """Run all rows."""
    struct = ["--struct", str(case / "lisi.vasp")]
    symbols = read(case / "lisi.vasp").get_chemical_symbols()
    for seed in "01":
        folder = work / f"hash-{seed}"
        code = janus(folder, *MD, *struct, "--steps", "6", seed=seed).wait()
        end(folder, f"PYTHONHASHSEED={seed}", code)
        last = read(folder / "md-traj.extxyz", index=-1)
        print("    elements right:", last.get_chemical_symbols() == symbols, "cell angles", last.cell.angles())
    folder = work / "kill"
    command = [*MD, *struct, "--steps", "60"]
    process = janus(folder, *command)
    while process.poll() is None:
        if (folder / "md-traj.extxyz").exists() and max(steps_of(folder), default=0) > 33:
            os.killpg(process.pid, signal.SIGKILL)
            break
        time.sleep(0.05)
    end(folder, "SIGKILL", process.wait())
    before = (folder / "md-traj.extxyz").read_bytes()
    end(folder, "--restart --restart-auto added", janus(folder, *command, "--restart", "--restart-auto").wait())
    (folder / "md-traj.extxyz").write_bytes(before)
    end(folder, "the same command again", janus(folder, *command).wait())
    ramp = ["--temp-start", "900", "--temp-end", "300", "--temp-step", "300", "--temp-time", "6"]
    end(work / "ramp", "ramp", janus(work / "ramp", *MD, *struct, *ramp, "--steps", "0").wait())


if __name__ == "__main__":
    main(Path(sys.argv[1]).resolve(), Path(sys.argv[2]).resolve())
