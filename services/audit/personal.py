"""What this service keeps of persons; see :mod:`shared.personal`. Entries hold commitments; what they commit to is in the vault."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from services.audit import vault
from shared.bilingual import Words
from shared.personal import CONSENT, DUTY, OWN_HAND, RECORD, Kept, Term

if TYPE_CHECKING:
    from shared.settings import Settings

_LOG = Term(
    Words(
        "日志不可改动；本身只含承诺值与内部编号",
        "the log is never changed; it holds commitments and internal ids alone",
    )
)
_PROVING = Words("证明发生过什么，供监督", "proving what happened, to supervisors")


def _opened(settings: Settings, row: dict[str, Any]) -> dict[str, Any]:
    """A vault's row with the value in clear, and without the salt."""
    salt = row.pop("salt")
    return row | {"value": vault.shown(row["value"], salt, vault.cipher(settings))}


PERSONAL = (
    Kept(
        columns={"vault": "seq field salt value person"},
        purpose=Words("向监督者出示承诺值背后的内容", "showing supervisors what stands behind commitments"),
        term=Term(Words("届满即删除", "deleted when so long has passed"), timer="hour_expire", setting="AUDIT_VAULT_DAYS"),
        sensitive=True,
        whose="person",
        opened=_opened,
    ),
    Kept(columns={"log_entry": "subject actor leaf", "about": "thing"}, purpose=_PROVING, term=_LOG),
    Kept(columns={"log_conflict": "body"}, purpose=Words("留存同号异文的证据", "keeping the evidence of an id that came twice"), sensitive=True),
    Kept(
        columns={"mandate": "account_id body given_by"},
        purpose=Words("知道谁在何时有权查阅", "knowing who may read, and since when"),
        ground=DUTY,
        term=RECORD,
        whose="account_id given_by",
    ),
    Kept(
        columns={"target": "reason set_by"},
        purpose=Words("知道谁在何时为何定下目标", "knowing who set a target, when and why"),
        ground=DUTY,
        term=RECORD,
        whose="set_by",
    ),
    Kept(
        columns={"subscription": "account_id address language sent_for"},
        purpose=Words("按本人订阅发送日报", "sending the daily digest to whoever asked for it"),
        ground=CONSENT,
        term=OWN_HAND,
        whose="account_id",
        on_request="delete",
    ),
)  # fmt: skip

# Codes of things, states and kinds say nothing of a person by themselves.
NOT_PERSONAL = {
    "body": "code parent kind level name name_en sources things",
    "closed_log": "origin root next_origin",
    "complaint_due": "complaint_id",
    "kpi_tally": "kpi month",
    "log_checkpoint": "note",
    "log_conflict": "event_id sha256",
    "log_cosignature": "key line",
    "log_entry": "event_id source type",
    "log_head": "root",
    "log_tile": "data",
    "target": "kpi term starts",
    "witness_seen": "url names problem detail",
}
