"""Conversations with an 11 Elite, as in the Pump Chain Commands of the manuals."""

import threading

import pytest

from hardware.drivers import harvard
from hardware.errors import (
    DeviceTimeoutError,
    NotConnectedError,
    OutOfRangeError,
    ReplyError,
    StoppedError,
)
from tests.hardware.harvard_talk import GREETING, a_pump, keeping, preparation, status, told
from tests.hardware.pump_faults import in_background

pytestmark = pytest.mark.usefixtures("quick_unplug")
RUN = [*GREETING, *preparation(), (b"irun\r", told(prompt=">"))]


@pytest.fixture
def ready():
    """`ready(port)` is a pump that is open; it is closed at the end."""
    pumps = []

    def open_pump(port: str, **fields):
        pump = a_pump(port, **fields)
        pumps.append(pump)
        pump.open()
        return pump

    yield open_pump
    for pump in pumps:
        pump.close()


def test_a_dispense_reads_like_the_manual(conversation, ready):
    script = [
        *RUN,
        (b"status\r", status(123_000_000_000, ">", "I...I.")),
        (b"status\r", status(500_000_000_000, "T*", "i...IT")),
    ]
    with conversation(script) as instrument:
        pump = ready(instrument.port)
        assert pump.range.max_rate_ul_s == pytest.approx(79_480 / 60)
        assert pump.dispense(500.0, 100.0) == 500.0
        assert pump.left_ul == 24_500.0


def test_an_aspiration_fills_the_syringe(conversation, ready):
    script = [
        *GREETING,
        *preparation("1.25 ml", way="w"),
        (b"wrun\r", told(prompt="<")),
        (b"status\r", status(1_250_000_000_000, "T*", "w...IT")),
    ]
    with conversation(script) as instrument:
        pump = ready(instrument.port)
        pump.loaded(0)
        assert pump.aspirate(1250.0, 100.0) == 1250.0
        assert pump.left_ul == 1250.0


def test_a_pump_that_only_infuses_says_so(conversation, ready):
    script = [*GREETING]
    script[2] = (b"ver\r", told("11 ELITE Single 3.0.4"))
    with conversation(script) as instrument:
        pump = ready(instrument.port)
        assert not pump.abilities.aspirates
        with pytest.raises(OutOfRangeError, match="only infuses"):
            pump.aspirate(100.0, 100.0)


def test_diameter_and_force_are_set_and_read_back(conversation, ready):
    script = [
        *GREETING[:5],
        (b"diameter\r", told("14.5670 mm")),
        (b"diameter 23.0300\r", told()),
        (b"diameter\r", told("23.0300 mm")),
        *GREETING[6:8],
        (b"force 50\r", told()),
        (b"force\r", told("50%")),
        GREETING[8],
    ]
    with conversation(script) as instrument:
        ready(instrument.port, force_percent=50)


def test_units_are_written_short_for_a_pump_that_does_not_know_the_long_ones(conversation, ready):
    script = [*GREETING]
    script[6:7] = [
        (b"svolume 25 ml\r", told("Argument error: ml", "   Unknown units")),
        (b"svolume 25 m\r", told()),
    ]
    with conversation(script) as instrument:
        ready(instrument.port)


def test_a_value_that_the_pump_did_not_keep_is_noticed(conversation, ready):
    script = [*GREETING, *preparation()[:6], (b"tvolume\r", told("5.0000 ml"))]
    with conversation(script) as instrument, pytest.raises(ReplyError, match=r"kept something else: 5\.0000") as e:
        ready(instrument.port).dispense(500.0, 100.0)
    assert e.value.outcome == "not_done"


@pytest.mark.parametrize(
    ("refusal", "meaning"),
    [
        ("Command error: Pump is in menu mode", "Quick Start"),
        ("Unknown command", "does not know"),
        ("Argument error: 500 ul", "does not accept"),
        ("Out of range", "out of its range"),
    ],
)
def test_a_refusal_is_told_in_words(conversation, ready, refusal, meaning):
    short = [(b"tvolume 500 u\r", told(refusal, "   more of it"))]
    script = [*GREETING, *preparation()[:5], (b"tvolume 500 ul\r", told(refusal, "   more of it")), *short]
    with conversation(script) as instrument, pytest.raises(ReplyError, match=meaning) as caught:
        ready(instrument.port).dispense(500.0, 100.0)
    assert caught.value.outcome == "not_done"
    assert caught.value.reply == f"{refusal} more of it"


def test_addresses_are_written_with_a_colon_when_the_pump_wants_one(conversation, ready):
    unknown = told("Unknown command", address=12)
    script = [
        (b"12poll on\r", unknown),
        (b"12stp\r", unknown),
        *((b"12:" + sent, reply.replace(b"\n", b"\n12:", reply.count(b"\n") - 1).replace(b"\n:", b"\n12:"))
          for sent, reply in GREETING),
    ]  # fmt: skip
    with conversation(script) as instrument:
        pump = ready(instrument.port, address=12)
        assert pump._packet("irun") == b"12:irun\r"


def test_a_pump_with_another_address_is_named(answering):
    with answering(b"\r", lambda line: told("11 ELITE I/W Single 3.0.4", address=3)) as instrument:
        pump = a_pump(instrument.port)
        with pytest.raises(NotConnectedError, match="there is one with address 3"):
            pump.open()


def test_without_poll_and_with_echo_the_answers_are_found_too(answering, ready):
    def start(line: bytes):
        if line == b"status":
            return line + b"\r" + status(500_000_000_000, "T*", "i...IT", xon=False)
        return line + b"\r" + told(prompt=">", xon=False)

    standing = keeping(start)

    def pump(line: bytes):
        if line == b"poll on":
            return told("Unknown command: poll", xon=False)
        answer = standing(line)
        return answer.replace(b"\x11", b"") if line == b"irun" else line + b"\r" + answer.replace(b"\x11", b"")

    with answering(b"\r", pump) as instrument:
        assert ready(instrument.port).dispense(500.0, 100.0) == 500.0


def test_an_idle_prompt_with_an_address_may_be_the_start_of_a_complaint(conversation, ready):
    """Without XON `LF 07:` is both."""
    pieces = (b"\n07:", b"Argument error: 500 ul\r", b"\n07:")
    both = [(b"7tvolume 500 ul\r", pieces), (b"7tvolume 500 u\r", pieces)]
    script = [(b"7" + sent, at_seven(reply)) for sent, reply in [*GREETING, *preparation()[:5]]] + both
    with conversation(script) as instrument, pytest.raises(ReplyError, match="does not accept"):
        ready(instrument.port, address=7, address_style="plain").dispense(500.0, 100.0)


def at_seven(reply: bytes) -> bytes:
    lines = reply.removesuffix(b"\x11").split(b"\n")
    return b"\n".join([lines[0], *(b"07:" + line for line in lines[1:-1]), b"07" + lines[-1]])


def test_a_pump_without_status_is_watched_by_its_counter(answering, ready):
    counted = iter(["0.1000 ml", "0.5000 ml"])

    def start(line: bytes):
        if line == b"ivolume":
            text = next(counted)
            return told(text, prompt="T*" if text == "0.5000 ml" else ">")
        return told(prompt=">")

    standing = keeping(start)

    def pump(line: bytes):
        if line == b"ivolume" and standing is not None:
            return standing(line)
        return told("Unknown command: status") if line == b"status" else standing(line)

    with answering(b"\r", pump) as instrument:
        assert ready(instrument.port).dispense(500.0, 100.0) == 500.0


def test_a_stall_on_the_way_tells_how_far_it_came(conversation, ready):
    script = [*RUN, (b"status\r", status(200_000_000_000, "*", "i.S.I.")), (b"stp\r", told())]
    with conversation(script) as instrument:
        pump = ready(instrument.port)
        with pytest.raises(ReplyError, match=r"stalled.*counted 200 of 500") as caught:
            pump.dispense(500.0, 100.0)
        assert caught.value.outcome == "unknown"
        assert pump.left_ul == 24_800.0


def test_a_stall_that_only_a_hand_can_clear_stays(conversation, ready):
    stalled = status(0, "*", "i.S.I.")
    script = [*GREETING, (b"status\r", stalled), (b"stp\r", told(prompt="*")), (b"status\r", stalled)]
    with conversation(script) as instrument, pytest.raises(ReplyError, match="display") as caught:
        ready(instrument.port).dispense(500.0, 100.0)
    assert caught.value.outcome == "not_done"


def test_a_pump_that_overshoots_its_target_is_stopped(conversation, ready):
    script = [*RUN, (b"status\r", status(510_000_000_000, ">", "I...I.")), (b"stp\r", None)]
    with conversation(script) as instrument:
        pump = ready(instrument.port)
        with pytest.raises(ReplyError, match="ran on too far") as caught:
            pump.dispense(500.0, 100.0)
        assert (caught.value.outcome, pump.left_ul) == ("unknown", 24_490)


def test_a_lost_answer_to_irun_is_settled_by_the_counter_and_irun_is_never_repeated(
    conversation, ready, monkeypatch
):
    monkeypatch.setattr(harvard, "ANSWER_S", 1.0)
    script = [*RUN[:-1], (b"irun\r", None), (b"ver\r", told("11 ELITE I/W Single 3.0.4")),
              (b"status\r", status(500_000_000_000, "T*", "i...IT"))]  # fmt: skip
    with conversation(script) as instrument:
        assert ready(instrument.port).dispense(500.0, 100.0) == 500.0
        assert instrument.heard.count(b"irun") == 1


def test_an_answer_that_comes_too_late_is_not_taken_for_the_next(answering, ready, monkeypatch):
    """The late status says that all is done; behind the fence it cannot be mistaken for the answer to the next."""
    monkeypatch.setattr(harvard, "ANSWER_S", 1.0)
    asked = []

    def start(line: bytes):
        asked.append(line)
        if line == b"status" and asked.count(b"status") == 1:
            return None
        if line == b"ver":
            return status(500_000_000_000, "T*", "i...IT") + told("11 ELITE I/W Single 3.0.4", prompt=">")
        if line == b"status":
            return status(100_000_000_000, "*", "i.S.I.")
        return told(prompt=">")

    with answering(b"\r", keeping(start)) as instrument:
        pump = ready(instrument.port)
        with pytest.raises(ReplyError, match="100 of 500"):
            pump.dispense(500.0, 100.0)
        assert pump.left_ul == 24_900


def test_a_run_that_was_never_heard_is_known_not_to_be_done(answering, ready, monkeypatch):
    monkeypatch.setattr(harvard, "START_S", 0.05)

    def start(line: bytes):
        return status(0) if line == b"status" else told()

    with answering(b"\r", keeping(start)) as instrument:
        pump = ready(instrument.port)
        with pytest.raises(DeviceTimeoutError, match="did not start") as caught:
            pump.dispense(500.0, 100.0)
        assert (caught.value.outcome, pump.left_ul) == ("not_done", 25_000)
        assert instrument.heard.endswith(b"stp\rstatus\r"), "made sure that it does not begin late"


def test_a_refused_run_is_told_as_the_pump_told_it(answering, ready, monkeypatch):
    monkeypatch.setattr(harvard, "START_S", 0.05)

    def start(line: bytes):
        if line == b"irun":
            return told("Command error: Rate not set")
        return status(0) if line == b"status" else told()

    with answering(b"\r", keeping(start)) as instrument, pytest.raises(ReplyError, match="Rate not set") as caught:
        ready(instrument.port).dispense(500.0, 100.0)
    assert caught.value.outcome == "not_done"


def test_a_pump_that_falls_silent_is_stopped_and_its_outcome_is_unknown(answering, ready, monkeypatch):
    monkeypatch.setattr(harvard, "ANSWER_S", 1.0)
    with answering(b"\r", keeping(lambda line: None)) as instrument:
        pump = ready(instrument.port)
        with pytest.raises(DeviceTimeoutError) as caught:
            pump.dispense(500.0, 100.0)
        assert (caught.value.outcome, pump.left_ul) == ("unknown", 24_500)
        assert instrument.heard_at_last(b"stp\r")


def test_keys_pressed_at_the_pump_end_the_dispense(conversation, ready):
    stood = (b"status\r", status(100_000_000_000))
    script = [*RUN, stood, (b"stp\r", told()), stood]
    with conversation(script) as instrument:
        pump = ready(instrument.port)
        with pytest.raises(StoppedError, match="own display after 100 of 500"):
            pump.dispense(500.0, 100.0)
        assert pump.left_ul == 24_900


def test_no_empty_line_is_ever_sent(conversation, ready):
    script = [*RUN, (b"status\r", status(500_000_000_000, "T*", "i...IT"))]
    with conversation(script) as instrument:
        ready(instrument.port).dispense(500.0, 100.0)
        assert b"" not in instrument.heard.split(b"\r")[:-1]


class RunningPump:
    """Infuses until it is stopped."""

    def __init__(self) -> None:
        self.polled, self.stopped = threading.Event(), threading.Event()

    def __call__(self, line: bytes):
        if line == b"stp":
            self.stopped.set()
        if line == b"status":
            self.polled.set()
        if line == b"ver":
            return told("11 ELITE I/W Single 3.0.4")
        prompt, flags = (":", "i...I.") if self.stopped.is_set() else (">", "I...I.")
        return status(234_000_000_000, prompt, flags) if line == b"status" else told(prompt=prompt)


def test_stop_from_another_thread_ends_a_dispense_at_once(answering, ready):
    behind = RunningPump()
    with answering(b"\r", keeping(behind)) as instrument:
        pump = ready(instrument.port)
        thread, failures = in_background(lambda: pump.dispense(500.0, 100.0))
        assert behind.polled.wait(10)
        pump.stop()
        thread.join(10)
        assert isinstance(failures[0], StoppedError)
        assert "234 of 500" in str(failures[0])
        assert pump.left_ul == 25_000 - 234


def test_stop_does_not_wait_for_whoever_awaits_an_answer(answering, ready):
    behind = RunningPump()
    with answering(b"\r", keeping(behind)) as instrument:
        pump = ready(instrument.port)
        with pump._link.lock:  # never given back while the stop works
            stopper, failures = in_background(pump.stop)
            stopper.join(10)
            assert isinstance(failures[0], DeviceTimeoutError)
            assert instrument.heard_at_last(b"stp\rstp\r")


def test_a_stop_that_came_first_prevents_the_run(conversation, ready):
    with conversation(GREETING) as instrument:
        pump = ready(instrument.port)
        pump._halting._latch.set()
        with pytest.raises(StoppedError):
            pump.dispense(500.0, 100.0)


@pytest.mark.parametrize(
    ("volume_ul", "rate_ul_s"),
    [(0.0, 100.0), (0.01, 100.0), (-5.0, 100.0), (float("nan"), 100.0), (25_001.0, 100.0), (100.0, 0.0),
     (100.0, 1e6), (100.0, float("nan"))],
)  # fmt: skip
def test_what_the_pump_cannot_do_is_refused_before_anything_is_sent(conversation, ready, volume_ul, rate_ul_s):
    with conversation(GREETING) as instrument, pytest.raises(OutOfRangeError):
        ready(instrument.port).dispense(volume_ul, rate_ul_s)


def test_a_syringe_does_not_run_dry(conversation, ready):
    with conversation(GREETING) as instrument:
        pump = ready(instrument.port)
        pump.loaded(100)
        with pytest.raises(OutOfRangeError, match="left"):
            pump.dispense(101, 100)
