"""The command line. No science here; every command imports what it needs when it is called."""

from __future__ import annotations

import errno
import sys

import typer

from ..errors import AnodeflowError, EngineError
from . import (
    analyse,
    analyse_onsager,
    analyse_profile,
    analyse_structure,
    analyse_transport,
    analyse_van_hove,
    barrier,
    build,
    build_interface,
    cluster,
    compare,
    distil,
    doctor,
    export,
    phases,
    plan,
    potentials,
    reproduce,
    run,
)

app = typer.Typer(
    name="anodeflow",
    help="Alloy anodes in solid-state batteries: build, run, analyse.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)
app.command("run")(run.run)
app.command("plan")(plan.plan)
app.command("doctor")(doctor.doctor)
app.command("export")(export.export)
app.command("status")(run.status)
app.command("report")(run.report)
app.command("compare")(compare.compare)
app.command("submit")(cluster.submit)
app.command("fetch")(cluster.fetch)
app.command("run-remote-job", hidden=True)(cluster.run_remote_job)
app.add_typer(cluster.setup_app, name="setup")
app.command("phases")(phases.phases)
app.command("barrier")(barrier.barrier)
app.command("distil")(distil.distil)
app.command("reproduce")(reproduce.reproduce)
app.add_typer(build.app, name="build")
build_interface.register(build.app)
analyse_transport.register(analyse.app)
analyse_profile.register(analyse.app)
analyse_onsager.register(analyse.app)
analyse_structure.register(analyse.app)
analyse_van_hove.register(analyse.app)
app.add_typer(analyse.app, name="analyse")
app.add_typer(potentials.app, name="potentials")


@app.command()
def version() -> None:
    """Print the version."""
    from .. import __version__

    typer.echo(__version__)


def main() -> None:
    """Run the command line; an error for the user is one sentence on standard error and an exit code."""
    debug = "--debug" in sys.argv
    if debug:
        sys.argv.remove("--debug")
    try:
        app()
    except AnodeflowError as error:
        if debug:
            raise
        typer.echo(f"error: {error}", err=True)
        raise SystemExit(error.exit_code) from None
    except OSError as error:
        if debug or error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        typer.echo("error: the disk is full. Free some space; the same command goes on from here.", err=True)
        raise SystemExit(EngineError.exit_code) from None
    except KeyboardInterrupt:
        raise SystemExit(130) from None
