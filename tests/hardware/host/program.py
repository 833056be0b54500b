"""A program with a rig, a dose that runs and a bench in yet another process: to be killed, frozen and blocked.

    python -m tests.hardware.host.program RIG.toml [BLOCK]

Prints the owner's process number once the dose is being asked for. BLOCK says how its main thread is held up then:
"loop" a Python loop, "c" a C call that keeps the GIL, "regex" a regular expression, "fork" has a child that has
inherited its pipes, nothing: it waits.
"""

import os
import re
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path

from hardware.errors import HardwareError
from hardware.host.hosted import HostedRig, open_hosted
from hardware.rig_file import load_rig


def block(how: str, seconds: float) -> None:
    """Keep the main thread busy for about that long."""
    until_s = time.monotonic() + seconds
    match how:
        case "loop":
            while time.monotonic() < until_s:
                pass
        case "c":
            while time.monotonic() < until_s:
                sum(range(1_000_000_000))  # several leases in one C call, the GIL held
        case "regex":
            while time.monotonic() < until_s:
                re.match(r"(a+)+$", "a" * 28 + "b")
        case "fork":
            if (forked := os.fork()) == 0:
                time.sleep(60.0)
                os._exit(0)
            print(forked, flush=True)
            threading.Event().wait(seconds)
        case _:
            threading.Event().wait(seconds)


def dose(rig: HostedRig, role: str) -> None:
    with suppress(HardwareError):  # it is stopped: that is what this program is for
        rig.dose("A1", role, 1500.0, 1.0)


def main(rig_file: str, how: str = "") -> None:
    rig = open_hosted(load_rig(Path(rig_file)), lease_s=5.0 if how == "loop" else None)
    rig.stage.home()
    rig.stage.move_to(*rig.spec.rack.position_mm("A1"))
    for role in rig.pumps:
        threading.Thread(target=dose, args=(rig, role), daemon=True).start()
    print(rig.owner_pid, flush=True)
    sys.stdin.readline()
    block(how, 60.0)


if __name__ == "__main__":
    main(*sys.argv[1:])
