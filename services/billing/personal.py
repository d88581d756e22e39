"""What this service keeps of persons; see :mod:`shared.personal`. Most of it is accounting record."""

from __future__ import annotations

from shared.bilingual import Words
from shared.personal import ACCOUNTS, CONTRACT, DUTY, RECORD, Kept

_WHO = Words("财务内部控制：知道谁提出、审批、签字", "internal control: knowing who proposed, decided, signed")
_SUPPLIERS = Words("评审服务商并留存评审责任", "judging suppliers, and knowing who judged")
_SCORES = Words("按合同考核", "assessing what was done, as the contract says")

PERSONAL = (
    Kept(
        columns={
            "agreed": "by approved_by", "bond_move": "by name words", "centre_month": "by name", "feed_ack": "by", "feed_comparison": "by",
            "ledger_entry": "by name words", "payment": "by reference", "statement": "drawn_by agreed_by accepted_by",
        },
        purpose=_WHO,
        ground=DUTY,
        term=ACCOUNTS,
        whose="",
    ),
    Kept(columns={"signature": "account name role"}, purpose=_WHO, term=ACCOUNTS, whose="account"),
    Kept(columns={"statement_line": "dispute_words disputed_by decided_words decided_by"}, purpose=_WHO, term=ACCOUNTS, whose="disputed_by decided_by"),
    Kept(
        columns={"card_draft": "proposed_by proposed_name decided_by", "proposal": "proposed_by proposed_name decided_by decided_name body"},
        purpose=_WHO,
        term=ACCOUNTS,
        whose="proposed_by decided_by",
    ),
    Kept(
        columns={
            "deduction": "words evidence proposed_by proposed_name contested_by contest_words decided_by decided_name decided_words",
        },
        purpose=_SCORES,
        ground=CONTRACT,
        term=ACCOUNTS,
        whose="proposed_by contested_by decided_by",
    ),
    Kept(columns={"fact": "department crew counted"}, purpose=Words("计量结算", "measuring and paying for work"), ground=CONTRACT, term=ACCOUNTS),
    Kept(
        columns={"observation": "words evidence by name struck_by struck_words", "resource_reading": "words by name", "startup_check": "words by name"},
        purpose=_SCORES,
        ground=CONTRACT,
        term=RECORD,
        whose="by",
    ),
    Kept(columns={"score": "by"}, purpose=_SCORES, ground=CONTRACT, whose="by"),
    Kept(columns={"risk": "words measure owner by"}, purpose=Words("管控风险", "keeping risks in hand"), whose="by"),
    Kept(
        columns={"bad_record": "words by name lifted_by lifted_words", "licence": "number by"},
        purpose=_SUPPLIERS,
        whose="by",
    ),
    Kept(columns={"qualification": "words opened_by opened_name"}, purpose=_SUPPLIERS, whose="opened_by"),
    Kept(
        columns={"qualification_seat": "words account name verdict", "bid_mark": "account name words"},
        purpose=_SUPPLIERS,
        whose="account",
    ),
    Kept(columns={"bid": "words by name"}, purpose=_SUPPLIERS, ground=CONTRACT, whose="by"),
    Kept(
        columns={"tender": "body words"},
        purpose=Words("公开招标并说明定标理由", "inviting tenders, and saying why one was chosen"),
    ),
    Kept(
        columns={"supplier": "capability barred"},
        purpose=Words("了解服务商的人员和业绩", "knowing a supplier's people and record"),
        ground=CONTRACT,
    ),
)  # fmt: skip

# Codes of things, states and kinds say nothing of a person by themselves, nor do crews, suppliers and departments.
NOT_PERSONAL = {
    "*": (
        "item items meter period kind state unit contract supplier steps said event_id order_id request_id scored source source_id"
        " about code name_en ref head statement budget_line fact_id digest corrects tender centre lines starts_in reference"
    ),
    "agreed": "body",
    "budget_line": "name follows",
    "budget_use": "line",
    "centre": "name funding fees",
    "complaint": "complaint_id outcome",
    "fact": "order_reference",
    "feed_comparison": "theirs ours",
    "feed_entry": "body booked_in cause",
    "observation": "observation_id happened_on",
    "proposal": "proposal_id",
    "resource_reading": "reading_id resource",
    "risk": "key level review_on",
    "score": "consequence",
    "supplier": "name short credit_code",
    "tender": "method awarded_to",
    "bad_record": "record_id happened_on counts_until",
    "bid": "faults",
    "contract": "title title_en starts_on ends_on zone terms parts",
    "ledger_entry": "entry_id side category reverses",
    "licence": "licence_id issuer issued_on expires_on",
    "qualification": "qualification_id marks good_until",
    "bond_move": "move_id move on_day",
    "card": "starts_on",
    "card_draft": "draft_id starts_on",
    "card_replaced": "starts_on",
    "deduction": "deduction_id rule numbers decision",
    "qualification_seat": "qualification seat",
    "startup_check": "check",
    "statement": "document feed_head drawn_event line_events accepted_on due_on",
    "payment": "payment_id paid_on",
    "statement_line": "for_period dispute",
}
