"""A cable between a driver and an instrument that is pulled at the k-th byte, and what must be true after."""

import select
import socket
import threading
from collections.abc import Callable
from contextlib import suppress

from hardware.errors import NotConnectedError


class Cable:
    """Carries bytes both ways between `port` and the instrument at `address`; `pull_at(k)` cuts it after k more."""

    def __init__(self, address: str) -> None:
        host, _, port = address.removeprefix("socket://").rpartition(":")
        self._far = (host, int(port))
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.address = f"socket://127.0.0.1:{self._listener.getsockname()[1]}"
        self._lock = threading.Lock()
        self._left: int | None = None
        self.carried = 0
        self._wake, self._woken = socket.socketpair()
        self._thread = threading.Thread(target=self._carry, name="cable", daemon=True)
        self._thread.start()

    def pull_at(self, count: int | None) -> None:
        """Pull after `count` more bytes (0: at the next one); None leaves it in."""
        with self._lock:
            self._left, self.carried = count, 0

    def close(self) -> None:
        self._wake.close()
        self._thread.join(5)
        self._listener.close()
        self._woken.close()

    def _carry(self) -> None:
        while True:
            if self._woken in select.select([self._listener, self._woken], [], [])[0]:
                return
            near, _ = self._listener.accept()
            with near, suppress(OSError), socket.create_connection(self._far) as far:
                for end in (near, far):
                    end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                other = {near: far, far: near}
                while True:
                    ready = select.select([near, far, self._woken], [], [])[0]
                    if self._woken in ready:
                        return
                    if not all(self._pass(end.recv(4096), other[end]) for end in ready):
                        break

    def _pass(self, data: bytes, to: socket.socket) -> bool:
        with self._lock:
            whole = self._left is None or len(data) <= self._left
            data = data if whole else data[: self._left]
            if self._left is not None:
                self._left -= len(data)
            self.carried += len(data)
        if data:
            to.sendall(data)
        return whole and bool(data)


def outcome_of(act: Callable[[], object]) -> str:
    """What a command says of itself: "done", or the `outcome` of its error, which is that of a lost connection."""
    try:
        act()
    except NotConnectedError as error:  # one state, Disconnected: any other error of the driver fails the test
        return error.outcome
    return "done"
