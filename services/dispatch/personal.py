"""What this service keeps of persons; see :mod:`shared.personal`."""

from __future__ import annotations

from sqlalchemy import case, func

from services.dispatch import tables
from shared.bilingual import Words
from shared.personal import CONTACT, CONTRACT, EMERGENCY, OWN_HAND, RECORD, STAFF, Kept, Term

_order = tables.work_order.c
_PHOTO = Term(
    Words(
        "工单结束后届满即清除，校验值保留", "removed when so long has passed since the work order ended; the hash stays"
    ),
    timer="remove_photos",
    setting="HOUQIN_PHOTO_DAYS",
)

_WORK = Words("派工并完成工单", "giving out work orders and doing them")
_WHO_DID = Words("说明谁在何时何地做了什么", "telling who did what, where and when")
_CREW = Words("知道班组由谁组成", "knowing who makes up a crew")
_WORKFORCE = Words("用工管理与结构统计", "management of the workforce, and its structure")
_EMERGENCY = Words("处置突发事件并留存经过", "dealing with emergencies, and keeping what was done")
_STORE = Words("物资采购和领用有据可查", "accounting for parts and purchases")

PERSONAL = (
    Kept(
        columns={"work_order": "request_reference place department requester summary answers"},
        purpose=_WORK,
        sensitive=True,
        whose="requester",
    ),
    Kept(
        columns={"work_order": "contact"},
        purpose=Words("上门前联系", "reaching somebody before the work"),
        term=CONTACT,
        whose="requester",
        on_request="empty",
        ended=case((_order.open == 0, func.coalesce(_order.finished_at, _order.cancelled_at))),
    ),
    Kept(
        columns={"heard": "detail"},
        purpose=Words("依申请人后来的补充调整工单", "following what requesters change later"),
        sensitive=True,
        whose="request_id=work_order.request_id.requester",
    ),
    Kept(
        columns={"work_order": "changed_by signed_by"},
        purpose=_WHO_DID,
        ground=CONTRACT,
        whose="requester",
    ),
    Kept(
        columns={"happening": "who detail", "passing": "who reading", "trip": "driver words", "order_person": "person_id named_by"},
        purpose=_WHO_DID,
        ground=CONTRACT,
        sensitive=True,  # where somebody was, and when
    ),
    Kept(
        columns={"photo": "sha256 who"},
        purpose=Words("认出同一张照片，证明曾有其图", "knowing a photo again, and proving that there was one"),
        ground=CONTRACT,
    ),
    Kept(
        columns={"photo": "body"},
        purpose=Words("证明完工", "showing that the work was done"),
        ground=CONTRACT,
        term=_PHOTO,
        sensitive=True,
    ),
    Kept(
        columns={"crew": "leader leader_en account", "crew_account": "account name department"},
        purpose=_CREW,
        ground=CONTRACT,
        whose="account",
    ),
    Kept(columns={"member": "name post person", "crew_version": "who changed"}, purpose=_CREW, ground=CONTRACT),
    Kept(
        columns={"certificate": "skill paper expires_on"},
        purpose=Words("持证上岗", "letting only the certified do the work"),
        ground=CONTRACT,
    ),
    Kept(
        columns={"leave": "from_on until_on kind noted_by"},
        purpose=Words("安排班次", "planning who is there"),
        ground=STAFF,
        sensitive=True,  # sick leave is health
    ),
    Kept(
        columns={"interest": "about words declared_by"},
        purpose=Words("利害关系回避", "keeping interests out of assignments"),
        sensitive=True,
    ),
    Kept(
        columns={"person": "person_id name born_on education joined_on account"},
        purpose=_WORKFORCE,
        ground=STAFF,
        whose="account",
    ),
    Kept(
        columns={"employment": "person_id employer crew post grade reason noted_by"},
        purpose=_WORKFORCE,
        ground=STAFF,
        sensitive=True,  # wages
        whose="person_id=person.person_id.account",
    ),
    Kept(
        columns={"attendance": "training_id person_id state"},
        purpose=Words("培训与持证", "training and certificates"),
        ground=STAFF,
        whose="person_id=person.person_id.account",
    ),
    Kept(
        columns={"training": "held_by noted_by"},
        purpose=Words("培训与持证", "training and certificates"),
        ground=STAFF,
    ),
    Kept(
        columns={"saved_view": "account name query"},
        purpose=Words("保存本人的队列视图", "keeping a dispatcher's own views"),
        term=OWN_HAND,
        whose="account",
        on_request="delete",
    ),
    Kept(
        columns={"handover": "who words done_by", "shift_change": "who"},
        purpose=Words("交接班", "handing a shift over"),
        ground=STAFF,
    ),
    Kept(
        columns={"plan_run": "who"},
        purpose=Words("知道谁要求重新排程", "knowing who asked for a plan"),
        ground=STAFF,
        term=Term(Words("14天", "14 days"), timer="forget"),
    ),
    Kept(
        columns={
            "drill": "led_by words noted_by", "emergency": "words begun_by ended_by outcome",
            "emergency_call": "name name_en answered_by", "emergency_step": "done_by", "emergency_plan": "body who",
        },
        purpose=_EMERGENCY,
        ground=EMERGENCY,
        term=RECORD,
    ),
    Kept(
        columns={"purchase": "words asked_by asked_account decided_by"},
        purpose=_STORE,
        whose="asked_account",
    ),
    Kept(
        columns={"stock_move": "who", "shared_booking": "purpose parties booked_by"},
        purpose=_STORE,
    ),
)  # fmt: skip

# Codes of things, states and kinds say nothing of a person by themselves, nor do crews, suppliers and departments.
NOT_PERSONAL = {
    "*": "item level state kind code unit crew supplier contract asset plan place building floor room order_id skill skills reference",
    "alarm": "source key severity words",
    "alarm_message": "message",
    "alert": "key role message promise",
    "asset": "name name_en since",
    "breach": "promise",
    "checkpoint": "name name_en low high",
    "cover": "items starts_on ends_on",
    "crew": "name name_en days base hourly",
    "department": "name name_en",
    "device_reading": "checkpoint reading",
    "drill": "drill_id",
    "emergency": "emergency_id",
    "emergency_call": "emergency_id",
    "emergency_step": "emergency_id name name_en",
    "handover": "note_id",
    "heard": "request_id",
    "item_mode": "mode",
    "item_version": "said",
    "leave": "leave_id",
    "passing": "checkpoint",
    "performance": "scored period consequence",
    "photo": "content_type",
    "plan": "name name_en rule",
    "plan_run": "run_id",
    "plan_slot": "run_id act reasons next_crews",
    "purchase": "purchase_id quantity estimate",
    "shared_booking": "booking_id cost",
    "shared_thing": "name name_en hourly odometer",
    "shift_change": "change_id counts",
    "stock": "name name_en quantity least price",
    "stock_move": "move_id quantity",
    "supplier": "name name_en",
    "training": "training_id name on_day hours",
    "trip": "vehicle km_from km_until",
    "work_order": (
        "request_id assigned_by previous_crew reasons next_crews refused_by paused_from pause_reason"
        " cancel_reason usage evidence terms changed_what origin parent checks photos"
    ),
}
