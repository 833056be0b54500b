"""Stop all: from any thread, at any moment, without waiting for anything."""

import threading

import pytest

from campaign.errors import CampaignError
from campaign.events import Finished, PhaseChanged, StepFailed, StepIntended, VialGivenUp
from campaign.journal import Journal
from campaign.loop import Campaign
from campaign.steps import CheckVial, Dose, Look, Move
from hardware.errors import HardwareError
from hardware.latch import moment
from tests.campaign.paper_bench import PATIENCE_S, Gate, PaperBench, Watch, begin, journaled, spec


def caught(tmp_path, kind=Dose, budget=2):
    """A campaign that is in the middle of a step which only a stop ends."""
    gate = Gate(kind)
    bench = PaperBench(before=gate)
    gate.bench = bench
    campaign = begin(tmp_path, bench, spec(budget=budget))
    campaign.start()
    assert gate.reached.wait(PATIENCE_S)
    return campaign, bench, gate


@pytest.mark.parametrize("kind", [Move, CheckVial, Dose, Look])
def test_in_the_middle_of_any_step(tmp_path, kind):
    campaign, bench, _ = caught(tmp_path, kind)
    campaign.stop_all("test")
    assert campaign.wait(PATIENCE_S)
    state = campaign.state
    assert state.phase == "Aborted"
    assert state.why == "Stop all by test"
    assert bench.stopped.is_set()
    assert state.vials["A1"] == "given_up"
    assert state.attempt is None
    campaign.close()
    events = journaled(tmp_path)
    (failed,) = [e for e in events if isinstance(e, StepFailed)]
    assert failed.outcome == "stopped"
    assert not [e for e in events if isinstance(e, Finished)]


def test_closed_right_after_what_came_of_it_is_kept(tmp_path):
    campaign, bench, _ = caught(tmp_path)
    bench.unconfirmed = ("red",)
    campaign.stop_all("test")
    campaign.close()
    last = [e for e in journaled(tmp_path) if isinstance(e, PhaseChanged)][-1]
    assert last.new == "Aborted"
    assert "Not confirmed by red" in last.why


def test_rearm_then_resume_repeats_in_a_clean_vial(tmp_path):
    campaign, bench, _ = caught(tmp_path)
    watch = Watch(campaign)
    campaign.stop_all("test")
    watch.until(lambda s: s.phase == "Aborted")
    campaign.rearm()
    watch.until(lambda s: s.phase == "Held")
    assert not bench.stopped.is_set()
    assert len(bench.dosed) == 0
    campaign.resume()
    watch.until(lambda s: s.phase == "Complete")
    assert campaign.state.experiments[0].slot == "A2"
    assert campaign.state.experiments[0].attempt == 2
    assert len(set(bench.dosed)) == len(bench.dosed)
    campaign.close()


def test_nothing_begins_while_stopped(tmp_path):
    """Stop all between the intent and the step: the step is refused, also by a bench that does not latch."""
    bench = PaperBench()
    campaign = begin(tmp_path, bench)
    bench.stop = lambda: ()

    def stop_on_intent(event, state):
        if isinstance(event, StepIntended) and isinstance(event.step, Dose):
            campaign.stop_all("listener")

    campaign.listen(stop_on_intent)
    campaign.start()
    assert campaign.wait(PATIENCE_S)
    assert campaign.state.phase == "Aborted"
    assert bench.dosed == []
    campaign.close()


def test_the_bench_is_stopped_while_a_listener_blocks_the_campaign(tmp_path):
    bench = PaperBench()
    campaign = begin(tmp_path, bench)
    blocked, free = threading.Event(), threading.Event()

    def block(event, state):
        blocked.set()
        free.wait(PATIENCE_S)

    campaign.listen(block)
    campaign.start()
    assert blocked.wait(PATIENCE_S)
    campaign.stop_all("test")
    assert bench.stopped.wait(PATIENCE_S)
    free.set()
    campaign.close()


def test_neither_the_disk_nor_the_bench_is_waited_for(tmp_path, monkeypatch):
    """The disk hangs while the stop is sent; the bench hangs while the call returns."""
    writing, sending, free = threading.Event(), threading.Event(), threading.Event()
    bench = PaperBench()
    campaign = begin(tmp_path, bench)
    write = Journal._write

    def hangs(journal, rows):
        writing.set()
        assert free.wait(PATIENCE_S)
        write(journal, rows)

    def stop():
        sending.set()
        assert free.wait(PATIENCE_S)
        return ()

    monkeypatch.setattr(Journal, "_write", hangs)
    bench.stop = stop
    campaign.start()
    assert writing.wait(PATIENCE_S)
    campaign.stop_all("test")
    assert sending.wait(PATIENCE_S)
    free.set()
    assert campaign.wait(PATIENCE_S)
    assert campaign.state.phase == "Aborted"
    campaign.close()


def test_from_many_threads_at_once(tmp_path):
    campaign, _, _ = caught(tmp_path)
    threads = [threading.Thread(target=campaign.stop_all, args=(str(i),)) for i in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    watch = Watch(campaign)
    watch.until(lambda s: s.phase == "Aborted")
    campaign.rearm()
    watch.until(lambda s: s.phase == "Held")
    campaign.close()
    assert journaled(tmp_path)


def test_devices_that_did_not_confirm_are_named(tmp_path):
    campaign, bench, _ = caught(tmp_path)
    bench.unconfirmed = ("pump red", "stage")
    campaign.stop_all("test")
    assert campaign.wait(PATIENCE_S)
    assert "Not confirmed by pump red, stage: go and look" in campaign.state.why
    campaign.close()


def test_a_stop_that_fails_is_told(tmp_path, caplog):
    bench = PaperBench()

    def broken():
        raise HardwareError("bench", "wire is cut")

    bench.stop = broken
    with begin(tmp_path, bench) as campaign:
        campaign.stop_all("test")
        assert campaign.wait(PATIENCE_S)
        assert "Not confirmed by everything (bench: wire is cut)" in campaign.state.why


@pytest.mark.parametrize("phase", ["Idle", "Held", "waiting"])
def test_from_phases_of_rest(tmp_path, phase):
    with begin(tmp_path, PaperBench(), spec(mode="approve")) as campaign:
        watch = Watch(campaign)
        if phase != "Idle":
            campaign.start()
            watch.until(lambda s: s.waiting is not None)
        if phase == "Held":
            campaign.pause()
            watch.until(lambda s: s.phase == "Held")
        campaign.stop_all("test")
        watch.until(lambda s: s.phase == "Aborted")
        campaign.rearm()
        watch.until(lambda s: s.phase == "Held")
        campaign.resume()
        watch.until(lambda s: s.phase == "Running" and s.waiting is not None)
        campaign.decide("accept")
        watch.until(lambda s: s.made == 1)


def test_after_the_end_it_stops_the_bench_and_changes_no_phase(tmp_path):
    bench = PaperBench()
    with begin(tmp_path, bench) as campaign:
        campaign.start()
        assert campaign.wait(PATIENCE_S)
        campaign.stop_all("test")
        assert bench.stopped.wait(PATIENCE_S)
        assert campaign.wait(PATIENCE_S)
        assert campaign.state.phase == "Complete"
        campaign.rearm()
        assert campaign.wait(PATIENCE_S)
        assert not bench.stopped.is_set()
        assert campaign.state.phase == "Complete"


def test_a_step_that_never_returns_does_not_keep_the_campaign(tmp_path, monkeypatch):
    monkeypatch.setattr("campaign.hands.STOP_PATIENCE_S", 0.05)
    gate = Gate(Dose)
    bench = PaperBench(before=gate)
    campaign = begin(tmp_path, bench)
    campaign.start()
    assert gate.reached.wait(PATIENCE_S)
    watch = Watch(campaign)
    campaign.stop_all("test")
    watch.until(lambda s: s.phase == "Aborted")
    assert "The step under way did not return" in campaign.state.why
    assert campaign.state.vials["A1"] == "given_up"
    with pytest.raises(CampaignError, match="a step is still under way"):
        campaign.rearm()
    gate.open.set()
    campaign.close()
    events = journaled(tmp_path)
    assert [e.outcome for e in events if isinstance(e, StepFailed)] == ["unknown"]
    assert len([e for e in events if isinstance(e, VialGivenUp)]) == 1


def test_a_stop_between_the_wish_to_release_and_the_release_stays_in_force(tmp_path):
    campaign, bench, _ = caught(tmp_path)
    campaign.stop_all("test")
    assert campaign.wait(PATIENCE_S)
    confirmed = moment()
    campaign.stop_all("somebody else")
    campaign.rearm(confirmed)
    assert campaign.wait(PATIENCE_S)
    assert campaign.state.phase == "Aborted"
    assert campaign._hands.stopped
    assert bench.stopped.is_set()
    campaign.rearm()
    assert campaign.wait(PATIENCE_S)
    assert campaign.state.phase == "Held"
    campaign.close()


def test_a_bench_that_cannot_be_rearmed_stays_aborted(tmp_path, caplog):
    campaign, bench, _ = caught(tmp_path)

    def broken(asked):
        raise HardwareError("stage", "does not answer")

    bench.rearm = broken
    campaign.stop_all("test")
    assert campaign.wait(PATIENCE_S)
    campaign.rearm()
    assert campaign.wait(PATIENCE_S)
    assert campaign.state.phase == "Aborted"
    assert "does not answer" in caplog.text
    campaign.stop()
    assert campaign.wait(PATIENCE_S)
    assert campaign.state.phase == "Stopped"
    campaign.close()


def test_while_the_optimiser_thinks(tmp_path, monkeypatch):
    thinking, free = threading.Event(), threading.Event()

    class Slow:
        def ask(self, history, n=1):
            thinking.set()
            free.wait(PATIENCE_S)
            raise RuntimeError("too late")

    monkeypatch.setattr("campaign.decide.build_strategy", lambda spec, unit: Slow())
    campaign: Campaign = begin(tmp_path, PaperBench())
    campaign.start()
    assert thinking.wait(PATIENCE_S)
    campaign.stop_all("test")
    watch = Watch(campaign)
    watch.until(lambda s: s.phase == "Aborted")
    free.set()
    campaign.close()


def test_a_stop_that_the_port_owner_made_aborts_the_campaign(tmp_path):
    campaign, bench, _ = caught(tmp_path)
    bench.stop_listener("the program has not answered for 0.6 s")
    assert campaign.wait(PATIENCE_S)
    assert campaign.state.phase == "Aborted"
    assert campaign.state.why == "Stop all by the port owner: the program has not answered for 0.6 s"
    assert bench.stopped.is_set()
    campaign.close()
