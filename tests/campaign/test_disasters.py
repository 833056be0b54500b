"""A strategy that fails, a disk that is full, a mistake of ours."""

import threading

import pytest

from campaign.events import (
    AttemptStarted,
    Observed,
    VialGivenUp,
)
from campaign.fold import fold_all
from campaign.journal import Journal
from campaign.steps import CheckVial, Dose, Look, Move
from tests.campaign.paper_bench import (
    PATIENCE_S,
    STEPS_EACH,
    Gate,
    PaperBench,
    Watch,
    begin,
    journaled,
    of,
    spec,
)


class TestStrategyFailures:
    """A hostile strategy is replaced by an even draw; three times in a row hold the campaign."""

    @pytest.fixture(params=["raises", "outside"])
    def hostile(self, request, monkeypatch):
        from optimiser.suggestion import Suggestion

        class Hostile:
            def ask(self, history, n=1):
                if request.param == "raises":
                    raise ArithmeticError("no convergence")
                return (Suggestion({"x": 99.0, "y": 0.0}, None, None, None, "", "hostile"),)

        monkeypatch.setattr("campaign.decide.build_strategy", lambda spec, unit: Hostile())

    @pytest.mark.usefixtures("hostile")
    def test_fall_back_then_hold(self, opened):
        campaign = opened()
        watch = Watch(campaign)
        campaign.start()
        watch.until(lambda s: s.phase == "Held")
        assert "the strategy failed 3 times in a row" in campaign.state.why
        assert [e.status for e in campaign.state.experiments] == ["done", "done", "suggested"]
        assert all(e.reason.startswith("The strategy failed") for e in campaign.state.experiments)
        campaign.resume()
        watch.until(lambda s: s.phase == "Complete")


class TestDiskFull:
    """What cannot be written keeps the next command from being given."""

    @pytest.fixture
    def full(self, monkeypatch):
        """Fails every write while set, before the disk is touched."""
        from sqlalchemy.exc import OperationalError

        flag = threading.Event()
        write = Journal._write

        def fails(journal, rows):
            if flag.is_set():
                raise OperationalError("INSERT", {}, Exception("database or disk is full"))
            write(journal, rows)

        monkeypatch.setattr(Journal, "_write", fails)
        return flag

    @pytest.mark.parametrize("kind", [Move, CheckVial, Dose, Look])
    def test_held_with_a_message_and_goes_on_without_loss(self, opened, tmp_path, full, kind):
        gate = Gate(kind)
        bench = PaperBench(before=gate)
        campaign = opened(bench, spec(budget=2))
        watch = Watch(campaign)
        campaign.start()
        assert gate.reached.wait(PATIENCE_S)
        full.set()
        gate.open.set()
        watch.until(lambda s: s.phase == "Held")
        assert "database or disk is full" in campaign.state.why
        assert "make room on the disk, then resume" in campaign.state.why
        done = len(bench.performed)
        campaign.resume()
        assert campaign.wait(PATIENCE_S)
        assert campaign.state.phase == "Held"
        assert len(bench.performed) == done
        full.clear()
        campaign.note(1, "disk was full")
        campaign.resume()
        watch.until(lambda s: s.phase == "Complete")
        events = journaled(tmp_path)
        assert len(of(events, Observed)) == 2
        assert len(of(events, VialGivenUp)) == 0
        assert bench.dosed == [("A1", "red"), ("A1", "blue"), ("A2", "red"), ("A2", "blue")]
        assert fold_all(events).experiments[0].note == "disk was full"

    def test_an_intent_that_cannot_be_written_is_not_acted_on(self, opened, full):
        bench = PaperBench()
        campaign = opened(bench, spec(budget=1))
        watch = Watch(campaign)
        campaign.listen(lambda event, state: full.set() if isinstance(event, AttemptStarted) else None)
        campaign.start()
        watch.until(lambda s: s.phase == "Held")
        assert bench.performed == []
        full.clear()
        campaign.resume()
        watch.until(lambda s: s.phase == "Complete")
        assert len(bench.performed) == STEPS_EACH

    def test_stop_and_stop_all_work_on_a_full_disk(self, opened, full):
        campaign = opened(PaperBench(), spec(budget=1))
        watch = Watch(campaign)
        campaign.listen(lambda event, state: full.set() if isinstance(event, AttemptStarted) else None)
        campaign.start()
        watch.until(lambda s: s.phase == "Held")
        campaign.stop_all("test")
        watch.until(lambda s: s.phase == "Aborted")
        campaign.stop()
        watch.until(lambda s: s.phase == "Stopped")

    def test_a_really_full_disk(self, tmp_path):
        """The operating system refuses to let files grow; no hook of ours is involved."""
        resource = pytest.importorskip("resource")
        import signal

        bench = PaperBench()
        campaign = begin(tmp_path, bench, spec(budget=3))
        watch = Watch(campaign)
        soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        ignored = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        try:
            size = max(p.stat().st_size for p in tmp_path.iterdir())
            resource.setrlimit(resource.RLIMIT_FSIZE, (size + 20_000, hard))
            campaign.start()
            watch.until(lambda s: s.phase == "Held")
            acted = len(bench.performed)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
            signal.signal(signal.SIGXFSZ, ignored)
        assert acted < 3 * STEPS_EACH
        campaign.resume()
        watch.until(lambda s: s.phase == "Complete")
        campaign.close()
        assert len(of(journaled(tmp_path), Observed)) == 3
        assert len(set(bench.dosed)) == len(bench.dosed) == 6


def test_a_mistake_of_ours_stops_everything(opened, caplog):
    bench = PaperBench()

    def broken(point, slot):
        raise AttributeError("a mistake of ours")

    bench.plan = broken
    campaign = opened(bench)
    campaign.start()
    assert campaign.wait(PATIENCE_S)
    assert campaign.state.phase == "Aborted"
    assert "a mistake of ours" in campaign.state.why
    assert bench.stopped.is_set()
