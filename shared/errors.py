"""The three families of failure.

``Refused``: the caller's fault, answered 4xx, never retried. ``Transient``: ours and passing, retried. Anything
else is a bug: answered 500 without detail, logged once at the edge, and its event is parked.
"""

from __future__ import annotations

from typing import Any, ClassVar


class HouqinError(Exception):
    """Base of every error this system raises on purpose."""


class Refused(HouqinError):
    """The request cannot be granted as it stands.

    Attributes:
        status: the HTTP status of the answer.
        key: message key in ``shared/language``; ``parameters`` fill its places.
        fields: message by field name, where the fault lies in single fields.
        extra: further members of the problem document, for programs (RFC 9457, section 3.2).
    """

    status: ClassVar[int] = 400
    key: str = "error.refused"

    def __init__(self, key: str = "", *, fields: dict[str, Any] | None = None, **parameters: Any) -> None:
        self.key = key or type(self).key
        self.fields = fields or {}
        self.extra: dict[str, Any] = {}
        self.parameters = parameters
        super().__init__(self.key, parameters or self.fields or "")


class Invalid(Refused):
    """Something in what was sent is wrong; ``fields`` says what."""

    status = 422
    key = "error.invalid"


class Malformed(Refused):
    """What was sent cannot be read at all."""

    status = 400
    key = "error.malformed"


class SignInNeeded(Refused):
    """Nobody is signed in, or the session has ended."""

    status = 401
    key = "error.sign_in"


class Forbidden(Refused):
    """The person is known and may not do this."""

    status = 403
    key = "error.forbidden"


class Absent(Refused):
    """There is no such thing, or none that this person may know of."""

    status = 404
    key = "error.absent"


class Conflict(Refused):
    """Somebody else was first, or the thing is past the state where this is possible."""

    status = 409
    key = "error.conflict"


class Stale(Refused):
    """The thing has changed since the caller read it (If-Match)."""

    status = 412
    key = "error.stale"


class TooMany(Refused):
    """A limit was reached; ``retry_after`` is in seconds."""

    status = 429
    key = "error.too_many"

    def __init__(self, retry_after: int = 1, **parameters: Any) -> None:
        super().__init__(retry_after=retry_after, **parameters)
        self.retry_after = retry_after


class Transient(HouqinError):
    """It may work in a moment: the database is away, a lock was not had."""


class NotYet(Transient):
    """An event came before one it builds on; it waits for that one."""


class Crossed(Transient):
    """Two transactions stood in each other's way and this one was given up whole; doing it again may work at once."""


class OutOfSpace(Transient):
    """The disk under a store is full: nothing was written."""
