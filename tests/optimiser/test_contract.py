"""The contract: asking keeps nothing, changes nothing, can be replayed, and leaves the window its cores."""

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from threadpoolctl import threadpool_info, threadpool_limits

from campaign import decide
from campaign.decide import Mind
from campaign.spec import StrategySpec
from optimiser.acquisition import EI, PI, UCB, Schedule, Turns, Uncertainty
from optimiser.blas import one_thread
from optimiser.history import History, Observation
from optimiser.problems import TwoDials
from optimiser.strategies.gp import GPStrategy
from optimiser.strategies.initial import InitialStrategy
from optimiser.strategies.random import RandomStrategy
from optimiser.strategies.thompson import ThompsonStrategy
from optimiser.suggestion import Strategy, Suggestion

ROOT = Path(__file__).parents[2]
GP = [GPStrategy(a) for a in (UCB(), EI(), PI(), Uncertainty(), Schedule(), Turns())]
STRATEGIES: list[Strategy] = [*GP, ThompsonStrategy(), RandomStrategy(), InitialStrategy()]


def told() -> History:
    history, dials = History(TwoDials.SPACE, "minimise", seed=3), TwoDials()
    for point in history.space.sample(9, np.random.default_rng(0)):
        history = history.tell(Observation(point, dials(point)))
    return history.with_pending({"x": 1.0, "y": 1.0}).tell(
        Observation({"x": 4.0, "y": 4.0}, None, label="infeasible")
    )


def answers() -> list[list[Any]]:
    """What every strategy suggests after `told`."""
    return [
        [[dict(s.point), s.mean, s.sd, s.acquisition, s.reason] for s in strategy.ask(told(), 2)]
        for strategy in STRATEGIES
    ]


def run(script: str, **environment: str) -> str:
    """What another process prints."""
    command = [sys.executable, "-c", script]
    environment = {**os.environ, **environment}
    done = subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, check=True, timeout=120
    )
    return done.stdout


def test_two_processes_suggest_the_same() -> None:
    script = (
        "import json; from optimiser.blas import one_thread; from tests.optimiser.test_contract import answers\n"
        "with one_thread(): print(json.dumps(answers()))"
    )
    runs = [run(script, PYTHONHASHSEED=str(i)) for i in (1, 2)]
    assert runs[0] == runs[1]
    assert json.loads(runs[0]) == answers()


@pytest.mark.parametrize(
    "strategy", STRATEGIES, ids=lambda s: f"{type(s).__name__}-{getattr(s, 'acquisition', '')}"
)
def test_asking_changes_nothing(strategy: Strategy) -> None:
    history = told()
    seen = (history.observations, history.pending, [dict(o.point) for o in history.observations])
    before = repr(strategy)
    state, errors = np.random.get_state(legacy=False), np.geterr()
    first = strategy.ask(history, 2)
    np.random.default_rng().random()
    strategy.ask(told().tell(Observation({"x": 0.0, "y": 0.0}, 5.0)))  # another history in between
    assert strategy.ask(history, 2) == first
    assert str(np.random.get_state(legacy=False)) == str(state)
    assert np.geterr() == errors
    assert repr(strategy) == before
    assert (history.observations, history.pending, [dict(o.point) for o in history.observations]) == seen


class Watching:
    """Answers at random, and notes how many threads linear algebra has where it is asked."""

    def __init__(self) -> None:
        self.threads: set[int] = set()
        self.where = ""

    def ask(self, history: History, n: int = 1) -> tuple[Suggestion, ...]:
        self.where = threading.current_thread().name
        np.ones((200, 200)) @ np.ones((200, 200))
        self.threads = blas_threads()
        return RandomStrategy().ask(history, n)


@pytest.fixture
def mind() -> Iterator[Mind]:
    mind = Mind()
    yield mind
    mind.close()


def blas_threads() -> set[int]:
    return {int(lib["num_threads"]) for lib in threadpool_info() if lib["user_api"] == "blas"}


def test_one_thread_lasts_until_the_last_has_left() -> None:
    with threadpool_limits(limits=2, user_api="blas"):
        within, leave = threading.Event(), threading.Event()

        def other() -> None:
            with one_thread():
                within.set()
                assert leave.wait(60)

        thread = threading.Thread(target=other)
        with one_thread():
            thread.start()
            assert within.wait(60)
        assert blas_threads() == {1}
        leave.set()
        thread.join()


def test_what_there_was_comes_back_whichever_thread_leaves_last() -> None:
    script = (
        "import threading; from threadpoolctl import threadpool_limits\n"
        "from optimiser.blas import one_thread; from tests.optimiser.test_contract import blas_threads\n"
        "threadpool_limits(limits=2, user_api='blas')\n"  # by the main thread, which lives on
        "seen = []\n"
        "def work():\n"
        "    with one_thread(): seen.append(blas_threads())\n"
        "    seen.append(blas_threads())\n"
        "thread = threading.Thread(target=work); thread.start(); thread.join()\n"
        "print(seen)"
    )
    assert run(script).strip() == "[{1}, {2}]"


def test_the_optimisers_thread_has_one_blas_thread(mind: Mind, monkeypatch: pytest.MonkeyPatch) -> None:
    watching = Watching()
    monkeypatch.setattr(decide, "build_strategy", lambda *_, **__: watching)
    with threadpool_limits(limits=2, user_api="blas"):  # as it is on a machine with two cores
        mind.ask(StrategySpec("random"), told()).result(timeout=60)
    assert watching.threads == {1}
    assert watching.where.startswith("aliquot-optimiser")
    assert mind.failures == 0
