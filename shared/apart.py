"""Work that keeps a processor busy for tens of milliseconds and must not hold up everybody else.

The host answers all requests and events of a process from one thread. It gives :func:`use` a way to run such work in
a thread of its own, and a way to let others go on in the middle of work that consists of many small pieces; where there
is no host (tests, the relay, tools) the work is simply done.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

SLICE = 0.002  # seconds of work by the piece after which others go on

_P = ParamSpec("_P")
_R = TypeVar("_R")
_T = TypeVar("_T")


def _here(function: Callable[..., Any], *arguments: Any, **named: Any) -> Any:
    return function(*arguments, **named)


def _nobody_waits() -> None:
    pass


_way: list[Callable[..., Any]] = [_here]
_giving_way: list[Callable[[], None]] = [_nobody_waits]


def use(way: Callable[..., Any]) -> None:
    """From now on heavy work is done by ``way(function, *arguments)``."""
    _way[0] = way


def give_way_by(way: Callable[[], None]) -> None:
    """From now on work by the piece calls ``way`` between its slices."""
    _giving_way[0] = way


def apart(function: Callable[_P, _R], *arguments: _P.args, **named: _P.kwargs) -> _R:
    """What ``function`` returns or raises, while others go on. It must not touch the database or the request."""
    return _way[0](function, *arguments, **named)  # type: ignore[no-any-return]


def by_the_piece(pieces: Iterable[_T]) -> Iterator[_T]:
    """The same ``pieces``; whenever the work on them has taken ``SLICE``, others go on before the next one.

    One piece is never cut: it must be small. Hold no transaction meanwhile, others may take long.
    """
    began = time.perf_counter()
    for piece in pieces:
        yield piece
        if time.perf_counter() - began >= SLICE:
            _giving_way[0]()
            began = time.perf_counter()
