"""The figures that are published must say what they claim: known readings give known figures."""

import json
from dataclasses import replace

import pytest

from hardware.virtual.optics.random_case import random_scene
from hardware.virtual.optics.specimen import Truth
from tests.vision import rendered
from vision.reading import Doubt, Layer, VialReading

TRUTHS = {seed: random_scene(seed)[2] for seed in range(60)}


def perfect(truth: Truth, confidence: float = 1.0) -> VialReading:
    """What an eye without error would say."""
    return VialReading(
        box_px=truth.box_px,
        state=truth.state,
        present=truth.state != "no_vial",
        surface_row=truth.surface_row,
        surface_sd_px=0.1,
        level_mm=None,
        level_sd_mm=None,
        volume_ul=truth.volume_ul,
        volume_sd_ul=1.0,
        layers=tuple(Layer(p.top_row, p.bottom_row, p.lab) for p in truth.phases),
        lab=None,
        clarity=None,
        doubt=Doubt.NONE,
        confidence=confidence,
    )


def test_a_perfect_eye_gets_perfect_figures():
    found = rendered.figures([rendered.score(seed, t, perfect(t)) for seed, t in TRUTHS.items()])
    for name in ("presence right %", "state right % of answered", "layers right % of answered"):
        assert found[name] == 100, name
    for name in ("surface p95 % of height", "gross > 10 % of answered", "empties called filled %", "delta E00 p95"):
        assert found[name] == pytest.approx(0, abs=1e-6), name
    assert found["volume p95 % of full scale"] == pytest.approx(0)
    assert found["expected calibration error"] == pytest.approx(0)


def test_confidence_that_promises_too_much_or_too_little_is_counted():
    scores = [rendered.score(seed, t, perfect(t, confidence=0.6)) for seed, t in TRUTHS.items()]
    assert rendered.calibration_error(scores) == pytest.approx(0.4)


def test_a_surface_off_by_a_fifth_is_gross_and_a_reading_of_an_empty_vial_as_full_is_counted():
    scores = []
    for seed, truth in TRUTHS.items():
        seen = perfect(truth)
        if truth.surface_row is not None:
            seen = replace(seen, surface_row=truth.surface_row - 0.2 * (truth.box_px[3] - truth.box_px[1]))
        elif truth.state == "empty":
            seen = replace(seen, state="liquid", surface_row=truth.base_row - 9)
        scores.append(rendered.score(seed, truth, seen))
    found = rendered.figures(scores)
    assert found["gross > 10 % of answered"] == 100
    assert found["surface median % of height"] == pytest.approx(20)
    bare = [t.state for t in TRUTHS.values() if t.state in ("empty", "no_vial")]
    assert found["empties called filled %"] == pytest.approx(100 * bare.count("empty") / len(bare))


def test_saying_nothing_is_a_miss_and_no_error():
    scores = [
        rendered.score(seed, t, replace(perfect(t), state="unknown", surface_row=None, volume_ul=None, layers=()))
        for seed, t in TRUTHS.items()
    ]
    found = rendered.figures(scores)
    assert found["answered % (has a surface)"] == 0
    assert found["surface within 2 % (unknown a miss)"] == 0
    assert found["surface median % of height"] is None
    assert found["expected calibration error"] is None


def test_the_command_reads_scenes_prints_figures_and_writes_them(tmp_path, capsys):
    told = tmp_path / "figures.json"
    assert rendered.main(["--scenes", "4", "--seed", "0", "--json", str(told)]) == 0
    assert "surface median % of height" in capsys.readouterr().out
    kept = json.loads(told.read_text("utf-8"))
    assert [scene["seed"] for scene in kept["scenes"]] == [0, 1, 2, 3]
    assert set(kept["figures"]) == {"panel", "dark field", "hidden"}


def test_a_sheet_shows_every_scene_it_was_asked_for(tmp_path):
    drawn = tmp_path / "sheet.png"
    assert rendered.main(["--only", "0", "1", "--sheet", str(drawn)]) == 0
    assert drawn.stat().st_size > 10_000
