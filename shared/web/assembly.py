"""A service's web application from its settings."""

from __future__ import annotations

import os
import secrets
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from shared.settings import BadSettings
from shared.web.app import Application
from shared.web.live import Hub
from shared.web.passes import Signer, Verifier, keep_key
from shared.web.revocation import Revocations

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from datetime import datetime

    from shared.service import Running
    from shared.settings import Settings
    from shared.web.principal import Principal
    from shared.web.routes import Route


def application(
    running: Running,
    routes: Iterable[Route],
    *,
    folder: Path,
    own: Any = None,
    alive: Callable[[Principal, datetime], Principal | None] | None = None,
    as_now: Callable[[Principal, datetime], Principal] | None = None,
) -> Application:
    """The web application of ``running``; ``folder`` holds its ``templates/`` and ``static/``.

    Raises:
        BadSettings: production, and a key or secret is missing.
    """
    settings = running.settings
    return Application(
        running.name,
        routes,
        database=running.database,
        verifier=Verifier(public_keys(settings), running.name),
        revocations=Revocations(running.database),
        secret=cursor_secret(settings),
        clock=running.clock,
        ids=running.ids,
        public_url=settings["HOUQIN_PUBLIC_URL"],
        site_name=settings["HOUQIN_SITE_NAME"],
        demonstration=settings["HOUQIN_PROFILE"] == "demonstration",
        development=settings["HOUQIN_PROFILE"] != "production" and running.name == "requests",
        templates=folder / "templates",
        static=folder / "static",
        alive=alive,
        as_now=as_now,
        own=running if own is None else own,
        running=running,
        trusted_proxies=[each.strip() for each in settings["HOUQIN_TRUSTED_PROXIES"].split(",") if each.strip()],
    )


def public_keys(settings: Settings) -> list[bytes]:
    """The keys passes are checked with; several PEM blocks may stand one after another while a key is rotated."""
    given = str(settings["HOUQIN_PASS_PUBLIC_KEY"])
    if given:
        end = "-----END PUBLIC KEY-----"
        return [(part + end).strip().encode() for part in given.split(end) if part.strip()]
    if settings["HOUQIN_PROFILE"] == "production" and not str(settings["HOUQIN_BROKER_URL"]).startswith("memory"):
        raise BadSettings("HOUQIN_PASS_PUBLIC_KEY: needed in the production profile")
    _, public = keep_key(keys_folder(settings))
    return [public.read_bytes()]


def signer(settings: Settings, private_pem: str = "") -> Signer:
    """What requests mints passes with: the key given, or the one kept in HOUQIN_DATA/keys."""
    if private_pem:
        return Signer.of(private_pem.encode())
    private, _ = keep_key(keys_folder(settings))
    return Signer.of(private.read_bytes())


def cursor_secret(settings: Settings) -> bytes:
    """The secret given, or one made once and kept in HOUQIN_DATA/keys."""
    given = str(settings["HOUQIN_CURSOR_SECRET"])
    if given:
        return given.encode()
    path = keys_folder(settings) / "cursor.secret"
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = path.with_suffix(f".{os.getpid()}")
        with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as out:
            out.write(secrets.token_urlsafe(32))
        with suppress(FileExistsError):  # two processes starting at once agree on the first
            os.link(temporary, path)
        temporary.unlink()
    return path.read_bytes()


def keys_folder(settings: Settings) -> Path:
    """Where keys are kept that no setting gives."""
    return Path(settings["HOUQIN_DATA"]) / "keys"


def hub(running: Running) -> Hub:
    """The live hub of a running service: through its database where there may be replicas, else in this process."""
    alone = str(running.settings["HOUQIN_BROKER_URL"]).startswith("memory")
    return Hub(running.clock, None if alone else running.database)
