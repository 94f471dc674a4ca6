"""The command line in a process of its own: its start, its end, and Ctrl-C."""

import os
import select
import signal
import subprocess
import sys
import time

import pytest
from cli_runs import TREES, pets, sknoisy
from script_runner import run_script

COMMAND = (sys.executable, "-m", "sknoisy")


def run(*arguments, **options):
    return subprocess.run(
        [*COMMAND, *map(str, arguments)], capture_output=True, text=True, timeout=300, **options
    )


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pets")
    pets()[0].to_csv(folder / "data.csv", index=False)
    arguments = ("detect", folder / "data.csv", "-t", "kind", "-o", folder / "out", *TREES, "-q")
    assert sknoisy(*arguments).exit_code == 0
    return folder


@pytest.mark.parametrize("arguments", [["--help"], ["detect", "--help"], ["--version"], []])
def test_help_needs_nothing_that_takes_long_to_import(arguments):
    code = (
        "import sys\n"
        f"sys.argv[1:] = {arguments!r}\n"
        "from sknoisy.cli import main\n"
        "try:\n"
        "    main()\n"
        "finally:\n"
        "    heavy = {'torch', 'pandas', 'numpy', 'sklearn', 'scipy', 'matplotlib'}\n"
        "    assert not heavy & set(sys.modules), heavy & set(sys.modules)\n"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert "AssertionError" not in result.stderr
    assert result.returncode == (0 if arguments else 2)


@pytest.mark.slow
def test_an_error_has_no_traceback_unless_it_is_asked_for(tmp_path):
    script = tmp_path / "command.py"
    script.write_text("from sknoisy.cli import main\nmain()\n")
    arguments = ["detect", "nowhere.csv", "-t", "kind", "-o", "out"]
    plain, debug = (
        run_script(script, [*arguments, *more], folder=tmp_path, environment={})
        for more in ([], ["--debug"])
    )
    assert plain.returncode == 1
    assert plain.stdout == ""
    assert plain.stderr == "Error: there is no file nowhere.csv.\n"
    assert debug.returncode == 1
    assert "Traceback" in debug.stderr


@pytest.mark.slow
def test_piped_output_has_no_colours_and_whole_lines(folder, tmp_path):
    long = tmp_path / ("a_very_long_name_of_a_folder_" * 5)
    result = run("detect", folder / "data.csv", "-t", "kind", "-o", long, *TREES)
    assert result.returncode == 0
    assert "\x1b" not in result.stdout
    assert f"sknoisy review {long}\n" in result.stdout


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="signals of Unix")
def test_ctrl_c_while_training_leaves_nothing_half_done(folder, tmp_path):
    arguments = ("detect", folder / "data.csv", "-t", "kind", "-o", tmp_path / "out", "-m", "nlnl")
    process = subprocess.Popen(
        [*COMMAND, *map(str, arguments)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    # Printed before the training begins.
    assert "data.csv: 240 rows" in process.stdout.readline()
    time.sleep(1)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "Interrupted." in errors
    assert "Nothing was written." in errors
    assert "Traceback" not in errors
    assert not (tmp_path / "out").exists()


@pytest.mark.slow
def test_in_a_terminal_single_keys_decide_and_ctrl_c_keeps_the_answers(folder):
    pty = pytest.importorskip("pty", reason="a terminal of Unix")
    process, terminal = pty.fork()
    if process == 0:
        os.environ["TERM"] = "xterm"
        os.execv(sys.executable, [*COMMAND, "review", str(folder / "out"), "-n", "3"])
    printed = read_until(terminal, b"Decision: ")
    wait_for_single_keys(terminal)
    os.write(terminal, b"k")
    printed += read_until(terminal, b"2 of 3")
    wait_for_single_keys(terminal)
    os.write(terminal, b"\x03")
    printed += read_until(terminal, b"1 answer in")
    _, status = os.waitpid(process, 0)
    assert os.waitstatus_to_exitcode(status) == 130
    assert b"Traceback" not in printed
    assert (folder / "out" / "review.csv").exists()


def wait_for_single_keys(terminal):
    """Wait until a terminal takes keys rather than lines; what comes earlier is lost."""
    import termios

    while termios.tcgetattr(terminal)[3] & termios.ICANON:
        time.sleep(0.05)


def read_until(terminal, words, patience=120):
    """Return what a terminal shows, up to some words at least."""
    printed, end = b"", time.monotonic() + patience
    while words not in printed:
        assert time.monotonic() < end, printed
        ready, _, _ = select.select([terminal], [], [], 1)
        if ready:
            printed += os.read(terminal, 65_536)
    return printed
