"""Signing in and out: passwords, sessions, passes, API tokens."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import lru_cache
from typing import TYPE_CHECKING, cast

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from services.requests import model, store
from services.requests.handlers import factors
from shared.apart import apart
from shared.contracts.requests import SecurityNoticed, SessionEnded
from shared.database import as_moment
from shared.errors import Absent, Conflict, Invalid
from shared.web import revocation
from shared.web.passes import LIFE
from shared.web.principal import ROLES, Principal, Role

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from datetime import datetime

    from services.requests.desk import Desk
    from services.requests.store import Account, Session, Token
    from shared.web.session import NewSession
    from shared.work import Work

# OWASP Password Storage Cheat Sheet: argon2id, at least 19 MiB, t = 2, p = 1.
_HASHER = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)
PEER_TRIES = 50  # an office shares one address
MOST_TOKENS = 20
MOST_TOKEN_DAYS = 365


class TooManyTokens(Conflict):
    """An account has at most twenty tokens that live."""

    key = "requests.error.tokens"


@lru_cache(maxsize=1)
def _nobody() -> str:
    return _HASHER.hash(secrets.token_urlsafe(16))


def hash_password(password: str) -> str:
    """What is stored of a password."""
    return apart(_HASHER.hash, password)


def is_password(stored: str, password: str) -> bool:
    """Whether ``password`` is the one stored; takes as long when nothing is stored."""
    try:
        return apart(_HASHER.verify, stored or _nobody(), password) and bool(stored)
    except (VerificationError, InvalidHashError):
        return False


def renew_hash(stored: str, password: str) -> str:
    """The hash by which to replace ``stored``, that of the password, which was made with weaker parameters; else empty."""
    return hash_password(password) if stored and _HASHER.check_needs_rehash(stored) else ""


@dataclass(frozen=True)
class Try:
    """One try to sign in, counted before its password is looked at.

    Attributes:
        wait: how long it must wait instead; zero when it may go on.
        left: how many more may follow without waiting.
        peer: the address as a subject, where this try is counted against it too.
    """

    account: Account | None
    subjects: tuple[str, ...]
    wait: timedelta
    left: int
    peer: str = ""


def begin(work: Work, user: str, device: str, peer: str) -> Try:
    """The try is counted against the account's name, or against the device where the account is known to be used.

    So somebody who guesses at a colleague's password makes himself wait, and strangers, but not the colleague.
    """
    now, forgotten = work.now, work.now - model.FORGOTTEN_AFTER
    account = store.account_by_user(work.connection, user)
    known = bool(device and account) and store.knows_device(work.connection, model.digest(device), account.id)  # type: ignore[union-attr]
    own = f"device:{model.digest(device)}" if known else f"user:{model.digest(user.lower())}"
    limits = ((own, model.FREE_TRIES), (f"peer:{peer}", PEER_TRIES))
    wait, left = timedelta(0), model.FREE_TRIES
    for subject, free in limits:
        times, until = store.try_once(work.connection, subject, now, forgotten)
        if until > now:
            wait = max(wait, until - now)
            continue
        store.hold(work.connection, subject, now + model.wait_after(times, free))
        if subject == own:
            left = max(0, free - times)
    if wait:
        _noticed(work, account.id if account else "unknown", "limit_hit")
    return Try(account, (own,), wait, left, f"peer:{peer}")


def is_right(tried: Try, password: str, now: datetime, *, earnest: bool = False) -> bool:
    """Whether the try may sign in. Takes the same time for an unknown, a disabled and a wrong one.

    In ``earnest`` the password that the demonstration publishes is nobody's.
    """
    right = is_password(tried.account.password if tried.account else "", password)
    right = right and not (earnest and password == model.DEMONSTRATION_PASSWORD)
    return right and tried.account is not None and tried.account.may_sign_in(now)


def failed(work: Work, tried: Try) -> None:
    """The failure is said, so that it stands in the log."""
    _noticed(work, tried.account.id if tried.account else "unknown", "sign_in_failed")


@dataclass(frozen=True)
class SignedIn:
    """A browser that has signed in.

    Attributes:
        signed: its first pass.
        device: a new device secret for its cookie.
    """

    principal: Principal
    signed: str
    ends_at: datetime
    device: str


def sign_in(
    work: Work,
    desk: Desk,
    tried: Try,
    new: NewSession,
    *,
    agent: str,
    peer: str,
    old_secret: str = "",
    device: str = "",
) -> SignedIn:
    """The browser has a session that nobody had before; the one it may have had is ended.

    Raises:
        Absent: the account has gone meanwhile.
    """
    account = store.account_by_id(work.connection, tried.account.id) if tried.account else None
    if account is None or not account.may_sign_in(work.now):
        raise Absent
    if old_secret:
        old = store.session_by_secret(work.connection, model.digest(old_secret))
        if old is not None:
            end_sessions(work, [old], "signed_out")
    store.forgive(work.connection, tried.subjects)
    if tried.peer:  # a whole office signs in from one address: only what was wrong counts against it
        store.uncount(work.connection, (tried.peer,), work.now)
    life = model.life_of(account.roles)
    session = store.Session(
        id=new.id, secret=new.digest, account_id=account.id, role=account.roles[0], proof=new.proof, device=agent,
        address=peer, begun_at=work.now, confirmed_at=work.now, used_at=work.now, idle_until=work.now + life.idle,
        ends_at=work.now + life.most,
    )  # fmt: skip
    store.save_session(work.connection, session)
    if not (device and store.knows_device(work.connection, model.digest(device), account.id)):
        device = secrets.token_urlsafe(24)
        store.keep_device(work.connection, model.digest(device), account.id, work.now)
    work.actor = f"account:{account.id}"
    _noticed(work, account.id, "signed_in")
    principal = principal_of(work, desk, account, session)
    signed = desk.signer.sign(principal, work.now, life=_life(account, session.ends_at, work.now))
    return SignedIn(principal, signed, session.ends_at, device)


def principal_of(work: Work, desk: Desk, account: Account, session: Session) -> Principal:
    """Who signs in with ``session``, as the other services will know them."""
    roles = _roles(account)
    return Principal(
        account=account.id,
        name=account.name,
        name_en=account.name_en,
        roles=roles,
        role=cast("Role", session.role if session.role in roles else account.roles[0]),
        session=session.id,
        epoch=account.epoch,
        signed_in_at=session.confirmed_at,
        department=account.department,
        department_name=_department(work, desk, account, "zh"),
        department_name_en=_department(work, desk, account, "en"),
        organisation=account.organisation,
        supplier=account.supplier,
        crew=account.crew,
        proof=session.proof,
    )


def _roles(account: Account) -> frozenset[Role]:
    return frozenset(role for role in ROLES if role in account.roles)


def _department(work: Work, desk: Desk, account: Account, code: str) -> str:
    found = desk.departments(work.connection).get(account.department)
    return str(getattr(found.name, code)) if found else ""


def renew(work: Work, desk: Desk, secret: str) -> str | None:
    """A new pass of a session that lives, which counts as use of it; None when it has ended."""
    session = store.session_by_secret(work.connection, model.digest(secret)) if secret else None
    if session is None or not session.lives(work.now):
        return None
    account = store.account_by_id(work.connection, session.account_id)
    if account is None or not account.may_sign_in(work.now):
        return None
    if factors.demanded(desk, account) and not factors.has_factor(work.connection, account.id):
        return None  # a role was added that wants the second factor: sign in again and set it up
    idle = min(work.now + model.life_of(account.roles).idle, session.ends_at)
    store.change_session(work.connection, session.id, used_at=work.now, idle_until=idle)
    life = _life(account, session.ends_at, work.now)
    return desk.signer.sign(principal_of(work, desk, account, session), work.now, life=life)


def _life(account: Account, end: datetime, now: datetime) -> timedelta:
    """How long a pass may last: ten minutes, and not beyond the session, the token or the account."""
    return min(LIFE, end - now, *([account.until - now] if account.until else []))


def alive(desk: Desk) -> Callable[[Principal, datetime], Principal | None]:
    """What the web floor asks at each page: whether the session behind a pass still lives."""

    def look(principal: Principal, now: datetime) -> Principal | None:
        with desk.database.read() as connection:
            found = store.session_state(connection, principal.session)
        if found is None:
            return None
        idle_until, ends_at, _role, enabled, until, epoch = found
        moments = [as_moment(idle_until), as_moment(ends_at), as_moment(until)]
        if (
            not enabled
            or int(epoch) > principal.epoch
            or any(moment is not None and moment <= now for moment in moments)
        ):
            return None
        return principal

    return look


def confirm_password(work: Work, session_id: str, new: NewSession) -> None:
    """The session counts as fresh, under a new id and secret; the caller has checked the password."""
    _turn_over(work, session_id, new, confirmed_at=work.now)


def change_role(work: Work, session_id: str, account: Account, role: str, new: NewSession) -> None:
    """The session shows another of the person's roles, under a new id and secret.

    Raises:
        Invalid: it is none of theirs.
    """
    if role not in account.roles:
        raise Invalid(fields={"role": ["field.choice"]})
    _turn_over(work, session_id, new, role=role)


def _turn_over(work: Work, session_id: str, new: NewSession, **values: object) -> None:
    store.change_session(work.connection, session_id, id=new.id, secret=new.digest, proof=new.proof, **values)
    revocation.end_session(work, session_id)


def end_sessions(work: Work, sessions: Iterable[Session], reason: str) -> None:
    """The sessions and every pass of theirs are dead here at once, elsewhere as soon as the event arrives."""
    ended = list(sessions)
    store.delete_sessions(work.connection, [session.id for session in ended])
    for session in ended:
        revocation.end_session(work, session.id)
        work.say(SessionEnded(session_id=session.id, account_id=session.account_id, ended_at=work.now, reason=reason))


def sign_out(work: Work, secret: str) -> None:
    """The session of this cookie has ended; nothing happens when there is none."""
    session = store.session_by_secret(work.connection, model.digest(secret)) if secret else None
    if session is not None:
        end_sessions(work, [session], "signed_out")


# ---- API tokens


@dataclass(frozen=True)
class MadeToken:
    """A new token; ``text`` is shown this once."""

    token: Token
    text: str


def make_token(
    work: Work, principal: Principal, name: str, verbs: Iterable[str], services: Iterable[str], days: int
) -> MadeToken:
    """A token that acts with the person's rights, narrowed to verbs and services, for at most a year.

    Raises:
        TooManyTokens: twenty live already.
    """
    alive_now = [token for token in store.tokens_of(work.connection, principal.account) if token.lives(work.now)]
    if len(alive_now) >= MOST_TOKENS:
        raise TooManyTokens(most=MOST_TOKENS)
    text = model.token_text(secrets.token_bytes(20))
    token = store.Token(
        id=work.new_id(), secret=model.digest(text), account_id=principal.account, name=name,
        verbs=" ".join(sorted(verbs)), services=" ".join(sorted(services)), made_at=work.now,
        expires_at=work.now + timedelta(days=min(days, MOST_TOKEN_DAYS)),
    )  # fmt: skip
    store.save_token(work.connection, token)
    _noticed(work, principal.account, "token_made")
    return MadeToken(token, text)


def revoke_token(work: Work, account_id: str, token_id: str) -> None:
    """The token and its passes are dead.

    Raises:
        Absent: the account has no such token that lives.
    """
    found = next((token for token in store.tokens_of(work.connection, account_id) if token.id == token_id), None)
    if found is None or found.revoked_at is not None:
        raise Absent
    store.change_token(work.connection, token_id, revoked_at=work.now)
    revocation.end_session(work, token_id)
    work.say(SessionEnded(session_id=token_id, account_id=account_id, ended_at=work.now, reason="ended_elsewhere"))
    _noticed(work, account_id, "token_revoked")


def exchange(work: Work, desk: Desk, text: str) -> tuple[str, datetime] | None:
    """(pass, when it ends) for a token that lives; None for any other text."""
    token = store.token_by_secret(work.connection, model.digest(text))
    if token is None or not token.lives(work.now):
        return None
    account = store.account_by_id(work.connection, token.account_id)
    if account is None or not account.may_sign_in(work.now):
        return None
    store.change_token(work.connection, token.id, used_at=work.now)
    life = _life(account, token.expires_at, work.now)
    session = store.Session(
        id=token.id, secret="", account_id=account.id, role=account.roles[0], proof="", device="", address="",
        begun_at=token.made_at, confirmed_at=token.made_at, used_at=work.now, idle_until=token.expires_at,
        ends_at=token.expires_at,
    )  # fmt: skip
    principal = replace(principal_of(work, desk, account, session), kind="api", verbs=frozenset(token.verbs.split()))
    return desk.signer.sign(principal, work.now, life=life, audience=token.services.split()), work.now + life


def _noticed(work: Work, account: str, what: str) -> None:
    work.say(SecurityNoticed(account_id=account, what=what, noticed_at=work.now))
