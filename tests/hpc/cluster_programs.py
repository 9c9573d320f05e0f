"""What the tests of clusters start: a database that speaks MongoDB's protocol, an SSH server, runners, our commands."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

from slurm_session import end_with_parent, free_port, missing_programs, program

ROOT = Path(__file__).resolve().parents[2]


def database_program() -> list[str] | None:
    """Return how to start a database, less its port and folder: ``ANODEFLOW_TEST_DATABASE``, one made by .ci/run."""
    own = os.environ.get("ANODEFLOW_TEST_DATABASE") or str(ROOT / ".venv-database" / "bin" / "secantusd-py")
    if Path(own).exists():
        return [own]
    mongod = shutil.which("mongod")
    return [mongod] if mongod else None


def why_no_slurm() -> str:
    """Return why tests of Slurm cannot run here; empty if they can."""
    missing = missing_programs()
    return f"Slurm is not here ({', '.join(missing)} missing); Debian has it as slurm-wlm and munge" if missing else ""


def why_no_remote() -> str:
    """Return why tests of jobflow-remote cannot run here; empty if they can."""
    if find_spec("jobflow_remote") is None:
        return "jobflow-remote is not installed: pip install 'anodeflow[cluster]'"
    return "" if database_program() else "no database: neither mongod nor what .ci/run makes in .venv-database"


class Database:
    """A database in a folder, at one port for its whole life, that can be killed and started again."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.port = folder, free_port()
        self.process: subprocess.Popen[bytes] | None = None
        folder.mkdir(parents=True, exist_ok=True)

    @property
    def uri(self) -> str:
        return f"mongodb://127.0.0.1:{self.port}/anodeflow"

    def start(self) -> None:
        words = database_program()
        assert words is not None
        data = "--dbpath" if words[0].endswith("mongod") else "--storage-path"
        words = [*words, "--port", str(self.port), data, str(self.folder / "data")]
        (self.folder / "data").mkdir(exist_ok=True)
        with (self.folder / "log").open("ab") as stream:
            self.process = subprocess.Popen(
                words, stdout=stream, stderr=stream, cwd=self.folder, start_new_session=True
            )
        from pymongo import MongoClient

        MongoClient(self.uri, serverSelectionTimeoutMS=60_000).admin.command("ping")

    def kill(self) -> None:
        assert self.process is not None
        self.process.kill()
        self.process.wait()


def why_no_ssh() -> str:
    """Return why tests of a worker behind SSH cannot run here; empty if they can."""
    there = program("sshd") and shutil.which("ssh-keygen")
    return "" if there else "there is no sshd; Debian has it as openssh-server"


SSHD = """\
Port {port}
ListenAddress 127.0.0.1
HostKey {folder}/host_key
AuthorizedKeysFile {folder}/user_key.pub
PidFile {folder}/sshd.pid
PubkeyAuthentication yes
PasswordAuthentication no
KbdInteractiveAuthentication no
PermitRootLogin prohibit-password
UsePAM no
StrictModes no
Subsystem sftp internal-sftp
SetEnv {variables}
"""


class SshServer:
    """An sshd on loopback with keys of its own; what a login node has in its environment, its sessions have too."""

    def __init__(self, folder: Path, variables: dict[str, str]) -> None:
        self.folder, self.port, self.variables = folder, free_port(), variables
        self.process: subprocess.Popen[bytes] | None = None
        (folder / "home" / ".ssh").mkdir(parents=True)
        for name in ("host_key", "user_key"):
            words = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(folder / name)]
            subprocess.run(words, check=True)
        trusted = f"[127.0.0.1]:{self.port} {(folder / 'host_key.pub').read_text()}"
        (self.home / ".ssh" / "known_hosts").write_text(trusted)

    @property
    def home(self) -> Path:
        """The home of who logs in; its ``.ssh/known_hosts`` has the server's key."""
        return self.folder / "home"

    def start(self) -> None:
        if os.getuid() == 0:
            Path("/run/sshd").mkdir(exist_ok=True)  # where sshd separates its privileges
        variables = " ".join(f"{name}={value}" for name, value in self.variables.items())
        text = SSHD.format(port=self.port, folder=self.folder, variables=variables)
        (self.folder / "sshd_config").write_text(text)
        words = [program("sshd"), "-D", "-e", "-f", str(self.folder / "sshd_config")]
        with (self.folder / "sshd.log").open("wb") as stream:
            self.process = subprocess.Popen(words, stdout=stream, stderr=stream, preexec_fn=end_with_parent)

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait()


def anodeflow(*words, check=True, **options):
    """Run the command line; its answer as text."""
    command = [sys.executable, "-m", "anodeflow", *map(str, words)]
    answer = subprocess.run(command, capture_output=True, text=True, check=False, **options)
    if check and answer.returncode != 0:
        raise AssertionError(f"{' '.join(command[2:])}: {answer.returncode}\n{answer.stdout}\n{answer.stderr}")
    return answer


def programs_folder(folder: Path) -> Path:
    """Make a folder with ``anodeflow`` and ``jf`` that use this Python, as an installation has."""
    folder.mkdir(parents=True, exist_ok=True)
    calls = {"anodeflow": "-m anodeflow", "jf": '-c "from jobflow_remote.cli.jf import app; app()"'}
    for name, call in calls.items():
        (folder / name).write_text(f'#!/bin/bash\nexec {sys.executable} {call} "$@"\n')
        (folder / name).chmod(0o755)
    return folder


@contextmanager
def runner(project: str, folder: Path):
    """Run jobflow-remote's runner for a project while the block lasts; yields a function that starts it again."""
    state = {}

    def start():
        with (folder / "runner.log").open("ab") as stream:
            words = [str(folder / "bin" / "jf"), "-p", project, "runner", "run"]
            state["process"] = subprocess.Popen(
                words, stdout=stream, stderr=stream, start_new_session=True, preexec_fn=end_with_parent
            )

    start()
    try:
        yield state, start
    finally:
        state["process"].terminate()
        state["process"].wait(20)


def until(condition, seconds, what, every=0.1):
    """Wait until a condition holds, and return what it gave; on a busy machine wait longer than on an idle one.

    A condition that starts the command line takes processor time from what it waits for, and is asked less often.
    """
    seconds *= max(1.0, os.getloadavg()[0] / (os.cpu_count() or 1))
    deadline = time.monotonic() + seconds
    while True:
        found = condition()
        if found:
            return found
        assert time.monotonic() < deadline, f"{what} did not happen in {seconds} s"
        time.sleep(every)
