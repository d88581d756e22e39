"""What dispatch does with what it hears: requests filed and followed, contracts, scores, items and accounts. One batch or
event, one transaction; nothing depends on the order in which events come.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from services.dispatch import amendments, handlers, model, store, tables
from services.dispatch.handlers import Desk
from services.dispatch.model import OPEN, Order
from services.dispatch.personal import PERSONAL
from services.dispatch.roster import Cover
from shared import personal
from shared.contracts.base import parse
from shared.contracts.requests import (
    RequestAmended,
    RequestConfirmed,
    RequestFiled,
    RequestJoined,
    RequestLeft,
    RequestReopened,
    RequestUrged,
    RequestWithdrawn,
)
from shared.errors import NotYet
from shared.web import revocation

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from shared.bus.base import Delivery
    from shared.contracts.base import Envelope
    from shared.contracts.billing import ContractInForce, PerformanceScored
    from shared.contracts.requests import AccountChanged, CatalogueChanged, DataCaseClosed, SessionEnded
    from shared.work import Work


# ---- what requests says


def take_filed(work: Work, deliveries: Sequence[Delivery]) -> None:
    """Each request filed is an order with its promises, given to a crew in the same transaction; emergencies first.

    A request that has an order already changes nothing. The statements do not grow with the number of requests.
    """
    filed = [(_read(each), each.envelope) for each in deliveries]
    known = store.known_requests(work.connection, [event.request_id for event, _ in filed])
    roster = store.roster(work.connection)
    desk = Desk(roster, store.loads(work.connection))
    for event, envelope in sorted(filed, key=lambda pair: (pair[0].priority, pair[0].filed_at, pair[0].request_id)):
        if event.request_id in known:
            continue
        known.add(event.request_id)
        work.correlation_id, work.causation_id = envelope.correlationid, envelope.id
        work.traceparent = envelope.traceparent
        order = handlers.order_for(event, work.now, roster.calendar)
        handlers.open_order(work, desk, order)
    store.add_loads(work, desk.changes)


def _read(delivery: Delivery) -> RequestFiled:
    event = parse(delivery.envelope.type, delivery.envelope.data)
    assert isinstance(event, RequestFiled)
    return event


FOLLOWED: dict[type, tuple[str, str]] = {  # event -> (kind, the field with its instant)
    RequestWithdrawn: ("withdrawn", "withdrawn_at"),
    RequestUrged: ("urged", "urged_at"),
    RequestConfirmed: ("confirmed", "confirmed_at"),
    RequestReopened: ("reopened", "reopened_at"),
    RequestAmended: ("amended", "amended_at"),
    RequestJoined: ("joined", "joined_at"),
    RequestLeft: ("left", "left_at"),
}
_DETAIL = {"withdrawn": "reason", "urged": "times", "confirmed": "stars", "reopened": "times"}


def follow_request(
    work: Work,
    event: RequestWithdrawn
    | RequestUrged
    | RequestConfirmed
    | RequestReopened
    | RequestAmended
    | RequestJoined
    | RequestLeft,
    envelope: Envelope,
) -> None:
    """The request's orders are as everything said of it so far wants them: a function of the set, whatever the order.

    Raises:
        NotYet: the request's filing has not come.
    """
    orders = store.orders_of_request(work.connection, event.request_id, lock=True)
    if not orders:
        raise NotYet(event.request_id)
    kind, at = FOLLOWED[type(event)]
    if isinstance(event, RequestAmended | RequestJoined | RequestLeft):
        detail = amendments.detail_of(event)
    else:
        detail = str(getattr(event, _DETAIL[kind]))
    store.hear(work, event.request_id, envelope.sequence, kind, getattr(event, at), detail)
    round_ = 1
    wanted = {1: Wanted()}
    heard = store.heard(work.connection, event.request_id)
    for said in heard:
        if said.kind == "reopened":
            round_ += 1
            wanted[round_] = Wanted()
            if round_ not in orders:
                orders[round_] = _again(work, orders[round_ - 1], said.at)
        elif said.kind == "withdrawn":
            wanted[round_].withdrawn = True
        elif said.kind == "urged" and int(said.detail) > wanted[round_].urged:
            wanted[round_].urged, wanted[round_].urged_at = int(said.detail), said.at
        elif said.kind == "confirmed":
            wanted[round_].confirmed_at, wanted[round_].stars = said.at, int(said.detail)
    latest = orders[max(orders)]
    appointed = latest.starts_at
    what = amendments.apply(latest, heard) if latest.open else ""
    if what == "content":
        rewritten(work, latest, appointed)
    elif what:
        store.save_order(work, latest)
        handlers.tell_of(work, latest)
    for number, want in wanted.items():
        _settle(work, orders[number], want)


@dataclass
class Wanted:
    """What the requester has said of one round of a request."""

    withdrawn: bool = False
    urged: int = 0
    urged_at: datetime | None = None
    confirmed_at: datetime | None = None
    stars: int = 0


def _settle(work: Work, order: Order, want: Wanted) -> None:
    """The order is as its requester wants it."""
    if want.withdrawn and order.state in OPEN:
        handlers.cancel(work, order, "withdrawn")
    said = (order.urged, order.urged_at, order.confirmed_at, order.stars)
    if said == (want.urged, want.urged_at, want.confirmed_at, want.stars):
        return
    order.urged, order.urged_at = want.urged, want.urged_at
    order.confirmed_at, order.stars = want.confirmed_at, want.stars
    if order.state in {model.FINISHED, model.CHECKED}:
        order.state = model.CHECKED if order.confirmed_at else model.FINISHED
    store.save_order(work, order)
    handlers.tell_of(work, order)


def rewritten(work: Work, order: Order, appointed: datetime | None) -> None:
    """The order's copy of what is asked for was changed by the requester: its crew and the dispatcher are shown so.

    Promises stay, unless it was ``appointed`` for another time and nobody has come yet: then they count to the new one.
    """
    if order.starts_at != appointed and order.arrived_at is None:
        begins_at = order.filed_at if order.round == 1 else order.opened_at
        handlers.promise(order, begins_at, store.roster(work.connection).calendar, None)
    handlers.changed(work, order, "amended", "")
    order.settle_urgency(work.now)
    store.rewrite_order(work, order)
    handlers.tell_of(work, order)


def _again(work: Work, last: Order, at: datetime) -> Order:
    """The order of a further round, with the standard's promises from the reopening on."""
    roster = store.roster(work.connection)
    desk = Desk(roster, store.loads(work.connection))
    kept = {
        name: getattr(last, name) for name in store.FIXED if name not in {"order_id", "reference", "round", "opened_at"}
    }
    kept["starts_at"] = None  # what was appointed for the first round has passed
    kept |= {"amended": last.amended, "joined": last.joined, "photos": last.photos}
    order = Order(
        **kept, order_id=model.order_id(last.request_id, last.round + 1), round=last.round + 1, state=model.REDO,
        reference=model.reference(last.request_reference, last.round + 1), open=True, version=0, opened_at=work.now,
        urgency_at=model.FAR, changed_at=work.now,
    )  # fmt: skip
    handlers.promise(order, at, roster.calendar, None)
    handlers.open_order(work, desk, order)
    store.add_loads(work, desk.changes)
    return order


# ---- what billing and the accounts say


def cover_contract(work: Work, event: ContractInForce, envelope: Envelope) -> None:
    """The supplier's crews do the contract's items from its first day on. Latest sequence wins."""
    store.put_supplier(work.connection, event.supplier, event.supplier_name, event.supplier_name_en)
    cover = Cover(event.contract, event.supplier, frozenset(event.items), event.starts_on, event.ends_on)
    store.put_cover(work.connection, cover, max(1, envelope.sequence))


def note_score(work: Work, event: PerformanceScored, _envelope: Envelope) -> None:
    """A contract's crews, or a crew of our own, are sent by this score from now on. The newest month wins."""
    store.put_performance(work.connection, event.scored, event.period, int(event.score * 10), event.consequence)


def change_account(work: Work, event: AccountChanged, _envelope: Envelope) -> None:
    """Passes of an earlier epoch are no longer good here, and the account belongs to the crew named. Latest wins."""
    revocation.change_account(work, event.account_id, event.epoch)
    crew = event.crew if event.enabled else ""
    store.put_account(work.connection, event.account_id, crew, event.name, event.epoch, event.department)
    if event.department and event.department_name:
        names = event.department_name, event.department_name_en
        store.put_department(work.connection, event.department, *names, event.changed_at)


def change_item(work: Work, event: CatalogueChanged, _envelope: Envelope) -> None:
    """The version of the item is known and holds from its instant; orders of earlier requests keep theirs."""
    store.put_item_version(work.connection, event)


def end_session(work: Work, event: SessionEnded, _envelope: Envelope) -> None:
    """Passes of the session are no longer good here."""
    revocation.end_session(work, event.session_id)


def erase_person(work: Work, event: DataCaseClosed, _envelope: Envelope) -> None:
    """What may be erased of the person is, where that was granted."""
    if event.erases:
        personal.erase(work, tables.metadata, PERSONAL, event.account_id, consent_alone=event.kind == "object")
