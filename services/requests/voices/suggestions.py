"""What is done with suggestions and the minutes of forums, and how an improvement goes from finding to verified."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from services.requests import model as requests_model
from services.requests import store as requests_store
from services.requests.voices import model, store, tables, telling
from services.requests.voices.complaints import unnamed
from services.requests.voices.store import Forum, Improvement, Suggestion
from shared.contracts.requests import ImprovementMoved, SuggestionMade, SuggestionReplied
from shared.errors import Invalid
from shared.web import live

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from services.requests.desk import Desk
    from services.requests.requester import Requester
    from services.requests.store import Account
    from shared.work import Work


TOLD = {"finish": "improvement_done", "send_back": "improvement_back"}


def make_suggestion(
    work: Work,
    desk: Desk,
    person: Requester,
    *,
    title: str,
    words: str,
    item: str,
    named: bool,
    forum: Forum | None = None,
) -> Suggestion:
    """The suggestion has a reference and a date by which it is replied to; one of a forum has no author.

    Raises:
        Invalid: no such service item.
    """
    if item and desk.catalogue.get(item) is None:
        raise Invalid(fields={"item": ["requests.field.item"]})
    suggestion = Suggestion(
        id=work.new_id(), reference=store.take_reference(work, "J", requests_model.day_of(work.now)), version=1, state="received",
        title=title, words=words, item=item, author="" if forum else person.account, author_name="" if forum else person.name,
        author_name_en="" if forum else person.name_en, named=named and not forum, department="" if forum else person.department,
        organisation=forum.organisation if forum else person.organisation, forum_id=forum.id if forum else "", made_at=work.now,
        reply_by=model.due(work.now, model.REPLY_IN),
    )  # fmt: skip
    store.save_suggestion(work, suggestion)
    made = SuggestionMade(
        suggestion_id=suggestion.id, reference=suggestion.reference, item=item, forum_id=suggestion.forum_id, made_at=work.now,
        reply_by=suggestion.reply_by,
    )  # fmt: skip
    if forum or named:
        work.say(made, sequence=1)
    else:
        with unnamed(work, suggestion.reference, "author"):
            work.say(made, sequence=1)
    return suggestion


def reply(work: Work, suggestion: Suggestion, person: Requester, outcome: str, words: str) -> None:
    """Everybody reads the reply: adopted, or declined with the reason.

    Raises:
        Past: somebody has replied before, or it was taken back. Own: to one's own suggestion.
    """
    if suggestion.state != "received":
        raise model.Past
    if suggestion.author == person.account:
        raise model.Own
    version = store.change_suggestion(
        work, suggestion, state=outcome, reply=words, replied_at=work.now, replied_by=person.account, replied_name=person.name,
        replied_name_en=person.name_en,
    )  # fmt: skip
    work.say(
        SuggestionReplied(
            suggestion_id=suggestion.id, outcome=outcome, late=work.now > suggestion.reply_by, replied_at=work.now
        ),
        sequence=version,
    )
    telling.of_suggestion(work, "suggestion_replied", suggestion)
    _tell(work, suggestion.author, suggestion.reference)


def take_back(work: Work, suggestion: Suggestion) -> None:
    """The author takes it back before it is replied to.

    Raises:
        Past: it has been replied to.
    """
    if suggestion.state != "received":
        raise model.Past
    store.change_suggestion(work, suggestion, state="withdrawn")


def _tell(work: Work, account: str, reference: str) -> None:
    if account:
        live.tell(work, f"account:{account}", "row", {"ref": model.short(reference)})


# ---- forums


def keep_minutes(
    work: Work, desk: Desk, person: Requester, *, held_on: date, topic: str, place: str, people: str, minutes: str,
    suggested: Sequence[str] = (),
) -> Forum:  # fmt: skip
    """The minutes of a forum are kept, with what was suggested there as suggestions that want a reply.

    Raises:
        Invalid: the forum is yet to be held.
    """
    if held_on > requests_model.day_of(work.now):
        raise Invalid(fields={"held_on": ["voices.field.held_on"]})
    forum = Forum(
        id=work.new_id(), reference=store.take_reference(work, "F", requests_model.day_of(work.now)), held_on=held_on, topic=topic,
        place=place, people=people, minutes=minutes, organisation=person.organisation, made_by=person.account, made_name=person.name,
        made_name_en=person.name_en, made_at=work.now,
    )  # fmt: skip
    store.save_forum(work, forum)
    for title in suggested:
        make_suggestion(work, desk, person, title=title, words="", item="", named=False, forum=forum)
    return forum


# ---- improvements


def begin_improvement(
    work: Work, person: Requester, *, finding: str, action: str, owner: str, due_on: date, origin: str = "own",
    origin_id: str = "", origin_reference: str = "",
) -> Improvement:  # fmt: skip
    """Something was found and somebody is to see to it by a day.

    Raises:
        Invalid: no such owner, or a day that is over.
    """
    holder = _owner(work, owner, person.organisation)
    wrong: dict[str, list[str]] = {}
    if holder is None:
        wrong["owner"] = ["voices.field.owner"]
    if due_on < requests_model.day_of(work.now):
        wrong["due_on"] = ["requests.field.past"]
    elif (due_on - requests_model.day_of(work.now)).days > 3660:
        wrong["due_on"] = ["requests.field.far"]
    if wrong or holder is None:
        raise Invalid(fields=wrong)
    improvement = Improvement(
        id=work.new_id(), reference=store.take_reference(work, "G", requests_model.day_of(work.now)), version=1, state="found",
        origin=origin, origin_id=origin_id, origin_reference=origin_reference, finding=finding, cause="", action=action, result="",
        owner=holder.id, owner_name=holder.name, owner_name_en=holder.name_en or holder.name, due_on=due_on,
        organisation=person.organisation, made_by=person.account, made_at=work.now,
    )  # fmt: skip
    store.save_improvement(work, improvement)
    store.note_step(work, tables.improvement_step, improvement.id, "found", (person.name, person.name_en))
    _say(work, improvement, "found", 1)
    telling.of_improvement(work, "improvement_given", improvement)
    _tell(work, holder.id, improvement.reference)
    return improvement


def _owner(work: Work, user: str, organisation: str) -> Account | None:
    """The account of this user name, if it may sign in and belongs to the same body."""
    found = requests_store.account_by_user(work.connection, user) if user else None
    fits = found is not None and found.may_sign_in(work.now) and found.organisation == organisation
    return found if fits else None


def move(work: Work, improvement: Improvement, person: Requester, act: str, words: str, *, leads: bool) -> None:
    """The improvement goes one step on. The owner finds cause, plans, and finishes; whoever leads verifies what others did.

    Raises:
        NotYours: the step is not the person's. Past: not in this state. Own: verified by whoever did it.
        Invalid: the step needs words.
    """
    mine = improvement.owner == person.account
    if not ((mine and act in model.OWNERS_MOVES) or (leads and act in model.LEADERS_MOVES)):
        raise model.NotYours("voices.error.not_your_step")
    state = model.moved(improvement.state, act)
    if act == "verify" and person.account in {improvement.owner, improvement.acted_by}:
        raise model.Own
    if act in model.WORDED and not words:
        raise Invalid(fields={"words": ["field.required"]})
    column = {"analyse": "cause", "act": "action", "finish": "result"}.get(act)
    values: dict[str, Any] = {column: words} if column else {}
    if act == "finish":
        values["acted_by"] = person.account
    version = store.change_improvement(work, improvement, state=state, **values)
    store.note_step(work, tables.improvement_step, improvement.id, act, (person.name, person.name_en), words)
    _say(work, improvement, state, version)
    if act in TOLD:
        telling.of_improvement(work, TOLD[act], improvement)
    if state == "verified" and improvement.origin == "suggestion":
        _settle_suggestion(work, improvement)
    _tell(work, improvement.owner, improvement.reference)


def _say(work: Work, improvement: Improvement, state: str, sequence: int) -> None:
    work.say(
        ImprovementMoved(
            improvement_id=improvement.id, reference=improvement.reference, state=state, origin=improvement.origin,
            origin_id=improvement.origin_id, due_on=improvement.due_on, moved_at=work.now,
        ),
        sequence=sequence,
    )  # fmt: skip


def _settle_suggestion(work: Work, improvement: Improvement) -> None:
    """An adopted suggestion whose improvements are all verified or dropped is carried out."""
    others = store.improvements_of(work.connection, [improvement.origin_id])
    suggestion = store.suggestion_by_reference(work.connection, improvement.origin_reference, lock=True)
    open_still = any(each.state in model.UNDER_WAY for each in others if each.id != improvement.id)
    if suggestion is not None and suggestion.state == "adopted" and not open_still:
        store.change_suggestion(work, suggestion, state="done")
        _tell(work, suggestion.author, suggestion.reference)
