"""A port in front of somebody else's simulator that answers lines, for drivers that open `socket://`."""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def served(answer: Callable[[str], str | list[str] | None], heard_end: str, said_end: str) -> Iterator[str]:
    """Its address. One client at a time, one after another; what a client left half said stays in the line."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        heard = ""
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return
            with client:
                while data := _received(client):
                    *lines, heard = (heard + data.decode("latin-1")).split(heard_end)
                    for line in lines:
                        told = answer(line)
                        for text in [told] if isinstance(told, str) else told or []:
                            client.sendall((text + said_end).encode("latin-1"))

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield f"socket://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join(10)
        assert not thread.is_alive(), "a driver left its port open"


def _received(client: socket.socket) -> bytes:
    try:
        return client.recv(4096)
    except ConnectionResetError:
        return b""
