"""What this service keeps of persons; see :mod:`shared.personal`."""

from __future__ import annotations

from sqlalchemy import case, select

from services.requests import tables
from services.requests.letters.tables import letter
from services.requests.tables import CLAIMING, LIVE
from shared.bilingual import Words
from shared.personal import CONSENT, CONTACT, EMERGENCY, OWN_HAND, STAFF, Kept, Term

_request, _booking, _waiting = tables.request.c, tables.booking.c, tables.waiting_for.c
_SEASON = Term(Words("180天", "180 days"), timer="forget")
_CODES = Term(Words("到期或用过即删除", "until it has expired or was used"), timer="forget")
_YEAR = Term(Words("最后一次使用或失效后一年", "a year after it was last used or ended"), timer="forget")
_PHOTO = Term(
    Words("申请办结后届满即清除，校验值保留", "removed when so long has passed since the request ended; the hash stays"),
    timer="remove_photos",
    setting="HOUQIN_PHOTO_DAYS",
)  # fmt: skip

_ACCOUNT = Words("识别使用者及其权限", "knowing who uses the system, and what he may do")
_SIGNING_IN = Words("核验登录", "checking who signs in")
_SERVICE = Words("受理并办理服务申请", "taking in and doing what was asked for")
_BOOKING = Words("安排会议室、车辆和门诊理发时段", "allotting rooms, vehicles and appointments")
_CHAT = Words("以对话方式报修、查询", "filing and following requests by talking")
_MAIL = Words("按本人选择发送邮件", "sending mail as the person has chosen")
_VOICES = Words("办理投诉、建议和改进", "dealing with complaints, suggestions and improvements")
_DECIDING = Words("审批并留存审批责任", "approving, and knowing who approved")

PERSONAL = (
    Kept(
        columns={"account": "id user_name name name_en roles department organisation supplier crew office"},
        purpose=_ACCOUNT,
        ground=STAFF,
        whose="id",
    ),
    Kept(
        columns={"account": "phone"},
        purpose=Words("就申请联系本人", "reaching the person about a request"),
        ground=STAFF,
        whose="id",
        on_request="empty",
        ended=case((tables.account.c.enabled.is_(False), tables.account.c.changed_at)),
    ),
    Kept(
        columns={"account": "password", "second_factor": "account_id seed", "recovery_code": "digest account_id"},
        purpose=_SIGNING_IN,
        ground=STAFF,
        term=OWN_HAND,
        secret=True,
    ),
    Kept(
        columns={"session": "id account_id role device address"},
        purpose=_SIGNING_IN,
        ground=STAFF,
        term=Term(Words("登录结束后", "when the session has ended"), timer="forget"),
        whose="account_id",
    ),
    Kept(
        columns={"session": "secret proof"},
        purpose=_SIGNING_IN,
        ground=STAFF,
        term=Term(Words("登录结束后", "when the session has ended"), timer="forget"),
        secret=True,
    ),
    Kept(
        columns={"device": "secret account_id"},
        purpose=Words("识别常用浏览器，不受他人试错牵连", "telling a known browser from an attacker's"),
        ground=STAFF,
        term=_YEAR,
        secret=True,
    ),
    Kept(
        columns={"failure": "subject"},
        purpose=Words("限制猜测口令", "slowing down the guessing of passwords"),
        term=Term(Words("1小时", "1 hour"), timer="forget"),
        secret=True,
    ),
    Kept(
        columns={"token": "id account_id name verbs services"},
        purpose=Words("供本人的程序使用接口", "letting a person's programs use the API"),
        ground=CONSENT,
        term=_YEAR,
        whose="account_id",
    ),
    Kept(
        columns={"token": "secret"},
        purpose=_SIGNING_IN,
        ground=CONSENT,
        term=_YEAR,
        secret=True,
    ),
    Kept(
        columns={"invitation": "digest account_id", "chat_link_code": "digest account"},
        purpose=_SIGNING_IN,
        ground=STAFF,
        term=_CODES,
        secret=True,
    ),
    # ---- requests
    Kept(
        columns={"request": "reference requester requester_name requester_name_en filed_by department place summary answers tags words"},
        purpose=_SERVICE,
        sensitive=True,
        whose="requester filed_by",
    ),
    Kept(
        columns={"request": "contact"},
        purpose=Words("上门前联系", "reaching somebody before the work"),
        term=CONTACT,
        whose="requester filed_by",
        on_request="empty",
        ended=case((_request.state.not_in(LIVE), _request.changed_at)),
    ),
    Kept(
        columns={"together": "account name name_en"},
        purpose=Words("告知一同申请的人", "telling those who asked for it together"),
        whose="account",
    ),
    Kept(
        columns={"photo": "id request_id account sha256"},
        purpose=Words("认出同一张照片，证明曾有其图", "knowing a photo again, and proving that there was one"),
        whose="account",
    ),
    Kept(
        columns={"photo": "body thumbnail"},
        purpose=Words("看清故障", "seeing what is broken"),
        term=_PHOTO,
        sensitive=True,
        whose="account",
        on_request="empty",
        ended=case((tables.photo.c.request_id.in_(select(_request.id).where(_request.state.not_in(LIVE))), tables.photo.c.made_at)),
        stamp="removed_at",
    ),
    Kept(
        columns={"preference": "account item answers"},
        purpose=Words("下次代填惯常的选择", "filling in what a person usually says"),
        ground=CONSENT,
        term=OWN_HAND,
        whose="account",
        on_request="delete",
    ),
    Kept(
        columns={"happening": "who who_en detail"},
        purpose=Words("说明申请的办理经过", "telling what happened to a request"),
        sensitive=True,
        whose="request_id=request.id.requester",
    ),
    Kept(
        columns={"quota_use": "holder", "quota_claim": "holder"},
        purpose=Words("实物定额管理", "keeping to quotas"),
        whose="holder",
    ),
    # ---- bookings
    Kept(
        columns={"booking": "id account name name_en department organisation made_by series reason", "waiting_for": "account name name_en department organisation"},
        purpose=_BOOKING,
        whose="account",
    ),
    Kept(
        columns={"booking": "subject details"},
        purpose=_BOOKING,
        term=CONTACT,
        sensitive=True,
        whose="account made_by",
        on_request="empty",
        ended=case((_booking.state.not_in(CLAIMING), _booking.ends_at)),
    ),
    Kept(
        columns={"waiting_for": "subject"},
        purpose=_BOOKING,
        term=CONTACT,
        sensitive=True,
        whose="account",
        on_request="empty",
        ended=case((_waiting.state.not_in(("waiting", "offered")), _waiting.ends_at)),
    ),
    Kept(
        columns={"booking_series": "account rule", "feed": "id account"},
        purpose=_BOOKING,
        term=OWN_HAND,
        whose="account",
    ),
    Kept(
        columns={"feed": "secret"},
        purpose=Words("供本人的日历程序读取", "letting a person's calendar read his bookings"),
        ground=CONSENT,
        term=OWN_HAND,
        secret=True,
    ),
    # ---- the chat
    Kept(
        columns={"chat_message": "said answer"},
        purpose=_CHAT,
        ground=CONSENT,
        term=_SEASON,
        sensitive=True,
        whose="conversation=chat_conversation.id.account",
        on_request="delete",
    ),
    Kept(
        columns={"chat_conversation": "channel account state"},
        purpose=_CHAT,
        ground=CONSENT,
        term=_SEASON,
        sensitive=True,
        whose="account",
        on_request="delete",
    ),
    Kept(
        columns={"chat_call": "account name name_en words answer answered_by reference"},
        purpose=Words("转人工接谈", "having a person answer"),
        ground=EMERGENCY,
        term=Term(Words("答复后180天", "180 days after it was answered"), timer="forget"),
        sensitive=True,
        whose="account",
        on_request="delete",
        ended=tables.chat_call.c.answered_at,
    ),
    Kept(
        columns={"chat_link": "platform user account"},
        purpose=_CHAT,
        ground=CONSENT,
        term=OWN_HAND,
        whose="account",
        on_request="delete",
    ),
    Kept(
        columns={"chat_outgoing": "to words"},
        purpose=_CHAT,
        ground=CONSENT,
        term=Term(Words("发出后180天", "180 days after it was sent"), timer="forget"),
        sensitive=True,
    ),
    # ---- approvals
    Kept(
        columns={
            "approval": "why event requester filed_by steps decided_by words",
            "approval_by": "key",
        },
        purpose=_DECIDING,
        sensitive=True,
        whose="",
    ),
    Kept(
        columns={"approval_vote": "instead_of account name name_en words"},
        purpose=_DECIDING,
        whose="account instead_of",
    ),
    Kept(columns={"deputy": "account deputy"}, purpose=_DECIDING, ground=STAFF, whose="account deputy"),
    Kept(
        columns={"catalogue_version": "changed_by published_by"},
        purpose=Words("留存目录由谁修订、发布", "knowing who wrote and published a version of an item"),
        whose="changed_by published_by",
    ),
    # ---- notices and mail
    Kept(
        columns={"notice": "account subject_id address words"},
        purpose=Words("通知本人", "telling people what concerns them"),
        term=_SEASON,
        whose="account",
        on_request="delete",
    ),
    Kept(
        columns={"mailbox": "account address folded wanted refused", "notice_choice": "account topic mail"},
        purpose=_MAIL,
        ground=CONSENT,
        term=OWN_HAND,
        whose="account",
        on_request="delete",
    ),
    Kept(
        columns={"mailbox": "code secret"},
        purpose=Words("核验邮箱归本人所有", "proving that an address is the person's"),
        ground=CONSENT,
        term=OWN_HAND,
        secret=True,
    ),
    Kept(
        columns={"letter": "message_id account address message problem"},
        purpose=_MAIL,
        ground=CONSENT,
        term=Term(Words("发出或放弃后30天", "30 days after it went or was given up"), timer="forget"),
        sensitive=True,
        whose="account",
        on_request="delete",
        ended=letter.c.done_at,
    ),
    Kept(
        columns={"mail_arrival": "key account"},
        purpose=Words("同一来信只受理一次", "taking a letter once"),
        term=Term(Words("90天", "90 days"), timer="forget"),
        whose="account",
    ),
    Kept(
        columns={"data_case": "reference words account name name_en answer"},
        purpose=Words("办理本人就其个人信息提出的请求", "answering what people ask about the data kept of them"),
        whose="account",
    ),
    Kept(
        columns={"data_case": "answered_by answered_name answered_name_en"},
        purpose=Words("留存由谁答复", "knowing who answered"),
        whose="answered_by",
    ),
    # ---- complaints, suggestions, improvements, surveys
    Kept(
        columns={"complaint": "reference words salt complainant complainant_name complainant_name_en complainant_department"
                              " first_answer appeal_words answer"},
        purpose=_VOICES,
        sensitive=True,
        whose="complainant",
    ),
    Kept(
        columns={"complaint": "handler handler_name handler_name_en handled_by"},
        purpose=_VOICES,
        whose="handler",
    ),
    Kept(
        columns={"complaint_step": "who who_en detail", "improvement_step": "who who_en detail"},
        purpose=_VOICES,
    ),
    Kept(
        columns={"suggestion": "title words author author_name author_name_en department reply"},
        purpose=_VOICES,
        ground=CONSENT,
        whose="author",
    ),
    Kept(
        columns={"suggestion": "replied_by replied_name replied_name_en"},
        purpose=_VOICES,
        whose="replied_by",
    ),
    Kept(
        columns={"forum": "people minutes made_by made_name made_name_en"},
        purpose=Words("留存座谈会记录", "keeping the minutes of forums"),
        whose="made_by",
    ),
    Kept(
        columns={"improvement": "finding cause action result owner owner_name owner_name_en made_by acted_by"},
        purpose=_VOICES,
        whose="owner made_by acted_by",
    ),
    Kept(columns={"survey": "made_by"}, purpose=Words("开展满意度调查", "asking how satisfied people are"), whose="made_by"),
    Kept(
        columns={"survey_answered": "account"},
        purpose=Words("同一人只答一次，不留存其答案", "letting each answer once, without what he answered"),
        whose="account",
    ),
    Kept(
        columns={"survey_text": "words"},
        purpose=Words("听取意见，不知何人所写", "hearing what people say, without whose it is"),
        ground=CONSENT,
    ),
)  # fmt: skip

# Codes of things, states and kinds say nothing of a person by themselves, nor do crews, suppliers and departments.
NOT_PERSONAL = {
    "*": "item level state kind channel period meter unit code building floor room equipment layout event_id order_id survey_id question",
    "approval": "request_id reason organisation claim",
    "approval_by": "request_id",
    "approval_vote": "request_id",
    "booking_series": "id",
    "booking_task": "request_id booking",
    "catalogue_version": "body",
    "chat_arrival": "platform key",
    "chat_call": "id conversation organisation",
    "chat_conversation": "id",
    "chat_message": "conversation message",
    "chat_outgoing": "platform",
    "complaint": (
        "id about category request_id request_reference crew supplier crews"
        " suppliers department organisation handler_kind why first_outcome outcome close_reason"
    ),
    "complaint_step": "complaint_id what",
    "department": "name name_en",
    "data_case": "id",
    "deputy": "id",
    "forum": "id reference held_on topic place organisation",
    "happening": "request_id what",
    "improvement": "id reference origin origin_id origin_reference due_on organisation",
    "improvement_step": "improvement_id what",
    "letter": "id",
    "mail_arrival": "outcome",
    "mailbox": "language",
    "notice": "id subject mail",
    "number": "day",
    "photo": "content_type",
    "place": "name name_en search",
    "public_request": "request_id",
    "quota": "id per holder",
    "quota_claim": "request_id",
    "request": "id organisation crew_name crew_name_en asset alone escalated alike",
    "resource": "place name name_en layouts",
    "suggestion": "id reference organisation forum_id",
    "survey": "id title title_en intro intro_en questions departments organisation opens_on closes_on",
    "survey_group": "department",
    "survey_tally": "department value",
    "survey_text": "id",
    "together": "request_id",
    "usage": "fact_id request_id contract quantity amount",
    "voice_number": "letter day",
    "waiting_for": "id booking",
    "work_order": "request_id reference happening crew crew_name crew_name_en supplier breached",
}
