"""A person at the office's HTTP interface: signs in as the pages do, takes a token, and speaks JSON from then on."""

from __future__ import annotations

import re
import time
import uuid
from dataclasses import dataclass, field
from typing import Any

import requests

PASSWORD = "houqin-demo-2026"  # noqa: S105  of the demonstration accounts, printed at every demonstration's start
RENEW_AFTER = 480  # seconds; a pass lasts ten minutes
_CSRF = re.compile(r'(?:name="_csrf" value|data-csrf)="([\w-]+)"')


class Problem(Exception):
    """The service did not do it; ``status`` and ``body`` say what it answered, ``retry_after`` when to come back (s)."""

    def __init__(self, status: int, body: str, retry_after: str = "") -> None:
        super().__init__(f"{status}: {body[:300]}")
        self.status = status
        self.body = body
        self.retry_after = int(retry_after) if retry_after.isdigit() else 0


@dataclass
class Person:
    """Somebody signed in at ``address``.

    Attributes:
        homes: addresses by service, where they do not share one origin.
    """

    address: str
    user: str
    password: str = PASSWORD
    timeout: float = 20.0
    session: requests.Session = field(default_factory=requests.Session)
    _token: str = ""
    _pass: str = ""
    _renewed: float = 0.0

    def sign_in(self) -> Person:
        """Sign in by the form and make a token for everything this account may do.

        Raises:
            Problem: the account or the password is wrong.
        """
        self.session.trust_env = False
        page = self.session.get(f"{self.address}/requests/sign-in", timeout=self.timeout)
        form = {"_csrf": self._csrf(page.text), "next": "", "user": self.user, "password": self.password}
        answer = self.session.post(
            f"{self.address}/requests/sign-in", data=form, headers={"Origin": self.address}, timeout=self.timeout,
            allow_redirects=False,
        )  # fmt: skip
        if answer.status_code != 303:
            raise Problem(answer.status_code, answer.text, answer.headers.get("Retry-After", ""))
        page = self.session.get(f"{self.address}/requests/me", timeout=self.timeout)
        body = {
            "name": "client",
            "verbs": ["read", "write"],
            "services": ["requests", "dispatch", "billing", "audit"],
            "days": 1,
        }
        made = self.session.post(
            f"{self.address}/requests/api/tokens", json=body, timeout=self.timeout,
            headers={"Origin": self.address, "X-CSRF-Token": self._csrf(page.text), "Idempotency-Key": uuid.uuid4().hex},
        )  # fmt: skip
        if made.status_code != 201:
            raise Problem(made.status_code, made.text, made.headers.get("Retry-After", ""))
        self._token = made.json()["token"]
        return self

    def _csrf(self, page: str) -> str:
        found = _CSRF.search(page)
        if found is None:
            raise Problem(0, "the page has no form token")
        return found.group(1)

    def bearer(self) -> str:
        """A pass that is good for some minutes."""
        if not self._pass or time.monotonic() - self._renewed > RENEW_AFTER:
            answer = requests.post(
                f"{self.address}/requests/api/passes", json={"token": self._token}, timeout=self.timeout
            )
            if answer.status_code not in {200, 201}:
                raise Problem(answer.status_code, answer.text, answer.headers.get("Retry-After", ""))
            self._pass, self._renewed = answer.json()["access_token"], time.monotonic()
        return self._pass

    def get(self, path: str, **query: Any) -> Any:
        """The JSON at ``path``.

        Raises:
            Problem: any status but 200.
        """
        return self._json("GET", path, params=query)

    def post(self, path: str, body: Any = None, key: str = "") -> Any:
        """The JSON that posting ``body`` answers; ``key`` makes it safe to repeat.

        Raises:
            Problem: any status above 299.
        """
        headers = {"Idempotency-Key": key or uuid.uuid4().hex}
        return self._json("POST", path, json={} if body is None else body, headers=headers)

    def text(self, path: str) -> str:
        """The text at ``path``.

        Raises:
            Problem: any status but 200.
        """
        return self._send("GET", path).text

    def _json(self, method: str, path: str, **options: Any) -> Any:
        answer = self._send(method, path, **options)
        return answer.json() if answer.content else None

    def _send(
        self, method: str, path: str, *, headers: dict[str, str] | None = None, **options: Any
    ) -> requests.Response:
        headers = {"Authorization": f"Bearer {self.bearer()}", **(headers or {})}
        answer = self._connection().request(
            method, f"{self.address}{path}", headers=headers, timeout=self.timeout, **options
        )
        if answer.status_code > 299:
            raise Problem(answer.status_code, answer.text, answer.headers.get("Retry-After", ""))
        return answer

    _api: requests.Session | None = None

    def _connection(self) -> requests.Session:
        """A connection without cookies: the pass alone speaks for the person."""
        if self._api is None:
            self._api = requests.Session()
            self._api.trust_env = False
        return self._api
