"""What weighed doses say of a pump: four figures, large, and what to do about them."""

from collections.abc import Sequence

from PySide6.QtWidgets import QGridLayout, QVBoxLayout, QWidget

from gui.widgets.card import label
from gui.widgets.paragraph import Paragraph
from hardware.calibration import Calibration

_NAMES = {
    "factor": "Slope: true by commanded volume",
    "offset": "Offset of every dose",
    "error": "Error of the doses as they were",
    "repeatability": "Repeatability (coefficient of variation)",
}


class DoseResult(QWidget):
    def __init__(self) -> None:
        super().__init__()
        self.figures = {key: label("–", "sentence") for key in _NAMES}
        self.advice = Paragraph(kind="muted")
        self.advice.setAccessibleName("What the weights say")
        grid = QGridLayout()
        grid.setHorizontalSpacing(24)
        grid.setVerticalSpacing(2)
        for n, (key, name) in enumerate(_NAMES.items()):
            self.figures[key].setAccessibleName(name)
            grid.addWidget(Paragraph(name, "caption"), 3 * (n // 2), n % 2)
            grid.addWidget(self.figures[key], 3 * (n // 2) + 1, n % 2)
            grid.setColumnStretch(n % 2, 1)
        grid.setRowMinimumHeight(2, 8)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(12)
        column.addLayout(grid)
        column.addWidget(self.advice)
        column.addStretch(1)

    def show_result(self, result: Calibration, rows: Sequence[int]) -> None:
        """rows: of the table, where the doses stand that count."""
        factor = f" ± {result.factor_se:.4f}" if result.factor_se is not None else ""
        offset = f" ± {result.offset_se_ul:.2f}" if result.offset_se_ul is not None else ""
        repeats = f"{result.cv_percent:.2f}\u202f%" if result.cv_percent is not None else "–"
        self.figures["factor"].setText(f"{result.factor:.4f}{factor}")
        self.figures["offset"].setText(f"{signed(result.offset_ul)}{offset}\u202fµL")
        self.figures["error"].setText(f"{signed(result.bias_percent)}\u202f%")
        self.figures["repeatability"].setText(repeats)
        advice = list(result.advice) or ["These figures can be used."]
        if result.outlier is not None:
            number, right = result.outlier + 1, rows[result.outlier] + 1
            advice = [text.replace(f"Dose {number} ", f"Dose {right} ", 1) for text in advice]
        self.advice.say("\n\n".join(advice), "muted" if result.usable else "bad")

    def show_trouble(self, words: str) -> None:
        for figure in self.figures.values():
            figure.setText("–")
        self.advice.say(f"{words[:1].upper()}{words[1:].rstrip('.')}.", "muted")


def signed(value: float) -> str:
    return f"{value:+.2f}".replace("-", "\u2212")
