"""The optimiser is tested as the application runs it: with linear algebra on one thread."""

from collections.abc import Iterator

import pytest

from optimiser.blas import one_thread


@pytest.fixture(scope="session", autouse=True)
def _one_blas_thread() -> Iterator[None]:
    """Many threads on matrices as small as these wait for each other: a hundred times slower on a busy machine."""
    with one_thread():
        yield
