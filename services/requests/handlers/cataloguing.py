"""Changing the catalogue: a draft is saved, read by others, published for an instant to come."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from sqlalchemy.exc import IntegrityError

from services.requests import catalogue_store, store
from services.requests.catalogue_reading import body_of, read_item
from services.requests.model import HORIZON, day_of
from services.requests.shelf import NOTICE, midnight
from shared.contracts.requests import CatalogueChanged, CataloguePoint, CatalogueTimes
from shared.errors import Absent, Conflict, Invalid, Stale
from shared.web.intake import Said

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import datetime

    from services.requests.catalogue import Item, Standard
    from services.requests.catalogue_store import Version
    from services.requests.desk import Desk
    from shared.work import Work

MOST_CHANGES = 100  # told in an event
MOST_ITEMS = 200


class SameEyes(Conflict):
    """Whoever wrote the draft may not publish it."""

    key = "catalogue.error.same_eyes"


class NothingChanged(Conflict):
    """The draft says what holds already."""

    key = "catalogue.error.nothing_changed"


@dataclass(frozen=True)
class Difference:
    """One place that differs; empty text = it is not there."""

    path: str
    before: str
    after: str


def base_of(desk: Desk, code: str) -> Item | None:
    """The newest published version of an item, which a draft begins from; None for a new item."""
    found = desk.shelf.editions(code)
    return found[0].item if found else None


def check(work: Work, desk: Desk, body: Mapping[str, Any], code: str) -> Item:
    """The item in ``body``.

    Raises:
        Invalid: with a message by place.
    """
    if len(desk.shelf.codes()) >= MOST_ITEMS and base_of(desk, code) is None:
        raise Invalid(fields={"code": [Said("catalogue.fault.many", most=MOST_ITEMS)]})
    item, faults = read_item({**body, "code": code}, version=1, since=day_of(work.now))
    wrong: dict[str, list[str]] = {}
    for fault in faults:
        wrong.setdefault(fault.path.strip("."), []).append(fault.words)
    places, departments = desk.places(work.connection), desk.departments(work.connection)
    kinds = {place.kind for place in places.values()}
    if set(item.places) - (set(places) if item.place == "fixed" else kinds):
        wrong.setdefault("places", []).append("catalogue.fault.no_place")
    if set(item.departments) - set(departments):
        wrong.setdefault("departments", []).append("catalogue.fault.no_department")
    for number, step in enumerate(item.rule.steps):
        for name, listed in (("by", step.by), ("then", step.then)):
            for each in listed:
                kind, _, value = each.partition(":")
                if (kind == "department" and value not in departments) or (
                    kind == "person" and store.account_by_user(work.connection, value) is None
                ):
                    wrong.setdefault(f"approval.step.{number}.{name}", []).append(
                        Said("catalogue.fault.nobody", who=value)
                    )
    for other in desk.catalogue:
        if other.code != code and not item.retired:
            for language in ("zh", "en"):
                if getattr(other.mark, language) == getattr(item.mark, language):
                    wrong.setdefault(f"mark.{language}", []).append(
                        Said("catalogue.fault.mark", item=getattr(other.name, language))
                    )
    if wrong:
        raise Invalid(fields=wrong)
    return item


def save(work: Work, desk: Desk, code: str, body: Mapping[str, Any], revision: int, by: str) -> int:
    """The draft of an item is as in ``body``; its new revision. ``revision`` 0 begins one.

    Raises:
        Invalid: something in it does not hold, by place. Stale: the draft has changed, or somebody else began one.
    """
    item = check(work, desk, body, code)
    if revision and catalogue_store.change_draft(work, code, revision, body_of(item), by):
        return revision + 1
    if revision:
        raise Stale
    before = base_of(desk, code)
    version = max(before.version if before else 0, catalogue_store.newest(work.connection, code)) + 1
    try:
        catalogue_store.add_draft(work, code, version, body_of(item), by)
    except IntegrityError as error:
        raise Stale from error
    return 1


def drop(work: Work, code: str, revision: int) -> None:
    """The draft is gone; what holds stays.

    Raises:
        Absent: there is none. Stale: it has changed.
    """
    if catalogue_store.draft_of(work.connection, code, lock=True) is None:
        raise Absent
    if not catalogue_store.drop_draft(work, code, revision):
        raise Stale


def publish(
    work: Work, desk: Desk, code: str, revision: int, by: str, at: datetime | None = None, *, four_eyes: bool = False
) -> CatalogueChanged:
    """The draft takes effect at ``at``, or as soon as every process can know it; everyone who listens is told.

    Raises:
        Absent: there is no draft. Stale: it has changed since it was read. NothingChanged, SameEyes.
        Invalid: the instant is too near or too far, or the draft no longer fits the house.
    """
    draft = catalogue_store.draft_of(work.connection, code, lock=True)
    if draft is None:
        raise Absent
    if draft.revision != revision:
        raise Stale
    if four_eyes and draft.changed_by == by:
        raise SameEyes
    item = check(work, desk, draft.body, code)
    before = base_of(desk, code)
    changes = list(differences(body_of(before) if before else {}, draft.body))
    if not changes:
        raise NothingChanged
    earliest = soonest(work.now)
    effective_at = at or earliest
    if effective_at < work.now + NOTICE:
        raise Invalid(fields={"effective_at": ["catalogue.fault.too_soon"]})
    if effective_at > work.now + HORIZON:
        raise Invalid(fields={"effective_at": ["requests.field.far"]})
    version = max(before.version if before else 0, catalogue_store.newest(work.connection, code)) + 1
    if not catalogue_store.publish_draft(work, draft, version, by, effective_at):
        raise Stale
    event = _event(item, draft, version, effective_at, work.now, by, [each.path for each in changes])
    work.say(event, sequence=version)
    return event


def soonest(now: datetime) -> datetime:
    """The first full minute by which every process knows what is published now."""
    return (now + NOTICE + timedelta(seconds=59, microseconds=999_999)).replace(second=0, microsecond=0)


def keep_shipped(work: Work, desk: Desk) -> int:
    """Shipped versions are in the database too, so that requests find theirs after the next update."""
    return catalogue_store.keep(
        work, [(item.code, item.version, body_of(item), midnight(item)) for item in desk.shipped]
    )


def differences(before: Any, after: Any, path: str = "") -> Iterator[Difference]:
    """What differs between two bodies, in the order of the later one."""
    if isinstance(before, dict) and isinstance(after, dict):
        for name in [*after, *(each for each in before if each not in after)]:
            yield from differences(before.get(name), after.get(name), f"{path}.{name}".strip("."))
    elif isinstance(before, list | None) and isinstance(after, list | None) and (before or after):
        old, new = _named(before or []), _named(after or [])
        for name in [*new, *(each for each in old if each not in new)]:
            yield from differences(old.get(name), new.get(name), f"{path}.{name}")
        shared = [name for name in new if name in old]
        if shared != [name for name in old if name in new]:
            yield Difference(path, ", ".join(old), ", ".join(new))
    elif isinstance(before, dict | None) and isinstance(after, dict | None) and (before or after):
        yield from differences(before or {}, after or {}, path)
    elif before != after:
        yield Difference(path, _plain(before), _plain(after))


def _named(rows: list[Any]) -> dict[str, Any]:
    """Rows by what they are called, so that one that moved is not taken for two that changed."""
    found: dict[str, Any] = {}
    for number, row in enumerate(rows, 1):
        name = (
            next((str(row[key]) for key in ("code", "name", "by") if isinstance(row.get(key), str | int)), "")
            if isinstance(row, dict)
            else ""
        )
        found[name if name and name not in found else str(number)] = row
    return found


def _plain(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, dict):
        return " / ".join(_plain(each) for each in value.values())
    return str(value)


def _event(
    item: Item, draft: Version, version: int, effective_at: datetime, now: datetime, by: str, changes: list[str]
) -> CatalogueChanged:
    return CatalogueChanged(
        item=item.code,
        version=version,
        effective_at=effective_at,
        published_at=now,
        published_by=by,
        drafted_by=draft.changed_by,
        retired=item.retired,
        digest=hashlib.sha256(catalogue_store.text_of(draft.body).encode()).hexdigest(),
        changes=tuple(changes[:MOST_CHANGES]),
        name=item.name.zh,
        name_en=item.name.en,
        mark=item.mark.zh,
        mark_en=item.mark.en,
        meter=item.meter,
        skills=item.skills,
        times=(
            *_times(item.standard, ""),
            *(row for level in item.levels if level.standard for row in _times(level.standard, level.code)),
        ),
        checklist=tuple(CataloguePoint(zh=each.zh, en=each.en, key=each.key) for each in item.standard.checklist),
    )


def _times(standard: Standard, level: str) -> tuple[CatalogueTimes, ...]:
    return tuple(
        CatalogueTimes(
            priority=each.by, level=level, always=each.always, response=each.response or 0, arrival=each.arrival or 0,
            finish=each.finish or 0,
        )
        for each in standard.times
    )  # fmt: skip
