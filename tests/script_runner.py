"""Runs a script as from the command line, in a process that needn't import the libraries anew."""

import contextlib
import io
import multiprocessing
import os
import runpy
import sys
import traceback
from typing import NamedTuple

# What takes seconds to import. Each script runs in a process of its own, forked from one that has
# done nothing but import these.
LIBRARIES = [
    "pandas",
    "scipy.stats",
    "sklearn.ensemble",
    "torchvision",
    "skorch",
    "sknoisy.methods",
]
CONTEXT = multiprocessing.get_context("forkserver" if os.name == "posix" else "spawn")
if CONTEXT.get_start_method() == "forkserver":
    CONTEXT.set_forkserver_preload(LIBRARIES)


class Done(NamedTuple):
    """How a script ended, named as in `subprocess.CompletedProcess`."""

    returncode: int
    stdout: str
    stderr: str


def run_script(script, arguments, *, folder, environment, without=()):
    """Run a script in a folder.

    Parameters
    ----------
    script : Path
    arguments : sequence
        Of the command line; their strings are taken.
    folder : Path
        The working directory.
    environment : dict of str
        Variables beside those of this process.
    without : sequence of str
        Packages that it can't import.
    """
    receiver, sender = CONTEXT.Pipe(duplex=False)
    command = [str(script), *map(str, arguments)]
    process = CONTEXT.Process(
        target=_run, args=(sender, command, str(folder), os.environ | environment, tuple(without))
    )
    process.start()
    sender.close()
    try:
        return Done(*receiver.recv())
    except EOFError:
        process.join()
        return Done(process.exitcode, "", "The process ended without a word.")
    finally:
        process.join()


def _run(sender, command, folder, environment, without):
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    sys.modules.update(dict.fromkeys(without))
    sys.argv, sys.path[0] = command, os.path.dirname(command[0])
    output, errors, code = io.StringIO(), io.StringIO(), 0
    with contextlib.redirect_stdout(output), contextlib.redirect_stderr(errors):
        try:
            runpy.run_path(command[0], run_name="__main__")
        except SystemExit as end:
            code = _exit_code(end.code)
        except BaseException:
            traceback.print_exc()
            code = 1
    sender.send((code, output.getvalue(), errors.getvalue()))


def _exit_code(code):
    if code is None or isinstance(code, int):
        return code or 0
    print(code, file=sys.stderr)
    return 1
