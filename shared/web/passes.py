"""Passes: what requests signs and all four services believe, for at most ten minutes.

A pass is a JWT (RFC 7519) signed with Ed25519 (RFC 8037). Only requests holds the private key; the others can check
and cannot mint. The algorithm is fixed, the type tells a browser's pass from a program's, the audience names the
services, and the key id names the key, so that keys can be rotated without stopping.
"""

from __future__ import annotations

import hashlib
import os
import secrets
from collections import OrderedDict
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Literal

import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
    load_pem_public_key,
)

from shared.contracts.base import SERVICES
from shared.web.principal import ROLES, Principal, Role

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

LIFE = timedelta(minutes=10)
ISSUER = "requests"
TYPES: dict[str, str] = {"session": "houqin-session+jwt", "api": "houqin-api+jwt"}
_ALGORITHM = "EdDSA"
_KEPT = 4096  # verified passes remembered, so that a signature is checked once and not at every request


class BadPass(Exception):
    """The text is no pass that may be believed here and now; the argument says why, for the log."""


class ExpiredPass(BadPass):
    """It was a good pass and its time is over."""


def new_key() -> bytes:
    """A new private key as PEM."""
    return Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def public_half(private_pem: bytes) -> bytes:
    """The public key that belongs to ``private_pem``, as PEM."""
    return _private(private_pem).public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def keep_key(folder: Path) -> tuple[Path, Path]:
    """The key pair in ``folder``, made at the first call: ``session.key`` (mode 600) and ``session.pub``."""
    private, public = folder / "session.key", folder / "session.pub"
    if not private.exists():
        folder.mkdir(parents=True, exist_ok=True)
        pem = new_key()
        temporary = folder / f"session.key.{os.getpid()}"
        with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as out:
            out.write(pem)
        with suppress(FileExistsError):  # of two processes starting at once, the first one's key is kept
            os.link(temporary, private)
        temporary.unlink()
    pem = public_half(private.read_bytes())
    if not public.exists() or public.read_bytes() != pem:
        public.write_bytes(pem)
    return private, public


def key_id(key: Ed25519PublicKey) -> str:
    """Sixteen hexadecimal digits that name a public key."""
    return hashlib.sha256(key.public_bytes(Encoding.Raw, PublicFormat.Raw)).hexdigest()[:16]


def _private(pem: bytes) -> Ed25519PrivateKey:
    key = load_pem_private_key(pem, password=None)
    if not isinstance(key, Ed25519PrivateKey):
        raise ValueError("the session key is no Ed25519 key")  # noqa: TRY004  the file is wrong, not the caller
    return key


def _public(pem: bytes) -> Ed25519PublicKey:
    key = load_pem_public_key(pem)
    if not isinstance(key, Ed25519PublicKey):
        raise ValueError("the session's public key is no Ed25519 key")  # noqa: TRY004  as above
    return key


@dataclass(frozen=True)
class Signer:
    """Mints passes; in requests alone."""

    key: Ed25519PrivateKey
    kid: str

    @classmethod
    def of(cls, private_pem: bytes) -> Signer:
        key = _private(private_pem)
        return cls(key, key_id(key.public_key()))

    def sign(
        self, principal: Principal, now: datetime, *, life: timedelta = LIFE, audience: Iterable[str] = SERVICES
    ) -> str:
        """A pass for ``principal``, good from ``now`` for ``life`` (at most ten minutes)."""
        claims = {
            "iss": ISSUER,
            "aud": list(audience),
            "sub": principal.account,
            "sid": principal.session,
            "epo": principal.epoch,
            "iat": int(now.timestamp()),
            "exp": int((now + min(life, LIFE)).timestamp()),
            "jti": secrets.token_urlsafe(9),
            "nam": principal.name,
            "nae": principal.name_en,
            "rol": sorted(principal.roles),
            "act": principal.role,
            "org": principal.organisation,
            "dep": principal.department,
            "dpn": principal.department_name,
            "dpe": principal.department_name_en,
            "sup": principal.supplier,
            "crw": principal.crew,
            "vrb": sorted(principal.verbs),
            "prf": principal.proof,
            "ath": int(principal.signed_in_at.timestamp()),
        }
        return jwt.encode(
            claims, self.key, algorithm=_ALGORITHM, headers={"typ": TYPES[principal.kind], "kid": self.kid}
        )


class Verifier:
    """Checks passes in one service.

    Args:
        public_pems: the keys in use: one, or two while a key is being rotated.
        audience: the service's name.
    """

    def __init__(self, public_pems: Iterable[bytes], audience: str) -> None:
        keys = [_public(pem) for pem in public_pems]
        self._keys = {key_id(key): key for key in keys}
        self._audience = audience
        self._known: OrderedDict[tuple[str, str], tuple[Principal, int, int]] = OrderedDict()

    def read(self, text: str, now: datetime, kind: Literal["session", "api"]) -> Principal:
        """The person in ``text``.

        Raises:
            ExpiredPass: its ten minutes are over.
            BadPass: anything else is wrong with it.
        """
        place = (kind, text)
        found = self._known.get(place)
        if found is None:
            found = self._check(text, kind)
            self._known[place] = found
            while len(self._known) > _KEPT:
                self._known.popitem(last=False)
        principal, starts, ends = found
        at = now.timestamp()
        if at >= ends:
            self._known.pop(place, None)
            raise ExpiredPass(f"ended {int(at) - ends} s ago")
        if at < starts - 60:  # clocks of two machines may differ by a minute
            raise BadPass("from the future")
        return principal

    def _check(self, text: str, kind: Literal["session", "api"]) -> tuple[Principal, int, int]:
        if len(text) > 4096:
            raise BadPass("too long")
        try:
            header = jwt.get_unverified_header(text)
            if header.get("typ") != TYPES[kind] or header.get("alg") != _ALGORITHM or "crit" in header:
                raise BadPass("another type or algorithm")
            key = self._keys.get(str(header.get("kid", "")))
            if key is None:
                raise BadPass("unknown key")
            claims = jwt.decode(
                text,
                key,
                algorithms=[_ALGORITHM],
                audience=self._audience,
                issuer=ISSUER,
                # Time is checked in read(), against the service's own clock.
                options={
                    "verify_exp": False,
                    "verify_iat": False,
                    "verify_nbf": False,
                    "require": ["exp", "iat", "aud", "sub", "sid", "epo"],
                },
            )
            starts, ends = int(claims["iat"]), int(claims["exp"])
            if not 0 < ends - starts <= LIFE.total_seconds():
                raise BadPass("lives too long")
            return _principal(claims, kind), starts, ends
        except (jwt.PyJWTError, KeyError, TypeError, ValueError) as error:
            raise BadPass(f"{type(error).__name__}: {error}") from error


def _principal(claims: dict[str, Any], kind: Literal["session", "api"]) -> Principal:
    roles: frozenset[Role] = frozenset(role for role in ROLES if role in claims["rol"])
    return Principal(
        account=str(claims["sub"]),
        name=str(claims["nam"]),
        roles=roles,
        role=claims["act"] if claims["act"] in roles else min(roles, key=ROLES.index),
        session=str(claims["sid"]),
        epoch=int(claims["epo"]),
        signed_in_at=datetime.fromtimestamp(int(claims["ath"]), UTC),
        department=str(claims["dep"]),
        department_name=str(claims["dpn"]),
        name_en=str(claims.get("nae", "")),
        department_name_en=str(claims.get("dpe", "")),
        organisation=str(claims["org"]),
        supplier=str(claims["sup"]),
        crew=str(claims["crw"]),
        kind=kind,
        verbs=frozenset(str(verb) for verb in claims["vrb"]),
        proof=str(claims["prf"]),
        until=datetime.fromtimestamp(int(claims["exp"]), UTC),
    )
