"""What the start of the app imports stays light."""

import subprocess
import sys
from pathlib import Path

import pytest

LIGHT = "optimiser.space, optimiser.history, optimiser.suggestion, optimiser.strategies.random"


@pytest.mark.parametrize("heavy", ["sklearn", "scipy"])
def test_describing_a_space_does_not_load_the_solver(heavy: str) -> None:
    code = f"import sys, {LIGHT}; sys.exit({heavy!r} in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=Path(__file__).parents[2], check=False).returncode == 0


def test_one_blas_thread_inside() -> None:
    from threadpoolctl import threadpool_info

    from optimiser.blas import one_thread

    with one_thread():
        assert all(lib["num_threads"] == 1 for lib in threadpool_info() if lib["user_api"] == "blas")
