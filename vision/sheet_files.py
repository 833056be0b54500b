"""A marker sheet as SVG and as PDF: vectors in true mm, no pixels, fonts that every reader has."""

from collections.abc import Sequence
from html import escape
from pathlib import Path

from vision.marker_sheet import Line, Page, Rect, Shape, Words

PT_PER_MM = 72 / 25.4


def to_svg(page: Page) -> str:
    """One page; an SVG file has no more."""
    width, height = f"{page.width_mm:g}", f"{page.height_mm:g}"
    size = f'width="{width}mm" height="{height}mm" viewBox="0 0 {width} {height}"'
    shapes = "\n".join(map(_svg, page.shapes))
    paper = Rect(0, 0, page.width_mm, page.height_mm, 1.0)
    return f'<svg xmlns="http://www.w3.org/2000/svg" {size}>\n{_svg(paper)}\n{shapes}\n</svg>\n'


def to_pdf(pages: Sequence[Page]) -> bytes:
    """All pages in one file (PDF 1.4, ISO 32000: a catalogue, pages, one font, a stream of operators each)."""
    first = 4
    kids = " ".join(f"{first + 2 * i} 0 R" for i in range(len(pages)))
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R /ViewerPreferences << /PrintScaling /None >> >>",
        f"<< /Type /Pages /Kids [{kids}] /Count {len(pages)} >>".encode(),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>",
    ]
    for i, page in enumerate(pages):
        width, height = (v * PT_PER_MM for v in (page.width_mm, page.height_mm))
        box = f"/MediaBox [0 0 {width:.4f} {height:.4f}]"
        fonts = "/Resources << /Font << /F1 3 0 R >> >>"
        link = f"/Contents {first + 2 * i + 1} 0 R"
        objects.append(f"<< /Type /Page /Parent 2 0 R {box} {fonts} {link} >>".encode())
        stream = "\n".join(_pdf(shape, page.height_mm) for shape in page.shapes).encode("cp1252", "replace")
        objects.append(b"<< /Length %d >>\nstream\n%b\nendstream" % (len(stream), stream))
    return _numbered(objects)


def save_sheet(pages: Sequence[Page], path: Path) -> list[Path]:
    """Write PDF or SVG, as the name ends; an SVG per page. Raises ValueError for another ending, OSError."""
    if path.suffix.lower() == ".pdf":
        path.write_bytes(to_pdf(pages))
        return [path]
    if path.suffix.lower() != ".svg":
        raise ValueError(f"{path}: a sheet is written as .pdf or .svg")
    names = [path, *(path.with_stem(f"{path.stem}-{n}") for n in range(2, len(pages) + 1))]
    for name, page in zip(names, pages, strict=True):
        name.write_text(to_svg(page), encoding="utf-8")
    return names


def _svg(shape: Shape) -> str:
    match shape:
        case Rect(x, y, width, height, grey):
            fill = f"#{3 * f'{round(255 * grey):02x}'}"
            return f'<rect x="{x:.4f}" y="{y:.4f}" width="{width:.4f}" height="{height:.4f}" fill="{fill}"/>'
        case Line(x0, y0, x1, y1, width):
            ends = f'x1="{x0:.4f}" y1="{y0:.4f}" x2="{x1:.4f}" y2="{y1:.4f}"'
            return f'<line {ends} stroke="#000000" stroke-width="{width:g}"/>'
        case Words(x, y, text, size_pt):
            size = size_pt / PT_PER_MM
            return (
                f'<text x="{x:.4f}" y="{y:.4f}" font-family="Helvetica, Arial, sans-serif" font-size="{size:.3f}">'
                f"{escape(text)}</text>"
            )


def _pdf(shape: Shape, height_mm: float) -> str:
    """As operators; PDF counts points from the left lower corner."""
    k = PT_PER_MM
    match shape:
        case Rect(x, y, width, height, grey):
            left, low = x * k, (height_mm - y - height) * k
            return f"{grey:.3f} g {left:.4f} {low:.4f} {width * k:.4f} {height * k:.4f} re f"
        case Line(x0, y0, x1, y1, width):
            start, end = f"{x0 * k:.4f} {(height_mm - y0) * k:.4f}", f"{x1 * k:.4f} {(height_mm - y1) * k:.4f}"
            return f"0 G {width * k:.4f} w {start} m {end} l S"
        case Words(x, y, text, size_pt):
            said = text.replace("\\", r"\\").replace("(", r"\(").replace(")", r"\)")
            return f"0 g BT /F1 {size_pt:g} Tf {x * k:.4f} {(height_mm - y) * k:.4f} Td ({said}) Tj ET"


def _numbered(objects: Sequence[bytes]) -> bytes:
    """The file: each object with its number, and the table of where each starts."""
    parts = [b"%PDF-1.4\n%\xe2\xe3\xcf\xd3\n"]
    starts = []
    for number, content in enumerate(objects, 1):
        starts.append(sum(map(len, parts)))
        parts.append(b"%d 0 obj\n%b\nendobj\n" % (number, content))
    table = b"".join(b"%010d 00000 n \n" % start for start in starts)
    many = len(objects) + 1
    at = sum(map(len, parts))
    parts.append(b"xref\n0 %d\n0000000000 65535 f \n%b" % (many, table))
    parts.append(b"trailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % (many, at))
    return b"".join(parts)
