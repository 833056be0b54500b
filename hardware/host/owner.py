"""The process that owns the ports. It does what the program asks, and stops everything when the program cannot."""

import logging
import logging.handlers
import os
import queue
import signal
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

from hardware.errors import (
    DeviceTimeoutError,
    HardwareError,
    NotConnectedError,
    OutOfRangeError,
    ReplyError,
    StoppedError,
)  # fmt: skip
from hardware.exchange import save_exchange
from hardware.host import commands
from hardware.host.books import Book, book_of, passed_over, recalled, written
from hardware.host.door import StopDoor, wait_for_predecessors
from hardware.host.lease import Lease
from hardware.host.mender import Mender
from hardware.host.messages import Channel, ChannelClosedError, Message, told
from hardware.host.operations import Operations
from hardware.latch import Latch, moment
from hardware.rig import LocalRig, RigOpenError, open_rig
from hardware.rig_file import parse_rig
from hardware.spec import RigSpec

log = logging.getLogger(__name__)
PREDECESSOR_S = 3.0
SHOW_S = 0.1
SWITCH_S = 0.001
"""How long a thread of the owner may keep the others waiting: a stop is one of them."""
LONGEST_LEASE_S = 60.0
LAST_WORDS_S = 0.2


class Owner:
    """One rig for one program, until either ends. leave: ends the process.

    Nothing that stops a device waits for the program or a terminal to take what is said to it.
    """

    def __init__(self, channel: Channel, leave: Callable[[], object]) -> None:
        self._channel, self._leave = channel, leave
        self._latch = Latch()
        self._by_itself = Latch()
        """Stops that the program did not ask for; released by whoever was told of them."""
        self._asked_to_stop = 0
        """The program's moment of the newest stop it asked for."""
        self._spec: RigSpec | None = None
        self._rig: LocalRig | None = None
        self._operations = Operations()
        self._lease = Lease(self.stop, self._gone)
        self._door: StopDoor | None = None
        self._logs: Path | None = None
        self._mender: Mender | None = None
        self._book: Book | None = None
        self._shown: Message = {}
        self._showing = threading.Lock()
        self._ended = threading.Event()

    def serve(self) -> None:
        """Hear the program out, then stop and let go of every port."""
        self._lease.begin()
        why = "the program has ended"
        try:
            while (message := self._channel.receive()) is not None:
                if message.get("do") == "close":
                    why = ""
                    break
                self._heard(message)
        finally:
            self.end(why)

    def _heard(self, message: Message) -> None:
        match message.get("do"):
            case "beat":
                self._beat()
            case "stop":
                self._latch.set()  # at once: a release that came before this message does not undo it
                if isinstance(at := message.get("at"), int):
                    self._asked_to_stop = max(at, self._asked_to_stop)
                self._aside(self._stop_asked, message)
            case "open":
                self._aside(self._open_asked, message)
            case "call":
                came = moment()
                self._aside(lambda asked: self._call_asked(asked, came), message)

    def stop(self, by: str) -> tuple[str, ...]:
        """Stop every device and stay stopped. Any thread; the program is told, whether or not it listens."""
        self._by_itself.set()
        at = self._by_itself.last_stop
        unconfirmed = self._stop_devices()
        log.warning("stopped everything: %s", by)
        self._aside(self._send, {"stopped": by, "unconfirmed": list(unconfirmed), "at": at})
        return unconfirmed

    def end(self, why: str = "") -> None:
        """Stop what may be running, close every port. A program that ends as it should leaves nothing running."""
        self._ended.set()
        if self._mender is not None:
            self._mender.end()
        self._lease.end()
        self._latch.set()
        if self._door is not None:
            self._door.ending()
        if why or self._operations.running():
            self._stop_devices()
        if self._door is not None:
            self._door.close()
        if self._rig is not None:
            self._rig.close()

    def _beat(self) -> None:
        self._lease.beat()
        self._send({"beat": True})

    def _stop_devices(self) -> tuple[str, ...]:
        self._latch.set()
        if self._rig is not None:
            return self._rig.stop_all()
        return () if self._spec is None else (*self._spec.pumps, "stage")  # being opened: nobody was asked yet

    def _gone(self) -> None:
        self.end("the program has ended")
        self._leave()

    # each of these in a thread of its own

    def _aside(self, work: Callable[[Message], None], message: Message) -> None:
        try:
            threading.Thread(target=work, args=(message,), name=str(message.get("do")), daemon=True).start()
        except RuntimeError:  # the system gives no more threads
            if message.get("do") in ("stop", None):  # the last tells the program of a stop
                work(message)
            else:
                self._answer(message, {"error": told(HardwareError("port owner", "has no thread left; stop"))})

    def _stop_asked(self, message: Message) -> None:
        self._answer(message, {"value": list(self._stop_devices())})
        self._show()

    def _open_asked(self, message: Message) -> None:
        answer: Message
        try:
            answer = {"value": self._opened(message)}
            self._show()
        except RigOpenError as error:
            answer = {"missing": [[m.role, m.port, m.message] for m in error.missing]}
        except Exception as error:  # a mistake of ours must reach the program
            log.exception("the rig did not open")
            answer = {"error": told(error)}
        self._answer(message, answer)

    def _opened(self, message: Message) -> Message:
        lease_s, speed = float(str(message["lease_s"])), float(str(message["speed"]))
        spec = parse_rig(str(message["rig"]))
        if self._spec is not None or not 0 < lease_s <= LONGEST_LEASE_S:
            raise ValueError(f"a second rig, or a lease of {lease_s:g} s")
        self._spec = spec
        self._logs = Path(str(message["logs"])) if message.get("logs") else None
        warnings: list[str] = []
        try:
            self._door = StopDoor(spec.name, self.stop)
        except OSError as error:  # all other ways to stop it are open
            warnings.append(f"`aliquot stop` cannot reach this rig: {error}")
        self._lease.counts(lease_s)
        last_stop = self._latch.last_stop
        rig = self._devices(spec, speed)
        stopped = self._latch.last_stop != last_stop
        if books := message.get("books"):
            self._latch.set()  # it follows one that was lost: a person goes on, not a program
            commands.restore(rig, books)
        last_stop = self._latch.last_stop
        rig.when_booked(self._show)
        self._book = book_of(spec)
        booked = ""
        try:
            if self._book is not None and not books:
                booked = recalled(rig, self._book)
                warnings += filter(None, [passed_over(self._book)])
        except ValueError as error:
            warnings.append(str(error))
        devices = {**rig.pumps, "stage": rig.stage, **rig.meters}
        self._mender = Mender(devices, lambda: bool(self._operations.running()), self._show)
        self._rig = rig
        if stopped or self._latch.last_stop != last_stop:  # while it was being opened
            self._stop_devices()
        threading.Thread(target=self._show_while_busy, name="shows", daemon=True).start()
        return {**commands.facts(rig), "warnings": warnings, "booked": booked}

    def _devices(self, spec: RigSpec, speed: float) -> LocalRig:
        """A program that follows one which was killed may come before its owner has let go of the ports."""
        try:
            return open_rig(spec, speed=speed, latch=self._latch)
        except RigOpenError:
            if not wait_for_predecessors(PREDECESSOR_S):
                raise
        return open_rig(spec, speed=speed, latch=self._latch)

    def _call_asked(self, message: Message, came: int) -> None:
        """came: the moment of the message."""
        failures: list[Exception] = []

        def answer() -> Message:
            try:
                return {"value": self._called(message, came)}
            except Exception as error:  # as above
                if not isinstance(error, HardwareError):
                    log.exception("%s.%s failed", message.get("on"), message.get("what"))
                failures.append(error)
                return {"error": told(error)}

        if message.get("what") in commands.QUESTIONS:
            answered = answer()
        else:
            answered = self._operations.once(str(message.get("op")), answer)
        try:
            self._show()
        finally:
            self._answer(message, answered)
        for error in failures:
            if isinstance(error, NotConnectedError) and self._mender is not None:
                self._mender.note(error.device, error.message)
            if message.get("what") not in commands.QUESTIONS:
                self._keep_exchange(error)

    def _called(self, message: Message, came: int) -> object:
        rig, arguments = self._rig, message.get("arguments", [])
        if rig is None or not isinstance(arguments, list):
            raise HardwareError("port owner", "has no rig open")
        on, what = str(message.get("on")), str(message.get("what"))
        if (on, what) != ("rig", "rearm"):
            return commands.called(rig, on, what, arguments)
        if len(arguments) != 2 or not all(isinstance(at, int) for at in arguments):
            raise OutOfRangeError("rig", f"rearm takes two moments, not {str(arguments)[:80]}")
        asked, told_of = arguments
        if self._asked_to_stop > asked or not self._by_itself.release(told_of):
            raise StoppedError("rig", "was stopped again meanwhile")
        rig.rearm(came)
        self._lease.again()
        return None

    def _answer(self, message: Message, answer: Message) -> None:
        op = str(message.get("op"))
        try:
            self._send({"answer": op, **answer})
        except (TypeError, ValueError) as error:
            self._send({"answer": op, "error": told(error)})

    def _keep_exchange(self, error: Exception) -> None:
        said_on_a_wire = isinstance(error, NotConnectedError | DeviceTimeoutError | ReplyError)
        if self._logs is None or self._rig is None or not said_on_a_wire:
            return
        try:
            save_exchange(self._logs, self._rig.exchange_log(), str(error))
        except OSError as full:
            log.warning("the exchange log could not be saved: %s", full)

    def _show_while_busy(self) -> None:
        """A dose is booked when it begins, and a person wants to see that."""
        while not self._ended.wait(SHOW_S):
            if self._operations.running():
                self._show()

    def _show(self) -> None:
        """Tell the program what has changed."""
        if self._rig is None:
            return
        with self._showing:
            state = commands.state(self._rig)
            state["lost"] = self._mender.lost if self._mender is not None else {}
            changed = {k: v for k, v in state.items() if self._shown.get(k) != v}
            self._shown = state
            if self._book is not None and {"left_ul", "worst_left_ul", "contents_ul"} & changed.keys():
                self._keep_books(self._book, state)
            if changed:
                self._send({"state": changed})

    def _keep_books(self, book: Book, state: Message) -> None:
        left_ul, worst_ul, contents_ul = state["left_ul"], state["worst_left_ul"], state["contents_ul"]
        if not (isinstance(left_ul, dict) and isinstance(worst_ul, dict) and isinstance(contents_ul, dict)):
            return
        try:
            written(book, {role: min(ul, worst_ul.get(role, ul)) for role, ul in left_ul.items()}, contents_ul)
        except OSError as error:
            log.warning("the books could not be kept: %s", error)

    def _send(self, message: Message) -> None:
        with suppress(ChannelClosedError):  # the program is gone: `serve` ends by itself
            self._channel.send(message)


def channel_of_this_process() -> Channel:
    """stdin and stdout become the channel; whatever a library prints goes to stderr."""
    if sys.stderr is None:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
        sys.stderr = os.fdopen(2, "w")
    writes: BinaryIO = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    return Channel(sys.stdin.buffer, writes)


def log_aside(form: str) -> Callable[[], None]:
    """Log from a thread of its own: a terminal that takes nothing more holds up nobody.

    Returns what ends the process after the last words.
    """
    records: queue.SimpleQueue[logging.LogRecord] = queue.SimpleQueue()
    writer = logging.StreamHandler()
    writer.setFormatter(logging.Formatter(form))
    logging.getLogger().addHandler(logging.handlers.QueueHandler(records))

    def write() -> None:
        while True:
            writer.handle(records.get())

    def leave() -> None:
        until_s = time.monotonic() + LAST_WORDS_S
        while not records.empty() and time.monotonic() < until_s:
            time.sleep(0.01)
        os._exit(0)  # a device that hangs keeps no process alive

    threading.Thread(target=write, name="log", daemon=True).start()
    return leave


def main() -> None:
    """Serve the program that started this process."""
    sys.setswitchinterval(SWITCH_S)
    channel = channel_of_this_process()
    leave = log_aside("port owner: %(message)s")
    owner = Owner(channel, leave)

    def asked_to_leave(number: int, _: object) -> None:
        def work() -> None:
            owner.end(f"signal {number}")
            leave()

        threading.Thread(target=work, name="leaves", daemon=True).start()  # what it interrupts may hold a lock

    for name in ("SIGTERM", "SIGINT", "SIGHUP", "SIGBREAK"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), asked_to_leave)
    try:
        owner.serve()
    except Exception:
        log.exception("the port owner failed")
    leave()
