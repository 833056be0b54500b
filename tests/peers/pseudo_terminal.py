"""A device name in front of a virtual instrument, for programs that open nothing else."""

import os
import pty
import select
import socket
import threading
import tty
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def as_a_device(address: str) -> Iterator[str]:
    """The name of a pseudo-terminal that carries bytes to and from `socket://host:port`."""
    ours, theirs = pty.openpty()
    tty.setraw(theirs)
    host, _, port = address.removeprefix("socket://").rpartition(":")
    far = socket.create_connection((host, int(port)))
    wake, woken = socket.socketpair()

    def carry() -> None:
        while True:
            ready = select.select([ours, far, woken], [], [])[0]
            if woken in ready:
                return
            if ours in ready:
                far.sendall(os.read(ours, 4096))
            if far in ready:
                os.write(ours, far.recv(4096))

    thread = threading.Thread(target=carry, daemon=True)
    thread.start()
    try:
        yield os.ttyname(theirs)
    finally:
        wake.close()
        thread.join(5)
        for fd in (ours, theirs):
            os.close(fd)
        far.close()
        woken.close()
