"""Requests to one device over HTTP: each on a connection of its own, with one deadline and a length cap.

`http.client` alone bounds each read, not the answer: a server that drips bytes could hold it for ever. So the bytes
are read here, and `http.client` only takes them apart. No request waits for another, above all not a stop.
"""

import http.client
import io
import socket
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Literal
from urllib.parse import urlsplit

from hardware.devices import Traffic
from hardware.errors import DeviceTimeoutError, NotConnectedError, OutOfRangeError, ReplyError, StoppedError

LONGEST_ANSWER = 1_000_000
CONNECT_S = 2.0
_SLICE_S = 0.02
_PIECE = 65536


@dataclass(frozen=True)
class Request:
    path: str
    body: bytes | None = None
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Answer:
    status: int
    body: bytes


class _Recorded:
    """What `http.client` reads an answer from."""

    def __init__(self, data: bytes) -> None:
        self._file = io.BytesIO(data)

    def makefile(self, *_: object, **__: object) -> io.BytesIO:
        return self._file


class HttpLink:
    """`url` is http://host or http://host:port; a bare host will do. Raises OutOfRangeError for anything else."""

    def __init__(self, device: str, url: str) -> None:
        self.device, self.url = device, url
        try:
            parts = urlsplit(url if "://" in url else f"http://{url}")
            self._host, self._port = parts.hostname or "", parts.port or 80
        except ValueError:
            parts, self._host, self._port = urlsplit(""), "", 80
        if parts.scheme != "http" or not self._host:
            raise OutOfRangeError(device, f"{url!r} is no address; write it as http://192.168.1.2")
        self._found = ""  # asking for a name's number again could hold up a stop
        self._traffic: deque[Traffic] = deque(maxlen=512)

    @property
    def traffic(self) -> tuple[Traffic, ...]:
        return tuple(self._traffic)

    def exchange(
        self,
        request: Request,
        deadline_s: float,
        *,
        unless: Callable[[], bool] = lambda: False,
        direction: Literal[">", "!"] = ">",
    ) -> Answer:
        """The answer to one request. `unless` is asked at the last moment, and again while the answer is awaited.

        Raises NotConnectedError, whose outcome is "not_done" when nothing was sent; DeviceTimeoutError, ReplyError
        for what is no HTTP, StoppedError.
        """
        with self._connected(deadline_s) as connection:
            data = self._bytes_of(request)
            if unless():
                raise StoppedError(self.device)
            with self._failures():
                connection.sendall(data)
            self._traffic.append(Traffic(time.monotonic(), direction, data))
            heard = bytearray()
            while not self._whole(heard):
                if unless():
                    raise StoppedError(self.device)
                left_s = deadline_s - time.monotonic()
                if left_s <= 0:
                    raise DeviceTimeoutError(self.device, f"no whole answer from {self.url} in time", "unknown")
                connection.settimeout(max(0.001, min(left_s, _SLICE_S)))
                with self._failures():
                    try:
                        piece = connection.recv(_PIECE)
                    except TimeoutError:
                        continue
                if not piece:
                    break
                self._traffic.append(Traffic(time.monotonic(), "<", piece))
                heard += piece
            return self._parsed(bytes(heard))

    def _bytes_of(self, request: Request) -> bytes:
        method = "GET" if request.body is None else "POST"
        lines = [f"{method} {request.path} HTTP/1.1", f"Host: {self._host}:{self._port}", "Connection: close"]
        lines += [f"{name}: {value}" for name, value in request.headers.items()]
        if request.body is not None:
            lines += ["Content-Type: text/plain", f"Content-Length: {len(request.body)}"]
        return "".join(f"{line}\r\n" for line in (*lines, "")).encode("latin-1") + (request.body or b"")

    def _whole(self, heard: bytearray) -> bool:
        """Whether nothing more is to come. An answer that tells no length ends when the server hangs up."""
        if len(heard) > LONGEST_ANSWER:
            message = f"{self.url} answers without end"
            raise ReplyError(self.device, "", repr(bytes(heard[:40])), message, "unknown")
        head, end, body = bytes(heard).partition(b"\r\n\r\n")
        if not end:
            return False
        for line in head.lower().split(b"\r\n"):
            name, _, value = line.partition(b":")
            if name == b"content-length" and value.strip().isdigit():
                return len(body) >= int(value)
            if name == b"transfer-encoding" and b"chunked" in value:
                return body.endswith(b"0\r\n\r\n")
        return head[9:12] in (b"204", b"304")

    def _parsed(self, heard: bytes) -> Answer:
        try:
            response = http.client.HTTPResponse(_Recorded(heard))  # type: ignore[arg-type]
            response.begin()
            answer = Answer(response.status, response.read())
        except http.client.HTTPException as error:
            cut_off = isinstance(error, http.client.IncompleteRead) or b"HTTP/1.".startswith(heard[:7])
            raise self._unanswered(heard, cut_off=cut_off) from error
        if b"\r\n\r\n" not in heard:
            raise self._unanswered(heard, cut_off=True)
        return answer

    def _unanswered(self, heard: bytes, *, cut_off: bool) -> NotConnectedError | ReplyError:
        if cut_off:
            message = f"{self.url} hung up before it had answered; check network and power"
            return NotConnectedError(self.device, message, "unknown")
        message = f"{self.url} does not speak HTTP"
        return ReplyError(self.device, "", repr(heard[:40]), message, "unknown")

    @contextmanager
    def _connected(self, deadline_s: float) -> Iterator[socket.socket]:
        patience_s = min(CONNECT_S, max(0.01, deadline_s - time.monotonic()))
        try:
            connection = socket.create_connection((self._found or self._host, self._port), timeout=patience_s)
            self._found = connection.getpeername()[0]
        except OSError as error:
            self._found = ""
            advice = "is it switched on, and is this computer in its network?"
            raise NotConnectedError(self.device, f"cannot reach {self.url} ({error}); {advice}") from error
        with connection:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            yield connection

    @contextmanager
    def _failures(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            message = f"lost {self.url} ({error}); check network and power, then connect again"
            raise NotConnectedError(self.device, message, "unknown") from error
