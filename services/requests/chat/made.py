"""Items that administrators made: the chat has no sentences for them, so it asks what their form asks, one question at a time.

The form's own schema says what is missing and what is wrong; nothing is filed before a yes to what was read back.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from services.requests import forms, model, pictures
from services.requests.chat import reasons, slips
from services.requests.chat.dialogue.answers import gives_up
from services.requests.chat.dialogue.answers import kinds as short_answers
from services.requests.chat.emergencies import emergency
from services.requests.chat.evidence import ITEMS
from services.requests.chat.needs import Need
from services.requests.chat.text import Unreadable
from services.requests.chat.typos import read
from services.requests.chat.understanding import fill, hear
from services.requests.handlers import filing
from shared.clock import SITE_ZONE
from shared.errors import Invalid, Refused
from shared.language import CODES, language
from shared.web.failures import field_messages

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from services.requests.catalogue import Catalogue, Field, Item
    from services.requests.chat.conversation import _Turn
    from services.requests.chat.site import Found
    from services.requests.chat.understanding import Heard
    from services.requests.chat.wording import Wording
    from services.requests.compound import Place

    Where = Callable[[_Turn, Item, dict[str, Any]], Found]

KEPT = "made"  # under which a conversation keeps the form that is being filled in
PLACE = "place"
CONFIRM = "confirm"
MOST_BUTTONS = 6
_DROPS = frozenset(language(code)("chat.say.drop") for code in CODES)
_YES = re.compile(r"(?:那?(?:就|还是)?(?:是|要|需要|有)|yes|y\b|please|sure)", re.IGNORECASE)
_NO = re.compile(r"(?:否|不|别|没|无|no\b|none|not\b)", re.IGNORECASE)
_ENOUGH = 2  # times that an answer may be read as none before the form is named instead


def named(catalogue: Catalogue, text: str) -> Item | None:
    """The item beyond those the chat understands whose name stands in ``text``; None where none does."""
    said = text.casefold()
    return next(
        (
            item
            for item in catalogue
            if item.code not in ITEMS and (item.name.zh.casefold() in said or item.name.en.casefold() in said)
        ),
        None,
    )


def begun(turn: _Turn, item: Item, where: Where) -> None:
    """The form of ``item`` is begun with what the message tells of it already, and its first open question asked."""
    refused = item.may_ask(turn.person.roles, turn.person.department)
    if refused:
        turn.texts.append(turn.wording.words("chat.could_not", why=turn.wording.words(refused)))
        return
    kept = {"item": item.code, "form": {}, "asked": "", "failed": 0}
    heard = _heard(turn)
    if heard is not None:
        _take(turn, item, kept, heard, where)
    _next(turn, item, kept)


def resumed(turn: _Turn, where: Where, *, idle: bool) -> bool:
    """Whether the message was an answer to a question of such a form; it has then been dealt with."""
    kept: dict[str, Any] | None = turn.talk.pop(KEPT, None)
    item = turn.desk.catalogue.get(kept["item"]) if kept else None
    if kept is None or idle or item is None:
        return False
    heard = _heard(turn)
    if heard is None:
        return False
    if emergency(heard.sentence, heard.matches):
        turn.talk[KEPT] = kept  # goes on afterwards
        return False
    said = short_answers(heard.sentence)
    field = item.field(kept["asked"])
    no = "restart" in said or gives_up(heard.sentence) or turn.message.text.strip() in _DROPS
    if no or (said & {"no", "drop"} and not (field and field.type == "yes_no")):
        turn.texts.append(turn.wording.words("chat.dropped"))
        return True
    if kept["asked"] == CONFIRM and "yes" in said:
        _file(turn, item, kept)
        return True
    before = dict(kept["form"])
    _take(turn, item, kept, heard, where)
    if kept["form"] == before:
        if kept["asked"] == CONFIRM or kept["failed"] >= _ENOUGH:
            return False  # it speaks of something else
        kept["failed"] += 1
    else:
        kept["failed"] = 0
    _next(turn, item, kept)
    return True


def _heard(turn: _Turn) -> Heard | None:
    now = turn.work.now.astimezone(SITE_ZONE).replace(tzinfo=None, second=0, microsecond=0)
    try:
        return hear(read(turn.message.text), now)
    except Unreadable:
        return None


# ---- reading


def _take(turn: _Turn, item: Item, kept: dict[str, Any], heard: Heard, where: Where) -> None:
    """What the message tells goes into the form: the answer to the question asked, and what else it names."""
    form, text = kept["form"], turn.message.text
    for name in (item.name.zh, item.name.en):
        text = text.replace(name, " ")
    now = turn.work.now.astimezone(SITE_ZONE).replace(tzinfo=None, second=0, microsecond=0)
    slots = fill(heard, Need(None, 0, len(heard.sentence.text)), now)
    asked = item.field(kept["asked"])
    if {"building", "floor", "room"} & set(slots) and item.place != "fixed":
        found = where(turn, item, slots).place
        if found is not None:
            form[PLACE] = found.code
    if kept["asked"] == reasons.FIELD:
        form[reasons.FIELD] = text.strip()[: reasons.MOST]
        return
    if kept["asked"] == PLACE and PLACE not in form:
        form.update(_said_place(turn, item, text))
    for field in item.fields:
        value = _value(field, text, slots, heard, asked=field is asked)
        if value not in ("", []):
            form[field.name] = value


def _said_place(turn: _Turn, item: Item, text: str) -> dict[str, str]:
    said = text.strip().casefold()
    return next(
        (
            {PLACE: place.code}
            for place in turn.desk.places(turn.work.connection).values()
            if said in {place.code.casefold(), place.name.zh.casefold(), place.name.en.casefold()}
            and model.place_fits(item, place.kind, place.code)
        ),
        {},
    )


def _value(field: Field, text: str, slots: dict[str, Any], heard: Heard, *, asked: bool) -> Any:
    """What the message answers to ``field``, as its page would post it; empty when nothing."""
    low = text.casefold()
    if field.type in ("choice", "choices"):
        said = [
            option
            for option in field.options
            if {option.words.zh.casefold(), option.words.en.casefold()} & _parts(low, option.words)
        ]
        # The longest name counts: 大会议桌 is not 会议桌 too.
        said = [one for one in said if not any(one is not other and one.words.zh in other.words.zh for other in said)]
        if field.type == "choices":
            return [option.code for option in said]
        return said[0].code if len(said) == 1 else ""
    if field.type == "moment":
        slot = "end" if field.name == "ends_at" else "start"
        told = slots.get(slot) or (slots.get("start") if asked else "")
        return (
            slips.clock(told, slips.HALVES, slips.DAY_BEGINS)
            if told and (asked or field.name in ("starts_at", "ends_at"))
            else ""
        )
    if field.type == "whole":
        told = slots.get(field.name) if field.name in ("headcount", "quantity") else None
        if told is None and (asked or field.required):
            told = _number(heard, alone=asked)
        return "" if told is None else str(told)
    if not asked:
        return ""
    if field.type == "yes_no":
        said_shortly = short_answers(heard.sentence)
        if said_shortly & {"no", "drop"} or _NO.match(text.strip()):
            return "off"
        return "on" if "yes" in said_shortly or _YES.match(text.strip()) else ""
    return text.strip()


def _number(heard: Heard, *, alone: bool) -> int | None:
    """The one number that tells neither when nor where; ``alone``: any, where there is only one."""
    free = [one for one in heard.numbers if not any(start <= one.start < end for start, end in heard.busy)]
    found = heard.numbers if alone and len(heard.numbers) == 1 else [one for one in free if not one.ordinal]
    return found[0].value if len(found) == 1 else None


def _parts(low: str, words: Any) -> set[str]:
    return {name for name in (words.zh.casefold(), words.en.casefold()) if name and name in low}


# ---- asking


def _posted(item: Item, kept: dict[str, Any]) -> dict[str, Any]:
    level = item.levels[0].code if item.levels else ""
    return {"level": level, **kept["form"]}


def _next(turn: _Turn, item: Item, kept: dict[str, Any]) -> None:
    """The first open question, with what is wrong with its answer; else everything is read back."""
    words = turn.wording.words
    try:
        forms.from_form(item, _posted(item, kept))
        wrong: dict[str, Any] = {}
    except Invalid as error:
        wrong = dict(error.fields)
    name = next((each for each in (PLACE, *(field.name for field in item.fields)) if each in wrong), "")
    if name:
        told = field_messages(words, {name: wrong[name]}).get(name, [])
        if kept["form"].pop(name, None) is not None:
            turn.texts += told
        _ask(turn, item, kept, name)
    else:
        _read_back(turn, item, kept)
    turn.talk[KEPT] = kept


def _ask(turn: _Turn, item: Item, kept: dict[str, Any], name: str) -> None:
    words, code = turn.wording.words, turn.wording.words.code
    field, first = item.field(name), not kept["asked"]
    kept["asked"] = name
    label = words("chat.ask.room") if field is None else words("chat.made.ask", label=field.label.in_(code))
    help_ = field.help.in_(code) if field is not None and field.help else ""
    turn.texts.append("\n".join(line for line in (label, help_) if line))
    if first:
        turn.texts.append(words("chat.has_form", item=item.name.in_(code), address=f"/requests/new/{item.code}"))
    if field is not None and field.type in ("choice", "choices"):
        turn.choices += [
            {"words": option.words.in_(code), "say": option.words.in_(code)} for option in field.options[:MOST_BUTTONS]
        ]
    elif field is not None and field.type == "yes_no":
        turn.choices += [
            {"words": words(f"chat.made.{each}"), "say": words(f"chat.made.{each}")} for each in ("yes", "no")
        ]
    turn.choices.append({"words": words("chat.choice.drop"), "say": words("chat.say.drop")})


def _read_back(turn: _Turn, item: Item, kept: dict[str, Any]) -> None:
    words = turn.wording.words
    kept["asked"] = CONFIRM
    facts = words("chat.facts_break").join(
        f"{label}{words('chat.colon')}{value}"
        for _, label, value in _facts(turn.wording, item, kept, turn.desk.places(turn.work.connection))
    )
    turn.texts.append(words("chat.read_back", item=item.name.in_(words.code), facts=facts))
    turn.texts.append(words("chat.ask.confirm"))
    turn.choices += [
        {"words": words(f"chat.choice.{each}"), "say": words(f"chat.say.{each}")} for each in ("yes", "drop")
    ]


def _facts(
    wording: Wording, item: Item, kept: dict[str, Any], places: Mapping[str, Place]
) -> list[tuple[str, str, str]]:
    """What the form holds: the name of each field, its label and its value in words."""
    words, form = wording.words, kept["form"]
    place = places.get(form.get(PLACE) or (item.places[0] if item.place == "fixed" else ""))
    found = [(PLACE, words("chat.slot.place"), wording.place(place))] if place else []
    told = [field for field in item.fields if field.name in form]
    found += [(field.name, field.label.in_(words.code), _shown(wording, field, form[field.name])) for field in told]
    reason = form.get(reasons.FIELD)
    return [*found, *([(reasons.FIELD, words("approval.exception"), reason)] if reason else [])]


def drafts(
    wording: Wording, catalogue: Catalogue, talk: dict[str, Any], places: Mapping[str, Place]
) -> list[dict[str, Any]]:
    """The form that ``talk`` is filling in, as the panel beside the conversation shows it; none when there is none."""
    kept: dict[str, Any] | None = talk.get(KEPT)
    item = catalogue.get(kept["item"]) if kept else None
    if kept is None or item is None:
        return []
    words = wording.words
    rows = [
        {"slot": name, "label": label, "value": value, "missing": False}
        for name, label, value in _facts(wording, item, kept, places)
    ]
    field = item.field(kept["asked"])
    others = {CONFIRM: "", reasons.FIELD: words("approval.exception"), PLACE: words("chat.slot.place")}
    missing = field.label.in_(words.code) if field else others[kept["asked"]]
    if missing:
        rows.append({"slot": kept["asked"], "label": missing, "value": "", "missing": True})
    return [
        {
            "item": item.code, "name": item.name.in_(words.code), "mark": item.mark.in_(words.code), "rows": rows,
            "ready": not missing, "missing": missing, "current": True,
        }
    ]  # fmt: skip


def _shown(wording: Wording, field: Field, value: Any) -> str:
    words = wording.words
    if field.type in ("choice", "choices"):
        options = [field.option(code) for code in (value if isinstance(value, list) else [value])]
        return words.listed([option.words.in_(words.code) for option in options if option])
    if field.type == "yes_no":
        return words("chat.made.yes" if value == "on" else "chat.made.no")
    if field.type == "moment":
        return wording.moment(value)
    return str(value)


def _file(turn: _Turn, item: Item, kept: dict[str, Any]) -> None:
    words = turn.wording.words
    channel = "chat" if turn.message.channel == "web" else turn.message.channel
    try:
        wanted = forms.from_form(item, _posted(item, kept))
        shown = pictures.pending(turn.work.connection, turn.person.account, turn.talk.get("photos", ()))
        filed = filing.file_request(
            turn.work, turn.desk, turn.person, wanted, channel, photos=tuple(each.id for each in shown)
        )
    except Refused as error:  # each use case refuses before it writes
        fields = dict(getattr(error, "fields", {}) or {})
        told = [text for texts in field_messages(words, fields).values() for text in texts]
        why = words.listed(told) if told else words(error.key, **error.parameters)
        turn.texts.append(words("chat.could_not", why=why))
        wrong = next((name for name in (PLACE, *(field.name for field in item.fields)) if name in fields), "")
        if reasons.lacks(error):
            turn.texts.pop()
            kept["asked"] = reasons.FIELD
            reasons.ask(turn)
            turn.talk[KEPT] = kept
        elif wrong:
            kept["form"].pop(wrong, None)
            _ask(turn, item, kept, wrong)
            turn.talk[KEPT] = kept
        else:
            turn.texts.append(
                words("chat.has_form", item=item.name.in_(words.code), address=f"/requests/new/{item.code}")
            )
        return
    turn.talk.pop("photos", None)
    reference = model.short(filed.reference)
    turn.filed.append({"reference": reference, "item": item.code, "told": "1"})
    turn.texts.append(words("chat.filed", item=item.name.in_(words.code), reference=reference))
    if filed.held:
        turn.texts.append(words("chat.held", reference=reference))
