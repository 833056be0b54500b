"""A serial port that is a TCP socket: one client at a time, and the instrument behind it outlives every client."""

import logging
import select
import socket
import threading

_log = logging.getLogger(__name__)
_SEND_S = 2.0


class PortServer:
    """One thread: accepts, reads, and gives the instrument its moments. A second client is turned away, as by a
    port that is in use. Subclasses implement the four `on_` methods; all run on the port's thread."""

    def __init__(self, name: str, host: str, port: int) -> None:
        self.name = name
        self._listener = socket.create_server((host, port), reuse_port=False)
        self.port: int = self._listener.getsockname()[1]
        self._client: socket.socket | None = None
        self._wake_in, self._wake_out = socket.socketpair()
        self._closing = False
        self._thread = threading.Thread(target=self._serve, name=f"virtual {name}", daemon=True)

    @property
    def address(self) -> str:
        """What pyserial opens."""
        host = self._listener.getsockname()[0]
        return f"socket://{host}:{self.port}"

    def start(self) -> None:
        self._thread.start()

    def close(self) -> None:
        self._closing = True
        self._wake_out.send(b"x")
        self._thread.join()
        for s in (self._client, self._listener, self._wake_in, self._wake_out):
            if s is not None:
                s.close()

    def on_connect(self) -> None:
        """A client opened the port."""

    def on_bytes(self, data: bytes) -> None:
        """Bytes came in."""

    def on_moment(self) -> None:
        """Called before waiting: time has passed."""

    def moment_s(self) -> float:
        """Wall seconds after which `on_moment` is wanted."""
        return 0.1

    def send(self, data: bytes) -> None:
        """To the client, if there is one."""
        if self._client is None:
            return
        try:
            self._client.sendall(data)
        except OSError as error:
            _log.info("%s: client went away while being answered: %s", self.name, error)
            self._drop()

    def _drop(self) -> None:
        if self._client is not None:
            self._client.close()
            self._client = None

    def _serve(self) -> None:
        while not self._closing:
            self.on_moment()
            watched = [self._listener, self._wake_in, *([self._client] if self._client is not None else [])]
            ready, _, _ = select.select(watched, [], [], max(0.0, self.moment_s()))
            if self._wake_in in ready:
                return
            if self._client is not None and self._client in ready:
                self._read(self._client)
            if self._listener in ready:
                self._accept()

    def _read(self, client: socket.socket) -> None:
        try:
            data = client.recv(4096)
        except OSError as error:
            _log.info("%s: client went away: %s", self.name, error)
            data = b""
        if data:
            self.on_bytes(data)
        else:
            self._drop()

    def _accept(self) -> None:
        client, _ = self._listener.accept()
        if self._client is not None and select.select([self._client], [], [], 0)[0]:
            self._read(self._client)
        if self._client is not None:
            _log.warning("%s: the port is in use; a second client was turned away", self.name)
            client.close()
            return
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        client.settimeout(_SEND_S)
        self._client = client
        self.on_connect()
