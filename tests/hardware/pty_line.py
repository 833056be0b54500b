"""A serial port of the system (a pseudo-terminal) with a virtual instrument behind it, to be unplugged."""

import os
import pty
import select
import socket
import termios
import threading
import tty
from contextlib import suppress
from types import SimpleNamespace

from tests.hardware.listed_ports import listed


class PtyLine:
    """`port` is what the system calls it now; every `plug` gives it another name."""

    def __init__(self, address: str, serial_number: str | None = "A50285BI") -> None:
        host, _, port = address.removeprefix("socket://").rpartition(":")
        self._far = (host, int(port))
        self.serial_number = serial_number
        self.port = ""
        self._near: int | None = None
        self._thread: threading.Thread | None = None
        self._wake = os.pipe()

    def plug(self) -> str:
        """Plug it in; returns its name."""
        near, far = pty.openpty()
        tty.setraw(far, termios.TCSANOW)
        self.port = os.ttyname(far)
        os.close(far)  # whoever opens it is alone on it
        self._near = near
        self._thread = threading.Thread(target=self._carry, args=(near,), daemon=True)
        self._thread.start()
        return self.port

    def unplug(self) -> None:
        if self._near is None:
            return
        near, self._near = self._near, None
        os.write(self._wake[1], b"x")
        assert self._thread is not None
        self._thread.join(5)
        os.close(near)

    def entry(self) -> list[SimpleNamespace]:
        """As `list_ports.comports` tells it; empty while it is unplugged."""
        if self._near is None:
            return []
        return [listed(self.port, self.serial_number, "FTDI", "USB cable")]

    def close(self) -> None:
        self.unplug()
        for end in self._wake:
            os.close(end)

    def _carry(self, near: int) -> None:
        with socket.create_connection(self._far) as instrument, suppress(OSError):
            instrument.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            while True:
                ready = select.select([near, instrument, self._wake[0]], [], [])[0]
                if self._wake[0] in ready:
                    os.read(self._wake[0], 1)
                    return
                if near in ready:
                    try:
                        instrument.sendall(os.read(near, 4096))
                    except OSError:  # nobody has it open
                        select.select([self._wake[0]], [], [], 0.005)
                if instrument in ready:
                    data = instrument.recv(4096)
                    if not data:
                        os.read(self._wake[0], 1)
                        return
                    os.write(near, data)
