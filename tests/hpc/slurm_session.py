"""A Slurm of two processors on loopback, without systemd, for as long as it is wanted.

``python tests/hpc/slurm_session.py COMMAND ...`` runs a command inside one. It needs ``slurm-wlm`` and ``munge`` from
Debian (or the same programs from elsewhere), nothing installed or configured, and no rights beyond those of the user
who starts it. All its files lie in one folder of its own, which is removed at the end.
"""

from __future__ import annotations

import ctypes
import getpass
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path

PROGRAMS = ("munged", "slurmctld", "slurmd", "sbatch", "scancel", "squeue")
CPUS = 2

# Short intervals: the tests wait for what a cluster does in minutes. KillWait is the time between the SIGTERM and the
# SIGKILL of a job that is over its time or cancelled.
CONFIGURATION = """\
ClusterName=loopback
SlurmctldHost=localhost
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket
CryptoType=crypto/munge
SlurmUser={user}
SlurmdUser={user}
SlurmctldPort={controller_port}
SlurmdPort={node_port}
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd.log
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
DefMemPerCPU=256
MpiDefault=none
ReturnToService=2
SchedulerType=sched/backfill
SchedulerParameters=sched_interval=2,bf_interval=1,batch_sched_delay=0,sched_min_interval=0
KillWait=2
OverTimeLimit=0
MinJobAge=300
SlurmctldTimeout=10
SlurmdTimeout=30
NodeName=localhost NodeAddr=127.0.0.1 CPUs={cpus} RealMemory=2000 State=UNKNOWN
PartitionName=main Nodes=localhost Default=YES MaxTime=60 State=UP
"""


def program(name: str) -> str | None:
    """Return the path of a program; daemons are often outside the search path of a user."""
    return shutil.which(name) or shutil.which(name, path="/usr/sbin:/usr/local/sbin:/sbin")


def missing_programs() -> list[str]:
    """Return which of the programs that a session needs are not there."""
    return [name for name in PROGRAMS if program(name) is None]


def free_port() -> int:
    """Return a port that nobody listens at."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


@contextmanager
def slurm_session():
    """Start munged, slurmctld and slurmd; yield the environment variables that make ``sbatch`` find them."""
    folder = Path(tempfile.mkdtemp(prefix="slurm-"))
    processes = []
    try:
        folder.chmod(0o755)
        for name in ("state", "spool"):
            (folder / name).mkdir()
        (folder / "munge.key").write_bytes(secrets.token_bytes(128))
        (folder / "munge.key").chmod(0o400)
        (folder / "slurm.conf").write_text(
            CONFIGURATION.format(
                folder=folder,
                user=getpass.getuser(),
                controller_port=free_port(),
                node_port=free_port(),
                cpus=CPUS,
            )
        )
        environment = {"SLURM_CONF": str(folder / "slurm.conf")}
        munged = [
            "--foreground",
            "--force",
            "--num-threads=2",
            *(
                f"--{option}={folder}/munge.{ending}"
                for option, ending in (
                    ("key-file", "key"),
                    ("socket", "socket"),
                    ("pid-file", "pid"),
                    ("log-file", "log"),
                    ("seed-file", "seed"),
                )
            ),
        ]
        processes.append(_start("munged", munged, folder, environment))
        _until(lambda: (folder / "munge.socket").exists(), 10, folder)
        processes.append(_start("slurmctld", ["-D"], folder, environment))
        processes.append(_start("slurmd", ["-D", "-N", "localhost"], folder, environment))
        _until(lambda: _node_is_idle(environment), 30, folder)
        yield environment
    finally:
        for process in reversed(processes):
            process.send_signal(signal.SIGTERM)
        for process in processes:
            try:
                process.wait(5)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        shutil.rmtree(folder, ignore_errors=True)


def _start(name: str, arguments: list[str], folder: Path, environment: dict[str, str]) -> subprocess.Popen[bytes]:
    path = program(name)
    assert path is not None
    with (folder / f"{name}.out").open("wb") as stream:
        return subprocess.Popen(
            [path, *arguments],
            env=os.environ | environment,
            stdout=stream,
            stderr=stream,
            start_new_session=True,
            preexec_fn=end_with_parent,
        )


def end_with_parent() -> None:
    """Ask the kernel to end this process with the one that started it, so that a killed test leaves nothing behind."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(1, signal.SIGKILL)


def _node_is_idle(environment: dict[str, str]) -> bool:
    words = [program("sinfo") or "sinfo", "--noheader", "--format=%T"]
    answer = subprocess.run(words, env=os.environ | environment, capture_output=True, text=True, check=False)
    return answer.stdout.strip() == "idle"


def _until(condition, seconds: float, folder: Path) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            logs = "\n".join(
                f"{path.name}: {path.read_text()[-1000:]}" for path in sorted(folder.glob("*.[lo][ou][gt]"))
            )
            raise RuntimeError(f"Slurm does not start:\n{logs}")
        time.sleep(0.1)


if __name__ == "__main__":
    with slurm_session() as variables:
        sys.exit(subprocess.run(sys.argv[1:], env=os.environ | variables, check=False).returncode)
