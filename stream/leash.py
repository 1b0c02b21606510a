"""Run as a script, it becomes another program, which ends when the process that started it ends:

    python -I -S leash.py PARENT_PID PROGRAM ARGUMENT …

A parent that is killed cannot stop its children. Linux can do it: the wish to be told of the parent's death
(prctl(2), PR_SET_PDEATHSIG) survives the exec. Elsewhere it is a plain start.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1


def die_with_parent(parent_pid: int) -> None:
    """SIGTERM to this process when the *thread* that started it ends. Ends it now if that is past."""
    if sys.platform != "linux":
        return
    prctl = ctypes.CDLL(None, use_errno=True).prctl
    if prctl(PR_SET_PDEATHSIG, ctypes.c_ulong(signal.SIGTERM), 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_PDEATHSIG)")
    if os.getppid() != parent_pid:
        raise SystemExit("the parent ended first")


if __name__ == "__main__":
    die_with_parent(int(sys.argv[1]))
    os.execv(sys.argv[2], sys.argv[2:])  # noqa: S606 - a program named by our own code, without a shell
