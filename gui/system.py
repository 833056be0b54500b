"""Is there a display, and can Qt load? Asked before Qt is imported, since Qt answers by aborting.

`python -m gui.system offscreen` prints what is missing and exits with 1, or prints nothing.
Library lists: measured on a bare Debian 12 for PySide6 6.11.
"""

import ctypes
import os
import socket
import sys
from pathlib import Path

BASE = {
    "libGL.so.1": "libgl1",
    "libEGL.so.1": "libegl1",
    "libglib-2.0.so.0": "libglib2.0-0",
    "libfontconfig.so.1": "libfontconfig1",
    "libxkbcommon.so.0": "libxkbcommon0",
    "libdbus-1.so.3": "libdbus-1-3",
}
XCB = {
    "libX11.so.6": "libx11-6",
    "libX11-xcb.so.1": "libx11-xcb1",
    "libxcb-cursor.so.0": "libxcb-cursor0",
    "libxcb-icccm.so.4": "libxcb-icccm4",
    "libxcb-image.so.0": "libxcb-image0",
    "libxcb-keysyms.so.1": "libxcb-keysyms1",
    "libxcb-randr.so.0": "libxcb-randr0",
    "libxcb-render-util.so.0": "libxcb-render-util0",
    "libxcb-shape.so.0": "libxcb-shape0",
    "libxcb-xkb.so.1": "libxcb-xkb1",
    "libxkbcommon-x11.so.0": "libxkbcommon-x11-0",
}


def loads(library: str) -> bool:
    try:
        ctypes.CDLL(library)
    except OSError:
        return False
    return True


def missing_libraries(platform: str) -> str | None:
    """One sentence with the command that installs what Qt lacks for this platform plugin; None when nothing."""
    if not sys.platform.startswith("linux"):
        return None
    wanted = BASE if platform in ("offscreen", "minimal") else BASE | XCB
    lacking = {name: package for name, package in wanted.items() if not loads(name)}
    if not lacking:
        return None
    if Path("/usr/bin/apt-get").exists():
        packages = " ".join(sorted(lacking.values()))
        return f"Qt needs system libraries: run `sudo apt-get install --no-install-recommends {packages}`"
    if Path("/usr/bin/dnf").exists():
        names = " ".join(f"'*/{name}'" for name in sorted(lacking))
        return f"Qt needs system libraries: run `sudo dnf install {names}`"
    return f"Qt needs system libraries that this machine lacks: install {', '.join(sorted(lacking))}"


def display() -> str | None:
    """Why no window can be shown, in words; None when one can."""
    if os.environ.get("QT_QPA_PLATFORM") or not sys.platform.startswith("linux"):
        return None
    if os.environ.get("WAYLAND_DISPLAY"):
        return None
    name = os.environ.get("DISPLAY", "")
    if not name:
        return "this machine has no display (DISPLAY and WAYLAND_DISPLAY are not set)"
    return None if answers(name) else f"the display {name} does not answer"


def answers(name: str) -> bool:
    """Whether an X server listens at host:number.screen."""
    host, _, rest = name.rpartition(":")
    number = rest.split(".")[0]
    if not number.isdigit():
        return False
    try:
        if host in ("", "unix"):
            path = f"/tmp/.X11-unix/X{number}"  # noqa: S108  # fixed by the X protocol
            for address in (path, f"\0{path}"):
                with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as plug:
                    plug.settimeout(1.0)
                    if plug.connect_ex(address) == 0:
                        return True
            return False
        with socket.create_connection((host, 6000 + int(number)), timeout=2.0):
            return True
    except OSError:
        return False


def platform() -> str:
    return os.environ.get("QT_QPA_PLATFORM", "xcb").partition(":")[0]


if __name__ == "__main__":
    problem = missing_libraries(sys.argv[1] if len(sys.argv) > 1 else platform())
    if problem:
        sys.stderr.write(problem + "\n")
        sys.exit(1)
