"""Work that keeps a processor busy for tens of milliseconds and must not hold up everybody else.

The host answers all requests and events of a process from one thread. It gives :func:`use` a way to run such work in
a thread of its own; where there is no host (tests, the relay, tools) the work is simply done.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

_P = ParamSpec("_P")
_R = TypeVar("_R")


def _here(function: Callable[..., Any], *arguments: Any, **named: Any) -> Any:
    return function(*arguments, **named)


_way: list[Callable[..., Any]] = [_here]


def use(way: Callable[..., Any]) -> None:
    """From now on heavy work is done by ``way(function, *arguments)``."""
    _way[0] = way


def apart(function: Callable[_P, _R], *arguments: _P.args, **named: _P.kwargs) -> _R:
    """What ``function`` returns or raises, while others go on. It must not touch the database or the request."""
    return _way[0](function, *arguments, **named)  # type: ignore[no-any-return]
