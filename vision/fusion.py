"""One reading from several frames of the same vial, and what was dosed as a prediction beside it.

Frames of one camera err together: the level's deviation never falls below that of one frame by averaging, and the
confidence is that of a frame, not a product. What was dosed is told apart from what is seen: it breaks ties and
sharpens an estimate of its own, and a disagreement is a figure, not an average.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from vision.quality import FrameFacts
from vision.reading import Doubt, Lab, VialReading

FEWEST = 5
"""Fit frames without which nothing is said."""
SAME_MM = 0.5
"""Levels closer than this, or than three of their deviations, are one level."""
TIE = 0.8
"""An explanation with so much of the winner's weight is as good."""
AGREED = 0.75
"""Share of the frames' weight behind one explanation from which they agree: four of five."""
FREEDOM = 4.0
"""Degrees of freedom of Student's t, in which a far frame counts little (Lange, Little and Taylor 1989)."""
SURPRISE_SD = 3.0
FAILS = 0.05
"""A dose goes wrong so often: an empty syringe, a bubble, a leak."""
BY_CHANCE = 0.25
"""A wrong reading lies within three deviations of what was dosed so often: the eye looked there for a line too."""
MOST_SURE = 0.995


@dataclass(frozen=True)
class Dosed:
    """What should be in the vial, and the standard deviation of that, µL. Raises ValueError for no volume."""

    volume_ul: float
    sd_ul: float

    def __post_init__(self) -> None:
        if not (0 <= self.volume_ul < math.inf and 0 < self.sd_ul < math.inf):
            raise ValueError(f"{self.volume_ul} ± {self.sd_ul} µL is no volume that was dosed")


@dataclass(frozen=True)
class Fused:
    """reading: as seen. nearest: index of the frame most like it. taken: all frames. frames: those that were fit.
    agreement: share of their weight behind the reading. refused: how many frames for each reason, by the doubt's
    name. likely_ul: of seen and dosed together, with its deviation; None where they disagree or one is missing.
    surprise_sd: seen less dosed in standard deviations of both; None where one is missing."""

    reading: VialReading
    nearest: int
    taken: int
    frames: int
    agreement: float
    refused: Mapping[str, int]
    likely_ul: float | None = None
    likely_sd_ul: float | None = None
    surprise_sd: float | None = None

    @property
    def settled(self) -> bool:
        """Whether the frames are enough and agree."""
        return self.frames >= FEWEST and self.agreement >= AGREED

    @property
    def surprising(self) -> bool:
        """Whether what is seen and what was dosed do not fit together."""
        return self.surprise_sd is not None and abs(self.surprise_sd) > SURPRISE_SD


def fuse(
    readings: Sequence[VialReading],
    facts: Sequence[FrameFacts],
    dosed: Dosed | None = None,
    *,
    fewest: int = FEWEST,
) -> Fused:
    """Of at least one frame, in any order. With fewer than `fewest` fit frames the vial's state is unknown, and
    the doubt says why. Raises ValueError for no frames, or when readings and facts are not of the same frames."""
    if not readings or len(readings) != len(facts):
        raise ValueError(f"{len(readings)} readings and {len(facts)} frames' facts cannot be fused")
    refused = _counted(fact.refused for fact in facts if fact.refused)
    fit = [i for i, fact in enumerate(facts) if not fact.refused]
    if len(fit) < fewest:
        return Fused(_unknown(readings[-1], facts), len(readings) - 1, len(readings), len(fit), 0.0, refused)
    kept = _chosen([(i, readings[i]) for i in fit], dosed)
    weight = math.fsum(_weight(readings[i]) for i in fit)
    agreement = math.fsum(_weight(readings[i]) for i in kept) / weight
    reading, nearest = _together([readings[i] for i in kept], agreement)
    doubt = _usual([readings[i].doubt | facts[i].doubt for i in fit])
    if agreement < AGREED:
        doubt |= Doubt.AMBIGUOUS
    fused = Fused(replace(reading, doubt=doubt), kept[nearest], len(readings), len(fit), agreement, refused)
    return fused if dosed is None else _against(fused, dosed)


def _weight(reading: VialReading) -> float:
    """Between 0.5 and 1: no frame, however sure, outvotes two."""
    return 0.5 + 0.5 * min(1.0, max(0.0, reading.confidence))


def _chosen(frames: Sequence[tuple[int, VialReading]], dosed: Dosed | None) -> list[int]:
    """The frames behind the heaviest explanation; of two as heavy, the one nearer to what was dosed."""
    groups = [group for state in sorted({r.state for _, r in frames}) for group in _one_level(frames, state)]
    heavy = [math.fsum(_weight(r) for _, r in group) for group in groups]
    rivals = [g for g, weight in zip(groups, heavy, strict=True) if weight >= TIE * max(heavy)]

    def order(group: list[tuple[int, VialReading]]) -> tuple[float, float]:
        volume_ul = _middle(r.volume_ul for _, r in group)
        off = math.inf if dosed is None or volume_ul is None else abs(volume_ul - dosed.volume_ul) / dosed.sd_ul
        return (off if off <= SURPRISE_SD else math.inf), -math.fsum(_weight(r) for _, r in group)

    return [i for i, _ in min(rivals, key=order)]


def _one_level(frames: Sequence[tuple[int, VialReading]], state: str) -> list[list[tuple[int, VialReading]]]:
    """The frames of one state, by level: a gap begins another group."""
    same = [(i, r) for i, r in frames if r.state == state]
    levelled = sorted((r.level_mm, i) for i, r in same if r.level_mm is not None and math.isfinite(r.level_mm))
    by_index = dict(same)
    gap_mm = max(SAME_MM, 3 * (_middle(r.level_sd_mm for _, r in same) or 0.0))
    groups: list[list[tuple[int, VialReading]]] = []
    last_mm = -math.inf
    for level_mm, i in levelled:
        if level_mm - last_mm > gap_mm:
            groups.append([])
        groups[-1].append((i, by_index[i]))
        last_mm = level_mm
    without = [(i, r) for i, r in same if r.level_mm is None or not math.isfinite(r.level_mm)]
    return [*groups, without] if without else groups


def _together(kept: Sequence[VialReading], agreement: float) -> tuple[VialReading, int]:
    """The kept frames' reading, and which of them is nearest to it."""
    level, level_sd = _location(kept, "level_mm", "level_sd_mm")
    row, row_sd = _location(kept, "surface_row", "surface_sd_px")
    volume, volume_sd = _location(kept, "volume_ul", "volume_sd_ul")
    nearest = min(range(len(kept)), key=lambda i: (_far(kept[i].surface_row, row), -_weight(kept[i])))
    present = _vote(r.present for r in kept)
    confidence = agreement * (_middle(r.confidence for r in kept) or 0.0)
    fused = replace(
        kept[nearest],
        present=present, level_mm=level, level_sd_mm=level_sd, surface_row=row, surface_sd_px=row_sd,
        volume_ul=volume, volume_sd_ul=volume_sd, lab=_lab([r.lab for r in kept if r.lab is not None]),
        clarity=_middle(r.clarity for r in kept), turbidity=_middle(r.turbidity for r in kept),
        fill=_middle(r.fill for r in kept), bottom_row=_middle(r.bottom_row for r in kept),
        cap=_vote(r.cap for r in kept), confidence=min(MOST_SURE, max(0.0, confidence)),
    )  # fmt: skip
    return fused, nearest


def _location(kept: Sequence[VialReading], value: str, sd: str) -> tuple[float | None, float | None]:
    """Student's t location of a number over the frames, and its deviation: one frame's own, which all share, and
    the spread between them."""
    pairs = [(v, _weight(r)) for r in kept if (v := getattr(r, value)) is not None and math.isfinite(v)]
    if not pairs:
        return None, None
    x, w = (np.array(column) for column in zip(*sorted(pairs), strict=True))
    own = _middle(getattr(r, sd) for r in kept)
    at = float(np.median(x))
    spread = 1.4826 * float(np.median(np.abs(x - at)))  # of a normal distribution, from its median deviation
    scale = max(spread, (own or 0.0) / 2, 1e-9)
    for _ in range(12):
        t = w * (FREEDOM + 1) / (FREEDOM + ((x - at) / scale) ** 2)
        at = float(np.sum(t * x) / np.sum(t))
    between = spread * 1.2533 / math.sqrt(len(x))  # of a median, for a normal distribution
    return at, None if own is None else math.hypot(own, between)


def _against(fused: Fused, dosed: Dosed) -> Fused:
    """Beside what was dosed: how far off, and together where they agree (the product of two normal densities)."""
    seen, sd = fused.reading.volume_ul, fused.reading.volume_sd_ul
    if seen is None or sd is None or sd <= 0:
        return fused
    off = (seen - dosed.volume_ul) / math.hypot(sd, dosed.sd_ul)
    sure = fused.reading.confidence
    agrees = abs(off) <= SURPRISE_SD
    right, wrong = ((1 - FAILS), BY_CHANCE) if agrees else (FAILS, 1 - BY_CHANCE)
    sure = min(MOST_SURE, sure * right / (sure * right + (1 - sure) * wrong))  # Bayes
    fused = replace(fused, reading=replace(fused.reading, confidence=sure), surprise_sd=off)
    if not agrees:
        return fused
    share = dosed.sd_ul**2 / (sd**2 + dosed.sd_ul**2)
    likely_ul = share * seen + (1 - share) * dosed.volume_ul
    return replace(fused, likely_ul=likely_ul, likely_sd_ul=math.sqrt(share) * sd)


def _unknown(of: VialReading, facts: Sequence[FrameFacts]) -> VialReading:
    """Nothing is known of the vial, for the reasons that most of the refused frames have."""
    reasons = [fact.refused for fact in facts if fact.refused]
    usual = (_usual(reasons) or reasons[0]) if reasons else Doubt.NONE
    return replace(
        of,
        state="unknown", present=None, surface_row=None, surface_sd_px=None, level_mm=None, level_sd_mm=None,
        volume_ul=None, volume_sd_ul=None, layers=(), lab=None, clarity=None, doubt=usual, confidence=0.0,
        bottom_row=None, fill=None, turbidity=None, cap=None,
    )  # fmt: skip


def _usual(doubts: Sequence[Doubt]) -> Doubt:
    """What at least half of them have."""
    flags = (flag for flag in Doubt if 2 * sum(flag in d for d in doubts) >= len(doubts))
    out = Doubt.NONE
    for flag in flags:
        out |= flag
    return out


def _counted(reasons: Iterable[Doubt]) -> dict[str, int]:
    """How many frames for each reason; a frame with two counts for both."""
    told = [flag.name for reason in reasons for flag in Doubt if flag in reason and flag.name]
    return {name: told.count(name) for name in sorted(set(told))}


def _middle(values: Iterable[float | None]) -> float | None:
    known = [v for v in values if v is not None and math.isfinite(v)]
    return float(np.median(known)) if known else None


def _vote(values: Iterable[bool | None]) -> bool | None:
    known = [v for v in values if v is not None]
    return None if 2 * sum(known) == len(known) else 2 * sum(known) > len(known)


def _far(value: float | None, middle: float | None) -> float:
    off = math.inf if value is None or middle is None else abs(value - middle)
    return off if math.isfinite(off) else math.inf


def _lab(labs: Sequence[Lab]) -> Lab | None:
    if not labs:
        return None
    lightness, a, b = np.median(np.array(labs), axis=0).tolist()
    return lightness, a, b
