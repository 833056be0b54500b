"""How the time of one suggestion grows with the observations: numbers, and `optimiser/figures/growth.svg`.

python -m tests.benchmarks.pools.growth --repeats 5

From 1,000 observations on each case is measured once: BoTorch takes a minute for some.
"""

import argparse
import math
from collections.abc import Mapping
from pathlib import Path

from tests.benchmarks.pools.timing import Times, measure

FIGURE = Path(__file__).resolve().parents[3] / "optimiser" / "figures" / "growth.svg"
COUNTS = (20, 50, 100, 200, 500)
MANY = (1000, 2000)
SPACES = ("continuous", "table of 10,000")
WIDTH, HEIGHT = 640, 400
LEFT, RIGHT, TOP, BOTTOM = 70, 470, 20, 345
SECONDS = (0.005, 200.0)
OURS, BOTORCH, INK, FAINT = "#0b6fb8", "#8a8a8a", "#333333", "#dddddd"


def drawn(times: Mapping[str, Mapping[int, Times]]) -> str:
    """Both axes logarithmic; solid lines: the first space, dashed: the second."""
    counts = sorted({n for one in times.values() for n in one})

    def x(n: float) -> float:
        return LEFT + (RIGHT - LEFT) * math.log(n / counts[0]) / math.log(counts[-1] / counts[0])

    def y(seconds: float) -> float:
        low, high = SECONDS
        return BOTTOM - (BOTTOM - TOP) * math.log(seconds / low) / math.log(high / low)

    out = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif"'
        f' font-size="12" fill="{INK}">',
        "<title>CPU time of one suggestion by the number of observations</title>",
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#ffffff"/>',
    ]
    for at, label in ((0.01, "10 ms"), (0.1, "100 ms"), (1, "1 s"), (10, "10 s"), (100, "100 s")):
        out.append(f'<path d="M{LEFT} {y(at):.1f}H{RIGHT}" stroke="{FAINT}"/>')
        out.append(f'<text x="{LEFT - 6}" y="{y(at) + 4:.1f}" text-anchor="end">{label}</text>')
    for n in counts:
        out.append(f'<path d="M{x(n):.1f} {TOP}V{BOTTOM}" stroke="{FAINT}"/>')
        out.append(f'<text x="{x(n):.1f}" y="{BOTTOM + 18}" text-anchor="middle">{n:,}</text>')
    middle = (LEFT + RIGHT) / 2
    out.append(f'<text x="{middle:.0f}" y="{BOTTOM + 40}" text-anchor="middle">observations (4 parameters)</text>')
    turned = f"translate(16 {(TOP + BOTTOM) / 2:.0f}) rotate(-90)"
    out.append(f'<text transform="{turned}" text-anchor="middle">CPU time of one suggestion</text>')
    ends = []
    for dashes, (space, one) in zip(("none", "6 4"), times.items(), strict=True):
        for who, colour in (("ours", OURS), ("botorch", BOTORCH)):
            points = [(x(n), y(getattr(t, who))) for n, t in sorted(one.items())]
            line = " ".join(f"{a:.1f},{b:.1f}" for a, b in points)
            stroke = f'fill="none" stroke="{colour}" stroke-width="2" stroke-dasharray="{dashes}"'
            out.append(f'<polyline points="{line}" {stroke}/>')
            out.extend(f'<circle cx="{a:.1f}" cy="{b:.1f}" r="3" fill="{colour}"/>' for a, b in points)
            name = {"ours": "Aliquot", "botorch": "BoTorch"}[who]
            ends.append((points[-1][1], f"{name}, {space}", colour))
    lowest = -math.inf
    for at, text, colour in sorted(ends):
        lowest = max(at + 4, lowest + 15)
        out.append(f'<text x="{RIGHT + 8}" y="{lowest:.1f}" fill="{colour}">{text}</text>')
    return "\n".join([*out, "</svg>", ""])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=5)
    args = parser.parse_args()
    few, many = measure(SPACES, COUNTS, args.repeats), measure(SPACES, MANY, 1)
    svg = drawn({space: few[space] | many[space] for space in SPACES})
    FIGURE.parent.mkdir(exist_ok=True)
    FIGURE.write_text(svg, encoding="utf-8")


if __name__ == "__main__":
    main()
