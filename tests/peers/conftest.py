"""What the tests with other people's programs share."""

import time

import pytest


@pytest.fixture
def quick_unplug(monkeypatch: pytest.MonkeyPatch) -> None:
    """pyserial sleeps 0.3 s whenever a `socket://` port closes; for a cable pulled at every byte that is long."""
    sleep = time.sleep
    monkeypatch.setattr(time, "sleep", lambda seconds: sleep(0.0 if seconds == 0.3 else seconds))
