"""`aliquot plate` and `aliquot chart`, and what --chart does to other commands."""

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from aliquot import main
from tests.vision.chart_scenes import Camera, draw_chart_scene
from tests.vision.plate_scenes import PlateScene, draw_plate_scene
from vision.colour import delta_e00, linear, linear_rgb_to_lab
from vision.correction import load_correction
from vision.look import look_image

CONTENTS = {(row, column): (200, 60, 40) for row in range(4) for column in range(3)}


@pytest.fixture
def plate(tmp_path: Path) -> tuple[Path, list[str]]:
    image, corners = draw_plate_scene(PlateScene(4, 6, CONTENTS, radius=0.41))
    path = tmp_path / "plate.png"
    cv2.imwrite(str(path), image)
    return path, [f"{x:.0f},{y:.0f}" for x, y in corners]


@pytest.fixture
def chart(tmp_path: Path) -> Path:
    image, _ = draw_chart_scene(Camera(seed=1))
    cv2.imwrite(str(tmp_path / "chart.png"), image)
    return tmp_path / "chart.png"


def test_plate_as_a_map_and_drawn(
    plate: tuple[Path, list[str]], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path, corners = plate
    seen = tmp_path / "drawn" / "seen.png"
    words = ["plate", str(path), "--corners", *corners, "--rows", "4", "--columns", "6", "--draw", str(seen)]
    assert main(words) == 0
    told = capsys.readouterr().out
    assert "A  +  +  +  o  o  o" in told
    assert "neither a white nor a chart" in told
    assert cv2.imread(str(seen)) is not None


def test_plate_as_json_with_white_and_empty(
    plate: tuple[Path, list[str]], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path, corners = plate
    before = tmp_path / "before.png"
    cv2.imwrite(str(before), draw_plate_scene(PlateScene(4, 6, radius=0.41))[0])
    words = ["plate", str(path), "--corners", *corners, "--rows", "4", "--columns", "6", "--empty", str(before)]
    assert main([*words, "--white", "2", "2", "22", "22", "--json"]) == 0
    wells = {well["well"]: well for well in json.loads(capsys.readouterr().out)["wells"]}
    assert len(wells) == 24
    assert (wells["A1"]["state"], wells["A6"]["state"]) == ("filled", "empty")
    assert wells["A1"]["doubt"] == []


def test_plate_between_markers(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    image, corners = draw_plate_scene(PlateScene(4, 6, CONTENTS, radius=0.41, tilt=0.0, uneven=0.0))
    (x0, y0), (x1, y1) = corners[0], corners[2]
    pitch = (x1 - x0) / 5
    page = cv2.copyMakeBorder(image, 60, 60, 60, 60, cv2.BORDER_CONSTANT, value=(200, 200, 200))
    dictionary = cv2.aruco.getPredefinedDictionary(cv2.aruco.DICT_4X4_50)
    places = [
        (x0 - pitch, y0 - pitch),
        (x1 + pitch, y0 - pitch),
        (x1 + pitch, y1 + pitch),
        (x0 - pitch, y1 + pitch),
    ]
    for number, (x, y) in enumerate(places):
        left, top = round(x + 60) - 25, round(y + 60) - 25
        page[top - 8 : top + 58, left - 8 : left + 58] = 255
        page[top : top + 50, left : left + 50] = cv2.aruco.generateImageMarker(dictionary, number, 50)[..., None]
    path = tmp_path / "marked.png"
    cv2.imwrite(str(path), page)
    inset = f"{1 / 7},{1 / 5}"
    words = ["plate", str(path), "--markers", "0", "1", "2", "3", "--inset", inset, "--rows", "4", "--columns", "6"]
    assert main([*words, "--json"]) == 0
    wells = json.loads(capsys.readouterr().out)["wells"]
    assert [well["state"] for well in wells] == (["filled"] * 3 + ["empty"] * 3) * 4
    assert main([*words[:3], "0", "1", "2", "9", *words[7:]]) == 2
    assert "marker 9 is not seen" in capsys.readouterr().err


def test_corners_are_checked(plate: tuple[Path, list[str]], capsys: pytest.CaptureFixture[str]) -> None:
    path, corners = plate
    assert main(["plate", str(path), "--corners", *corners[::-1], "--rows", "4", "--columns", "6"]) == 2
    assert "anticlockwise" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        main(["plate", str(path), "--corners", "1", "2", "3", "4"])
    assert "is not x,y" in capsys.readouterr().err


def test_chart_is_saved_and_used(
    chart: Path, plate: tuple[Path, list[str]], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    saved = tmp_path / "camera.json"
    assert main(["chart", str(chart), "--out", str(saved)]) == 0
    assert "ΔE00" in capsys.readouterr().out
    assert main(["chart", str(chart), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["mean_de00"] == load_correction(saved).mean_de00
    path, corners = plate
    words = ["plate", str(path), "--corners", *corners, "--rows", "4", "--columns", "6", "--json", "--chart"]
    told = []
    for given in (saved, chart):
        assert main([*words, str(given)]) == 0
        told.append(json.loads(capsys.readouterr().out))
    assert told[0] == told[1]
    assert told[0]["wells"][0]["doubt"] == []
    assert main([*words, str(path)]) == 2
    assert "no chart found" in capsys.readouterr().err


def test_a_grey_patch_in_place_of_a_chart(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path, saved = tmp_path / "grey.png", tmp_path / "camera.json"
    cv2.imwrite(str(path), np.full((40, 60, 3), (90, 120, 150), np.uint8))
    words = ["chart", str(path), "--grey", "5", "5", "30", "30"]
    assert main([*words, "--reflectance", "0.18", "--out", str(saved)]) == 0
    assert "one patch does not tell" in capsys.readouterr().out
    np.testing.assert_allclose(load_correction(saved).light(linear(np.uint8([150, 120, 90]))), 0.18, atol=1e-3)
    assert main([*words, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["mean_de00"] is None
    assert main([*words, "--corners", "1,1", "9,1", "9,9", "1,9"]) == 2
    assert "give one of them" in capsys.readouterr().err
    assert main(["chart", str(path), "--reflectance", "0.18"]) == 2
    assert "goes with --grey" in capsys.readouterr().err
    assert main(["chart", str(path), "--grey", "nan", "0", "9", "9"]) == 2
    assert "no box in the picture" in capsys.readouterr().err


def test_look_reads_the_corrected_picture(chart: Path, tmp_path: Path) -> None:
    saved = tmp_path / "camera.json"
    assert main(["chart", str(chart), "--out", str(saved)]) == 0
    correction = load_correction(saved)
    image = np.full((240, 320, 3), (60, 90, 140), np.uint8)
    path = tmp_path / "vial.png"
    cv2.imwrite(str(path), correction.corrected(image))
    true = look_image(path, [(100, 40, 160, 200)])
    cv2.imwrite(str(path), image)
    assert look_image(path, [(100, 40, 160, 200)], correction) == true
    assert main(["look", str(path), "--box", "100", "40", "160", "200", "--chart", str(saved)]) == 0


def test_corrected_colour_is_the_colour_of_the_patch(chart: Path) -> None:
    image, corners = draw_chart_scene(Camera(seed=1))
    from vision.chart import correction_from_chart
    from vision.chart_reference import reference_rgb

    made = correction_from_chart(image)
    picture = made.corrected(image)
    quad = np.array([(0, 0), (16.75, 0), (16.75, 11.25), (0, 11.25)], np.float32)
    matrix = cv2.getPerspectiveTransform(quad, corners.astype(np.float32))
    x, y = cv2.perspectiveTransform(np.array([[(1.5 + 2.75 * 2, 1.5 + 2.75 * 2)]], np.float64), matrix)[0, 0]
    patch = picture[round(y) - 4 : round(y) + 5, round(x) - 4 : round(x) + 5].reshape(-1, 3)
    seen = linear_rgb_to_lab(linear(patch).mean(axis=0)[::-1])
    assert delta_e00(seen, linear_rgb_to_lab(np.clip(reference_rgb()[14], 0, 1))) < 2


def test_drawings_that_cannot_be_are_told_before_any_work(
    plate: tuple[Path, list[str]], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path, corners = plate
    words = ["plate", str(path), "--corners", *corners, "--rows", "4", "--columns", "6", "--draw"]
    assert main([*words, str(tmp_path / "seen.xyz")]) == 2
    assert main(["look", str(path), str(tmp_path / "other.png"), "--draw", str(tmp_path / "seen.png")]) == 2
    out, err = capsys.readouterr()
    assert not out
    assert "take .png or .jpg" in err
    assert "name a folder" in err
    assert main([*words, str(path / "seen.png")]) == 2
    assert "cannot be written" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["look", "a.png", "--lens", "lens.toml"], "--lens goes with --rack"),
        (["look", "a.png", "--at", "B2"], "--at goes with --rack"),
        (["look", "a.png", "--rack", "rig.toml", "--box", "1", "2", "3", "4"], "--rack and --box"),
        (["look", "a.png", "--slots", "s.csv", "--draw", "seen.png"], "leave --draw out"),
        (["look", "a.png", "there/a.png", "--json"], "two pictures are named a.png"),
        (["plate", "a.png", "--corners", "1,1", "2,1", "2,2", "1,2", "--inset", "0.1,0.1"], "goes with --markers"),
    ],
)
def test_options_that_would_be_passed_over_are_refused(
    words: list[str], says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(words) == 2
    assert says in capsys.readouterr().err


def test_words_that_are_no_numbers(capsys: pytest.CaptureFixture[str]) -> None:
    for words in (["plate", "a.png", "--rows", "x"], ["markers", "--out", "s.pdf", "--size-mm", "big"]):
        with pytest.raises(SystemExit):
            main(words)
        assert "_" not in capsys.readouterr().err.splitlines()[-1]
