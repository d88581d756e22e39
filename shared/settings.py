"""Settings come from the environment alone: typed, documented, all read at start, unknown names refused."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

Value = str | int | float | bool

# Names with one of our prefixes that belong to others: REQUESTS_CA_BUNDLE is read by the HTTP library of that name.
FOREIGN = {"REQUESTS_CA_BUNDLE"}


class BadSettings(Exception):
    """One or more settings are wrong; the message says which, one a line."""


@dataclass(frozen=True)
class Setting:
    """One thing an operator may set.

    Attributes:
        name: ``<SERVICE>_<NAME>``, or ``HOUQIN_<NAME>`` where all services share it.
        default: also gives the type.
        help: one sentence with the unit.
        secret: masked wherever settings are shown; may also come from the file that ``<name>_FILE`` names.
        filed: no secret, but may come from such a file too.
        choices: the only values allowed, where there are any.
        least, most: bounds of a number; ``least`` of a text that is not empty: its characters.
    """

    name: str
    default: Value
    help: str
    secret: bool = False
    choices: tuple[str, ...] = ()
    least: float | None = None
    most: float | None = None
    filed: bool = False

    @property
    def names(self) -> tuple[str, ...]:
        """What may stand in the environment."""
        return (self.name, f"{self.name}_FILE") if self.secret or self.filed else (self.name,)


COMMON = (
    Setting(
        "HOUQIN_PROFILE", "demonstration", "What this installation is for.", choices=("demonstration", "production")
    ),
    Setting("HOUQIN_PUBLIC_URL", "http://127.0.0.1:8000", "Address under which people reach all four services."),
    Setting("HOUQIN_DATA", "var", "Folder for SQLite files, keys and uploads in embedded mode."),
    Setting(
        "HOUQIN_BROKER_URL",
        "memory://",
        "RabbitMQ address: amqp://..., over TLS amqps://...?cafile=FILE; or memory:// within one process.",
        secret=True,
    ),
    Setting("HOUQIN_SITE_NAME", "", "The office's own name, shown beside the mark; empty shows 后勤 Houqin."),
    Setting(
        "HOUQIN_PASS_PUBLIC_KEY",
        "",
        "Ed25519 public key (PEM) that passes are checked with; empty reads HOUQIN_DATA/keys.",
        filed=True,
    ),
    Setting(
        "HOUQIN_CURSOR_SECRET",
        "",
        "Signs the page marks of lists, at least 32 characters; empty: kept in HOUQIN_DATA/keys.",
        secret=True,
        least=32,
    ),
    Setting("HOUQIN_TRUSTED_PROXIES", "", "Addresses, by comma, whose X-Forwarded-For is believed."),
    Setting(
        "HOUQIN_WORKDAYS",
        "",
        "Days that this site works or not whatever the State Council's notice says: 2027-02-06=worked, 2027-02-08=free.",
    ),
    Setting(
        "HOUQIN_PHOTO_DAYS",
        1096,
        "Days after the end of a request or work order after which its photos are removed; their hashes stay.",
        least=60,
        most=36500,
    ),
    Setting(
        "HOUQIN_CONTACT_DAYS",
        180,
        "Days after the end of a request, work order or booking after which telephone numbers, and what a booking was about, are emptied.",
        least=60,
        most=36500,
    ),
    Setting(
        "HOUQIN_OUTBOX_DAYS",
        400,
        "Days after which events that the broker has taken are deleted where they were said; until then they can be sent again.",
        least=60,
        most=36500,
    ),
    Setting("HOUQIN_LOG_LEVEL", "INFO", "How much is logged.", choices=("DEBUG", "INFO", "WARNING", "ERROR")),
    Setting("HOUQIN_FAULT", "", "For failure tests only: the point at which the process kills itself."),
)


def of_service(service: str, port: int) -> tuple[Setting, ...]:
    """The settings that every service has under its own name."""
    upper = service.upper()
    return (
        Setting(f"{upper}_DATABASE_URL", "", "Where this service keeps its state; empty: an SQLite file in HOUQIN_DATA.",
                secret=True),
        Setting(f"{upper}_LISTEN", f"127.0.0.1:{port}", "Address and port this service answers on."),
        Setting(f"{upper}_BROKER_URL", "", "Broker address of this service's own user; empty: HOUQIN_BROKER_URL.", secret=True),
        Setting(f"{upper}_HTTP_WORKERS", 64, "HTTP requests handled at once; above it 503.", least=1, most=1000),
        Setting(f"{upper}_CONNECTIONS", 500, "Open HTTP connections at most.", least=10, most=10000),
        Setting(f"{upper}_POOL", 20, "Database connections at most.", least=2, most=200),
    )  # fmt: skip


@dataclass(frozen=True)
class Settings:
    """All settings of a process, by name, with where each came from."""

    values: Mapping[str, Value] = field(repr=False)
    origins: Mapping[str, str]
    declared: tuple[Setting, ...]

    def __getitem__(self, name: str) -> Any:
        return self.values[name]

    def shown(self) -> list[tuple[str, str, str, str]]:
        """(name, value or mask, origin, help) for people; secrets never leave."""
        rows = []
        for each in self.declared:
            value = str(self.values[each.name])
            rows.append((each.name, "••••••" if each.secret and value else value, self.origins[each.name], each.help))
        return rows

    def with_(self, **values: Value) -> Settings:
        """The same settings with some replaced, as a test or the embedded assembly needs."""
        return Settings({**self.values, **values}, {**self.origins, **dict.fromkeys(values, "assembly")}, self.declared)


def load(declared: Iterable[Setting], environment: Mapping[str, str] | None = None) -> Settings:
    """Read every declared setting.

    Raises:
        BadSettings: a value is of the wrong kind, or a name with a declared prefix is not declared (a slip of the pen).
    """
    declared = tuple(declared)
    environment = os.environ if environment is None else environment
    values: dict[str, Value] = {}
    origins: dict[str, str] = {}
    wrong: list[str] = []
    for each in declared:
        try:
            values[each.name], origins[each.name] = _one(each, environment)
        except (ValueError, OSError) as error:
            wrong.append(f"{each.name}: {error}")
    names = {name for each in declared for name in each.names}
    prefixes = {name.partition("_")[0] + "_" for name in names}
    wrong += [
        f"{name}: there is no such setting"
        for name in sorted(environment)
        if any(name.startswith(prefix) for prefix in prefixes)
        and name not in names | FOREIGN
        and not name.startswith("HOUQIN_TEST_")
    ]
    if wrong:
        raise BadSettings("\n".join(wrong))
    return Settings(values, origins, declared)


def _one(setting: Setting, environment: Mapping[str, str]) -> tuple[Value, str]:
    text, origin = environment.get(setting.name), "environment"
    if text is None and setting.names[-1] != setting.name and setting.names[-1] in environment:
        path = Path(environment[setting.names[-1]])
        text, origin = path.read_text("utf-8").strip(), "file"
    if text is None:
        return setting.default, "default"
    value = _typed(setting.default, text)
    if setting.choices and value not in setting.choices:
        raise ValueError(f"must be one of {', '.join(setting.choices)}")
    if isinstance(value, str) and value and setting.least is not None and len(value) < setting.least:
        raise ValueError(f"must have at least {setting.least:g} characters")
    if isinstance(value, int | float) and not isinstance(value, bool):
        if setting.least is not None and value < setting.least:
            raise ValueError(f"must be at least {setting.least:g}")
        if setting.most is not None and value > setting.most:
            raise ValueError(f"must be at most {setting.most:g}")
    return value, origin


def _typed(default: Value, text: str) -> Value:
    if isinstance(default, bool):
        words = {
            "1": True,
            "true": True,
            "yes": True,
            "on": True,
            "0": False,
            "false": False,
            "no": False,
            "off": False,
        }
        if text.strip().lower() not in words:
            raise ValueError("must be yes or no")
        return words[text.strip().lower()]
    if isinstance(default, int):
        try:
            return int(text)
        except ValueError:
            raise ValueError("must be a whole number") from None
    if isinstance(default, float):
        try:
            return float(text)
        except ValueError:
            raise ValueError("must be a number") from None
    return text
