"""The settings of the billing service; it needs none of its own yet."""

from shared.settings import Setting

SETTINGS: tuple[Setting, ...] = ()
