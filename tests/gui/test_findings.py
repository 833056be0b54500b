"""The best, the advice and the model's health as they are painted, and the point that is repeated."""

from dataclasses import replace

import pytest

from campaign.decide import history_of
from campaign.insight import LIGHTS, Insight, insight_of, think
from campaign.state import CampaignState
from gui.panels.findings import FindingsPanel, FindingsStrip, best_in_words
from gui.panels.run_page import RunPage
from gui.theme import DARK, LIGHT, apply
from optimiser.surrogate import fit
from tests.gui import states


@pytest.fixture(scope="module")
def state() -> CampaignState:
    return states.colour_state()


@pytest.fixture(scope="module")
def insight(state) -> Insight:
    found = insight_of(state)
    assert found is not None
    return found


@pytest.fixture
def strip(qtbot):
    made = FindingsStrip()
    qtbot.addWidget(made)
    made.set_theme(LIGHT)
    return made


def test_three_lines_say_best_advice_and_health(strip, insight):
    strip.show_insight(insight, "ΔE00")
    assert [w.text() for w in strip.words] == [
        "Best", f"Advice: {insight.advice.verdict}", f"Model: {LIGHTS[insight.health.light].lower()}",
    ]  # fmt: skip
    best, advice, health = (s.full for s in strip.sentences)
    assert "95 % interval" in best
    assert "measured once: unreplicated" in best
    assert "Nothing may be announced yet" in best
    assert advice.lower() == insight.advice.sentence.partition(": ")[2].lower()
    assert health.startswith(insight.health.sentence)
    assert all(icon.pixmap().width() for icon in strip.icons)


@pytest.mark.parametrize("light", LIGHTS)
def test_every_light_has_a_word_and_a_shape_of_its_own(strip, insight, light):
    shown = replace(insight, health=replace(insight.health, light=light, hints=("Widen it.",)))
    strip.show_insight(shown, "ΔE00")
    assert strip.words[2].text() == f"Model: {LIGHTS[light].lower()}"
    assert strip.sentences[2].full.endswith("Widen it.")
    assert len(set(LIGHTS.values())) == 4


def test_nothing_moves_when_the_findings_come(strip, insight):
    strip.resize(780, 60)
    before = strip.sizeHint().height(), strip.minimumSizeHint().width()
    strip.show_insight(insight, "ΔE00")
    assert (strip.sizeHint().height(), strip.minimumSizeHint().width()) == before
    strip.show_insight(None, "ΔE00")
    assert (strip.sizeHint().height(), strip.minimumSizeHint().width()) == before


def test_a_replicated_best_is_announced_and_a_lucky_reading_named(state):
    first = next(e for e in state.observed if e.include)
    good = {"red": 480.0, "yellow": 1320.0, "blue": 200.0, "water": 2000.0}
    more = [replace(first, number=20 + i, point=good, value=1.3 + 0.1 * i, value_sd=None) for i in range(3)]
    lucky = {"red": 3000.0, "yellow": 500.0, "blue": 300.0, "water": 200.0}
    more += [
        replace(first, number=30 + i, point=lucky, value=v, value_sd=None) for i, v in enumerate((30, 30, 31, 0.1))
    ]
    found = insight_of(replace(state, experiments=(*state.experiments, *more)))
    words = best_in_words(found, "ΔE00")
    assert "3 readings) at" in words
    assert "may be announced" in words
    assert "Do not announce 0.1 ΔE00 at red 3000 µL, yellow 500 µL, blue 300 µL, water 200 µL: outlier" in words


def test_a_point_can_be_repeated_only_while_a_suggestion_waits(strip, insight, qtbot):
    assert not strip.repeat.isEnabled()
    strip.show_insight(insight, "ΔE00")
    assert not strip.repeat.isEnabled()
    assert "Approve each" in strip.repeat.toolTip()
    strip.show_open(waits=True)
    assert strip.repeat.isEnabled()
    assert "Use mine" in strip.repeat.toolTip()
    with qtbot.waitSignal(strip.repeat_wanted) as told:
        strip.repeat.click()
    assert told.args[0] == dict(insight.repeat)


def test_all_of_it_can_be_read_and_copied(qtbot, insight):
    panel = FindingsPanel()
    qtbot.addWidget(panel)
    assert "after the second result" in panel.text.toPlainText()
    evil = replace(insight, health=replace(insight.health, hints=("look at <b>this</b>",)))
    panel.show_insight(evil, "ΔE00")
    said = panel.text.toPlainText()
    for words in (insight.headline.sentence, insight.advice.sentence, insight.health.sentence, "<b>this</b>"):
        assert words in said


def test_the_run_page_repeats_a_point_by_use_mine(qtbot, qapp, state, insight):
    apply(qapp, DARK)
    page = RunPage()
    qtbot.addWidget(page)
    page.set_theme(DARK)
    page.resize(1220, 720)
    page.show_state(state)
    page.show_model(fit(history_of(state)))
    page.show_insight(insight)
    page.show()
    qtbot.waitExposed(page)
    page.model.findings.repeat.click()
    assert page.next.is_moved
    with qtbot.waitSignal(page.decided) as sent:
        page.next.mine_button.click()
    action, point, why = sent.args
    assert (action, why) == ("override", "repeated by hand")
    assert point == pytest.approx(dict(insight.repeat))
    assert not page.model.findings.repeat.isEnabled()
    page.show_insight(None)
    assert "second result" in page.model.findings.sentences[0].full


def test_a_mixed_space_and_no_unit(strip):
    spec = states.one_dial_spec()
    made = states.measured(spec, [{"voltage": v} for v in (1.0, 4.0, 9.0)], [1.0, 3.0, 2.0])
    history = history_of(made)
    strip.show_insight(think(history, fit(history), spec), "")
    assert strip.words[2].text() == "Model: too early"


@pytest.mark.parametrize("theme", [LIGHT, DARK, replace(DARK, scale=1.6)])
def test_the_longest_words_have_room_from_the_start(qtbot, qapp, insight, theme):
    apply(qapp, theme)
    strip = FindingsStrip()
    qtbot.addWidget(strip)
    strip.set_theme(theme)
    strip.show()
    room = [w.minimumWidth() for w in strip.words]
    for verdict in ("go on", "consider stopping", "stop"):
        for light in LIGHTS:
            shown = replace(
                insight,
                advice=replace(insight.advice, verdict=verdict),
                health=replace(insight.health, light=light),
            )
            strip.show_insight(shown, "ΔE00")
            assert all(w.sizeHint().width() <= least for w, least in zip(strip.words, room, strict=True))
