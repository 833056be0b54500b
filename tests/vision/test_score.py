"""The figures of the eye: by hand, and as the shared script prints them."""

import csv
import json
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from vision.score import Truth, in_words, score

SHARED = Path(__file__).parents[3] / "shared" / "vision"
BOX = (0.0, 0.0, 40.0, 100.0)


def truth(vessel: int = 0, state: str = "liquid", surface: float | None = 50.0, **changes: object) -> Truth:
    band = None if surface is None else (surface, surface)
    return Truth(**{"file": "a.png", "vessel": vessel, "box_px": BOX, "state": state, "band": band, **changes})


def seen(
    vessel: int = 0, state: str = "liquid", surface: float | None = 50.0, **changes: object
) -> dict[str, object]:
    return {"vessel": vessel, "state": state, "surface_y": surface, "boundaries": [], "confidence": 0.9, **changes}


def test_surfaces_by_hand() -> None:
    truths = [truth(n) for n in range(5)]
    found = score(
        truths, {"a.png": [seen(0, surface=50.5), seen(1, surface=52.0), seen(2, surface=80.0), seen(3, "unknown")]}
    )
    assert (found.vessels, found.found, found.filled) == (5, 4, 5)
    assert found.errors_percent == (0.5, 2.0, 30.0)
    assert [found.within_percent(p) for p in (1, 2, 5)] == [20.0, 40.0, 40.0]
    assert (found.median_percent, found.gross_percent) == (2.0, pytest.approx(100 / 3))
    assert found.to_json()["answered_percent"] == 60.0
    assert found.calibration_error == pytest.approx(abs(0.9 - 2 / 3))


def test_the_band_in_which_a_person_saw_it_is_no_error() -> None:
    found = score([truth(band=(40.0, 60.0))], {"a.png": [seen(surface=59.0)]})
    assert found.errors_percent == (0.0,)


def test_empty_places() -> None:
    truths = [truth(n, "empty", None) for n in range(4)] + [truth(4, "no_vial", None)]
    readings = [
        seen(0, "empty", None),
        seen(1),
        seen(2, "unknown", None),
        seen(3, "solid", None),
        seen(4, "no_vial", None),
    ]
    found = score(truths, {"a.png": readings})
    assert (found.empties, found.false_alarms, found.filled) == (5, 2, 0)
    assert [right for _, right in found.answers] == [True, False, False, True]
    assert found.median_percent is None
    assert found.within_percent(2.0) is None


def test_boundaries_by_hand() -> None:
    two = truth(state="two_phase", boundary_rows=(70.0, 90.0))
    found = score([two], {"a.png": [seen(state="two_phase", boundaries=[71.5, 80.0, 60.0])]})
    assert (found.boundaries, found.boundaries_found, found.lines, found.lines_right) == (2, 1, 3, 1)


def test_without_numbers_a_vessel_is_the_box_that_covers_it() -> None:
    readings = [{**seen(), "bbox": [1, 0, 40, 99]}, {**seen(), "bbox": [60, 0, 99, 99]}]
    for reading in readings:
        del reading["vessel"]
    found = score([truth(), truth(1, box_px=(200.0, 0.0, 240.0, 100.0))], {"a.png": readings})
    assert (found.found, found.readings, len(found.errors_percent)) == (1, 2, 1)


def test_a_filled_vessel_without_a_line_is_refused() -> None:
    with pytest.raises(ValueError, match=r"a\.png, vessel 3: liquid without a surface"):
        truth(3, surface=None)


def test_words_also_of_nothing() -> None:
    assert in_words(score([], {})) == "State: 0 of 0 vessels called rightly."
    words = in_words(score([truth(), truth(1, "empty", None)], {"a.png": [seen(), seen(1)]}))
    assert words.splitlines() == [
        "State: 1 of 2 vessels called rightly.",
        "Surface: 1 of 1 filled vessel answered, median error 0.0 % of the height; within 1 / 2 / 5 %: "
        "100 / 100 / 100 % of the filled; off by more than 10 %: 0 % of the answers.",
        "Empty: 1 of 1 empty place called filled.",
        "Confidence: 0.90 on average, 0.50 of the answers are right; expected calibration error 0.40.",
    ]
    assert "none of 1 filled vessel answered" in in_words(score([truth()], {"a.png": [seen(0, "unknown")]}))
    two = truth(state="two_phase", boundary_rows=(70.0,))
    assert "0 of 1 found; 0 of 1 reported line right" in in_words(
        score([two], {"a.png": [seen(boundaries=[60.0])]})
    )


def manifest() -> list[Truth]:
    rows = list(csv.DictReader((SHARED / "manifest.csv").open()))
    return [
        Truth(
            row["file"], int(row["vessel"]), tuple(float(row[k]) for k in ("x0", "y0", "x1", "y1")), row["state"],
            (float(row["surface_band_top"]), float(row["surface_band_bottom"])) if row["surface_y"] else None,
            tuple(float(b) for b in row["boundaries_y"].split(";") if b),
            float(row["uncertainty_px"] or 0.0),
        )
        for row in rows
    ]  # fmt: skip


def guesses(truths: list[Truth], seed: int, numbered: bool) -> dict[str, list[dict[str, object]]]:
    """Readings that are right, wrong, silent or missing at random."""
    rng = np.random.default_rng(seed)
    found: dict[str, list[dict[str, object]]] = {}
    for t in truths:
        states = (t.state, t.state, t.state, "liquid", "two_phase", "empty", "unknown", "solid")
        state = states[int(rng.integers(len(states)))]
        x0, y0, x1, y1 = t.box_px
        middle = (y0 + y1) / 2 if t.band is None else sum(t.band) / 2
        row = None if rng.random() < 0.15 else middle + t.height_px * rng.normal(0, 0.03)
        near = [b + t.height_px * rng.normal(0, 0.02) for b in t.boundary_rows if rng.random() < 0.7]
        extra = [y0 + t.height_px * rng.random()] if rng.random() < 0.2 else []
        off = t.height_px * rng.normal(0, 0.1)
        place = {"vessel": t.vessel} if numbered else {"bbox": [x0, y0 + off, x1, y1 + off]}
        if rng.random() < 0.95:
            reading = {"state": state, "surface_y": row, "boundaries": near + extra, "confidence": rng.random()}
            found.setdefault(t.file, []).append({**place, **reading})
    return found


@pytest.mark.skipif(not (SHARED / "score.py").exists(), reason="the shared photographs are not here")
@pytest.mark.parametrize(("seed", "numbered"), [(0, True), (1, True), (2, False), (3, False)])
def test_as_the_shared_script_prints_it(seed: int, numbered: bool, tmp_path: Path) -> None:
    truths = manifest()
    predictions = guesses(truths, seed, numbered)
    path = tmp_path / "predictions.json"
    path.write_text(json.dumps(predictions))
    command = [sys.executable, str(SHARED / "score.py"), str(SHARED / "manifest.csv"), str(path)]
    printed = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout
    found = score(truths, predictions)
    f = found.to_json()
    expected = (
        f"vessels {found.vessels}  detected {f['found_percent']:.1f}%  predictions {found.readings}"
        f"  state accuracy {f['state_accuracy_percent']:.1f}%\n"
        f"surface: filled vessels {found.filled}  answered {f['answered_percent']:.1f}%"
        f"  median error {f['median_error_percent']:.2f}% H  within 1/2/5% H (unanswered = miss): "
        f"{f['within_1_percent']:.1f} / {f['within_2_percent']:.1f} / {f['within_5_percent']:.1f}"
        f"  gross (>10% H) among answered {f['gross_percent']:.1f}%\n"
        f"false alarms on empty: {found.false_alarms}/{found.empties}"
        f"   boundary recall {found.boundaries_found}/{found.boundaries} (lines reported {found.lines})"
    )
    assert re.sub(r"\s+", " ", printed.strip()) == re.sub(r"\s+", " ", expected)
