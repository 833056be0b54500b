"""Where a camera is, in words that may be shown: who signs in, and with what, stays out of messages and logs."""

import re

_SIGNED_IN = re.compile(r"(?<=://).*@", re.DOTALL)
_SECRET = re.compile(r"(?i)((?:pass|pwd|user|login|token|key|secret|auth|sig)\w*[=:]).*?(?=_\w+=|[&;#\s]|$)")


def without_secrets(source: str) -> str:
    """The address without what signs in to it.

    All from `://` to the last `@` goes, so that a password with `/`, `?` or `@` in it goes too; so do
    the values in paths and queries that are called user, password, token or the like (`/cgi?user=…&pwd=…`).
    """
    if "://" not in source:
        return source
    head, _, tail = _SIGNED_IN.sub("…@", source).partition("://")
    return head + "://" + _SECRET.sub(r"\1…", tail)
