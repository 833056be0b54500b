"""What is said between the driver and Zaber devices, to be put together into conversations."""

import threading
from collections.abc import Sequence

from hardware.drivers.zaber import Driver, Settings
from hardware.spec import StageSpec

Said = tuple[int, int, str, str]
STEP_UM = 0.1


def summed(text: str) -> bytes:
    """A message with the checksum that the manual's own C code gives it."""
    total = 0
    for character in text[1:]:
        total = (total + ord(character)) & 0xFF
    return f"{text}:{(~total + 1) & 0xFF:02X}".encode()


def numbered(said: Sequence[Said], *, first: int = 0, checked: bool = True):
    """Commands with their numbers, from `first`, and replies; of each: device, axis, words, "OK IDLE -- 0"."""
    script = []
    for i, (device, axis, words, answer) in enumerate(said):
        ident = f"{(first + i) % 95:02}"
        sent = summed(f"/{device} {axis} {ident}{' ' if words else ''}{words}") + b"\n"
        reply = f"@{device:02} {axis} {ident} {answer}"
        script.append((sent, (summed(reply) if checked else reply.encode()) + b"\r\n" if answer else None))
    return script


def greeting(device: int) -> list[Said]:
    return [
        (device, 0, "get deviceid", "OK IDLE WR 50081"),
        (device, 0, "set comm.checksum 1", "OK IDLE WR 0"),
        (device, 0, "get comm.checksum", "OK IDLE WR 1"),
    ]


def looking_at(device: int, axis: int, flag: str = "WR", *, resolution: str = "64") -> list[Said]:
    listed = "00" if flag == "--" else f"01 {flag}"
    return [
        (device, axis, "get resolution", f"OK IDLE {flag} {resolution}"),
        (device, axis, "get maxspeed", f"OK IDLE {flag} 1638400"),
        (device, axis, "warnings", f"OK IDLE {flag} {listed}"),
        (device, axis, "get limit.min", f"OK IDLE {flag} 0"),
        (device, axis, "get limit.max", f"OK IDLE {flag} 2000000"),
    ]


def opening(flag: str = "--") -> list[Said]:
    """Device 1 with X and device 2 with Y, 200 mm each, 100 mm/s."""
    return [
        *greeting(1), *greeting(2), *looking_at(1, 1, flag), *looking_at(2, 1, flag),
        (1, 1, "", f"OK IDLE {flag} 0"), (2, 1, "", f"OK IDLE {flag} 0"),
    ]  # fmt: skip


def preparing(x: int = 0, y: int = 0, flag: str = "--") -> list[Said]:
    """What comes before a move."""
    return [
        (1, 1, "warnings", f"OK IDLE {flag} 00"), (2, 1, "warnings", f"OK IDLE {flag} 00"),
        (1, 1, "get pos", f"OK IDLE {flag} {x}"), (2, 1, "get pos", f"OK IDLE {flag} {y}"),
    ]  # fmt: skip


def a_stage(port: str, *, speed: float = 1.0, travel_mm=(200.0, 200.0, 50.0), latch=None, **fields) -> Driver:
    spec = StageSpec("zaber", port, travel_mm, {})
    settings = Settings(**{"step_um": STEP_UM, **fields})
    return Driver("stage", spec, settings, speed=speed, latch=latch or threading.Event())
