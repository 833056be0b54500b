"""From a rig file with markers to every slot in a picture, and the commands about it."""

import dataclasses
import json
from pathlib import Path

import cv2
import numpy as np
import pytest

import aliquot
from campaign.rack_sight import (
    RackCheck,
    RackSeen,
    board_of,
    carried_mm,
    lens_of,
    places_of,
    see_rack,
    station_view,
    view_shift,
)
from hardware.rig_file import parse_rig
from hardware.spec import MARKER_DICTIONARIES, RigSpec
from tests.hardware.test_markers import MARKERS
from tests.hardware.test_rig_file import GOOD
from tests.vision.rack_scenes import LENS, Stand, photograph
from vision.camera_moved import Moved
from vision.lens import Lens
from vision.lens_file import lens_to_toml, load_lens
from vision.rack_markers import DICTIONARIES, ChessBoard
from vision.rack_pose import NotSeen

TEXT = GOOD + MARKERS.replace('"front left"', '"back left"')
STAND = Stand(pitch_deg=6, shift_mm=(-60, 25, 330))


def rig_with(lens: Lens | None = LENS, text: str = TEXT) -> RigSpec:
    """The lens as `aliquot lens` writes it, under [lens]."""
    told = "" if lens is None else "[lens]\n" + lens_to_toml(lens)
    return parse_rig(text.split("[lens]")[0] + told)


def test_every_slot_is_found_where_it_is() -> None:
    rig = rig_with()
    seen = see_rack(photograph(board_of(rig), STAND), rig)
    assert isinstance(seen, RackSeen)
    assert [s.slot for s in seen.slots] == list(rig.rack.slots)
    for slot in seen.slots:
        x, y, z = places_of(rig)[slot.slot]
        walls = STAND.project(np.array([(x + side, y + up, z) for side in (-8, 8) for up in (0, 50)]))
        assert slot.view.base_row == pytest.approx(STAND.project(np.array([(x, y + 1.0, z)]))[0, 1], abs=2)
        assert slot.view.box_px[0] == pytest.approx(walls[:, 0].min(), abs=3)
        assert slot.view.box_px[2] == pytest.approx(walls[:, 0].max(), abs=3)
        assert slot.sd_px < 2.5
        assert slot.view.white_px is not None
    # row D is nearest to the camera: it hides the others
    assert {s.slot[0] for s in seen.slots if not s.hidden_by} == {"D"}


@pytest.mark.parametrize(
    ("a1", "b2"),
    [
        ("back left", (25, 0, 25)), ("back right", (-25, 0, 25)),
        ("front left", (25, 0, -25)), ("front right", (-25, 0, -25)),
    ],
)  # fmt: skip
def test_which_corner_a1_is_in(a1: str, b2: tuple[float, float, float]) -> None:
    rig = rig_with(text=TEXT.replace("back left", a1))
    assert places_of(rig)["B2"] == b2
    # with B2 at the station the rack has gone the other way
    assert carried_mm(rig, rig.rack.position_mm("A1"), rig.rack.position_mm("B2")) == tuple(-v for v in b2)


def test_a_turned_rack_has_its_slots_along_its_own_front() -> None:
    rig = rig_with(text=TEXT.replace("a1_mm = [20, 20]", "a1_mm = [60, 20]\nangle_deg = 10"))
    assert places_of(rig)["A3"] == (50, 0, 0)
    a3 = rig.rack.position_mm("A3")
    assert carried_mm(rig, rig.rack.position_mm("A1"), a3) == pytest.approx((-50, 0, 0))


def test_a_moved_camera_is_told_wherever_the_stage_is() -> None:
    rig = rig_with()
    board = board_of(rig)
    seen = see_rack(photograph(board, STAND), rig)
    assert isinstance(seen, RackSeen)
    at, elsewhere = rig.rack.position_mm("A1"), rig.rack.position_mm("A2")
    check = RackCheck(rig, at, seen.pose)
    assert check.check(photograph(board, STAND, seed=2)) is None
    carried = np.array(carried_mm(rig, at, elsewhere))
    there = tuple(STAND.rotation @ carried + STAND.shift_mm)
    assert check.check(photograph(board, Stand(6, shift_mm=there)), elsewhere) is None
    knocked = Stand(6, shift_mm=(there[0] + 4, there[1], there[2]))
    moved = check.check(photograph(board, knocked), elsewhere)
    assert isinstance(moved, Moved)
    assert "to the left" in moved.words
    assert moved.shift_px[0] == pytest.approx(4 * 1150 / 330, abs=1.5)


def test_the_view_of_the_station_and_whether_it_still_fits() -> None:
    rig = rig_with()
    seen = see_rack(photograph(board_of(rig), STAND), rig)
    assert isinstance(seen, RackSeen)
    assert view_shift(rig, seen, "D2") is None  # there is none yet
    set_up = dataclasses.replace(rig, view=station_view(rig, seen, "D2"))
    assert view_shift(set_up, seen, "D2") is None
    x, y, z = STAND.shift_mm
    knocked = see_rack(photograph(board_of(rig), Stand(6, shift_mm=(x, y - 2, z)), seed=4), set_up)
    assert isinstance(knocked, RackSeen)
    moved = view_shift(set_up, knocked, "D2")
    assert isinstance(moved, Moved)
    assert moved.words.endswith("down")
    assert moved.shift_mm == pytest.approx(2, abs=0.6)
    with pytest.raises(ValueError, match="A1 to D6"):
        station_view(rig, seen, "E1")
    out = see_rack(photograph(board_of(rig), Stand(6, shift_mm=(x - 110, y, z))), rig)
    assert isinstance(out, RackSeen)
    with pytest.raises(ValueError, match="not wholly in the picture"):
        station_view(rig, out, "D1")


def test_a_rig_without_markers_says_what_to_do() -> None:
    with pytest.raises(ValueError, match="aliquot markers"):
        see_rack(np.zeros((72, 128, 3), np.uint8), parse_rig(GOOD))


def test_a_lens_that_was_written_down_was_measured() -> None:
    rig = rig_with(LENS)
    assert lens_of(rig) == LENS
    assert lens_of(rig_with(None)) is None
    with pytest.raises(ValueError, match=r"the \[lens\] of rig .*centre_px"):
        lens_of(rig_with(dataclasses.replace(LENS, centre_px=(-99.0, 300.0))))
    assert isinstance(see_rack(np.zeros((720, 1280, 3), np.uint8), rig), NotSeen)


def test_both_rooms_know_the_same_dictionaries() -> None:
    assert MARKER_DICTIONARIES == DICTIONARIES


def test_a_rack_that_lies_in_the_picture_is_not_read() -> None:
    rig = rig_with()
    for turn, degrees in ((cv2.ROTATE_180, 180), (cv2.ROTATE_90_CLOCKWISE, 90)):
        image = np.ascontiguousarray(cv2.rotate(photograph(board_of(rig), STAND), turn))
        seen = see_rack(image, rig if turn == cv2.ROTATE_180 else rig_with(None))
        assert isinstance(seen, NotSeen)
        told = int(seen.why.split("turned by ")[1].split()[0])
        assert told == pytest.approx(degrees, abs=5)
        assert "upright" in seen.why
    mirrored = np.ascontiguousarray(photograph(board_of(rig), STAND)[:, ::-1])
    lost = see_rack(mirrored, rig)
    assert isinstance(lost, NotSeen)
    assert "not mirrored" in lost.why


# the commands


def test_the_table_that_the_sheet_command_prints_is_one(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    sheet = tmp_path / "sheet.pdf"
    assert aliquot.main(["markers", "--out", str(sheet), "--count", "3", "--size-mm", "12"]) == 0
    told = capsys.readouterr().out
    rig = parse_rig(GOOD + told[told.index("[markers]") :])
    assert board_of(rig).ids == (0, 1, 2)
    assert board_of(rig).places_mm[2] == (48, 0, 0)
    assert sheet.read_bytes().startswith(b"%PDF-1.4")
    (tmp_path / "rig.toml").write_text(TEXT, encoding="utf-8")
    words = [
        "markers",
        "--out",
        str(tmp_path / "s.svg"),
        "--rig",
        str(tmp_path / "rig.toml"),
        "--paper",
        "Letter",
        "--json",
    ]
    assert aliquot.main(words) == 0
    assert len(json.loads(capsys.readouterr().out)["written"]) == 2
    assert aliquot.main(["markers", "--out", str(tmp_path / "s.png")]) == 2
    assert aliquot.main(["markers", "--out", str(sheet), "--count", "40"]) == 2
    assert "273 x 118 or 186 x 205 mm: make them fewer, smaller or nearer" in capsys.readouterr().err
    assert aliquot.main(["markers", "--out", str(sheet), "--rig", str(tmp_path / "rig.toml"), "--count", "7"]) == 2
    assert "the rig file says how many" in capsys.readouterr().err
    nowhere = tmp_path / "none" / "sheet.pdf"
    assert aliquot.main(["markers", "--out", str(nowhere)]) == 2
    assert f"aliquot: {nowhere}: No such file" in capsys.readouterr().err


def test_looking_at_a_rack(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rig = rig_with(None)
    (tmp_path / "rig.toml").write_text(TEXT.split("[lens]")[0], encoding="utf-8")
    (tmp_path / "lens.toml").write_text(lens_to_toml(LENS), encoding="utf-8")
    cv2.imwrite(str(tmp_path / "rack.png"), photograph(board_of(rig), STAND))
    cv2.imwrite(str(tmp_path / "none.png"), np.full((720, 1280, 3), 90, np.uint8))
    words = ["look", str(tmp_path / "rack.png"), "--rack", str(tmp_path / "rig.toml")]
    lens = ["--lens", str(tmp_path / "lens.toml")]
    assert aliquot.main([*words, *lens, "--draw", str(tmp_path / "seen.png")]) == 0
    told = capsys.readouterr().out
    assert "rack found by markers 0, 1, 2, which fit to 0." in told
    assert "A1: hidden by" in told
    assert "D6: box" in told
    assert (tmp_path / "seen.png").exists()
    assert aliquot.main([*words, "--json"]) == 0
    record = json.loads(capsys.readouterr().out)["rack.png"]
    assert record["markers"] == [0, 1, 2]
    assert any("lens was not measured" in doubt for doubt in record["doubt"])
    assert [s["slot"] for s in record["slots"]] == list(rig.rack.slots)
    d6 = record["slots"][-1]
    assert d6["sd_px"] > 15  # a vial is 80 px wide
    assert "state" not in d6
    assert "measure the lens" in d6["why"]
    capsys.readouterr()
    assert aliquot.main([*words, *lens, "--at", "D2"]) == 0
    table = capsys.readouterr().out.split("the rig file's view is:")[1]
    assert "does not fit" not in table
    view = parse_rig(TEXT + table).view
    (tmp_path / "rig.toml").write_text(
        TEXT.split("[lens]")[0] + table.replace("base_row = ", "base_row = 1"), "utf-8"
    )
    assert view is not None
    assert aliquot.main([*words, *lens, "--at", "D2"]) == 0
    assert "does not fit: the camera has moved by" in capsys.readouterr().out
    assert aliquot.main([*words, *lens, "--at", "d2", "--json"]) == 0
    record = json.loads(capsys.readouterr().out)["rack.png"]
    assert set(record["view"]) == {"box_px", "base_row", "px_per_mm", "white_px"}
    assert record["moved"].startswith("the camera has moved by")
    assert aliquot.main([*words, *lens, "--at", "Z9"]) == 2
    out, err = capsys.readouterr()
    assert "it has A1 to D6" in err
    assert not out
    assert aliquot.main(["look", str(tmp_path / "none.png"), *words[2:]]) == 2
    assert "none of the 3 markers can be seen" in capsys.readouterr().out


def test_measuring_a_lens(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    places = ((-150, -60), (0, -60), (20, -130), (-180, -130), (-80, -100), (-90, -80), (-10, -110), (-170, -70))
    paths = []
    for n, (x, y) in enumerate(places):
        stand = Stand((25, -25, 0)[n % 3], (-25, 0, 25)[n % 3], 5 * n, (x, y, 320.0 + 10 * n))
        paths.append(str(tmp_path / f"board{n}.png"))
        cv2.imwrite(paths[-1], photograph(ChessBoard(), stand, seed=n))
    out = tmp_path / "lens.toml"
    assert aliquot.main(["lens", *paths, "--out", str(out)]) == 0
    assert load_lens(out).focal_px[0] == pytest.approx(LENS.focal_px[0], rel=0.005)
    assert "corners fit to 0." in capsys.readouterr().out
    assert aliquot.main(["lens", *paths, "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["distortion"] == pytest.approx(load_lens(out).distortion, rel=1e-3, abs=1e-4)
    assert aliquot.main(["lens", *paths[:2]]) == 2
    assert "6 are needed" in capsys.readouterr().err
