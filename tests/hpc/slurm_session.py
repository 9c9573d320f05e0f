"""A Slurm on loopback, without systemd, for as long as it is wanted.

It has two processors, and beside the partition ``main`` one named ``short``, whose jobs end after a minute.

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
MEMORY_MB = 6000

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
JobAcctGatherType=jobacct_gather/linux
JobAcctGatherFrequency=task=1
JobAcctGatherParams=OverMemoryKill
AccountingStorageType=accounting_storage/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU_Memory
DefMemPerCPU=1500
MpiDefault=none
ReturnToService=2
SchedulerType=sched/backfill
SchedulerParameters=sched_interval=1,bf_interval=1,batch_sched_delay=0,sched_min_interval=0
KillWait=2
OverTimeLimit=0
MinJobAge=300
SlurmctldTimeout=10
SlurmdTimeout=30
SlurmdParameters=config_overrides
NodeName=localhost NodeAddr=127.0.0.1 CPUs={cpus} RealMemory={memory} State=UNKNOWN
PartitionName=main Nodes=localhost Default=YES MaxTime=60 State=UP
PartitionName=short Nodes=localhost MaxTime=1 State=UP
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


class SlurmSession:
    """Daemons of a Slurm in a folder; each can be stopped and started again, and goes on with the state on disk."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.environment = {"SLURM_CONF": str(folder / "slurm.conf")}
        self.processes: dict[str, subprocess.Popen[bytes]] = {}

    def write(self) -> None:
        """Write the configuration and the key."""
        self.folder.chmod(0o755)
        for name in ("state", "spool"):
            (self.folder / name).mkdir()
        (self.folder / "munge.key").write_bytes(secrets.token_bytes(128))
        (self.folder / "munge.key").chmod(0o400)
        ports = {"controller_port": free_port(), "node_port": free_port()}
        text = CONFIGURATION.format(folder=self.folder, user=getpass.getuser(), cpus=CPUS, memory=MEMORY_MB, **ports)
        (self.folder / "slurm.conf").write_text(text)

    def start(self, name: str) -> None:
        """Start ``munged``, ``slurmctld`` or ``slurmd``."""
        endings = {"key-file": "key", "socket": "socket", "pid-file": "pid", "log-file": "log", "seed-file": "seed"}
        files = [f"--{option}={self.folder}/munge.{ending}" for option, ending in endings.items()]
        arguments = {
            "munged": ["--foreground", "--force", "--num-threads=2", *files],
            "slurmctld": ["-D"],
            "slurmd": ["-D", "-N", "localhost"],
        }
        path = program(name)
        assert path is not None
        with (self.folder / f"{name}.out").open("ab") as stream:
            self.processes[name] = subprocess.Popen(
                [path, *arguments[name]],
                env=os.environ | self.environment,
                stdout=stream,
                stderr=stream,
                start_new_session=True,
                preexec_fn=end_with_parent,
            )

    def stop(self, name: str) -> None:
        """Stop a daemon."""
        process = self.processes.pop(name)
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(5)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def ask(self, *words: str) -> str:
        """Return what a command of Slurm says."""
        answer = subprocess.run(words, env=os.environ | self.environment, capture_output=True, text=True, check=False)
        return answer.stdout.strip()

    def wait_until(self, condition, seconds: float) -> None:
        """Wait; what the daemons logged is in the error."""
        deadline = time.monotonic() + seconds
        while not condition():
            if time.monotonic() > deadline:
                logs = sorted(self.folder.glob("*.[lo][ou][gt]"))
                shown = "\n".join(f"{path.name}: {path.read_text()[-1000:]}" for path in logs)
                raise RuntimeError(f"Slurm does not start:\n{shown}")
            time.sleep(0.1)


@contextmanager
def slurm_session():
    """Start munged, slurmctld and slurmd in a folder that is removed at the end."""
    session = SlurmSession(Path(tempfile.mkdtemp(prefix="slurm-")))
    try:
        session.write()
        session.start("munged")
        session.wait_until((session.folder / "munge.socket").exists, 10)
        session.start("slurmctld")
        session.start("slurmd")
        session.wait_until(lambda: set(session.ask("sinfo", "--noheader", "--format=%T").split()) == {"idle"}, 60)
        yield session
    finally:
        for name in reversed(list(session.processes)):
            session.stop(name)
        shutil.rmtree(session.folder, ignore_errors=True)


def end_with_parent() -> None:
    """Ask the kernel to end this process with the one that started it, so that a killed test leaves nothing behind."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(1, signal.SIGKILL)


if __name__ == "__main__":
    with slurm_session() as started:
        sys.exit(subprocess.run(sys.argv[1:], env=os.environ | started.environment, check=False).returncode)
