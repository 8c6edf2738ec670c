"""The setup's task process with further tasks, registered here only: ``python tests/runtime/task_entry.py``."""

from __future__ import annotations

import ctypes
import os
import sys
import time
from pathlib import Path

from core.processes.server import serve
from core.runtime import command, tasks

TOOL = "import os, sys, time; open(sys.argv[1], 'w').write(str(os.getpid())); time.sleep(1000)"


def stuck(params, reporter):
    """Sleeps in C without ever looking at the cancel flag."""
    reporter.stage("Sleeping")
    ctypes.CDLL(None).sleep(1000)


def tool(params, reporter):
    """Runs a tool that tells its process id in a file."""
    reporter.stage("Running a tool")
    command.run([sys.executable, "-c", TOOL, params["file"]], reporter)


def failing(params, reporter):
    """Fails as nobody expected, because of something that the table of failures knows."""
    try:
        raise OSError("[Errno 28] No space left on device")
    except OSError as error:
        raise KeyError("lost") from error


def babbling(params, reporter):
    """Prints in between, and ends without a word of ours."""
    print("Content-Length: 5")
    os.write(1, b"from C\n")
    print("the last words", file=sys.stderr)
    sys.stderr.flush()
    os._exit(3)


def counting(params, reporter):
    """Counts bytes until a file is there."""
    reporter.stage("Downloading", 1 << 40)
    while not Path(params["until"]).exists():
        reporter.step(1 << 10)
        time.sleep(0.01)
    return {"modules": sorted(set(sys.modules) & {"numpy", "PIL", "torch"}), "file": str(Path(__file__))}


if __name__ == "__main__":
    tasks.TASKS.update({task.__name__: task for task in (stuck, tool, failing, babbling, counting)})
    serve(tasks.TaskServer)
