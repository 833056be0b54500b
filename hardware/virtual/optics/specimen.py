"""What stands before the camera and what looks at it, as frozen values. Lengths in mm, heights up from the inner
bottom of the vial, angles in degrees, light linear and relative to a white of 1."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

BGR = tuple[float, float, float]
Box = tuple[float, float, float, float]
"""x0, y0, x1, y1 in px."""
State = Literal["no_vial", "empty", "liquid", "two_phase", "liquid+solid", "solid"]
Kind = Literal["upright", "level", "slanted"]


@dataclass(frozen=True)
class Vessel:
    """height_mm: inner bottom to rim. shoulder_mm: where the straight bore ends. neck: outer width of the neck as a
    share of the body's. heel_mm: radius of the inner corner. index: refractive, of the glass."""

    outer_mm: float = 17.0
    wall_mm: float = 1.0
    height_mm: float = 45.0
    shoulder_mm: float = 36.0
    base_mm: float = 1.5
    neck: float = 0.76
    heel_mm: float = 1.0
    threads: bool = True
    index: float = 1.50

    @property
    def bore_mm(self) -> float:
        return self.outer_mm - 2 * self.wall_mm

    @property
    def ul_per_mm(self) -> float:
        return math.pi * self.bore_mm**2 / 4

    @property
    def capacity_ul(self) -> float:
        return self.ul_per_mm * self.shoulder_mm


@dataclass(frozen=True)
class Phase:
    """A layer of `height_mm`. stocks_ul: dyes and water as `hardware.virtual.dyes` knows them, any total.
    scatter_per_mm: reduced scattering, 0 clear, above 0.3 milk. solid: a bed of grains of the colour `albedo`,
    whose top is rough by `rough_mm` and sloped by `slope` (rise over run)."""

    height_mm: float
    stocks_ul: Mapping[str, float] = field(default_factory=lambda: {"water": 1.0})
    index: float = 1.333
    scatter_per_mm: float = 0.0
    solid: bool = False
    albedo: BGR = (0.85, 0.85, 0.85)
    rough_mm: float = 0.0
    slope: float = 0.0
    grain_mm: float = 0.25


@dataclass(frozen=True)
class Cap:
    """tall_mm: from its lower edge, which covers the neck, to its top. tilt_deg: how crooked it sits."""

    colour: BGR = (0.8, 0.8, 0.8)
    tall_mm: float = 9.0
    above_mm: float = 1.5
    wide: float = 0.95
    tilt_deg: float = 0.0
    ribs: bool = True


@dataclass(frozen=True)
class Label:
    """A sticker round the glass, or print on it where `paper` is None. turn_deg: of its middle from the front."""

    low_mm: float
    high_mm: float
    turn_deg: float = 0.0
    span_deg: float = 120.0
    paper: BGR | None = (0.85, 0.88, 0.88)
    ink: BGR = (0.08, 0.06, 0.05)
    text: str = "S-12"
    graduated: bool = False


@dataclass(frozen=True)
class Specimen:
    """present: False where the slot that `vessel` fits is bare. phases: from the bottom up. meniscus_mm: how far
    the contact line stands above the flat surface; the volume is that of a cylinder up to the contact line, as a
    two-point calibration sees it. drops: on the inner wall above the liquid. fog: 0..1, condensation there.
    foam_mm: above the contact line. vortex_mm: depth of the funnel. seed: of drops, grains, bubbles."""

    vessel: Vessel = field(default_factory=Vessel)
    present: bool = True
    phases: tuple[Phase, ...] = ()
    cap: Cap | None = None
    label: Label | None = None
    meniscus_mm: float = 0.7
    drops: int = 0
    drop_mm: float = 0.5
    fog: float = 0.0
    foam_mm: float = 0.0
    vortex_mm: float = 0.0
    stir_bar: bool = False
    lean_deg: float = 0.0
    seed: int = 0

    @property
    def liquid_mm(self) -> float:
        """Height of the contact line, 0 where there is no liquid."""
        return 0.0 if not self.phases or self.phases[-1].solid else sum(p.height_mm for p in self.phases)

    @property
    def filled_mm(self) -> float:
        return sum(p.height_mm for p in self.phases)


@dataclass(frozen=True)
class Pattern:
    """Printed on the panel behind the vial. across_mm: width of the strip. contrast: of its dark lines."""

    kind: Kind = "upright"
    pitch_mm: float = 3.0
    contrast: float = 0.6
    across_mm: float = 14.0


@dataclass(frozen=True)
class Backdrop:
    """The panel and the room beside it. distance_mm: behind the vial's axis. left, right, top, bottom: edges of the
    panel, mm from the foot of the vial's axis as the camera sees them. uneven: share by which the light falls over
    60 mm in x and y, and squared. side_light: lamps beside a dark panel, as for dark-field pictures."""

    distance_mm: float = 60.0
    colour: BGR = (0.93, 0.98, 1.0)
    level: float = 0.7
    left_mm: float = -60.0
    right_mm: float = 60.0
    top_mm: float = 80.0
    bottom_mm: float = -20.0
    uneven: tuple[float, float, float] = (0.02, -0.02, 0.05)
    room: BGR = (0.06, 0.06, 0.06)
    floor: BGR = (0.05, 0.05, 0.05)
    floor_mm: float = -1.5
    side_light: float = 0.0
    front_light: float = 0.3
    pattern: Pattern | None = None


@dataclass(frozen=True)
class Lens:
    """The camera. axis_column, foot_row: where it sees the inner bottom on the vial's axis. height_mm: of the
    camera above that. distance_mm: from the axis. Blur in px (sigma, and length of motion). gain: exposure and
    white balance, BGR. noise: sd in 8-bit codes. jpeg: quality, 0 for none."""

    width: int = 640
    height: int = 480
    px_per_mm: float = 8.0
    axis_column: float = 320.0
    foot_row: float = 430.0
    height_mm: float = 25.0
    distance_mm: float = 350.0
    roll_deg: float = 0.0
    blur_px: float = 0.7
    motion_px: float = 0.0
    motion_deg: float = 0.0
    gain: BGR = (1.0, 1.0, 1.0)
    vignette: float = 0.05
    noise: float = 1.2
    sharpen: float = 0.0
    jpeg: int = 90


@dataclass(frozen=True)
class Shine:
    """Lamps mirrored in the outer glass: (place across, -1..1; width; brightness) each, from low to high (shares of
    the body). glare: a burnt blob (across, mm up, radius mm), or None."""

    streaks: tuple[tuple[float, float, float], ...] = ((-0.62, 0.05, 0.25),)
    low: float = 0.05
    high: float = 0.95
    glare: tuple[float, float, float] | None = None


@dataclass(frozen=True)
class Setting:
    """Everything but the specimen. neighbours: (mm to the right, specimen)."""

    lens: Lens = field(default_factory=Lens)
    backdrop: Backdrop = field(default_factory=Backdrop)
    shine: Shine = field(default_factory=Shine)
    neighbours: tuple[tuple[float, Specimen], ...] = ()
    needle_mm: float | None = None
    seed: int = 0


@dataclass(frozen=True)
class PhaseTruth:
    """Rows of a layer on the vial's axis; lab: what the central columns pass, relative to the panel, glass taken
    off. scatter_per_mm as rendered."""

    top_row: float
    bottom_row: float
    lab: tuple[float, float, float]
    scatter_per_mm: float
    solid: bool


@dataclass(frozen=True)
class Truth:
    """Rows and columns count pixel centres, on the vial's axis at the front wall. band_rows: visible extent of
    meniscus, foam or vortex; an answer inside it is right. px_per_mm: of rows at the front wall. hidden: why a
    person could not tell from the picture, or empty. view: capacity in µL and so on as a rig would be told."""

    state: State
    box_px: Box
    base_row: float
    surface_row: float | None
    band_rows: tuple[float, float] | None
    boundary_rows: tuple[float, ...]
    phases: tuple[PhaseTruth, ...]
    volume_ul: float
    px_per_mm: float
    bore_mm: float
    capacity_ul: float
    white_px: Box | None
    cap: bool
    turbid: bool
    tags: tuple[str, ...] = ()
    hidden: str = ""
