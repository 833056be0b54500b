"""mt-sics-emulator, other people's MT-SICS scales on TCP: our driver on it.

It answers S at once, at rest or not, and SI with its own name, where Mettler Toledo's manual has an S.
"""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

profiles = pytest.importorskip("mtsics.profiles")

from mtsics.core.simulator import SimConfig, WeightSimulator  # noqa: E402
from mtsics.core.state import ScaleState  # noqa: E402
from mtsics.protocol.engine import MTSICSEngine  # noqa: E402
from mtsics.transport.tcp import TCPConfig, TCPTransport  # noqa: E402

from hardware.drivers import balance  # noqa: E402
from hardware.errors import ReplyError  # noqa: E402
from tests.hardware.meters import a_meter  # noqa: E402

pytestmark = pytest.mark.peer


@contextmanager
def their_scale(profile: str) -> Iterator[tuple[WeightSimulator, str]]:
    """The pan, and the address."""
    state = ScaleState(profiles.load(profile))
    pan = WeightSimulator(state, SimConfig(settle_tau=0.1, stability_window=0.25), seed=1)
    server = TCPTransport(MTSICSEngine(state), simulator=pan, cfg=TCPConfig("127.0.0.1", 0, sim_tick_rate=50.0))
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    host, port = asyncio.run_coroutine_threadsafe(server.start(), loop).result(10)
    try:
        yield pan, f"socket://{host}:{port}"
    finally:
        asyncio.run_coroutine_threadsafe(server.close(), loop).result(10)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)
        loop.close()


@pytest.mark.parametrize(
    ("profile", "serial_number", "step_g"), [("mt-xs204", "B246813579", 0.0001), ("mt-ind570", "C987654321", 100.0)]
)
def test_our_driver_waits_for_rest_tares_and_zeroes(profile: str, serial_number: str, step_g: float) -> None:
    with their_scale(profile) as (pan, address):
        meter = a_meter(balance, address)
        meter.open()
        assert serial_number in meter.identify()
        grams = 200 * step_g
        in_its_unit = grams / (1000.0 if pan._state.config.unit == "kg" else 1.0)
        pan.set_target(in_its_unit)
        while meter.about()["weight"].endswith(", at rest"):
            threading.Event().wait(0.01)
        assert meter.read() == (pytest.approx(grams, abs=5 * step_g), "g")
        meter.tare()
        assert meter.read()[0] == pytest.approx(0.0, abs=5 * step_g)
        pan.set_target(2 * in_its_unit)
        threading.Event().wait(0.1)
        assert meter.read()[0] == pytest.approx(grams, abs=5 * step_g)
        pan.snap_to(2 * pan._state.config.capacity)
        with pytest.raises(ReplyError, match="overloaded"):
            meter.read()
        pan.snap_to(0.0)
        meter.zero()
        meter.close()
        meter.open()
        assert serial_number in meter.identify()
        meter.close()
