"""Jinja pages: one environment for each language, autoescape always on, unknown names are errors.

Beside Jinja's own, templates know: ``t(key, n=3)`` words; ``lang`` the language with its formats (``lang.money(x)``);
``state_word(thing, key)`` and ``tone(thing, key)``; ``asset(name)``; ``proof()`` hidden fields of a form (form token and
idempotency key); ``now()``. What depends on the reader is in the page's own values: ``me``, ``here``, ``may``.
"""

from __future__ import annotations

from contextvars import ContextVar
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import jinja2
from markupsafe import Markup

from shared.ids import new_id
from shared.language import CODES, language
from shared.text import compact
from shared.web.icons import icon, seal_mark
from shared.web.states import tone

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime
    from pathlib import Path

    from shared.language import Code
    from shared.web.assets import Assets


@dataclass(frozen=True)
class Reading:
    """What macros may know of the request they are rendered for."""

    now: datetime
    proof: str
    theme: str


# Set only while a page is rendered; greenlets and threads each have their own.
_reading: ContextVar[Reading] = ContextVar("reading")


class _Environment(jinja2.Environment):
    """A name that is missing is an error; a key that a mapping lacks is merely empty, so that parts have optional keys.

    Keys of a mapping win over its methods: ``line.values`` is what the view put there.
    """

    def getattr(self, obj: Any, attribute: str) -> Any:
        if isinstance(obj, dict):
            return obj[attribute] if attribute in obj else self._of_dict(obj, attribute)
        return super().getattr(obj, attribute)

    def _of_dict(self, obj: dict[Any, Any], attribute: str) -> Any:
        if attribute in {"items", "keys", "values", "get"}:
            return getattr(obj, attribute)
        return jinja2.Undefined(obj=obj, name=attribute)


class Pages:
    """The templates of one service over those of the floor."""

    def __init__(self, folders: Sequence[Path], assets: Sequence[Assets], names: Mapping[str, Any]) -> None:
        self._assets = assets
        self._names = names
        self._environments: dict[str, jinja2.Environment] = {code: self._environment(code, folders) for code in CODES}

    def render(self, code: str, template: str, values: Mapping[str, Any], reading: Reading) -> str:
        """The page as text.

        Raises:
            jinja2.TemplateError: a mistake in the template or its values.
        """
        token = _reading.set(reading)
        try:
            return self._environments[code].get_template(template).render(values)
        finally:
            _reading.reset(token)

    def _environment(self, code: Code, folders: Sequence[Path]) -> jinja2.Environment:
        environment = _Environment(
            loader=jinja2.FileSystemLoader(list(folders)),
            autoescape=True,
            undefined=jinja2.StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            auto_reload=False,
            extensions=["jinja2.ext.do"],
        )
        lang = language(code)
        environment.globals |= {
            "t": lang,
            "lang": lang,
            "tone": tone,
            "state_word": lang.state,
            "asset": self._address,
            "icon": icon,
            "seal_mark": seal_mark,
            "proof": _proof,
            "csrf": lambda: _reading.get().proof,
            "now": lambda: _reading.get().now,
            **self._names,
            "sep": Markup('<i class="sep"> · </i>'),
        }
        environment.filters["data_block"] = _data_block
        return environment

    def _address(self, name: str) -> str:
        for assets in self._assets:
            address = assets.address(name)
            if address:
                return address
        return ""


def _proof(*, key: bool = False) -> Markup:
    """The hidden fields every posted form needs; ``key`` for a form that creates something."""
    fields = Markup('<input type="hidden" name="_csrf" value="{}">').format(_reading.get().proof)
    return fields + Markup('<input type="hidden" name="_key" value="{}">').format(new_id()) if key else fields


def _data_block(value: Any, name: str) -> Markup:
    """JSON in a page, for scripts; the only way data gets into one. Read it with ``JSON.parse(element.textContent)``."""
    text = compact(value)
    for character in "<>&\u2028\u2029":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return Markup('<script type="application/json" id="{}">{}</script>').format(name, Markup(text))  # noqa: S704  escaped just above
