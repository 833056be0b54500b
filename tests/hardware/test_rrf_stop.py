"""Stopping a RepRapFirmware stage, alone and with a single-board computer; noise instead of answers."""

import threading
from contextlib import suppress
from functools import partial

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hardware.drivers import rrf
from hardware.errors import HardwareError, NotConnectedError, ReplyError, StoppedError
from hardware.parts import duet
from hardware.virtual.instruments.rrf import Build, Instrument
from tests.hardware.rrf_talk import BOARDS, CONNECT, IDLE, a_stage, axes, http, model, request_of, url
from tests.hardware.stages import Bench

BOTH = [Build(), Build(sbc=True)]


@pytest.fixture(params=BOTH)
def bench(request):
    made = Bench("rrf", 20.0, partial(Instrument, build=request.param), a_stage)
    made.stage.open()
    yield made
    made.close()


def test_a_move_is_stopped_and_homing_brings_the_board_back(bench):
    bench.stage.home()
    thread = bench.begins(lambda: bench.stage.move_to(150, 105))
    bench.stage.stop()
    assert not bench.world.stage_moves()
    assert bench.world.stage_mm()[0] < 150
    thread.join(10)
    assert isinstance(bench.failed[0], StoppedError)
    assert not bench.stage.homed
    with pytest.raises(HardwareError, match="home it first"):
        bench.stage.move_to(1, 1)
    bench.stage.home()
    bench.stage.move_to(10, 10)
    assert bench.world.stage_mm() == pytest.approx((10, 10, 0), abs=0.02)


def test_homing_is_stopped_too(bench):
    thread = bench.begins(bench.stage.home)
    bench.stage.stop()
    assert not bench.world.stage_moves()
    thread.join(10)
    assert isinstance(bench.failed[0], StoppedError)
    assert not bench.stage.homed


def test_a_stage_that_stands_keeps_its_position(bench):
    bench.stage.home()
    bench.stage.move_to(10, 10)
    bench.stage.stop()
    assert bench.stage.homed
    bench.stage.move_to(20, 10)
    assert bench.world.stage_mm() == pytest.approx((20, 10, 0), abs=0.02)


def test_a_stop_of_everything_ends_a_move_even_if_this_stage_is_not_told(bench):
    bench.stage.home()
    bench.world.clock.speed = 5.0
    thread = bench.begins(lambda: bench.stage.move_to(150, 105, 20))
    bench.latch.set()
    thread.join(10)
    assert isinstance(bench.failed[0], StoppedError)
    assert not bench.world.stage_moves()


def test_stops_and_moves_racing_end_standing(bench):
    for _ in range(6):
        if not bench.stage.homed:
            bench.stage.home()
        bench.races(lambda: bench.stage.move_to(60, 60))
        if bench.stage.homed:
            bench.stage.move_to(0, 0)
    bench.stage.home()
    bench.stage.move_to(30, 30)
    assert bench.world.stage_mm() == pytest.approx((30, 30, 0), abs=0.02)


def test_a_power_cycle_in_mid_move_loses_the_position(bench):
    bench.stage.home()
    thread = bench.begins(lambda: bench.stage.move_to(150, 105))
    bench.instrument.power_cycle()
    thread.join(10)
    assert isinstance(bench.failed[0], NotConnectedError | ReplyError)
    assert bench.failed[0].outcome == "unknown"
    assert not bench.stage.homed


def test_sessions_end_and_begin_anew_in_mid_work(bench):
    bench.stage.home()
    for x in (10, 20, 30):
        bench.instrument.forget_sessions()
        bench.stage.move_to(x, 10)
        assert bench.world.stage_mm()[0] == pytest.approx(x, abs=0.02)


NOISE = st.one_of(
    st.binary(max_size=60),
    st.sampled_from([http(503), http(404), http("{}"), http("[]"), http('{"key":"state","result":null}'),
                     http({"key": "state", "result": {"status": 3}}), b"HTTP/1.1 200 OK\r\n\r\n", b"HTTP/9\r\n\r\n",
                     b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n0\r\n\r\n",
                     b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n"]),
)  # fmt: skip


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.one_of(st.none(), NOISE), max_size=10))
def test_noise_ends_in_arriving_or_in_an_error_and_never_in_a_second_move(serving, noises):
    left, codes, here = list(noises), [], [0, 0]
    quiet = True

    def answer(received: bytes):
        if (request := request_of(received)) is None:
            return None
        known = dict(
            [CONNECT, model("boards", BOARDS), model("move.axes", axes(*here)), IDLE, model("seqs", {"reply": 1})]
        )
        if "rr_gcode" in request[1]:
            codes.append(request[1])
            if "G1" in request[1]:
                here[:] = [45, 20]
        noise = left.pop(0) if left and not quiet else None
        return request[0], http(known.get(request[1], {"buff": 1})) if noise is None else noise

    with pytest.MonkeyPatch.context() as patch, serving(answer) as instrument:
        stage = a_stage(url(instrument))
        stage.open()
        patch.setattr(duet, "ANSWER_S", 0.1)
        patch.setattr(rrf, "ANSWER_S", 0.1)
        patch.setattr(rrf.Driver, "_expected_s", lambda *_: -3.2)
        quiet = False
        ended = threading.Event()

        def move() -> None:
            with suppress(HardwareError):
                stage.move_to(45, 20)
                assert here == [45, 20]
            ended.set()

        mover = threading.Thread(target=move)
        mover.start()
        assert ended.wait(30)
        mover.join()
        assert sum("G1" in code for code in codes) <= 1
