"""The rules of the house that no linter knows (import rules are in pyproject.toml, kept by import-linter)."""

import ast
import statistics
import subprocess
import sys
from pathlib import Path

import pytest

HOUSE = Path(__file__).resolve().parent.parent
ROOMS = ("gui", "campaign", "hardware", "optimiser", "vision", "resources")
SOURCES = sorted([HOUSE / "aliquot.py", HOUSE / "start.py", *(p for r in ROOMS for p in (HOUSE / r).rglob("*.py"))])
TESTS = sorted((HOUSE / "tests").rglob("*.py"))


def lines(path: Path) -> int:
    return len(path.read_text(encoding="utf-8").splitlines())


def test_no_file_is_longer_than_400_lines():
    assert [f"{p.relative_to(HOUSE)}: {lines(p)}" for p in [*SOURCES, *TESTS] if lines(p) > 400] == []


def test_the_median_file_is_small():
    assert statistics.median(n for p in SOURCES if (n := lines(p)) > 1) <= 150


def test_names_say_something():
    vague = {"util", "utils", "helper", "helpers", "common", "misc"}
    assert [str(p.relative_to(HOUSE)) for p in SOURCES if p.stem in vague] == []


@pytest.mark.parametrize("path", SOURCES, ids=lambda p: str(p.relative_to(HOUSE)))
def test_every_module_says_what_it_is_and_leaves_nothing_open(path):
    text = path.read_text(encoding="utf-8")
    if text.strip():
        assert ast.get_docstring(ast.parse(text)), "a module begins with a docstring"
    for word in ("TODO", "FIXME", "NotImplementedError"):
        assert word not in text


def test_light_modules_stay_light():
    """The window must be there within 3 s: what it imports first may not drag in scikit-learn or SciPy."""
    code = (
        "import sys, aliquot, optimiser.space, optimiser.history, optimiser.suggestion, campaign.state;"
        "print([m for m in ('sklearn', 'scipy', 'cv2', 'sqlalchemy', 'PySide6', 'jinja2') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=HOUSE, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
