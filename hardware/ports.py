"""Why a port does not open, in words that help: who holds it, which ports there are, what to try."""

import os
import sys
from pathlib import Path

from serial.tools import list_ports

USB = "usb:"


def resolved(port: str) -> str:
    """The name that the system gives a port now: `usb:SERIAL` is looked up by serial number, others stay.

    Raises FileNotFoundError when no device, or more than one, has that number.
    """
    if not port.startswith(USB):
        return port
    wanted = port.removeprefix(USB)
    found = [p.device for p in list_ports.comports() if p.serial_number == wanted]
    if len(found) != 1:
        many = f"{len(found)} devices have" if found else "no device has"
        raise FileNotFoundError(f"{many} the serial number {wanted}")
    return str(found[0])


def lasting(port: str) -> str:
    """The name of a port by which its device is known wherever it is plugged in, `usb:SERIAL`; the port's own where
    no serial number, or more than one device, stands behind it."""
    if port.startswith(USB) or "://" in port:
        return port
    plugged = list_ports.comports()
    named = {port, os.path.realpath(port)}
    serial = next((p.serial_number for p in plugged if p.device in named and p.serial_number), None)
    alone = serial is not None and sum(p.serial_number == serial for p in plugged) == 1
    return f"{USB}{serial}" if alone else port


def holder(port: str) -> str | None:
    """The program that has a port open, as "name (process 123)". Linux only, and only what we may see."""
    if not sys.platform.startswith("linux") or not Path(port).exists():
        return None
    target = os.path.realpath(port)
    for process in Path("/proc").iterdir():
        if not process.name.isdigit():
            continue
        try:
            if any(str(fd.readlink()) == target for fd in (process / "fd").iterdir()):
                return f"{(process / 'comm').read_text().strip()} (process {process.name})"
        except OSError:  # another user's process, or one that has just ended
            continue
    return None


def advice(port: str, error: Exception) -> str:
    """What to do about a port that did not open."""
    if port.startswith(USB):
        found = ", ".join(
            sorted(f"{p.device} ({p.serial_number})" for p in list_ports.comports() if p.serial_number)
        )
        return f"{error}. Found: {found or 'none'}. Plug the device in, or correct the port in the rig file"
    if "://" in port:
        return f"nothing answers there. Is the instrument, or the virtual bench, switched on? ({error})"
    if not sys.platform.startswith("win") and not Path(port).exists():
        found = ", ".join(sorted(p.device for p in list_ports.comports())) or "none"
        return f"there is no such port. Found: {found}. Plug the device in, or correct the port in the rig file"
    if (who := holder(port)) is not None:
        return f"{who} holds it. Close that program"
    reason = str(error).lower()
    if "permission" in reason and not sys.platform.startswith("win"):
        return "you may not open it. Join the group that owns it (often `dialout`), then log in again"
    if "lock" in reason or "busy" in reason or "access is denied" in reason or "permission" in reason:
        return "another program holds it. Close serial monitors, the maker's software, other copies of Aliquot"
    return f"{error}. Close serial monitors and the maker's software, check cable and power, then connect again"
