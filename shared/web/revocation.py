"""Passes that must die before their ten minutes are over.

Requests says ``requests.session_ended.v1`` and ``requests.account_changed.v1``; each service's handlers call
:func:`end_session` and :func:`change_account`. The set is small (it forgets after ten minutes) and is read again at
most once a second, by the request that finds it old.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from shared.database import Sql
from shared.errors import Transient
from shared.web.passes import LIFE

if TYPE_CHECKING:
    from datetime import datetime

    from shared.database import Database
    from shared.web.principal import Principal
    from shared.work import Work

_FOR_EVER = 2**53
_MARGIN = timedelta(minutes=2)
_PUT = Sql(
    """INSERT INTO revoked (subject, epoch, until) VALUES (:subject, :epoch, :until)
       ON CONFLICT (subject) DO UPDATE SET
       epoch = CASE WHEN revoked.epoch > excluded.epoch THEN revoked.epoch ELSE excluded.epoch END,
       until = CASE WHEN revoked.until > excluded.until THEN revoked.until ELSE excluded.until END"""
)
_ALL = Sql("SELECT subject, epoch FROM revoked WHERE until > :now")
_PRUNE = Sql("DELETE FROM revoked WHERE until <= :now")


def end_session(work: Work, session: str) -> None:
    """No pass of ``session`` (or of the API token with this id) is believed here any more. Commutes, may repeat."""
    work.revoked = True
    work.later(_PUT, subject=f"session:{session}", epoch=_FOR_EVER, until=work.now + LIFE + _MARGIN)


def change_account(work: Work, account: str, epoch: int) -> None:
    """Passes of ``account`` that carry an epoch below ``epoch`` are not believed here. Latest wins, may repeat."""
    work.revoked = True
    work.later(_PUT, subject=f"account:{account}", epoch=epoch, until=work.now + LIFE + _MARGIN)


def prune(work: Work) -> None:
    """Forget what has expired by itself."""
    work.later(_PRUNE, now=work.now)


class Revocations:
    """The set as one process knows it."""

    def __init__(self, database: Database, every: timedelta = timedelta(seconds=1)) -> None:
        self._database = database
        self._every = every
        self._read_at: datetime | None = None
        self._epochs: dict[str, int] = {}

    def dead(self, principal: Principal, now: datetime) -> bool:
        """Whether passes of this session or of this epoch have been revoked."""
        self._refresh(now)
        return bool(self._epochs) and (
            f"session:{principal.session}" in self._epochs
            or self._epochs.get(f"account:{principal.account}", 0) > principal.epoch
        )

    def look_again(self) -> None:
        """The next question is answered from the database; called after a commit that revoked something."""
        self._read_at = None

    def _refresh(self, now: datetime) -> None:
        if self._read_at is not None and timedelta(0) <= now - self._read_at < self._every:
            return
        # Set first: while this read waits for the database, other requests use the set that is here.
        self._read_at = now
        try:
            with self._database.read() as connection:
                self._epochs = dict(_pair(row) for row in _ALL.run(connection, now=now))
        except Transient:
            # Without the database the bound is the pass's own expiry; the page itself will say what is wrong.
            return


def _pair(row: Any) -> tuple[str, int]:
    return row[0], int(row[1])
