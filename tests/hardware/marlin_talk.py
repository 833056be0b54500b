"""A Marlin stage to test with, and the lines it hears: numbered, with the XOR of all before the asterisk."""

import threading
from functools import reduce

from hardware.drivers.marlin import Driver, Settings
from hardware.spec import StageSpec

TRAVEL_MM = (150.0, 105.0, 20.0)
BANNER = b"start\necho: External Reset\nMarlin 2.1.2\n\necho:Hardcoded Default Settings Loaded\n"
FIRMWARE = (
    b"FIRMWARE_NAME:Marlin 2.1.2 (May 16 2023 12:00:00) SOURCE_CODE_URL:github.com/MarlinFirmware/Marlin "
    b"PROTOCOL_VERSION:1.0 MACHINE_TYPE:Stage EXTRUDER_COUNT:1\nCap:EMERGENCY_PARSER:1\nCap:AUTOREPORT_POS:0\nok\n"
)
SETTINGS = (
    b"echo:; Steps per unit:\necho:  M92 X80.00 Y80.00 Z400.00 E93.00\n"
    b"echo:  M203 X300.00 Y300.00 Z5.00 E25.00\nok\n"
)


def n(number: int, line: str) -> bytes:
    body = f"N{number} {line}".encode()
    return body + b"*%d\n" % reduce(lambda a, b: a ^ b, body)


def at(x: float, y: float, z: float = 0.0) -> bytes:
    """The answer to M114."""
    return b"X:%.2f Y:%.2f Z:%.2f E:0.00 Count X:%d Y:%d Z:%d\nok\n" % (x, y, z, x * 80, y * 80, z * 400)


OPEN = [
    (b"\nM410\n", b"ok\n"),
    (b"\nM118 sync1\n", b"sync1\nok\n"),
    (n(0, "M110 N0"), b"ok\n"),
    (n(1, "M118 sync2"), b"sync2\nok\n"),
    (n(2, "M115"), FIRMWARE),
    (n(3, "M503"), SETTINGS),
]
HOME = [
    (b"\nM118 sync3\n", b"sync3\nok\n"),
    (n(0, "M110 N0"), b"ok\n"),
    (n(1, "M118 sync4"), b"sync4\nok\n"),
    (n(2, "G21"), b"ok\n"),
    (n(3, "G90"), b"ok\n"),
    (n(4, "G28 Z"), b"echo:busy: processing\nX:10.00 Y:5.00 Z:0.00 E:0.00 Count X:0 Y:0 Z:0\nok\n"),
    (n(5, "G28 X Y"), b"X:0.00 Y:0.00 Z:0.00 E:0.00 Count X:0 Y:0 Z:0\nok\n"),
    (n(6, "M114"), at(0, 0)),
]
MODES = [(n(7, "G21"), b"ok\n"), (n(8, "G90"), b"ok\n")]


def a_stage(port: str, latch: threading.Event | None = None, speed: float = 1.0, **fields) -> Driver:
    spec = StageSpec("marlin", port, TRAVEL_MM, {})
    return Driver("stage", spec, Settings(**fields), speed=speed, latch=latch or threading.Event())
