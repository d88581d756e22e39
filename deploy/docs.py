"""``python -m deploy.docs`` generates the reference pages; tests hold them to the code."""

from __future__ import annotations

import json
from dataclasses import MISSING, fields, is_dataclass
from inspect import getdoc, getsource
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args, get_origin, get_type_hints

from shared import settings
from shared.contracts import REGISTRY
from shared.contracts.base import SERVICES, schema_of

if TYPE_CHECKING:
    from shared.bilingual import Words

REFERENCE = Path(__file__).parents[1] / "docs" / "reference"
_KINDS = {"String": "string", "Boolean": "boolean", "Integer": "integer", "Decimal": "string", "Instant": "string",
          "Date": "string", "Dict": "object"}  # fmt: skip
_FORMATS = {"Instant": "date-time", "Date": "date", "Decimal": "decimal"}


def _types() -> list[str]:
    return sorted(type_ for type_, cls in REGISTRY.items() if cls.__module__.startswith("shared.contracts"))


def _json_schema(cls: type) -> dict[str, Any]:
    properties, required = {}, []
    for name, field in schema_of(cls)().fields.items():
        properties[name] = _property(field)
        if field.required:
            required.append(name)
    return {"type": "object", "properties": properties, "required": required}


def _property(field: Any) -> dict[str, Any]:
    kind = type(field).__name__
    if kind == "List":
        found: dict[str, Any] = {"type": "array", "items": _property(field.inner)}
    elif kind == "Nested":
        inner = field.schema
        found = {
            "type": "object",
            "properties": {name: _property(each) for name, each in inner.fields.items()},
            "required": [name for name, each in inner.fields.items() if each.required],
        }
    else:
        found = {"type": _KINDS[kind]}
        if kind in _FORMATS:
            found["format"] = _FORMATS[kind]
    if field.allow_none:
        found["type"] = [found["type"], "null"]
    return found


def asyncapi() -> str:
    """The AsyncAPI 3.0 document of every event of every service."""
    channels: dict[str, Any] = {}
    operations: dict[str, Any] = {}
    messages: dict[str, Any] = {}
    for service in SERVICES:
        mine = [type_ for type_ in _types() if type_.startswith(f"{service}.")]
        channels[service] = {
            "address": f"{service}.events",
            "description": f"Topic exchange; the routing key is the event's type ({service}.<fact>.v<n>).",
            "messages": {type_: {"$ref": f"#/components/messages/{type_}"} for type_ in mine},
            "bindings": {"amqp": {"is": "routingKey", "exchange": {"name": f"{service}.events", "type": "topic", "durable": True}}},
        }  # fmt: skip
        operations[f"{service}.say"] = {"action": "send", "channel": {"$ref": f"#/channels/{service}"}}
    for type_ in _types():
        cls = REGISTRY[type_]
        messages[type_] = {
            "name": type_,
            "title": cls.__name__,
            "summary": (getdoc(cls) or "").partition("\n")[0],
            "contentType": "application/cloudevents+json",
            "payload": {
                "type": "object",
                "required": ["specversion", "id", "source", "type", "subject", "time", "data", "sourceepoch",
                             "sourcenumber", "typenumber"],
                "properties": {
                    "specversion": {"const": "1.0"},
                    "id": {"type": "string", "format": "uuid"},
                    "source": {"const": type_.partition(".")[0]},
                    "type": {"const": type_},
                    "subject": {"type": "string"},
                    "time": {"type": "string", "format": "date-time"},
                    "datacontenttype": {"const": "application/json"},
                    "sequence": {"type": "integer", "description": "version of the aggregate; 0 where there is no order"},
                    "sourceepoch": {"type": "integer"},
                    "sourcenumber": {"type": "integer", "description": "gapless within source and epoch"},
                    "typenumber": {"type": "integer", "description": "gapless within source, epoch and type"},
                    "correlationid": {"type": "string"},
                    "causationid": {"type": "string"},
                    "actor": {"type": "string"},
                    "traceparent": {"type": "string"},
                    "data": _json_schema(cls),
                },
            },
        }  # fmt: skip
    document = {
        "asyncapi": "3.0.0",
        "info": {"title": "Houqin events", "version": "1", "description": "CloudEvents 1.0, structured JSON."},
        "defaultContentType": "application/cloudevents+json",
        "channels": channels,
        "operations": operations,
        "components": {"messages": messages},
    }
    return json.dumps(document, ensure_ascii=False, indent=1) + "\n"


def _notes(cls: type) -> dict[str, str]:
    """The comment beside each field in the source."""
    notes = {}
    for line in getsource(cls).splitlines():
        name, colon, rest = line.strip().partition(":")
        if colon and name.isidentifier() and "  # " in rest:
            notes[name] = rest.partition("  # ")[2].removeprefix("noqa").strip()
    return notes


def _kind(hint: Any) -> str:
    if get_origin(hint) is tuple:
        return f"list of {_kind(get_args(hint)[0])}"
    if is_dataclass(hint):
        return f"{getattr(hint, '__name__', '')} (" + ", ".join(field.name for field in fields(hint)) + ")"
    return str(getattr(hint, "__name__", str(hint))).replace("datetime.", "").replace("decimal.", "")


def event_reference() -> str:
    """Every event with its fields, for people."""
    out = ["# Events", "", "Generated from `shared/contracts/`; `make docs` writes it anew.", ""]
    for type_ in _types():
        cls = REGISTRY[type_]
        hints, notes = get_type_hints(cls), _notes(cls)
        out += [
            f"## `{type_}`",
            "",
            " ".join((getdoc(cls) or "").split()),
            "",
            "| field | type | | |",
            "| --- | --- | --- | --- |",
        ]
        for field in fields(cls):
            need = "required" if field.default is MISSING and field.default_factory is MISSING else "optional"
            personal = "personal" if field.name in getattr(cls, "PERSONAL", ()) else ""
            text = "; ".join(each for each in (notes.get(field.name, ""), personal) if each)
            out.append(f"| `{field.name}` | {_kind(hints[field.name])} | {need} | {text} |")
        out.append("")
    return "\n".join(out)


def settings_reference() -> str:
    """Every setting of every service, for operators."""
    from shared import process

    out = ["# Settings", "", "Read from the environment, all at start; an unknown name is an error. Secrets may also come from the",
           "file that `<NAME>_FILE` names. Generated from the code; `make docs` writes it anew.", ""]  # fmt: skip
    groups = [("All services", settings.COMMON)] + [
        (name, [each for each in process.declared(process.of(name)) if each not in settings.COMMON])
        for name in SERVICES
    ]
    for title, group in groups:
        out += [f"## {title}", "", "| name | default | what it says |", "| --- | --- | --- |"]
        for each in group:
            secret = " Secret." if each.secret else ""
            choices = f" One of {', '.join(each.choices)}." if each.choices else ""
            out.append(
                f"| `{each.name}` | {each.default if each.default != '' else '–'} | {each.help}{choices}{secret} |"
            )
        out.append("")
    return "\n".join(out)


def access_reference() -> str:
    """Every route with who may use it, for administrators and supervisors."""
    from shared.web.access import table

    return "\n".join(table()) + "\n"


def personal_reference() -> str:
    """Every personal column of every service with its purpose, class, ground and term, for whoever answers for them."""
    from shared import personal, process

    out = [
        "# Personal data / 个人信息",
        "",
        "What each service keeps of persons: why, on what ground (个人信息保护法 / PIPL), how sensitive it is, how long it is kept,",
        "and what becomes of it when the person asks for erasure. Generated from `services/*/personal.py`; `make docs` writes it anew.",
        "A test holds it to the schemas: a column that can hold text or a picture is in a table below or declared to hold nothing about",
        "a person (`NOT_PERSONAL` in the same files); another shows of every term with a number that what is older is gone.",
        "The grounds and the classes are proposals for the office's own counsel. Days are those of the settings as shipped.",
        "",
        "各服务保存哪些个人信息、为何目的、依据什么、是否敏感、保存多久、本人要求删除时如何处理。依据与类别供单位法务核定；天数为出厂设置。",
        "",
    ]
    shipped = {each.name: each.default for name in SERVICES for each in process.declared(process.of(name))}

    def both(words: Words) -> str:
        return f"{words.zh}<br>{words.en}"

    def term(kept: personal.Kept) -> str:
        days = f"<br>`{kept.term.setting}` = {shipped[kept.term.setting]}" if kept.term.setting else ""
        return both(kept.term.words) + days

    groups = [("every service", "各服务共有", personal.FLOOR)]
    groups += [(name, name, process.of(name).personal) for name in SERVICES]
    for title, chinese, declared in groups:
        heading = f"{title} / {chinese}" if title != chinese else title
        out += [f"## {heading}", "", "| columns 列 | purpose 目的 | class 类别 | ground 依据 | term 保存期限 | on request 本人要求删除时 |",
                "| --- | --- | --- | --- | --- | --- |"]  # fmt: skip
        for kept in declared:
            columns = "<br>".join(f"`{table}`: {', '.join(names.split())}" for table, names in kept.columns.items())
            cells = [
                columns, both(kept.purpose), both(personal.CLASSES[kept.sensitive]), both(kept.ground), term(kept),
                both(personal.ON_REQUEST[kept.on_request]),
            ]  # fmt: skip
            out.append(f"| {' | '.join(cells)} |")
        out.append("")
    return "\n".join(out)


PAGES = {
    "access.md": access_reference,
    "asyncapi.json": asyncapi,
    "events.md": event_reference,
    "personal-data.md": personal_reference,
    "settings.md": settings_reference,
}


def main() -> None:
    """Write every reference page."""
    REFERENCE.mkdir(parents=True, exist_ok=True)
    for name, make in PAGES.items():
        (REFERENCE / name).write_text(make(), "utf-8")
        print(f"docs/reference/{name}")


if __name__ == "__main__":
    main()
