"""What all tests share: nothing of a person's own folders is touched, and no worker meets another's files."""

import os
from collections.abc import Iterator

import pytest
from hypothesis import settings

# CI gives one verdict per commit
settings.register_profile("aliquot", deadline=None, derandomize="CI" in os.environ)
settings.load_profile("aliquot")


@pytest.fixture(scope="session", autouse=True)
def _folders_of_its_own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Stop doors, books and logs of this worker; programs that tests start inherit them."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("DATA", "STATE"):
            patch.setenv(f"XDG_{name}_HOME", str(tmp_path_factory.mktemp(name.lower())))
        yield
