"""What an event is: a frozen dataclass, its CloudEvents 1.0 envelope, and the wire schema derived from it.

Writers are strict: a dataclass cannot carry an undeclared field. Readers are tolerant: fields this version does
not know are ignored, fields a newer version added have defaults.
"""

from __future__ import annotations

import json
import types
from dataclasses import MISSING, dataclass, fields, is_dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from functools import cache
from operator import attrgetter
from typing import TYPE_CHECKING, Any, ClassVar, Union, get_args, get_origin, get_type_hints

import marshmallow
from marshmallow import EXCLUDE
from marshmallow import fields as wire

from shared.clock import from_text, to_text
from shared.loading import Reader
from shared.text import compact, quoted

if TYPE_CHECKING:
    from collections.abc import Callable

REGISTRY: dict[str, type[Event]] = {}
SERVICES = ("requests", "dispatch", "billing", "audit")
MAX_EVENT_BYTES = 60_000  # one log entry holds at most 65,535 bytes (C2SP tlog-tiles), envelope included


class UnknownType(Exception):
    """No event type of this name is declared in this version."""


class Undecodable(Exception):
    """The bytes are no envelope that this system wrote."""


@dataclass(frozen=True, kw_only=True)
class Event:
    """Base of every event.

    Attributes:
        TYPE: ``<service>.<fact in the past tense>.v<n>``; also the routing key.
        SUBJECT: name of the field that holds the aggregate's id.
    """

    TYPE: ClassVar[str] = ""
    SUBJECT: ClassVar[str] = ""

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if cls.TYPE:
            if cls.TYPE in REGISTRY and REGISTRY[cls.TYPE].__qualname__ != cls.__qualname__:
                raise TypeError(f"{cls.TYPE} is declared twice")
            REGISTRY[cls.TYPE] = cls

    @property
    def subject(self) -> str:
        return str(getattr(self, self.SUBJECT))

    def data(self) -> dict[str, Any]:
        """The fields as JSON values: instants RFC 3339 UTC, dates ISO, decimals as strings."""
        cls: Any = type(self)
        return {name: value if type(value := getattr(self, name)) in _AS_IS else plain(value) for name in _names(cls)}


@cache
def _names(cls: Any) -> tuple[str, ...]:
    return tuple(field.name for field in fields(cls))


_AS_IS = frozenset({str, int, bool, type(None)})


def plain(value: Any) -> Any:
    """``value`` as JSON knows it."""
    if type(value) in _AS_IS or isinstance(value, str | int):
        return value
    if isinstance(value, datetime):
        return to_text(value)
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, tuple | list):
        return [plain(each) for each in value]
    if isinstance(value, dict):
        return {str(key): plain(each) for key, each in value.items()}
    if is_dataclass(value) and not isinstance(value, type):
        return {name: plain(getattr(value, name)) for name in _names(type(value))}
    raise TypeError(f"{type(value).__name__} cannot travel in an event")


@dataclass(frozen=True, kw_only=True)
class Envelope:
    """An event on its way: who said it, about what, and its place in three orders.

    Attributes:
        source: the service that says it.
        sequence: version of the aggregate ``subject`` after this event, from 1; 0 where there is no order.
        sourceepoch: raised by one when the source was restored from a backup.
        sourcenumber: gapless from 1 within (source, epoch); given by the relay.
        typenumber: gapless from 1 within (source, epoch, type); given by the relay.
        actor: pseudonymous: ``account:<id>``, ``crew:<id>``, ``system:<service>``.
    """

    id: str
    source: str
    type: str
    subject: str
    time: datetime
    data: dict[str, Any]
    sequence: int = 0
    sourceepoch: int = 1
    sourcenumber: int = 0
    typenumber: int = 0
    correlationid: str = ""
    causationid: str = ""
    actor: str = ""
    traceparent: str = ""


def written(value: Any) -> str:
    """``compact`` of an event's ``data()``, or of a dataclass in it, made without the dictionary between."""
    cls: Any = type(value)
    names, pattern = _pattern(cls)
    return pattern % tuple(
        [quoted(each) if type(each) is str else _TEXTS.get(type(each), _other)(each) for each in names(value)]
    )


def _other(value: Any) -> str:
    """A value of no plain kind, as JSON."""
    if isinstance(value, tuple):
        return "[" + ",".join([quoted(each) if type(each) is str else _other(each) for each in value]) + "]"
    if is_dataclass(value):
        return written(value)
    return compact(plain(value))


_TEXTS: dict[type, Callable[[Any], str]] = {
    int: str,
    bool: lambda value: "true" if value else "false",
    type(None): lambda _value: "null",
    datetime: lambda value: f'"{to_text(value)}"',
}


@cache
def _pattern(cls: Any) -> tuple[Callable[[Any], tuple[Any, ...]], str]:
    """What takes the values out of one of ``cls``, and the text with a place for each."""
    names = _names(cls)
    values = attrgetter(*names) if len(names) > 1 else lambda one: tuple([getattr(one, name) for name in names])
    return values, "{" + ",".join(f"{quoted(name)}:%s" for name in names) + "}"


def sealed(
    event: Event,
    *,
    id: str,  # noqa: A002  as in the envelope
    source: str,
    time: datetime,
    sequence: int = 0,
    correlationid: str = "",
    causationid: str = "",
    actor: str = "",
    traceparent: str = "",
) -> str:
    """``event`` in its envelope: :func:`seal`, written straight from the event's fields. The hot path of every filing."""
    text = (
        f'{{"specversion":"1.0","id":{quoted(id)},"source":{quoted(source)},"type":{quoted(event.TYPE)},'
        f'"subject":{quoted(event.subject)},"time":"{to_text(time)}","datacontenttype":"application/json",'
        f'"data":{written(event)},"sequence":{sequence},"correlationid":{quoted(correlationid or id)},'
        f'"actor":{quoted(actor or f"system:{source}")}'
    )
    if causationid:
        text += f',"causationid":{quoted(causationid)}'
    if traceparent:
        text += f',"traceparent":{quoted(traceparent)}'
    return text + "}"


def seal(envelope: Envelope) -> str:
    """The envelope as JSON text without its numbers: what the outbox keeps.

    The relay appends the numbers with :func:`numbered`; both are pure, so that an event has the same bytes whenever
    it is sent.
    """
    body = {
        "specversion": "1.0",
        "id": envelope.id,
        "source": envelope.source,
        "type": envelope.type,
        "subject": envelope.subject,
        "time": to_text(envelope.time),
        "datacontenttype": "application/json",
        "data": envelope.data,
        "sequence": envelope.sequence,
        "correlationid": envelope.correlationid or envelope.id,
        "actor": envelope.actor or f"system:{envelope.source}",
    }
    # CloudEvents 1.0, section 3.1: an attribute that is present is a non-empty string.
    if envelope.causationid:
        body["causationid"] = envelope.causationid
    if envelope.traceparent:
        body["traceparent"] = envelope.traceparent
    return compact(body)


def numbered(sealed: str, sourceepoch: int, sourcenumber: int, typenumber: int) -> bytes:
    """The final bytes of an event: what is published, kept in the log and sent again."""
    tail = f',"sourceepoch":{sourceepoch},"sourcenumber":{sourcenumber},"typenumber":{typenumber}}}'
    return (sealed[:-1] + tail).encode()


_STRINGS = ("id", "source", "type", "subject")


def unseal(body: bytes | str) -> Envelope:
    """Read an envelope from the wire.

    Raises:
        Undecodable: it is not a CloudEvents 1.0 object with our attributes.
    """
    try:
        found = json.loads(body)
        if not isinstance(found, dict) or found.get("specversion") != "1.0":
            raise Undecodable("not a CloudEvents 1.0 object")
        if not all(isinstance(found.get(name), str) and found[name] for name in _STRINGS):
            raise Undecodable("id, source, type or subject is absent")
        if not isinstance(found.get("data"), dict):
            raise Undecodable("data is no object")
        numbers = {
            name: found.get(name, standard)
            for name, standard in (("sequence", 0), ("sourceepoch", 1), ("sourcenumber", 0), ("typenumber", 0))
        }
        if not all(type(number) is int and 0 <= number < 2**53 for number in numbers.values()):
            raise Undecodable("a number is no whole number")
        return Envelope(
            id=found["id"],
            source=found["source"],
            type=found["type"],
            subject=found["subject"],
            time=from_text(found["time"]),
            data=found["data"],
            correlationid=str(found.get("correlationid", "")),
            causationid=str(found.get("causationid", "")),
            actor=str(found.get("actor", "")),
            traceparent=str(found.get("traceparent", "")),
            **numbers,
        )
    except Undecodable:
        raise
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise Undecodable(f"{type(error).__name__}: {error}") from error


def parse(type_: str, data: dict[str, Any]) -> Event:
    """Read an event's fields from the wire.

    Raises:
        UnknownType: no event of this type is declared here.
        marshmallow.ValidationError: a required field is absent or of the wrong kind.
    """
    cls: Any = REGISTRY.get(type_)  # mypy takes a frozen dataclass's class for unhashable
    if cls is None:
        raise UnknownType(type_)
    found: Event = build(cls, _reader(cls).load(data))
    return found


@cache
def _reader(cls: type) -> Reader:
    """The tolerant reader of an event: made once, because making it costs more than reading with it."""
    return Reader(schema_of(cls)(unknown=EXCLUDE))


def build(cls: Any, loaded: dict[str, Any]) -> Any:
    """The dataclass ``cls`` from values that its schema loaded."""
    composed = _composed(cls)
    return cls(**{name: _built(composed[name], value) if name in composed else value for name, value in loaded.items()})


def _built(hint: Any, value: Any) -> Any:
    inner, _ = _unwrapped(hint)
    if value is None:
        return None
    if is_dataclass(inner) and isinstance(inner, type):
        return build(inner, value)
    if get_origin(inner) is tuple:
        return tuple(_built(get_args(inner)[0], each) for each in value)
    return value


@cache
def _composed(cls: Any) -> dict[str, Any]:
    """Hints of the fields that a loaded value does not yet fit: those of dataclasses and tuples."""
    found = {}
    for name, hint in _hints(cls).items():
        inner, _ = _unwrapped(hint) if get_origin(hint) is not ClassVar else (None, False)
        if get_origin(inner) is tuple or (isinstance(inner, type) and is_dataclass(inner)):
            found[name] = hint
    return found


@cache
def _hints(cls: Any) -> dict[str, Any]:
    return get_type_hints(cls)


def _unwrapped(hint: Any) -> tuple[Any, bool]:
    """The type without its ``| None``, and whether it had one."""
    if get_origin(hint) in {Union, types.UnionType}:
        kept = [each for each in get_args(hint) if each is not type(None)]
        if len(kept) == 1:
            return kept[0], True
        raise TypeError(f"{hint} has no place on the wire")
    return hint, False


_WIRE: dict[Any, type[wire.Field[Any]]] = {
    str: wire.String,
    bool: wire.Boolean,
    date: wire.Date,
    Decimal: wire.Decimal,
}


class Instant(wire.AwareDateTime):
    """An aware instant; always UTC after loading."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(format="iso", default_timezone=None, **kwargs)

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> datetime:
        return super()._deserialize(value, attr, data, **kwargs).astimezone(UTC)


def _wire_field(hint: Any, required: bool) -> wire.Field[Any]:
    inner, nullable = _unwrapped(hint)
    options: dict[str, Any] = {"required": required, "allow_none": nullable}
    if inner is datetime:
        return Instant(**options)
    if inner is int:
        return wire.Integer(strict=True, **options)
    if get_origin(inner) is tuple:
        return wire.List(_wire_field(get_args(inner)[0], required=True), **options)
    if get_origin(inner) is dict:
        return wire.Dict(keys=wire.String(), **options)
    if is_dataclass(inner) and isinstance(inner, type):
        return wire.Nested(schema_of(inner)(unknown=EXCLUDE), **options)
    return _WIRE[inner](**options)


@cache
def schema_of(cls: Any) -> type[marshmallow.Schema]:
    """Derive the wire schema of a dataclass, so that a field is written once and checked everywhere."""
    hints = _hints(cls)
    return marshmallow.Schema.from_dict(
        {
            field.name: _wire_field(
                hints[field.name], required=field.default is MISSING and field.default_factory is MISSING
            )
            for field in fields(cls)
        },
        name=cls.__name__,
    )
