"""What is said between the driver and an NE-1000, to be put together into conversations."""

import threading

from hardware.drivers.new_era import Driver, Settings
from hardware.spec import PumpSpec


def packet(text: str) -> bytes:
    return b"\x02" + text.encode() + b"\x03"


def programmed(rate: str, direction: str = "INF", diameter: str = "23.03", unit: str = "ML"):
    return [
        (b"DIA\r", packet(f"00S{diameter}")),
        (b"PHN1\r", packet("00S")),
        (b"FUNRAT\r", packet("00S")),
        (b"VOL\r", packet(f"00S0.000{unit}")),
        (f"RAT{rate}\r".encode(), packet("00S")),
        (b"RAT\r", packet(f"00S{rate}")),
        (f"DIR{direction}\r".encode(), packet("00S")),
        (b"DIR\r", packet(f"00S{direction}")),
    ]


HELLO = [
    (b"\r", packet("00S")),
    (b"VER\r", packet("00SNE1000V3.923")),
    (b"PF\r", packet("00S0")),
    (b"PHN2\r", packet("00S")),
    (b"FUNSTP\r", packet("00S")),
]
GREETING = [*HELLO, *programmed("10.62MM")]


def preparation(volume: str = "0.500", rate: str = "6000UM", direction: str = "INF"):
    return [
        *programmed(rate, direction),
        (f"VOL{volume}\r".encode(), packet("00S")),
        (b"VOL\r", packet(f"00S{volume}ML")),
        (f"CLD{direction}\r".encode(), packet("00S")),
        (b"DIS\r", packet("00SI0.000W0.000ML")),
    ]


def keeping(volume: str = "0.500"):
    """Answers as in GREETING and `preparation`, by a pump that keeps every rate."""
    replies = {f[:-1]: r for f, r in GREETING + preparation(volume)}

    def answer(line: bytes):
        if line.startswith(b"RAT") and line != b"RAT":
            replies[b"RAT"] = packet(f"00S{line[3:].decode()}")
            return packet("00S")
        return replies.get(line)

    return answer


def a_pump(port: str, *, diameter_mm: float = 23.03, speed: float = 1.0, watchdog_s: int = 0, **fields) -> Driver:
    """In Basic mode, unless a watchdog is asked for."""
    fields["watchdog_s"] = watchdog_s
    spec = PumpSpec("new_era", port, diameter_mm, 25_000, {})
    return Driver("red", spec, Settings(**fields), speed=speed, latch=threading.Event())
