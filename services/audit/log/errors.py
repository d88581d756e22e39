"""What can be wrong with a log, its files and its proofs."""

from __future__ import annotations


class LogError(Exception):
    """Something about a log cannot be accepted; the message says what, in one sentence."""


class Malformed(LogError):
    """Bytes are not of the form that the specification gives them."""


class Unproven(LogError):
    """A proof does not lead to the root that it should lead to."""


class BadSignature(LogError):
    """A key that we know stands beside a signature that it did not make."""


class NotSigned(LogError):
    """No key that we know has signed this note."""


class RootMismatch(LogError):
    """The tiles kept for a log do not give the root that its head states; nothing may be signed."""


class WouldFork(LogError):
    """Signing this head would contradict a head that was signed before."""


class TileMissing(LogError):
    """A tile that the tree needs is not kept."""


class LeafRefused(LogError):
    """An event cannot become an entry: it is too long, or has no canonical form."""
