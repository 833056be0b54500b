"""What is reckoned with each fit, on a real campaign: the honest best, the advice, the model's health."""

import threading
from dataclasses import replace

import numpy as np
import pytest

from campaign.decide import build_strategy, history_of
from campaign.insight import hours_each, insight_of, think
from campaign.spec import CampaignSpec, ObjectiveSpec, StopSpec, StrategySpec
from campaign.state import CampaignState, Experiment
from campaign.worth import WORTHS, policy
from optimiser.space import Continuous, SearchSpace
from optimiser.surrogate import fit
from tests.campaign.paper_bench import PATIENCE_S, PaperBench, spec

SPACE = SearchSpace((Continuous("x", 0.0, 10.0, "mL"), Continuous("y", 0.0, 10.0, "mL")))


def state(values, points=None, stop=None, **changes) -> CampaignState:
    rng = np.random.default_rng(4)
    points = points or SPACE.sample(len(values), rng)
    made = tuple(
        Experiment(
            i + 1, dict(p), "done", "strategy", value=float(v), started_s=100.0 * i, ended_s=100.0 * i + 90.0
        )
        for i, (p, v) in enumerate(zip(points, values, strict=True))
    )
    objective = ObjectiveSpec("typed", "yield", "maximise", "g")
    return CampaignState(
        CampaignSpec("c", SPACE, objective, stop=stop or StopSpec(budget=40)), experiments=made, **changes
    )


def hill(points, noise=0.05):
    rng = np.random.default_rng(5)
    return [100 - (p["x"] - 6) ** 2 - (p["y"] - 3) ** 2 + rng.normal(0, noise) for p in points]


@pytest.fixture(scope="module")
def measured() -> CampaignState:
    points = [dict(p) for p in SPACE.sample(14, np.random.default_rng(2))]
    return state(hill(points), points)


def test_the_best_measured_once_is_not_announced_and_named_for_repetition(measured):
    found = insight_of(measured)
    assert found.headline.announced is None
    assert found.headline.best.n == 1
    assert "unreplicated" in found.headline.best.flags
    assert found.repeat in [e.point for e in measured.experiments]
    assert "repeat it" in found.headline.sentence
    assert found.health.light in ("green", "yellow")
    assert "g" in found.advice.sentence


def test_a_lucky_outlier_is_flagged_and_not_announced():
    points = [dict(p) for p in SPACE.sample(10, np.random.default_rng(2))]
    points += [{"x": 6.0, "y": 3.0}] * 3 + [{"x": 2.0, "y": 8.0}] * 4
    values = hill(points)
    values[-1] += 200.0  # one of four replicates, far from the others
    found = insight_of(state(values, points))
    assert found.headline.announced.point == {"x": 6.0, "y": 3.0}
    assert found.headline.announced.n == 3
    assert "outlier suspected" in found.headline.refused[0].why


def test_a_rehearsal_is_judged_as_what_it_rehearses(measured):
    real, rehearsed = insight_of(measured), insight_of(replace(measured, simulated=True))
    assert rehearsed.health.sentence == real.health.sentence
    assert rehearsed.headline.sentence == real.headline.sentence


def test_what_experiments_took_is_the_median_in_hours_and_never_of_a_rehearsal(measured):
    assert hours_each(measured) == pytest.approx(90 / 3600)
    assert "per hour" in insight_of(measured).advice.sentence
    assert hours_each(replace(measured, simulated=True)) is None
    quick = tuple(replace(e, ended_s=e.started_s + 0.2) for e in measured.experiments)
    assert hours_each(replace(measured, experiments=quick)) is None
    assert hours_each(CampaignState(measured.spec)) is None


def test_the_stop_rules_of_the_campaign_are_heeded(measured):
    over = replace(measured, spec=replace(measured.spec, stop=StopSpec(budget=14)))
    assert insight_of(over).advice.verdict == "stop"
    reached = replace(measured, spec=replace(measured.spec, stop=StopSpec(budget=40, target=10.0)))
    assert "target" in insight_of(reached).advice.sentence


def test_no_insight_before_there_is_a_value():
    assert insight_of(CampaignState(measured_spec())) is None


def measured_spec() -> CampaignSpec:
    return CampaignSpec("c", SPACE, ObjectiveSpec("typed", "yield", "maximise", "g"))


def test_one_value_is_enough_to_say_that_it_is_too_little():
    found = insight_of(state([3.0]))
    assert found.advice.verdict == "go on"
    assert found.health.light == "grey"


def test_it_is_reckoned_on_the_optimisers_thread_after_each_fit_and_told(opened):
    told, threads, complete = [], set(), threading.Event()
    campaign = opened(PaperBench(), spec(strategy=StrategySpec("gp", initial=2)))

    def hear(insight) -> None:
        told.append(insight)
        threads.add(threading.current_thread().name)
        if insight is not None and insight.advice.figures is not None and insight.advice.figures.left == 0:
            complete.set()

    campaign.listen_insight(hear)
    campaign.start()
    assert campaign.wait(PATIENCE_S)
    assert complete.wait(PATIENCE_S)
    assert threads == {"aliquot-optimiser"}
    assert told[-1].advice.sentence == insight_of(campaign.state).advice.sentence


def test_a_budget_that_changes_changes_the_advice(opened):
    campaign = opened(PaperBench(), spec(mode="approve", strategy=StrategySpec("gp", initial=2)))
    left, heard = [], threading.Semaphore(0)

    def hear(insight) -> None:
        if insight is not None and insight.advice.figures is not None:
            left.append(insight.advice.figures.left)
            heard.release()

    campaign.listen_insight(hear)
    watched = threading.Semaphore(0)
    campaign.listen(lambda event, state: watched.release() if state.waiting is not None else None)
    campaign.start()
    assert watched.acquire(timeout=PATIENCE_S)
    campaign.decide("accept")
    assert heard.acquire(timeout=PATIENCE_S)
    before = campaign.state.spec
    campaign.change(replace(before, stop=replace(before.stop, budget=before.stop.budget + 7)), "more")
    assert heard.acquire(timeout=PATIENCE_S)
    assert left[1] == left[0] + 7


def test_a_failure_to_advise_is_logged_and_ends_nothing(opened, monkeypatch, caplog):
    monkeypatch.setattr("campaign.decide.think", lambda *values: 1 / 0)
    told = []
    campaign = opened(PaperBench(), spec(strategy=StrategySpec("gp", initial=2)))
    campaign.listen_insight(told.append)
    campaign.start()
    assert campaign.wait(PATIENCE_S)
    assert campaign.state.phase == "Complete"
    campaign.close()
    assert told
    assert set(told) == {None}
    assert "there is no advice" in caplog.text


@pytest.mark.parametrize("name", WORTHS)
def test_every_name_asks_for_a_point_with_the_unit_in_its_reason(name, measured):
    strategy = build_strategy(StrategySpec(acquisition=name), "g")
    assert strategy.unit == "g"
    (suggestion,) = strategy.ask(history_of(measured), 1)
    assert measured.spec.space.contains(suggestion.point)


def test_beta_reaches_the_policies_that_heed_it(measured):
    history = history_of(measured)
    for name, worth in WORTHS.items():
        if name == "thompson":
            continue
        low, high = policy(name, 0.0), policy(name, 4.0)
        turns = [history] + [history.with_pending({"x": 1.0 + i, "y": 1.0}) for i in range(3)]
        turns += [turns[-1].with_pending({"x": 9.0, "y": 9.0})]
        differ = any(low.at(h) != high.at(h) for h in turns)
        assert differ == bool(worth.beta), name


def test_the_posterior_is_the_campaigns_own(measured):
    history = history_of(measured)
    found = think(history, fit(history), measured.spec)
    assert found.headline.best.point == fit(history).incumbent().point
