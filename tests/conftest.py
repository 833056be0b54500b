"""What all tests share: nothing of a person's own folders is touched, and no worker meets another's files."""

from collections.abc import Iterator

import pytest


@pytest.fixture(scope="session", autouse=True)
def _folders_of_its_own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Stop doors, books and logs of this worker; programs that tests start inherit them."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("DATA", "STATE"):
            patch.setenv(f"XDG_{name}_HOME", str(tmp_path_factory.mktemp(name.lower())))
        yield
