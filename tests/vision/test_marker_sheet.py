"""The sheet that is printed is the board that is looked for: drawn again from its files, found and measured."""

import re
import shutil
import subprocess
import tomllib
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree

import cv2
import numpy as np
import pytest

from vision.marker_sheet import PAPERS, Page, Rect, SheetError, Words, lens_page, rack_page, rig_table, strip_board
from vision.rack_markers import ChessBoard, Image, MarkerBoard
from vision.sheet_files import save_sheet, to_pdf, to_svg

PX_PER_MM = 10
SVG = "{http://www.w3.org/2000/svg}"


def drawn(rectangles: Iterator[tuple[float, ...]], page: Page) -> Image:
    """Rectangles (x, y, width, height, grey) in mm, to a tenth of a millimetre."""
    canvas = np.full((round(page.height_mm * PX_PER_MM), round(page.width_mm * PX_PER_MM)), 255, np.uint8)
    for x, y, w, h, grey in rectangles:
        x0, y0, x1, y1 = (round(v * PX_PER_MM) for v in (x, y, x + w, y + h))
        canvas[y0:y1, x0:x1] = round(255 * grey)
    return cv2.GaussianBlur(canvas, (0, 0), 1.5)


def from_svg(text: str) -> Iterator[tuple[float, ...]]:
    for r in ElementTree.fromstring(text).iter(f"{SVG}rect"):  # noqa: S314  # our own page
        grey = int(r.get("fill", "")[1:3], 16) / 255
        yield (*(float(r.get(k, "")) for k in ("x", "y", "width", "height")), grey)


def from_pdf(data: bytes, page: Page) -> Iterator[tuple[float, ...]]:
    k = 25.4 / 72
    for m in re.finditer(rb"([\d.]+) g ([\d.]+) ([\d.]+) ([\d.]+) ([\d.]+) re f", data):
        grey, x, y, w, h = map(float, m.groups())
        yield x * k, page.height_mm - (y + h) * k, w * k, h * k, grey


@pytest.mark.parametrize("paper", PAPERS)
@pytest.mark.parametrize("way", ["svg", "pdf"])
def test_the_strip_that_is_printed_is_the_board(paper: str, way: str) -> None:
    board = strip_board(4, 15.0, 32.0, first=3)
    page = rack_page(board, paper)
    shapes = from_svg(to_svg(page)) if way == "svg" else from_pdf(to_pdf([page]), page)
    seen = board.see(drawn(shapes, page))
    assert seen.ids == (3, 4, 5, 6)
    mm = seen.points_px / PX_PER_MM
    assert np.linalg.norm(mm[1] - mm[0]) == pytest.approx(15.0, abs=0.11)
    assert np.linalg.norm(mm[4] - mm[0]) == pytest.approx(32.0, abs=0.11)
    want = board.corners_mm[6][2] - board.corners_mm[3][0]
    assert mm[-2] - mm[0] == pytest.approx((want[0], -want[1]), abs=0.11)


@pytest.mark.parametrize("paper", PAPERS)
@pytest.mark.parametrize("board", [ChessBoard(), ChessBoard(6, 8, 20.0, 15.0)])
def test_the_lens_board_too(paper: str, board: ChessBoard) -> None:
    page = lens_page(board, paper)
    seen = board.see(drawn(from_svg(to_svg(page)), page))
    assert len(seen) == board.corners
    mm = seen.points_px / PX_PER_MM * (1, -1)
    assert mm - mm[0] == pytest.approx(seen.points_mm[:, :2] - seen.points_mm[0, :2], abs=0.11)


def test_a_board_from_a_rig_file_in_two_rows() -> None:
    board = MarkerBoard((1, 5, 9), 20.0, ((0, 0, 5), (60, 0, 5), (30, 45, 5)), "5x5_50")
    page = rack_page(board)
    assert board.see(drawn(from_svg(to_svg(page)), page)).ids == (1, 5, 9)


def test_what_the_page_says() -> None:
    page = rack_page(strip_board(3, 15.0))
    said = " ".join(s.text for s in page.shapes if isinstance(s, Words))
    wanted = (
        "id 0",
        "id 2",
        "4x4_50",
        "size_mm = 15",
        "[markers]",
        "origin_mm",
        "100 mm long",
        "grey 18 %",
        "100 %",
    )
    assert [words for words in wanted if words not in said] == []
    assert any(isinstance(s, Rect) and s.width_mm == 100 for s in page.shapes)
    assert 'width="210mm"' in to_svg(page)
    assert all(s.x_mm >= 0 and 0 <= s.y_mm <= page.height_mm for s in page.shapes if isinstance(s, Rect | Words))


def test_the_table_on_the_page_tells_the_board() -> None:
    board = strip_board(6, 15.0, 27.5, first=2)
    table = tomllib.loads("\n".join(rig_table(board)))["markers"]
    told = MarkerBoard(
        tuple(table["ids"]), table["size_mm"], tuple(map(tuple, table["places_mm"])), table["dictionary"]
    )
    assert told == board


def test_a_long_strip_turns_the_paper() -> None:
    page = rack_page(strip_board(6, 20.0, 45.0))
    assert (page.width_mm, page.height_mm) == (297.0, 210.0)


@pytest.mark.parametrize(
    ("make", "word"),
    [
        (lambda: rack_page(strip_board(12, 20.0, 45.0)), "fewer, smaller or nearer"),
        (lambda: strip_board(3, 2.0), "5 to 150 mm"),
        (lambda: strip_board(3, 15.0, 16.0), "white around each"),
        (lambda: strip_board(60, 5.0), "0 to 49"),
        (lambda: rack_page(MarkerBoard((0, 1), 9.0, ((0, 0, 0), (20, 0, 5)))), "different depths"),
        (lambda: lens_page(ChessBoard(9, 14, 24.0, 15.0, "6x6_250")), "squares smaller"),
    ],
)
def test_sheets_that_cannot_be(make, word: str) -> None:
    with pytest.raises(ValueError, match=word):
        make()
    assert issubclass(SheetError, ValueError)


def test_files(tmp_path: Path) -> None:
    pages = [rack_page(strip_board(2, 10.0)), lens_page(ChessBoard())]
    assert [p.name for p in save_sheet(pages, tmp_path / "sheet.svg")] == ["sheet.svg", "sheet-2.svg"]
    assert save_sheet(pages, tmp_path / "sheet.PDF") == [tmp_path / "sheet.PDF"]
    with pytest.raises(ValueError, match=r"\.pdf or \.svg"):
        save_sheet(pages, tmp_path / "sheet.png")


def test_the_pdf_is_one() -> None:
    data = to_pdf([rack_page(strip_board(2, 10.0)), lens_page(ChessBoard())])
    at = int(re.search(rb"startxref\n(\d+)", data)[1])
    assert data[at : at + 4] == b"xref"
    for number, start in enumerate(re.findall(rb"(\d{10}) 00000 n", data), 1):
        assert data[int(start) :].startswith(b"%d 0 obj" % number)
    for length, stream in re.findall(rb"/Length (\d+) >>\nstream\n(.*?)\nendstream", data, re.DOTALL):
        assert int(length) == len(stream)


@pytest.mark.skipif(shutil.which("gs") is None, reason="Ghostscript is not installed")
def test_another_program_prints_the_pdf_in_true_size(tmp_path: Path) -> None:
    board = strip_board(4, 15.0)
    (path,) = save_sheet([rack_page(board), lens_page(ChessBoard())], tmp_path / "sheet.pdf")
    draw = ["gs", "-q", "-dNOPAUSE", "-dBATCH", "-dSAFER", "-sDEVICE=pnggray", "-r254", "-dGraphicsAlphaBits=4"]
    subprocess.run([*draw, f"-sOutputFile={tmp_path}/page%d.png", str(path)], check=True, timeout=60)
    strip, lens = (cv2.imread(str(tmp_path / f"page{n}.png"), cv2.IMREAD_GRAYSCALE) for n in (1, 2))
    seen = board.see(cv2.GaussianBlur(strip, (0, 0), 1.5))
    assert seen.ids == (0, 1, 2, 3)
    assert np.linalg.norm(seen.points_px[-2] - seen.points_px[3]) / 10 == pytest.approx(105.0, abs=0.1)
    assert len(ChessBoard().see(lens)) == ChessBoard().corners
