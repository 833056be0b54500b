"""A wall clock that tests turn by hand, and clients that speak bytes."""

import socket
from typing import Self


class Wall:
    """Time that passes when told."""

    def __init__(self) -> None:
        self.now_s = 0.0

    def __call__(self) -> float:
        return self.now_s

    def passes(self, seconds: float) -> None:
        self.now_s += seconds


class Client:
    """A raw socket, read up to an ending."""

    def __init__(self, port: int) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=10.0)
        self._heard = b""

    def say(self, data: bytes) -> None:
        self._socket.sendall(data)

    def hear(self, end: bytes) -> bytes:
        """The next message with its end."""
        while end not in self._heard:
            data = self._socket.recv(4096)
            assert data, f"the instrument hung up after {self._heard!r}"
            self._heard += data
        at = self._heard.index(end) + len(end)
        message, self._heard = self._heard[:at], self._heard[at:]
        return message

    def patience(self, seconds: float) -> None:
        """How long `hear` waits for more before it raises TimeoutError."""
        self._socket.settimeout(seconds)

    def is_silent(self) -> bool:
        """Whether nothing more comes for a while."""
        self._socket.settimeout(0.1)
        try:
            self._heard += self._socket.recv(4096)
        except TimeoutError:
            return not self._heard
        finally:
            self._socket.settimeout(10.0)
        return False

    def is_turned_away(self) -> bool:
        return self._socket.recv(1) == b""

    def close(self) -> None:
        self._socket.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class PumpClient(Client):
    def ask(self, command: str) -> str:
        """Send one command; the answer without its frame."""
        self.say(command.encode("ascii") + b"\r")
        frame = self.hear(b"\x03")
        assert frame[:1] == b"\x02"
        return frame[1:-1].decode("ascii")


class StageClient(Client):
    def line(self) -> str:
        return self.hear(b"\r\n").decode("ascii").removesuffix("\r\n")

    def ask(self, line: str) -> list[str]:
        """Send one line; everything up to and with its ok or error."""
        self.say(line.encode("ascii") + b"\n")
        heard = [self.line()]
        while heard[-1] != "ok" and not heard[-1].startswith(("error:", "[MSG:Reset to continue")):
            heard.append(self.line())
        return heard

    def status(self) -> str:
        self.say(b"?")
        return self.line()
