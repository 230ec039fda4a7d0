"""Runs a command for as long as the process that started this holds the other end of stdin, however that process ends.

python -m models.endpoints.guard COMMAND …     as the first process of a group, which is killed as a whole
"""

import os
import signal
import subprocess
import sys
import threading


def _end_with_stdin() -> None:
    while os.read(0, 1024):
        pass
    os.killpg(0, signal.SIGKILL)


if __name__ == "__main__":
    threading.Thread(target=_end_with_stdin, daemon=True).start()
    sys.exit(subprocess.run(sys.argv[1:], stdin=subprocess.DEVNULL, check=False).returncode)
