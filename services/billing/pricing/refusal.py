"""What the rules say when they cannot or will not price something."""

from __future__ import annotations


class PricingRefused(ValueError):
    """The input breaks a rule of its form; nothing was priced.

    Attributes:
        code: stable word for programs and for the language files, such as ``negative``.
        message: the same in words, with the offending value.
        field: where it stands, such as ``params.price.tiers[1].up_to``; empty for the whole.
    """

    def __init__(self, code: str, message: str, field: str = "") -> None:
        super().__init__(f"{field}: {message}" if field else message)
        self.code = code
        self.message = message
        self.field = field
