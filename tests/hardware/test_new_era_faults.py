"""New Era pumps when things go wrong: cables, power, stalls, stops, a host that dies. The world tells the truth."""

import threading
import time
from contextlib import suppress

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hardware.dialects.new_era import Direction, Shape, Word
from hardware.errors import DeviceTimeoutError, HardwareError, NotConnectedError, ReplyError, StoppedError
from hardware.parts import new_era_talk
from hardware.parts.new_era_delivery import Delivery
from hardware.virtual.clock import VirtualClock
from hardware.wire import Wire
from tests.hardware.new_era_talk import GREETING, a_pump, in_background, on_the_bench, packet, safe_packet
from tests.hardware.unplug import Cable, outcome_of
from tests.hardware.virtual.hands import PumpClient, Wall

pytestmark = pytest.mark.usefixtures("quick_unplug")


def counted(world, role: str = "red") -> float:
    return sum(world.counted_ul(role))


@pytest.mark.parametrize("watchdog_s", [0, 200])
def test_a_cable_pulled_at_any_byte(monkeypatch, watchdog_s):
    """Whatever the byte: one state, the truth about the dose, and no second one when the cable is in again."""
    monkeypatch.setattr(new_era_talk, "FIND_S", 0.03)
    with on_the_bench(1000.0) as (world, instrument):
        cable = Cable(instrument.address)
        pump = a_pump(cable.address, speed=1000.0, watchdog_s=watchdog_s)
        pump.open()
        outcomes, k = [], 0
        while outcomes.count("done") < 20:  # also in what is said after it
            pump.loaded(12_500)
            world.set_left("red", 12_500)
            before_ul = counted(world)
            cable.pull_at(k)
            way = (pump.dispense, pump.aspirate)[k % 2]
            outcomes.append(outcome_of(lambda way=way: way(40.0, 300.0)))
            cable.pull_at(None)
            booked_ul = abs(pump.left_ul - 12_500)
            pump.open()  # also ends what the pump may still be doing
            moved_ul = counted(world) - before_ul
            assert moved_ul <= 40.0 + 1e-6, f"dosed twice at byte {k}"
            if outcomes[-1] == "not_done":
                assert (moved_ul, booked_ul) == (0, 0), f"at byte {k}"
            else:
                assert booked_ul == pytest.approx(40), f"at byte {k}"
            if outcomes[-1] == "done":
                assert moved_ul == pytest.approx(40)
            k += 1
        pump.close()
        cable.close()
        assert {"not_done", "unknown", "done"} == set(outcomes)
        assert k > 200


def test_a_host_that_dies_leaves_a_pump_that_stops_by_itself():
    wall = Wall()
    with on_the_bench(clock=VirtualClock(1.0, wall)) as (world, instrument):
        host = a_pump(instrument.address, watchdog_s=10)
        host.open()
        _, failures = in_background(lambda: host.dispense(10_000.0, 100.0))
        assert soon(lambda: world.pump_moves("red"))
        host._link.close()  # nobody says stop, nobody says SAF0
        assert soon(lambda: bool(failures))
        wall.passes(9.0)
        assert world.pump_moves("red")
        wall.passes(5.0)
        assert soon(lambda: not world.pump_moves("red"))
        stands_ul = counted(world)
        assert stands_ul < 1500
        wall.passes(60.0)
        assert counted(world) == stands_ul
        assert isinstance(failures[0], NotConnectedError)
        assert failures[0].outcome == "unknown"
        host.open()
        assert "stopped itself" in host.about()["last alarm"]
        assert host.about()["mode"] == "Basic"
        host.close()
        with PumpClient(instrument.port) as other:
            assert other.ask("SAF") == "00S0", "as other programs expect it"


def test_a_pump_that_delivers_for_longer_than_its_watchdog_is_kept_going():
    with on_the_bench(1.0) as (_, instrument):
        pump = a_pump(instrument.address, watchdog_s=4)
        pump.open()
        assert pump.dispense(550.0, 100.0) == pytest.approx(550.0, abs=1)
        pump.close()


@pytest.mark.parametrize("watchdog_s", [0, 200])
def test_a_stall_is_told_even_if_somebody_else_asked_first(watchdog_s):
    with on_the_bench(1.0) as (world, instrument):
        pump = a_pump(instrument.address, watchdog_s=watchdog_s)
        pump.open()
        thread, failures = in_background(lambda: pump.dispense(10_000.0, 100.0))
        assert soon(lambda: counted(world) > 5)
        with pump._link.lock:
            world.stall("red")
            assert "stalled" in pump.about()["last alarm"]
        thread.join(10)
        assert isinstance(failures[0], ReplyError)
        assert "stalled" in str(failures[0])
        assert failures[0].outcome == "unknown"
        assert 25_000 - pump.left_ul == pytest.approx(counted(world), abs=1)
        assert pump.dispense(1.0, 100.0) == pytest.approx(1, abs=0.5), "told once"
        pump.close()


@pytest.mark.parametrize("watchdog_s", [0, 200])
def test_a_power_cut_on_the_way(watchdog_s):
    with on_the_bench(1.0) as (world, instrument):
        with PumpClient(instrument.port) as other:
            assert other.ask("") == "00A?R"
            assert other.ask("PF1") == "00S", "begins anew by itself when the power returns"
        pump = a_pump(instrument.address, watchdog_s=watchdog_s)
        pump.open()
        thread, failures = in_background(lambda: pump.dispense(10_000.0, 100.0))
        assert soon(lambda: counted(world) > 5)
        instrument.power_cycle()
        thread.join(10)
        assert "switched off" in str(failures[0])
        assert (failures[0].outcome, pump.left_ul) == ("unknown", 15_000)
        assert not world.pump_moves("red")
        pump.loaded(20_000)
        assert pump.dispense(10.0, 100.0) == pytest.approx(10, abs=0.5)
        pump.close()


def test_an_alarm_of_the_idle_pump_fails_the_next_delivery_once():
    with on_the_bench() as (_, instrument):
        pump = a_pump(instrument.address, speed=500.0, watchdog_s=200)
        pump.open()
        instrument.power_cycle()
        assert pump.identify().startswith("NE1000"), "asked again after the alarm"
        with pytest.raises(ReplyError, match="switched off") as caught:
            pump.dispense(10.0, 100.0)
        assert (caught.value.outcome, pump.left_ul) == ("not_done", 25_000)
        assert pump.dispense(10.0, 100.0) == pytest.approx(10, abs=0.5)
        pump.close()


def test_an_empty_syringe_is_told_with_what_came_out():
    with on_the_bench() as (world, instrument):
        world.set_left("red", 300.0)
        pump = a_pump(instrument.address, speed=500.0, watchdog_s=200)
        pump.open()
        with pytest.raises(ReplyError, match="stalled"):
            pump.dispense(500.0, 100.0)
        assert 25_000 - pump.left_ul == pytest.approx(300, rel=0.03)
        pump.close()


@pytest.mark.parametrize("watchdog_s", [0, 200])
@pytest.mark.parametrize("believed", [(False, True), (True, True), (True, False)])
def test_a_stop_works_in_whatever_mode_the_pump_is(believed, watchdog_s):
    with on_the_bench(1.0) as (world, instrument):
        pump = a_pump(instrument.address, watchdog_s=watchdog_s)
        pump.open()
        thread, failures = in_background(lambda: pump.dispense(10_000.0, 100.0))
        assert soon(lambda: counted(world) > 1)
        with pump._link.lock:
            pump._talk.safe, pump._talk.sure = believed
            began = time.monotonic()
            pump.stop()
            assert time.monotonic() - began < 10.0, "on a busy machine; less than 0.6 s on an idle one"
        assert not world.pump_moves("red")
        thread.join(10)
        assert isinstance(failures[0], StoppedError)
        assert 25_000 - pump.left_ul == pytest.approx(counted(world), abs=1)
        assert pump.about()["mode"] == "Basic"
        pump.close()


def test_stops_race_with_deliveries():
    """At whatever moment: the delivery ends as stopped, the pump stands, the book is right."""
    with on_the_bench(50.0) as (world, instrument):
        pump = a_pump(instrument.address, speed=50.0, watchdog_s=200)
        pump.open()
        for wait_s in (0.0, 0.001, 0.002, 0.004, 0.006, 0.008, 0.01, 0.015, 0.02, 0.03):
            pump.loaded(25_000)
            world.refill("red")
            before_ul = counted(world)
            thread, failures = in_background(lambda: pump.dispense(20_000.0, 100.0))
            assert soon(pump._working.locked)
            time.sleep(wait_s)
            pump._latch.set()
            pump.stop()
            thread.join(10)
            assert isinstance(failures[0], StoppedError)
            assert not world.pump_moves("red")
            assert 25_000 - pump.left_ul == pytest.approx(counted(world) - before_ul, abs=1)
            pump._latch.clear()
        pump.close()


def test_a_chain_stops_at_once():
    roles = {"red": 0, "yellow": 3, "blue": 12, "water": 99}
    with on_the_bench(1.0, roles) as (world, instrument):
        wire = Wire(instrument.address)
        pumps = {role: a_pump(instrument.address, address=a, wire=wire, watchdog_s=10) for role, a in roles.items()}
        for pump in pumps.values():
            pump.open()
            assert not pump.abilities.watchdog
            assert pump.about()["watchdog"] == "none: other pumps share its port"
        deliveries = [in_background(lambda pump=pump: pump.dispense(10_000.0, 100.0)) for pump in pumps.values()]
        assert soon(lambda: all(counted(world, role) > 1 for role in roles))
        began = time.monotonic()
        stops = [in_background(pump.stop) for pump in pumps.values()]
        for thread, failures in stops:
            thread.join(10)
            assert not failures
        assert time.monotonic() - began < 10.0, "on a busy machine; 0.1 s on an idle one"
        assert not any(world.pump_moves(role) for role in roles)
        for (thread, failures), (role, pump) in zip(deliveries, pumps.items(), strict=True):
            thread.join(10)
            assert isinstance(failures[0], StoppedError)
            assert 25_000 - pump.left_ul == pytest.approx(counted(world, role), abs=1)
        for pump in pumps.values():
            pump.close()


def test_members_of_a_chain_deliver_side_by_side():
    roles = {"red": 1, "blue": 2}
    with on_the_bench(100.0, roles) as (world, instrument):
        wire = Wire(instrument.address)
        pumps = [a_pump(instrument.address, address=a, wire=wire, speed=100.0) for a in roles.values()]
        for pump in pumps:
            pump.open()
        work = [in_background(lambda pump=pump: pump.dispense(1000.0, 100.0)) for pump in pumps]
        for thread, failures in work:
            thread.join(20)
            assert not failures
        assert all(counted(world, role) == pytest.approx(1000) for role in roles)
        for pump in pumps:
            pump.close()


@pytest.mark.parametrize("model", ["NE500", "NE1600", "NE8000", "NE4000", "NE9999X2"])
def test_the_family(model):
    with on_the_bench(model=model, has_safe=model != "NE500") as (_, instrument):
        pump = a_pump(instrument.address, speed=500.0, watchdog_s=200)
        pump.open()
        assert pump.about()["model"] == f"NE-{model[2:]}"
        assert pump.abilities.watchdog is (model != "NE500")
        assert pump.dispense(100.0, 100.0) == pytest.approx(100, abs=0.5)
        pump.close()


PIECES = st.one_of(
    st.binary(max_size=30),
    st.sampled_from([packet("00SI9.999W9.999ML"), packet("07SI0.500W0.000ML"), packet("00I"), b"\x02", b"DIS\r"]),
    st.sampled_from([safe_packet("00SI9.999W9.999ML")[:-1] + b"\x04", safe_packet("12SI0.500W0.000ML")]),
)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(noise=st.lists(PIECES, max_size=5), split=st.integers(1, 12), echo=st.booleans())
def test_noise_echoes_and_splits_on_the_way_are_no_values(answering, monkeypatch, noise, split, echo):
    """In Safe mode a delivery amid noise ends with the right count, or in doubt; it is never believed wrongly."""
    monkeypatch.setattr(new_era_talk, "ANSWER_S", 0.05)
    monkeypatch.setattr(new_era_talk, "FIND_S", 0.05)
    noise = [piece for piece in noise if piece]

    def pump(line: bytes):
        question = line[2:-2]
        answer = safe_packet("00I" if question == b"RUN" else "00SI0.500W0.000ML" if question == b"DIS" else "00S")
        pieces = [answer[at : at + split] for at in range(0, len(answer), split)]
        return [line + b"\x03"] * echo + noise + pieces

    with answering(b"\x03", pump) as instrument:
        driver = a_pump(instrument.port, watchdog_s=200)
        driver._link.open()
        driver._talk.safe, driver._talk.sure = True, True
        began = time.monotonic()
        with suppress(HardwareError):  # in doubt
            assert run(driver) == 500.0
        assert time.monotonic() - began < 60
        driver._link.close()


def run(driver) -> float:
    """RUN and what follows it, of 500 µL."""
    return Delivery(
        driver._talk, Direction.INFUSE, 500.0, 0.1, 2.5, 0.01, driver._halt, driver._latch, driver._standing,
        driver._book,
    ).carry_out()  # fmt: skip


def test_a_port_that_goes_on_talking_holds_nobody(answering):
    with answering(b"\r", lambda line: [packet("42S")] * 200) as instrument:
        driver = a_pump(instrument.port)
        began = time.monotonic()
        with pytest.raises((NotConnectedError, DeviceTimeoutError)):
            driver.open()
        assert time.monotonic() - began < 30


def soon(true) -> bool:
    """Whether it becomes true within 10 s."""
    pause, give_up = threading.Event(), time.monotonic() + 10
    while not true():
        if time.monotonic() > give_up:
            return False
        pause.wait(0.002)
    return True


def test_the_answer_of_a_stop_that_comes_late_refuses_nothing(conversation, opened):
    script = [*GREETING, (b"STP\r", None), (b"VER\r", [packet("00S?NA"), packet("00SNE1000V3.923")])]
    with conversation(script) as instrument:
        pump = opened(instrument.port, watchdog_s=0)
        pump._link.send_urgent(b"STP\r")
        assert pump.identify() == "NE1000V3.923"


def test_a_refusal_after_a_stop_is_still_one(conversation, opened):
    script = [*GREETING, (b"STP\r", None), (b"DIA\r", packet("00S?NA"))]
    with conversation(script) as instrument:
        pump = opened(instrument.port, watchdog_s=0)
        pump._link.send_urgent(b"STP\r")
        with pytest.raises(ReplyError, match="cannot do that now"):
            pump._talk.ask(Word.DIAMETER, Shape.LENGTH)
