"""The Run page: model, experiments, camera, vials and the next experiment on one screen, nothing to be opened.

It draws a campaign's state and sends what the person wants as signals; it never touches the campaign.
"""

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QSplitter, QTabWidget, QVBoxLayout, QWidget

from campaign.events import Event
from campaign.insight import Insight
from campaign.state import CampaignState
from gui.models.next_point import Point
from gui.panels.camera import CameraCard
from gui.panels.experiments import ExperimentsPanel
from gui.panels.findings import FindingsPanel
from gui.panels.log import LogPanel
from gui.panels.model_card import ModelCard
from gui.panels.next_experiment import NextExperiment
from gui.panels.progress import ProgressPanel
from gui.panels.vial_map import VialMap
from gui.theme import DARK, GRID_PX, Theme
from gui.widgets.card import Card
from vision.reading import VialReading

if TYPE_CHECKING:
    from optimiser.surrogate import Posterior

RIGHT_PX = 384
MODEL_SHARE, TABS_SHARE = 500, 190


class RunPage(QWidget):
    decided = Signal(str, object, str)
    answered = Signal(str)
    noted = Signal(int, str)
    labelled = Signal(object, str)
    beta_changed = Signal(float)
    acquisition_changed = Signal(str)
    mode_changed = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setProperty("kind", "page")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.model = ModelCard()
        self.experiments, self.progress, self.log = ExperimentsPanel(), ProgressPanel(), LogPanel()
        self.findings = FindingsPanel()
        self.camera, self.vials, self.next = CameraCard(), VialMap(), NextExperiment()
        self.tabs = QTabWidget()
        self.tabs.setDocumentMode(False)
        for panel, words in (
            (self.experiments, "Experiments"), (self.progress, "Progress"), (self.findings, "Findings"),
            (self.log, "Log"),
        ):  # fmt: skip
            self.tabs.addTab(panel, words)
        left = QSplitter(Qt.Orientation.Vertical)
        left.setHandleWidth(GRID_PX)
        left.setChildrenCollapsible(False)
        left.addWidget(self.model)
        left.addWidget(self.tabs)
        left.setSizes([MODEL_SHARE, TABS_SHARE])
        left.setStretchFactor(0, 2)
        left.setStretchFactor(1, 1)
        self.side = QWidget()
        right = QVBoxLayout(self.side)
        right.setContentsMargins(0, 0, 0, 0)
        right.setSpacing(GRID_PX)
        right.addWidget(self.camera, 3)
        right.addWidget(self.vials)
        right.addWidget(self.next, 4)
        self.aside = Card("Progress")
        self.aside.hide()
        right.addWidget(self.aside, 3)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(GRID_PX, GRID_PX, GRID_PX, GRID_PX)
        layout.setSpacing(GRID_PX)
        layout.addWidget(left, 1)
        layout.addWidget(self.side)
        self.state: CampaignState | None = None
        self.posterior: Posterior | None = None
        self._placed: object = None
        self._wire()
        self.set_theme(DARK)

    def _wire(self) -> None:
        self.next.decided.connect(self.decided)
        self.next.mode_changed.connect(self.mode_changed)
        self.next.edited.connect(self._typed)
        self.experiments.noted.connect(self.noted)
        self.experiments.labelled.connect(self.labelled)
        self.model.beta_changed.connect(self.beta_changed)
        self.model.acquisition_changed.connect(self.acquisition_changed)
        self.model.probed.connect(lambda point: self._drag(point, live=True))
        self.model.findings.repeat_wanted.connect(self._repeat)
        self.next.decided.connect(lambda *_: self.model.findings.show_open(waits=self.next.is_open))
        self.model.placed.connect(lambda point: self._drag(point, live=False))

    def show_state(self, state: CampaignState) -> None:
        if state is self.state:
            return
        self.state = state
        for panel in (self.experiments, self.progress, self.log, self.camera, self.vials, self.next, self.model):
            panel.show_state(state)
        self.vials.setVisible(bool(state.vials))
        self._use_side(camera=bool(state.vials) or self.camera.has_picture)
        self.model.findings.show_open(waits=self.next.is_open)
        self._place(self.next.point, live=False)

    def _use_side(self, *, camera: bool) -> None:
        """A campaign without a bench has no picture: its progress takes the place."""
        self.camera.setVisible(camera)
        if camera == self.aside.isHidden():
            return
        if camera:
            self.tabs.insertTab(1, self.progress, "Progress")
        else:
            self.aside.body.addWidget(self.progress, 1)
            self.progress.show()
        self.aside.setVisible(not camera)

    def show_model(self, posterior: "Posterior | None") -> None:
        """A newly fitted posterior; None while there is none."""
        self.posterior = posterior
        self.model.show_model(posterior)
        self.progress.show_model(posterior)
        self._expect(self.next.point)

    def show_insight(self, insight: Insight | None) -> None:
        """What there is to say of the model shown; None while there is none."""
        unit = self.state.spec.objective.unit if self.state is not None else ""
        self.model.findings.show_insight(insight, unit)
        self.findings.show_insight(insight, unit)

    def show_frame(self, image: npt.NDArray[np.uint8] | None, reading: VialReading | None = None) -> None:
        self.camera.show_frame(image, reading)

    def show_event(self, event: Event) -> None:
        self.log.show_event(event)

    def _drag(self, point: Point, *, live: bool) -> None:
        """The target was moved on a map or a slice; let go, it snaps to what can be made."""
        if self.state is None:
            return
        if not live:
            point = self.state.spec.space.snap(point)
        self.next.show_point(point, "dragged")
        self._place(point, live=live)

    def _repeat(self, point: Point) -> None:
        """A measured point instead of the suggested one; it is made when the person presses Use mine."""
        self.next.show_point(point, "repeated")
        self._place(point, live=False)

    def _typed(self, point: Point) -> None:
        """A field was changed: the others go to their nearest step. Rows of a table are only taken when sent."""
        if self.state is None:
            return
        if self.state.spec.space.candidates is None:
            point = self.state.spec.space.snap(point)
            self.next.show_point(point)
        self._place(point, live=False)

    def _place(self, point: Point | None, *, live: bool) -> None:
        waiting = self.state.waiting if self.state else None
        word = "NEXT" if waiting is not None else "NOW" if point == self.next.subject_point else ""
        key = (point, waiting, word, live)
        if key == self._placed:
            return
        self._placed = key
        self.model.show_point(point, waiting.point if waiting else None, word, live=live)
        self._expect(point)

    def _expect(self, point: Point | None) -> None:
        """What the model believes at the point: one prediction, well under a millisecond."""
        mean = sd = best = None
        if self.posterior is not None and point:
            means, sds = self.posterior.predict([point])
            mean, sd = float(means[0]), float(sds[0])
            if (incumbent := self.posterior.incumbent()) is not None:
                best = incumbent.mean
        self.model.show_expectation(mean, sd)
        self.next.show_expectation(mean, sd, best)

    def accept(self) -> None:
        self.next.accept()

    def skip(self) -> None:
        self.next.skip()

    def edit_next(self) -> None:
        """Put the cursor into the first field of the next point."""
        if self.next.form.fields:
            next(iter(self.next.form.fields.values())).setFocus(Qt.FocusReason.ShortcutFocusReason)

    def note_current(self) -> None:
        """Write a note beside the newest experiment."""
        self.tabs.setCurrentWidget(self.experiments)
        self.experiments.edit_newest_note()

    def label_chosen(self) -> None:
        """Say what to make of the experiments that are selected, or of the newest."""
        self.tabs.setCurrentWidget(self.experiments)
        self.experiments.ask_label()

    def set_theme(self, theme: Theme) -> None:
        self.side.setFixedWidth(theme.px(RIGHT_PX))
        for panel in (self.experiments, self.progress, self.log, self.camera, self.vials, self.next, self.model):
            panel.set_theme(theme)


if __name__ == "__main__":
    from gui.preview import alone

    alone(RunPage, (1220, 720))
