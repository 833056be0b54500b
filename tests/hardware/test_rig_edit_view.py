"""Where the vial stands in the picture, put into a rig file whose other words stay."""

from dataclasses import replace
from pathlib import Path

import pytest

from hardware.rig_edit import set_view
from hardware.rig_file import RigFileError, load_rig, parse_rig, rig_to_toml
from hardware.spec import ViewSpec, VolumeSpec
from resources import path

SHIPPED = Path(path("rigs/virtual.toml")).read_text(encoding="utf-8")
VIEW = ViewSpec((100.5, 50.0, 210.0, 440.0), 431.5, 6.25, (230.0, 250.0, 260.0, 400.0))
FILLED = ViewSpec(VIEW.box_px, VIEW.base_row, VIEW.px_per_mm, None, VolumeSpec(1.02, -15.0, 0.004, 6.0, -0.8))


@pytest.mark.parametrize("text", [SHIPPED, SHIPPED[: SHIPPED.index("[view]")]], ids=["changed", "new"])
def test_a_view_is_changed_or_made(tmp_path: Path, text: str) -> None:
    rig = tmp_path / "rig.toml"
    rig.write_text(f"# mine\n{text}", encoding="utf-8")
    for view in (VIEW, FILLED, VIEW):
        set_view(rig, view)
        assert load_rig(rig).view == view
    assert rig.read_text(encoding="utf-8").startswith("# mine\n")


def test_a_view_with_mistakes_is_refused_and_the_file_stays(tmp_path: Path) -> None:
    rig = tmp_path / "rig.toml"
    rig.write_text(SHIPPED, encoding="utf-8")
    wrong = ViewSpec((300.0, 50.0, 210.0, 440.0), 431.5, 6.25)
    with pytest.raises(RigFileError, match="box_px"):
        set_view(rig, wrong)
    assert rig.read_text(encoding="utf-8") == SHIPPED


def test_the_picture_of_a_view_lies_beside_its_rig_file(tmp_path: Path) -> None:
    rig, picture = tmp_path / "rig.toml", tmp_path / "rig.view.png"
    rig.write_text(SHIPPED, encoding="utf-8")
    picture.write_bytes(b"")
    view = replace(VIEW, picture=str(picture))
    set_view(rig, view)
    assert 'picture = "rig.view.png"' in rig.read_text(encoding="utf-8")
    spec = load_rig(rig)
    assert spec.view == view
    assert parse_rig(rig_to_toml(spec)).view == VIEW
    text = rig.read_text(encoding="utf-8")
    rig.write_text(text.replace("[view]\n", '[view]\ncolours = "colours.json"\n'), encoding="utf-8")
    with pytest.raises(RigFileError, match=r"view\.colours: there is no file"):
        load_rig(rig)
    colours = tmp_path / "colours.json"
    colours.write_text("{}", encoding="utf-8")
    set_view(rig, view)
    kept = load_rig(rig).view
    assert kept is not None
    assert kept.colours == str(colours)
    picture.unlink()
    with pytest.raises(RigFileError, match="no file"):
        load_rig(rig)
    rig.write_text(rig.read_text(encoding="utf-8").replace("rig.view.png", "../rig.view.png"), encoding="utf-8")
    with pytest.raises(RigFileError, match="beside the rig file"):
        load_rig(rig)
