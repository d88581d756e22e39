#!/usr/bin/env python3
"""Check a Houqin audit log, or what was taken from it, without trusting whoever runs it.

One file; it needs Python 3.11 or later and the package ``cryptography``, and nothing of Houqin. It reads C2SP
tlog-tiles logs (from a folder or over HTTP), tlog-proof receipts, and Houqin's bundles of requests and statements.

    houqin_verify.py log https://log.example/audit/log --key 'log.example/houqin+1a2b3c4d+AQ...'
    houqin_verify.py log ./mirror --policy supervision.policy --older checkpoint-of-last-month
    houqin_verify.py log https://log.example/audit/logs/1 --before https://log.example/audit/logs/0 --policy supervision.policy
    houqin_verify.py receipt entry.tlog-proof --key ...
    houqin_verify.py bundle statement-2026-11.json --policy supervision.policy
    houqin_verify.py compare checkpoint-a checkpoint-b --key ...
    houqin_verify.py promise filed.promise --log ./mirror --key ...

Keys and policies must come from a person you trust, never from the log itself. Every key given with --key must have
signed; a policy (C2SP tlog-policy) says which of several are enough.

Status: 0 all is proven, 1 something is false, 2 the call was wrong, 3 it could not be checked (absent, unreachable,
unreadable), 4 all is proven but the witnesses that the policy asks for are missing.
"""

from __future__ import annotations

import argparse
import base64
import binascii
import hmac
import http.client
import itertools
import json
import os
import re
import stat
import sys
import urllib.error
import urllib.parse
import urllib.request
import zlib
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta, timezone, tzinfo
from decimal import Decimal
from fractions import Fraction
from hashlib import sha256
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

try:
    from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
except ImportError:
    sys.exit("houqin_verify needs the package cryptography: pip install cryptography  需要安装 cryptography")

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

VERSION = "1"
PROVEN, FALSE, MISUSED, UNCHECKED, UNWITNESSED = range(5)

MAX_SIZE = 2**63 - 1  # entries of a log
MAX_TIME = 2**63 - 1  # seconds
MAX_NOTE = 512 * 1024  # bytes
MAX_RECEIPT = 1 << 20
MAX_POLICY = 1 << 20
MAX_BUNDLE_FILE = 256 << 20
MAX_ENTRY = 65535
MAX_ENTRIES_FILE = 256 * (MAX_ENTRY + 2)
MAX_PROBLEMS = 50  # after so many the rest is not looked at
MAX_ODD = 4096  # damaged positions kept in mind; far more than MAX_PROBLEMS can name
MAX_MIXED = 6  # differences between a tile and what lies below it of which every mixture is tried
MAX_EDGES = 4096  # right edges that are tried
MAX_TIERS = 1000
FULL = 256
EMPTY_ROOT = sha256(b"").digest()

# What can be wrong. Each sentence names the exact thing; ``{}`` places are filled with what was found.

SENTENCES: dict[str, tuple[int, str, str]] = {
    # reading
    "absent": (UNCHECKED, "缺少 {what}。", "{what} is absent."),
    "unreachable": (UNCHECKED, "无法读取 {what}：{reason}。", "{what} cannot be read: {reason}."),
    "too_large": (UNCHECKED, "{what} 超过 {limit} 字节的上限。", "{what} is larger than the limit of {limit} bytes."),
    "gave_up": (
        UNCHECKED,
        "问题已达 {count} 个，其余部分未再检查。",
        "After {count} problems the rest was not looked at.",
    ),
    "internal": (UNCHECKED, "检查中断，未得出结论（{reason}）。", "The check stopped without a result ({reason})."),
    "no_ml_dsa": (
        UNCHECKED,
        "本机的 cryptography 不支持 ML-DSA-44，无法核对 {key} 的签名。",
        "The cryptography installed here has no ML-DSA-44, so the signature of {key} cannot be checked.",
    ),
    # calling
    "no_trust": (
        MISUSED,
        "请用 --key 或 --policy 给出可信的公钥；公钥不能取自日志自身。",
        "Give the keys you trust with --key or --policy; a key fetched from the log itself proves nothing.",
    ),
    "bad_key": (MISUSED, "{what} 不是有效的公钥（vkey）：{reason}。", "{what} is not a verifier key: {reason}."),
    "bad_policy": (MISUSED, "策略文件第 {line} 行有误：{reason}。", "Line {line} of the policy is wrong: {reason}."),
    # checkpoints
    "note_malformed": (FALSE, "{what} 不是合规的签名文本：{reason}。", "{what} is not a signed note: {reason}."),
    "checkpoint_malformed": (FALSE, "{what} 不是合规的检查点：{reason}。", "{what} is not a checkpoint: {reason}."),
    "signature_false": (
        FALSE,
        "{what} 上署名 {key} 的签名是假的：内容在签名后被改动，或签名并非出自该密钥。",
        "{what} carries a false signature of {key}: it was changed after signing, or never signed by that key.",
    ),
    "signature_missing": (FALSE, "{what} 没有 {key} 的签名。", "{what} is not signed by {key}."),
    "log_signature_missing": (
        FALSE,
        "{what} 没有任何受信日志密钥以来源名 {origin} 签名。",
        "{what} is not signed by any trusted log key under its origin {origin}.",
    ),
    "empty_root": (
        FALSE,
        "{what} 声称日志为空，但根哈希不是空树的根。",
        "{what} states an empty log with a root that the empty log does not have.",
    ),
    "unwitnessed": (
        UNWITNESSED,
        "{what} 的见证不足：策略要求 {quorum}，已见证的有：{have}。",
        "{what} is not witnessed as the policy asks ({quorum}); witnessed by: {have}.",
    ),
    # tiles and entries
    "tile_malformed": (
        FALSE,
        "{path} 的长度应为 {expected} 字节，实为 {found} 字节。",
        "{path} has {found} bytes instead of {expected}.",
    ),
    "tile_wrong": (
        FALSE,
        "{path} 第 {position} 个哈希被改动（涉及第 {first} 至 {last} 条记录）；记录本身与签名一致。",
        "{path} holds a wrong hash at position {position} (entries {first} to {last}); the entries themselves are as signed.",
    ),
    "bundle_malformed": (
        FALSE,
        "{path} 不是合规的记录包（{reason}）：从第 {index} 条记录起已被改动。",
        "{path} is not a bundle of entries ({reason}): it was changed from entry {index} on.",
    ),
    "entry_wrong": (
        FALSE,
        "第 {index} 条记录（在 {path} 中）与签名的日志不符，已被改动。",
        "Entry {index} (in {path}) is not the one that was signed: it was changed.",
    ),
    "range_wrong": (
        FALSE,
        "第 {first} 至 {last} 条记录中有被改动的：它们与签名的日志不符，{path} 也不符。",
        "Entries {first} to {last} hold a change: they are not what was signed, and neither is {path}.",
    ),
    "root_wrong": (
        FALSE,
        "检查点签名的 {size} 条记录的根哈希，与所提供的记录及哈希块都不相符：这不是所签名的日志。",
        "The root signed for {size} entries fits neither the entries nor the tiles: this is not the log that was signed.",
    ),
    "tile_disagrees": (FALSE, "{path} 与第 {index} 条记录不一致。", "{path} and entry {index} contradict each other."),
    # history
    "rolled_back": (
        FALSE,
        "日志变短了：{what} 曾签名 {old} 条记录，现在只有 {size} 条。",
        "The log became shorter: {what} was signed for {old} entries, now there are {size}.",
    ),
    "split_view": (
        FALSE,
        "日志分叉：同为 {size} 条记录，却有两个不同的已签名根哈希（{what}）。",
        "The log shows two faces: two different roots were signed for {size} entries ({what}).",
    ),
    "rewritten": (
        FALSE,
        "历史被改写：现在日志的前 {old} 条记录不是 {what} 所签名的那 {old} 条。",
        "History was rewritten: the first {old} entries are not those that {what} was signed for.",
    ),
    "not_followed": (
        FALSE,
        "日志 {origin} 没有任何条目说明它接续 {before} 的 {size} 条记录。",
        "No entry of {origin} says that it follows {before} with its {size} entries.",
    ),
    "followed_otherwise": (
        FALSE,
        "第 {index} 条记录所写的上一卷日志是 {stated} 条、根 {root}，与 {before} 签署的检查点不符。",
        "Entry {index} names the log before with {stated} entries and the root {root}; the checkpoint of {before} says otherwise.",
    ),
    "other_log": (FALSE, "{what} 属于另一个日志 {origin}。", "{what} belongs to another log, {origin}."),
    "not_comparable": (
        UNCHECKED,
        "{old} 条与 {size} 条记录的两个检查点本身不相矛盾；是否一脉相承须用 log --older 对照日志。",
        "Checkpoints of {old} and {size} entries do not contradict each other by themselves; check with log --older.",
    ),
    # receipts
    "receipt_malformed": (FALSE, "{what} 不是合规的收据：{reason}。", "{what} is not a receipt: {reason}."),
    "no_entry": (
        UNCHECKED,
        "收据中没有记录内容，请用 --entry 给出。",
        "The receipt does not carry its entry; give it with --entry.",
    ),
    "proof_wrong": (
        FALSE,
        "第 {index} 条记录的证明不成立（{reason}）：它不在检查点签名的日志中的这个位置。",
        "The proof of entry {index} fails ({reason}): it does not stand there in the log that the checkpoint signs.",
    ),
    "opening_wrong": (
        FALSE,
        "第 {index} 条记录的字段 {field} 所披露的值与记录中的承诺不符。",
        "The value disclosed for {field} of entry {index} is not the one that the entry commits to.",
    ),
    "opening_malformed": (FALSE, "所披露的值格式有误：{reason}。", "A disclosed value is malformed: {reason}."),
    # bundles
    "bundle_file_malformed": (FALSE, "{what} 不是合规的证据包：{reason}。", "{what} is not a bundle: {reason}."),
    "ref_broken": (
        FALSE,
        "{line}：第 {entry} 条记录中没有 {pointer}。",
        "{line}: entry {entry} has nothing at {pointer}.",
    ),
    "fact_twice": (
        FALSE,
        "{line}：第 {entry} 条记录的 {pointer} 被重复计算。",
        "{line}: {pointer} of entry {entry} is counted twice.",
    ),
    "facts_differ": (
        FALSE,
        "{line}：结算单列明的依据与证据包所附的不同（缺 {missing}，多 {extra}）。",
        "{line}: the facts that the statement names are not those given (missing {missing}, beyond {extra}).",
    ),
    "card_broken": (FALSE, "{line}：价格条款无法使用：{reason}。", "{line}: the price cannot be applied: {reason}."),
    "no_zone": (
        UNCHECKED,
        "{line}：本机没有时区 {zone} 的资料（可安装 tzdata），无法确定哪些依据属于这个月。",
        "{line}: this machine knows no time zone {zone} (install tzdata), so it cannot tell which facts fall in the month.",
    ),
    "amount_wrong": (
        FALSE,
        "{line}：结算单写的是 {stated}，按已封存的事实与价格应为 {computed}。",
        "{line}: the statement says {stated}; the sealed facts and prices give {computed}.",
    ),
    "total_wrong": (
        FALSE,
        "合计：结算单写的是 {stated}，各行重新计算之和应为 {computed}。",
        "Total: the statement says {stated}; its lines, computed again, come to {computed}.",
    ),
    "statement_mixed": (
        FALSE,
        "{line}：金额取自第 {entry} 条记录，而不是结算单所在的第 {statement} 条。",
        "{line}: its amount is taken from entry {entry} and not from the statement, entry {statement}.",
    ),
    # promises
    "promise_malformed": (
        FALSE,
        "{what} 不是合规的受理回执：{reason}。",
        "{what} is not a promise of filing: {reason}.",
    ),
    "promised_absent": (
        FALSE,
        "曾承诺在 {until} 前记录事件 {id}，但日志的 {size} 条记录中没有它。",
        "Event {id} was promised to be recorded by {until} and is absent from the {size} entries of the log.",
    ),
    "promise_pending": (
        UNCHECKED,
        "事件 {id} 尚未记录；承诺的期限是 {until}，此检查点尚不能证明期限已过。",
        "Event {id} is not recorded yet; it was promised by {until}, and this checkpoint does not show that the time is over.",
    ),
}

# Why something is not of its form: the reason inside a sentence.
REASONS: dict[str, str] = {
    "not a regular file": "不是普通文件",
    "too slow": "传输过慢",
    "it was cut off": "传输中断",
    "broken gzip": "gzip 数据已损坏",
    "not base64": "不是 base64",
    "base64 in an unusual spelling": "base64 的写法不规范",
    "a hash of another length than 32 bytes": "哈希值不是 32 字节",
    "it should read name+id+key": "应写作 名称+标识+公钥",
    "a key of a type or length that is not known here": "公钥的类型或长度未知",
    "its id is not that of its key": "标识与公钥不符",
    "it is too long": "过长",
    "it is not UTF-8": "不是 UTF-8 文本",
    "it has control characters": "含有控制字符",
    "it has no signature lines after a blank line": "空行之后没有签名行",
    "a signature line is not of its form": "签名行格式不对",
    "a signature is too short": "签名过短",
    "it has more than 100 signatures": "签名超过 100 个",
    "it should have an origin, a size and a root, each on its line": "应逐行写明来源、大小和根",
    "its size is not a number": "大小不是数字",
    "a witness signs with a cosignature key": "见证须用联署公钥",
    "a member is not defined above": "成员在前文没有定义",
    "a member is listed twice": "成员重复",
    "the threshold is out of range": "门槛超出范围",
    "the quorum is not defined above": "所要求的组在前文没有定义",
    "this is no line of a policy, or a second quorum": "不是策略的语句，或重复规定了 quorum",
    "this name is defined already": "这个名称已经定义过",
    "the name of a key is not UTF-8": "公钥的名称不是 UTF-8 文本",
    "this key is listed twice": "公钥重复",
    "control characters": "含有控制字符",
    "no quorum line": "没有 quorum 一行",
    "the log has no such entry": "日志中没有这条记录",
    "it is too short": "过短",
    "it leads to another root": "推得的根不同",
    "it ends within an entry": "在一条记录中间结束",
    "it goes on after its {width} entries": "在应有的 {width} 条记录之后还有内容",
    "its head is not ASCII": "头部不是 ASCII 文本",
    "it does not begin with c2sp.org/tlog-proof@v1": "开头不是 c2sp.org/tlog-proof@v1",
    "it does not state an index": "没有写明序号",
    "its proof is too long": "证明过长",
    "a name stands twice in one object": "同一对象中有重复的名称",
    "{text} is no number": "{text} 不是数字",
    "it is not JSON": "不是 JSON",
    "a number is too long": "数字过长",
    "it should have field, salt and value": "应有 field、salt 和 value",
    "its value has no canonical form": "值没有规范写法",
    "the proof of entry {index} names hashes that are not there": "第 {index} 条记录的证明引用了不存在的哈希值",
    "entry {index} stands there twice": "第 {index} 条记录重复",
    "entry {index} stands before the first of its log": "第 {index} 条记录早于日志的第一条",
    "entry {index} is not text": "第 {index} 条记录不是文本",
    "it does not say houqin.bundle/v1": "没有写明 houqin.bundle/v1",
    "it has parts of more than a hundred logs": "涉及的日志超过一百个",
    "an entry stands there twice": "有重复的记录",
    "a statement's bundle has a statement, others have none": "结算单的证据包应有 statement，其他证据包不应有",
    "{name} should be text": "{name} 应为文本",
    "{name} should be a whole number": "{name} 应为整数",
    "{name} should be a list": "{name} 应为列表",
    "{name} should be a list of texts": "{name} 应为文本的列表",
    "{name} does not point to anything": "{name} 没有指向任何内容",
    "lines of kind {kind} are not known here": "不认识 {kind} 类的行",
    "the card is not an object": "价目不是对象",
    "the named facts are not a list of names": "列明的依据不是名称的列表",
    "an entry that should be {kind} is something else": "应为 {kind} 的记录是别的内容",
    "the statement has {count} lines, the bundle has {there}": "结算单有 {count} 行，证据包中有 {there}",
    "line {number} is not there with all its parts": "第 {number} 行不完整",
    "the card is of another contract or version": "价目属于另一份合同或另一版本",
    "the card has no price for this meter": "价目没有这个计量项的价格",
    "the card does not hold in that month": "价目在这个月不适用",
    "fixed_days_in_month is no number of days": "fixed_days_in_month 不是天数",
    "no event that decided it is in the bundle": "证据包中没有作出决定的记录",
    "{name} is not a decimal number": "{name} 不是十进制数",
    "{name} is too small": "{name} 过小",
    "the rounding is not a mode and a number of digits": "舍入应写明方式和位数",
    "there is no rounding mode {mode}": "没有舍入方式 {mode}",
    "time_weighted needs the time of every fact, and the month": "time_weighted 需要每项依据的时间和月份",
    "there is no aggregation {kind}": "没有汇总方式 {kind}",
    "{name} is not a time": "{name} 不是时间",
    "{name} has no offset": "{name} 没有时区偏移",
    "{name} is not a day": "{name} 不是日期",
    "there is no time zone {name}": "没有时区 {name}",
    "the quantity is negative": "数量为负",
    "the conversion is not an object": "换算不是对象",
    "there is no conversion {op}": "没有换算方式 {op}",
    "there is no price model {model}": "没有计价方式 {model}",
    "free_events is not a whole number": "free_events 不是整数",
    "event_min lies above event_max": "event_min 大于 event_max",
    "the tiers are not a list of objects": "档次不是对象的列表",
    "the tiers do not rise": "档次没有逐档升高",
    "the last tier is not open": "末档不是敞口",
    "too many tax rates": "税率过多",
    "it does not read: houqin/filed/v1, log, event, filed, promised until": "应写作：houqin/filed/v1、日志、事件、受理时间、承诺期限",
    "it is not a plain Ed25519 key": "不是普通的 Ed25519 公钥",
    "interrupted": "被中断",
}

FACTS: dict[str, tuple[str, str]] = {
    "checkpoint": (
        "{what}：日志 {origin}，{size} 条记录，根 {root}。",
        "{what}: log {origin}, {size} entries, root {root}.",
    ),
    "signed": ("签名有效：{key}{at}。", "Valid signature: {key}{at}."),
    "unknown_lines": (
        "另有 {count} 行签名出自未给出公钥的密钥，未予采信。",
        "{count} more signature lines are by keys that were not given; they prove nothing here.",
    ),
    "quorum": ("见证满足策略 {quorum}：{have}。", "Witnessed as the policy asks ({quorum}): {have}."),
    "extensions": (
        "检查点带有 {count} 行扩展内容，监督者无法核对其含义。",
        "The checkpoint has {count} extension lines, whose meaning nobody can audit.",
    ),
    "log": (
        "{size} 条记录、{tiles} 个哈希块全部与签名的根一致。",
        "All {size} entries and {tiles} tiles agree with the signed root.",
    ),
    "tiles": (
        "{tiles} 个哈希块与签名的根一致；未检查记录内容。",
        "{tiles} tiles agree with the signed root; the entries were not looked at.",
    ),
    "extends": ("日志完整延续了 {what}（{old} 条记录）。", "The log extends {what} ({old} entries)."),
    "follows": (
        "第 {index} 条记录写明本日志接续 {before}（{old} 条记录），与其最后的检查点一致。",
        "Entry {index} says that the log follows {before} ({old} entries), as its final checkpoint states.",
    ),
    "entry": ("第 {index} 条记录在日志中：{about}", "Entry {index} stands in the log: {about}"),
    "opening": (
        "第 {index} 条记录的 {field} = {value}，与承诺一致。",
        "{field} of entry {index} = {value}, as committed.",
    ),
    "bundle": (
        "证据包 {subject}：{count} 条记录均已证明在日志中。",
        "Bundle {subject}: all {count} entries are proven to stand in the log.",
    ),
    "line": ("{line}：{how} → {amount}，与结算单一致。", "{line}: {how} -> {amount}, as stated."),
    "unnamed": (
        "{line}：结算单没有列明计入哪些依据，是否有遗漏无从证明。",
        "{line}: the statement does not name the facts it counts, so it is not proven that none was left out.",
    ),
    "total": ("合计 {amount}，与结算单一致。", "Total {amount}, as stated."),
    "promise": (
        "事件 {id} 已记录为第 {index} 条，承诺期限为 {until}。",
        "Event {id} is recorded as entry {index}; it was promised by {until}.",
    ),
    "proven": ("结论：全部得到证明。", "Result: all is proven."),
    "false": ("结论：有假。", "Result: something is false."),
    "unchecked": ("结论：未能全部检查。", "Result: not everything could be checked."),
    "unwitnessed": ("结论：内容无误，但见证不足。", "Result: all is proven, but the witnesses asked for are missing."),
}


class Problem(Exception):
    """One thing that is wrong or could not be checked."""

    def __init__(self, code: str, /, **places: Any) -> None:
        super().__init__(code)
        self.code = code
        self.places = {name: _shown(value) for name, value in places.items()}
        self._chinese = {name: _shown(value.chinese) for name, value in places.items() if isinstance(value, Broken)}

    @property
    def status(self) -> int:
        """The exit status that this problem alone would give."""
        return SENTENCES[self.code][0]

    def sentence(self, language: str) -> str:
        """What is wrong, in one sentence."""
        _, zh, en = SENTENCES[self.code]
        return zh.format(**self.places | self._chinese) if language == "zh" else en.format(**self.places)


def _shown(value: Any, limit: int = 200) -> str:
    """Text that is safe on a terminal, whatever a hostile file put into it."""
    text = "".join(each if each.isprintable() else "�" for each in str(value))
    return text if len(text) <= limit else text[:limit] + "…"


@dataclass
class Report:
    """What was found: facts that hold, and problems."""

    facts: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)

    def note(self, key: str, /, **places: Any) -> None:
        """Add a fact."""
        self.facts.append((key, {name: _shown(value) for name, value in places.items()}))

    def blame(self, problem: Problem) -> None:
        """Add a problem.

        Raises:
            Problem: ``gave_up``, when there are too many already.
        """
        self.problems.append(problem)
        if len(self.problems) >= MAX_PROBLEMS:
            raise Problem("gave_up", count=MAX_PROBLEMS)

    @property
    def status(self) -> int:
        """The exit status: what is false outweighs what could not be checked, that outweighs missing witnesses."""
        found = {problem.status for problem in self.problems}
        return next((each for each in (MISUSED, FALSE, UNCHECKED, UNWITNESSED) if each in found), PROVEN)


# Reading files and addresses, never more than a stated number of bytes


def read_file(path: Path, limit: int) -> bytes:
    """The content of a regular file."""
    try:
        handle = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    except (FileNotFoundError, NotADirectoryError):
        raise Problem("absent", what=path) from None
    except (OSError, ValueError) as error:
        raise Problem("unreachable", what=path, reason=type(error).__name__) from None
    try:
        kind = os.fstat(handle)
        if not stat.S_ISREG(kind.st_mode):
            raise Problem("unreachable", what=path, reason=Broken("not a regular file"))
        if kind.st_size > limit:
            raise Problem("too_large", what=path, limit=limit)
        data = b""
        while len(data) < kind.st_size and (part := os.read(handle, kind.st_size - len(data))):
            data += part
    except OSError as error:
        raise Problem("unreachable", what=path, reason=type(error).__name__) from None
    finally:
        os.close(handle)
    return data


class FolderSource:
    """A log in a folder."""

    readers = 1

    def __init__(self, root: Path) -> None:
        self.root = root

    def read(self, path: str, limit: int) -> bytes:
        """The file at ``path`` below the log."""
        return read_file(self.root / path, limit)


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: Any) -> None:
        """Never: an answer from elsewhere is an answer of somebody else."""


class WebSource:
    """A log behind an address."""

    readers = 8
    silence = 30.0  # seconds
    patience = 300.0  # seconds for one file, so that a server cannot drip for ever

    def __init__(self, prefix: str) -> None:
        self.prefix = prefix.rstrip("/")
        self._opener = urllib.request.build_opener(_NoRedirect)

    def read(self, path: str, limit: int) -> bytes:
        """What the log serves at ``path``; a passing fault is tried once more."""
        url = f"{self.prefix}/{path}"
        try:
            return self._read(url, limit)
        except Problem as problem:
            if problem.code != "unreachable":
                raise
        return self._read(url, limit)

    def _read(self, url: str, limit: int) -> bytes:
        headers = {"Accept-Encoding": "gzip, identity", "User-Agent": "houqin-verify"}
        until = monotonic() + self.patience
        try:
            asked = urllib.request.Request(url, headers=headers)  # noqa: S310  open_log lets http and https through only
            with self._opener.open(asked, timeout=self.silence) as answer:
                data = b""
                while part := answer.read1(1 << 20):
                    data += part
                    if len(data) > limit:
                        raise Problem("too_large", what=url, limit=limit)
                    if monotonic() > until:
                        raise Problem("unreachable", what=url, reason=Broken("too slow"))
                left = answer.length
                packed = answer.headers.get("Content-Encoding", "").lower() == "gzip"
        except urllib.error.HTTPError as error:
            error.close()
            if error.code == 404:
                raise Problem("absent", what=url) from None
            raise Problem("unreachable", what=url, reason=f"HTTP {error.code}") from None
        except (OSError, ValueError, http.client.HTTPException) as error:
            raise Problem("unreachable", what=url, reason=type(error).__name__) from None
        if left:
            raise Problem("unreachable", what=url, reason=Broken("it was cut off"))
        return unpack(data, limit, url) if packed else data


def unpack(data: bytes, limit: int, what: str) -> bytes:
    """The content of gzip data, never more than ``limit`` bytes."""
    machine = zlib.decompressobj(wbits=31)
    try:
        found = machine.decompress(data, limit + 1)
    except zlib.error:
        raise Problem("unreachable", what=what, reason=Broken("broken gzip")) from None
    if len(found) > limit:
        raise Problem("too_large", what=what, limit=limit)
    if not machine.eof:
        raise Problem("unreachable", what=what, reason=Broken("broken gzip"))
    return found


Source = FolderSource | WebSource


def open_log(place: str) -> Source:
    """The log at an address or in a folder."""
    if re.match(r"https?://", place):
        return WebSource(place)
    return FolderSource(Path(place))


# Notes, keys, checkpoints and policies: C2SP signed-note, tlog-cosignature, tlog-checkpoint, tlog-policy

ED25519, ED25519_COSIGNATURE, ML_DSA_44_COSIGNATURE = 0x01, 0x04, 0x06
PUBLIC_SIZE = {ED25519: 32, ED25519_COSIGNATURE: 32, ML_DSA_44_COSIGNATURE: 1312}
SIGNATURE_SIZE = {ED25519: 64, ED25519_COSIGNATURE: 72, ML_DSA_44_COSIGNATURE: 2428}


class Broken(Exception):
    """Some text is not of its form; the message is the reason, without a full stop."""

    def __init__(self, reason: str, /, **places: Any) -> None:
        super().__init__(reason.format(**places))
        self.chinese = REASONS[reason].format(**places)


def base64_bytes(text: str) -> bytes:
    """Bytes of standard base64 in its one canonical spelling."""
    try:
        data = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise Broken("not base64") from None
    if base64.b64encode(data).decode() != text:
        raise Broken("base64 in an unusual spelling")
    return data


def hash_bytes(text: str) -> bytes:
    """The 32 bytes of a base64 hash."""
    data = base64_bytes(text)
    if len(data) != 32:
        raise Broken("a hash of another length than 32 bytes")
    return data


@dataclass(frozen=True)
class Key:
    """A public key under a name."""

    name: str
    kind: int
    public: bytes

    @property
    def key_id(self) -> bytes:
        """The four bytes that stand before its signatures."""
        return sha256(self.name.encode() + b"\n" + bytes([self.kind]) + self.public).digest()[:4]

    @property
    def label(self) -> str:
        """How messages name the key."""
        kind = {ED25519: "Ed25519", ED25519_COSIGNATURE: "Ed25519 cosignature"}.get(self.kind, "ML-DSA-44")
        return f"{self.name} ({kind}, {self.key_id.hex()})"

    def time_of(self, signature: bytes, text: bytes, checkpoint: Checkpoint | None) -> int | None:
        """The time that a valid signature states (0 = none); None when the signature is false."""
        if len(signature) != SIGNATURE_SIZE[self.kind] or (self.kind != ED25519 and checkpoint is None):
            return None
        time, message = 0, text
        if self.kind != ED25519:
            assert checkpoint is not None
            time, signature = int.from_bytes(signature[:8], "big"), signature[8:]
            if time > MAX_TIME:
                return None
            message = cosigned(self, time, text, checkpoint)
        try:
            _loaded(self).verify(signature, message)
        except (InvalidSignature, ValueError):
            return None
        return time


def cosigned(key: Key, time: int, text: bytes, checkpoint: Checkpoint) -> bytes:
    """The message that a timestamped signature covers."""
    if key.kind == ED25519_COSIGNATURE:
        return b"cosignature/v1\ntime %d\n" % time + text
    name, origin = key.name.encode(), checkpoint.origin.encode()
    if len(origin) > 255:
        return b""
    head = b"subtree/v1\n\x00" + bytes([len(name)]) + name + time.to_bytes(8, "big")
    return head + bytes([len(origin)]) + origin + bytes(8) + checkpoint.size.to_bytes(8, "big") + checkpoint.root


def _loaded(key: Key) -> Any:
    if key.kind != ML_DSA_44_COSIGNATURE:
        return Ed25519PublicKey.from_public_bytes(key.public)
    try:
        from cryptography.hazmat.primitives.asymmetric import mldsa

        return mldsa.MLDSA44PublicKey.from_public_bytes(key.public)
    except (ImportError, AttributeError, UnsupportedAlgorithm):
        raise Problem("no_ml_dsa", key=key.label) from None


def valid_name(name: str) -> bool:
    """Whether ``name`` can name a key."""
    return bool(name) and not any(each.isspace() or each == "+" or ord(each) < 0x20 for each in name)


def parse_key(text: str) -> Key:
    """The key that a vkey states."""
    match = re.fullmatch(r"([^+]+)\+([0-9a-f]{8})\+([A-Za-z0-9+/]+={0,2})", text.strip())
    if match is None or not valid_name(match[1]):
        raise Broken("it should read name+id+key")
    data = base64_bytes(match[3])
    if PUBLIC_SIZE.get(data[0]) != len(data) - 1 or (data[0] == ML_DSA_44_COSIGNATURE and len(match[1].encode()) > 255):
        raise Broken("a key of a type or length that is not known here")
    key = Key(match[1], data[0], data[1:])
    if key.key_id.hex() != match[2]:
        raise Broken("its id is not that of its key")
    return key


@dataclass(frozen=True)
class Note:
    """A signed text: (name, key id, signature) of each line, unchecked."""

    text: bytes
    lines: tuple[tuple[str, bytes, bytes], ...]


def parse_note(data: bytes) -> Note:
    """The note in ``data``."""
    if len(data) > MAX_NOTE:
        raise Broken("it is too long")
    try:
        text = data.decode()
    except UnicodeDecodeError:
        raise Broken("it is not UTF-8") from None
    if any(each < " " and each != "\n" for each in text):
        raise Broken("it has control characters")
    body, gap, tail = text.rpartition("\n\n")
    if not gap or not tail.endswith("\n"):
        raise Broken("it has no signature lines after a blank line")
    lines = []
    for line in tail[:-1].split("\n"):
        name, space, encoded = line.removeprefix("— ").partition(" ")
        if not line.startswith("— ") or not space or not valid_name(name):
            raise Broken("a signature line is not of its form")
        signature = base64_bytes(encoded)
        if len(signature) < 5:
            raise Broken("a signature is too short")
        lines.append((name, signature[:4], signature[4:]))
    if len(lines) > 100:
        raise Broken("it has more than 100 signatures")
    return Note((body + "\n").encode(), tuple(lines))


@dataclass(frozen=True)
class Checkpoint:
    """What a log says of itself."""

    origin: str
    size: int
    root: bytes
    extensions: int = 0


def parse_checkpoint(text: bytes) -> Checkpoint:
    """The checkpoint that a note text states."""
    lines = text.decode().split("\n")
    if len(lines) < 4 or lines[-1] or not all(lines[:-1]):
        raise Broken("it should have an origin, a size and a root, each on its line")
    if not re.fullmatch(r"0|[1-9][0-9]{0,18}", lines[1]) or int(lines[1]) > MAX_SIZE:
        raise Broken("its size is not a number")
    return Checkpoint(lines[0], int(lines[1]), hash_bytes(lines[2]), len(lines) - 4)


@dataclass
class Policy:
    """A C2SP tlog-policy."""

    logs: list[Key] = field(default_factory=list)
    witnesses: dict[str, Key] = field(default_factory=dict)
    groups: dict[str, tuple[int, list[str]]] = field(default_factory=dict)
    quorum: str = ""
    members: set[str] = field(default_factory=set)

    def met_by(self, cosigned_by: Iterable[str]) -> bool:
        """Whether these witnesses make the quorum."""
        met = set(cosigned_by)
        for name, (threshold, members) in self.groups.items():
            if sum(member in met for member in members) >= threshold:
                met.add(name)
        return self.quorum == "none" or self.quorum in met

    def take(self, words: list[str]) -> None:
        """Add one line."""
        match words:
            case ["log", vkey, *url] if len(url) < 2:
                self.logs.append(self._key(vkey, self.logs))
            case ["witness", name, vkey, *url] if len(url) < 2:
                self._check_new(name)
                key = self._key(vkey, self.witnesses.values())
                if key.kind == ED25519:
                    raise Broken("a witness signs with a cosignature key")
                self.witnesses[name] = key
            case ["group", name, threshold, *members] if members:
                self._check_new(name)
                for member in members:
                    if member not in self.witnesses and member not in self.groups:
                        raise Broken("a member is not defined above")
                    if member in self.members:
                        raise Broken("a member is listed twice")
                    self.members.add(member)
                least = {"all": str(len(members)), "any": "1"}.get(threshold, threshold)
                if not re.fullmatch(r"[1-9][0-9]{0,5}", least) or int(least) > len(members):
                    raise Broken("the threshold is out of range")
                self.groups[name] = (int(least), members)
            case ["quorum", name] if not self.quorum:
                if name != "none" and name not in self.witnesses and name not in self.groups:
                    raise Broken("the quorum is not defined above")
                self.quorum = name
            case _:
                raise Broken("this is no line of a policy, or a second quorum")

    def _check_new(self, name: str) -> None:
        if name == "none" or name in self.witnesses or name in self.groups:
            raise Broken("this name is defined already")

    @staticmethod
    def _key(vkey: str, others: Iterable[Key]) -> Key:
        try:
            key = parse_key(vkey.encode("latin-1").decode())
        except UnicodeDecodeError:
            raise Broken("the name of a key is not UTF-8") from None
        if any(each.public == key.public for each in others):
            raise Broken("this key is listed twice")
        return key


def parse_policy(data: bytes) -> Policy:
    """The policy of a file; names are opaque bytes, kept as Latin-1."""
    if any((each < 0x20 and each not in b"\t\n") or each == 0x7F for each in data):
        raise Problem("bad_policy", line=0, reason=Broken("control characters"))
    policy = Policy()
    for number, line in enumerate(data.decode("latin-1").split("\n"), 1):
        words = [word for word in re.split(r"[ \t]+", line) if word]
        if words and not words[0].startswith("#"):
            try:
                policy.take(words)
            except Broken as error:
                raise Problem("bad_policy", line=number, reason=error) from None
    if not policy.quorum:
        raise Problem("bad_policy", line=number, reason=Broken("no quorum line"))
    return policy


def _readable(name: str) -> str:
    return name.encode("latin-1").decode("utf-8", "replace")


@dataclass
class Trust:
    """Whom the reader trusts: keys that must each have signed, and perhaps a policy."""

    keys: list[Key]
    policy: Policy | None = None
    others: frozenset[str] = frozenset()  # names of other logs that are checked too; their keys need not sign this one

    def judge(self, data: bytes, what: str, report: Report) -> Checkpoint:
        """The checkpoint in ``data``, its signatures checked; what is missing goes to the report.

        Raises:
            Problem: it is malformed, or signed falsely, or not by the log: nothing below it can be believed.
        """
        try:
            note = parse_note(data)
        except Broken as error:
            raise Problem("note_malformed", what=what, reason=error) from None
        try:
            checkpoint = parse_checkpoint(note.text)
        except Broken as error:
            raise Problem("checkpoint_malformed", what=what, reason=error) from None
        times = self.check_lines(note, checkpoint, what, report)
        policy_logs = self.policy.logs if self.policy else []
        if not any(key.name == checkpoint.origin for key in times if key in self.keys or key in policy_logs):
            raise Problem("log_signature_missing", what=what, origin=checkpoint.origin)
        if checkpoint.size == 0 and checkpoint.root != EMPTY_ROOT:
            raise Problem("empty_root", what=what)
        places = {
            "origin": checkpoint.origin,
            "size": checkpoint.size,
            "root": base64.b64encode(checkpoint.root).decode(),
        }
        report.note("checkpoint", what=what, **places)
        for key, stated in times.items():
            report.note("signed", key=key.label, at=f" @ {moment(stated)}" if stated else "")
        if checkpoint.extensions:
            report.note("extensions", count=checkpoint.extensions)
        unknown = len(note.lines) - sum(
            (name, key_id) in {(k.name, k.key_id) for k in times} for name, key_id, _ in note.lines
        )
        if unknown:
            report.note("unknown_lines", count=unknown)
        if self.policy:
            have = [name for name, key in self.policy.witnesses.items() if times.get(key)]
            shown = ", ".join(map(_readable, have)) or "-"
            if self.policy.met_by(have):
                report.note("quorum", quorum=_readable(self.policy.quorum), have=shown)
            else:
                report.blame(Problem("unwitnessed", what=what, quorum=_readable(self.policy.quorum), have=shown))
        return checkpoint

    def check_lines(self, note: Note, checkpoint: Checkpoint | None, what: str, report: Report) -> dict[Key, int]:
        """The time of each valid signature by key; a key of ``--key`` without one is reported."""
        known = list(self.keys)
        if self.policy:
            known += [*self.policy.logs, *self.policy.witnesses.values()]
        by_id = {(key.name, key.key_id): key for key in known}
        times: dict[Key, int] = {}
        for name, key_id, signature in note.lines:
            key = by_id.get((name, key_id))
            if key is None:
                continue
            try:
                time = key.time_of(signature, note.text, checkpoint)
            except Problem as problem:
                report.blame(problem)
                continue
            if time is None:
                raise Problem("signature_false", what=what, key=key.label)
            times.setdefault(key, time)
        unchecked = {problem.places.get("key") for problem in report.problems if problem.code == "no_ml_dsa"}
        for key in self.keys:
            if key not in times and key.label not in unchecked and key.name not in self.others:
                report.blame(Problem("signature_missing", what=what, key=key.label))
        return times


def moment(time: int) -> str:
    """A time of a signature as people read it."""
    try:
        return datetime.fromtimestamp(time, UTC).strftime("%Y-%m-%d %H:%M:%SZ")
    except (ValueError, OverflowError, OSError):
        return str(time)


# The Merkle tree of RFC 6962


def leaf_hash(leaf: bytes) -> bytes:
    """Hash of an entry."""
    return sha256(b"\x00" + leaf).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Hash of an inner node."""
    return sha256(b"\x01" + left + right).digest()


def parents(nodes: Sequence[bytes]) -> list[bytes]:
    """The nodes one level up."""
    each = iter(nodes)
    return [sha256(b"\x01" + left + right).digest() for left, right in zip(each, each, strict=False)]


def split_hashes(data: bytes) -> list[bytes]:
    """The hashes of a tile."""
    return [data[at : at + 32] for at in range(0, len(data), 32)]


def full_root(data: bytes) -> bytes:
    """Root of a full tile; half of all hashing happens here, so each pair is one slice of the level below."""
    while len(data) > 32:
        data = b"".join([sha256(b"\x01" + data[at : at + 64]).digest() for at in range(0, len(data), 64)])
    return data


def edge_root(partials: Sequence[bytes]) -> bytes:
    """Root of the tree whose partial tiles, level 0 first, these are."""
    root = b""
    for data in partials:
        nodes = split_hashes(data)
        for _ in range(8):
            if len(nodes) & 1:
                root = node_hash(nodes[-1], root) if root else nodes[-1]
            nodes = parents(nodes)
    return root or EMPTY_ROOT


def check_inclusion(leaf: bytes, index: int, size: int, proof: Sequence[bytes], root: bytes) -> None:
    """Return only if the proof places the leaf hash at ``index``."""
    if not 0 <= index < size:
        raise Broken("the log has no such entry")
    low, high, node = index, size - 1, leaf
    for step in proof:
        if high == 0:
            raise Broken("it is too long")
        if low & 1 or low == high:
            node = node_hash(step, node)
            while low and not low & 1:
                low, high = low >> 1, high >> 1
        else:
            node = node_hash(node, step)
        low, high = low >> 1, high >> 1
    if high:
        raise Broken("it is too short")
    if node != root:
        raise Broken("it leads to another root")


# A log: tiles from top to bottom, entries from left to right


def tile_path(level: int | str, index: int, width: int = FULL) -> str:
    """Path of a tile below the log."""
    groups = [f"{index % 1000:03d}"]
    while index >= 1000:
        index //= 1000
        groups.append(f"x{index % 1000:03d}")
    partial = "" if width == FULL else f".p/{width}"
    return f"tile/{level}/{'/'.join(reversed(groups))}{partial}"


def read_tile(source: Source, level: int, index: int, width: int) -> bytes:
    """A hash tile, cut from the full one where the partial one is gone."""
    path = tile_path(level, index, width)
    try:
        data = source.read(path, FULL * 32)
    except Problem as problem:
        if width == FULL or problem.code != "absent":
            raise
        try:
            data = source.read(tile_path(level, index), FULL * 32)[: width * 32]
        except Problem:
            raise problem from None
    if len(data) != width * 32:
        raise Problem("tile_malformed", path=path, expected=width * 32, found=len(data))
    return data


def read_bundle(source: Source, index: int, width: int) -> tuple[bytes, bool]:
    """An entry bundle, and whether it is the full one read in place of a partial one."""
    path = tile_path("entries", index, width)
    try:
        return source.read(path, MAX_ENTRIES_FILE), False
    except Problem as problem:
        if width == FULL or problem.code != "absent":
            raise
        try:
            return source.read(tile_path("entries", index), MAX_ENTRIES_FILE), True
        except Problem:
            raise problem from None


def bundle_hashes(data: bytes, width: int, longer: bool) -> bytes:
    """The leaf hashes of a bundle's first ``width`` entries, joined; ``longer`` lets more entries follow."""
    at = 0
    hashes: list[bytes] = []
    add = hashes.append
    try:
        for _ in range(width):
            end = at + 2 + (data[at] << 8 | data[at + 1])
            add(sha256(b"\x00" + data[at + 2 : end]).digest())
            at = end
    except IndexError:
        at = len(data) + 1
    if at > len(data):
        raise Broken("it ends within an entry")
    if at < len(data) and not longer:
        raise Broken("it goes on after its {width} entries", width=width)
    return b"".join(hashes)


def first_change(data: bytes, tile: bytes | None) -> int:
    """Which entry of a broken bundle is the first that is cut off or, where the tile is known, not as in the tile."""
    at = number = 0
    while at + 2 <= len(data) and (end := at + 2 + int.from_bytes(data[at : at + 2], "big")) <= len(data):
        if tile is not None and leaf_hash(data[at + 2 : end]) != tile[number * 32 : number * 32 + 32]:
            break
        at, number = end, number + 1
    return number


@dataclass
class Level0:
    """One tile position at the bottom: what its tile and its entries say, as joined hashes; None = unreadable."""

    index: int
    width: int
    tile: bytes | None = None
    entries: bytes | None = None
    problems: list[Problem] = field(default_factory=list)

    @property
    def path(self) -> str:
        """Path of the bundle."""
        return tile_path("entries", self.index, self.width)

    @property
    def best(self) -> bytes | None:
        """The hashes by the entries where they are readable, else by the tile."""
        return self.tile if self.entries is None else self.entries


class LogCheck:
    """Checks all tiles and entries of a log against a signed head, and names what is wrong.

    Every hash is first computed upwards from the entries and compared with the tile that should hold it. When that leads
    to the signed root, the entries are right and any differing tile is wrong. When not, the signed root is followed down:
    a tile that gives a hash which is proven is proven itself, so the first thing below it that differs is wrong.
    """

    def __init__(self, source: Source, size: int, root: bytes, report: Report, *, entries: bool = True) -> None:
        self.source, self.size, self.root, self.report, self.entries = source, size, root, report, entries
        self.tiles = 0
        self.odd: dict[int, Level0] = {}  # positions of level 0 that need a second look
        self.edge0: Level0 | None = None  # the partial position of level 0
        # For levels 1 and up: each tile as served, and each hash as computed from below. None = unknown.
        self.served: dict[int, list[bytes | None]] = {}
        self.computed: dict[int, list[bytes | None]] = {}

    def run(self) -> bool:
        """Read and check everything; whether nothing was found wrong or unreadable."""
        before = len(self.report.problems)
        self._read_upper(self._read_level0())
        edge = self._signed_edge()
        if edge is None:
            self._blame_contradictions()
        else:
            for level, data in enumerate(edge):
                if data:
                    self._descend(level, (self.size >> 8 * level) // FULL, data)
        return len(self.report.problems) == before

    # Reading

    def _read_level0(self) -> list[bytes | None]:
        """Read level 0 and the entries; the root of each full position, by its entries where they are readable."""
        roots: list[bytes | None] = []
        for each in ordered(self._read_place, range(-(-self.size // FULL)), self.source.readers):
            for problem in each.problems:
                self.report.blame(problem)
            self.tiles += each.tile is not None
            if (each.tile != each.best or each.problems) and len(self.odd) < MAX_ODD:
                self.odd[each.index] = each
            if each.width < FULL:
                self.edge0 = each
            else:
                roots.append(None if each.best is None else full_root(each.best))
        return roots

    def _read_place(self, index: int) -> Level0:
        width = min(self.size - index * FULL, FULL)
        found = Level0(index, width)
        try:
            found.tile = read_tile(self.source, 0, index, width)
        except Problem as problem:
            found.problems.append(problem)
        if self.entries:
            try:
                data, longer = read_bundle(self.source, index, width)
                found.entries = bundle_hashes(data, width, longer)
            except Problem as problem:
                found.problems.append(problem)
            except Broken as error:
                first = index * FULL + first_change(data, found.tile)
                found.problems.append(Problem("bundle_malformed", path=found.path, reason=error, index=first))
        return found

    def _read_upper(self, roots: list[bytes | None]) -> None:
        """Read the tiles above level 0; ``roots`` are the hashes that level 1 should hold."""
        level = 1
        while self.size >> 8 * level:
            self.computed[level] = roots
            self.served[level] = []
            above: list[bytes | None] = []
            for index in range(-(-len(roots) // FULL)):
                width = min(len(roots) - index * FULL, FULL)
                tile: bytes | None = None
                try:
                    tile = read_tile(self.source, level, index, width)
                    self.tiles += 1
                except Problem as problem:
                    self.report.blame(problem)
                self.served[level].append(tile)
                if width == FULL:
                    best = self._below(level, index) or tile
                    above.append(None if best is None else full_root(best))
            roots = above
            level += 1

    def _below(self, level: int, index: int) -> bytes | None:
        """The tile at a place above level 0 as what lies below it gives it."""
        parts = self.computed[level][index * FULL : (index + 1) * FULL]
        return None if None in parts else b"".join(part for part in parts if part is not None)

    # Judging

    def _candidates(self, level: int, index: int) -> Iterator[bytes]:
        """What a tile might be: as computed from below, as served, or partly the one and partly the other."""
        if level:
            computed, served = self._below(level, index), self.served[level][index]
        else:
            each = self.edge0 if self.edge0 and self.edge0.index == index else self.odd.get(index)
            computed, served = (each.best, each.tile) if each else (None, None)
        if computed is None or served is None:
            yield from (data for data in (computed, served) if data is not None)
            return
        yield computed
        places = _differences(computed, served)
        if not places:
            return
        yield served
        if len(places) <= MAX_MIXED:
            for picked in itertools.product((0, 32), repeat=len(places)):
                mixed = bytearray(computed)
                for place, length in zip(places, picked, strict=True):
                    at = place * 32
                    mixed[at : at + length] = served[at : at + length]
                yield bytes(mixed)

    def _signed_edge(self) -> list[bytes] | None:
        """For each level the partial tile with which the right edge gives the signed root."""
        choices: list[Iterable[bytes]] = []
        level = 0
        while self.size >> 8 * level:
            count = self.size >> 8 * level
            choices.append(self._candidates(level, count // FULL) if count % FULL else [b""])
            level += 1
        for edge in itertools.islice(itertools.product(*choices), MAX_EDGES):
            if edge_root(edge) == self.root:
                return list(edge)
        return None

    def _descend(self, level: int, index: int, right: bytes) -> None:
        """``right`` is proven to be the tile at this place: blame what differs, here and below."""
        if level == 0:
            self._judge_place(index, right)
            return
        tile = self.served[level][index]
        if tile is not None and tile != right:
            self._blame_tile(level, index, tile, right)
        for position, wanted in enumerate(split_hashes(right)):
            child = index * FULL + position
            computed = self.computed[level][child]
            if computed == wanted and level == 1:
                if child in self.odd:
                    best = self.odd[child].best
                    assert best is not None  # its root was computed
                    self._judge_place(child, best)
                continue
            for found in self._candidates(level - 1, child):
                if full_root(found) == wanted:
                    self._descend(level - 1, child, found)
                    break
            else:
                if computed is not None:
                    first, last = child << 8 * level, ((child + 1) << 8 * level) - 1
                    self.report.blame(Problem("range_wrong", first=first, last=last, path=tile_path(level - 1, child)))

    def _judge_place(self, index: int, right: bytes) -> None:
        """``right`` are the proven leaf hashes at a place of level 0."""
        each = self.odd.get(index)
        if each is None:
            return
        if each.tile is not None and each.tile != right:
            self._blame_tile(0, index, each.tile, right)
        if each.entries is not None:
            for position in _differences(each.entries, right):
                self.report.blame(Problem("entry_wrong", index=index * FULL + position, path=each.path))

    def _blame_tile(self, level: int, index: int, tile: bytes, right: bytes) -> None:
        path = tile_path(level, index, len(right) // 32)
        for position in _differences(tile, right):
            first = (index * FULL + position) << 8 * level
            last = first + (1 << 8 * level) - 1
            self.report.blame(Problem("tile_wrong", path=path, position=position, first=first, last=last))

    def _blame_contradictions(self) -> None:
        """Nothing that was read gives the signed root; say so, and where tiles and entries contradict each other."""
        if not any(problem.status == UNCHECKED for problem in self.report.problems):
            self.report.blame(Problem("root_wrong", size=self.size))
        for index, each in sorted(self.odd.items()):
            if each.tile is not None and each.entries is not None:
                for position in _differences(each.tile, each.entries):
                    path = tile_path(0, index, each.width)
                    self.report.blame(Problem("tile_disagrees", path=path, index=index * FULL + position))


def _differences(one: bytes, other: bytes) -> list[int]:
    return [at // 32 for at in range(0, len(other), 32) if one[at : at + 32] != other[at : at + 32]]


def ordered(work: Callable[[int], Any], items: Iterable[int], workers: int) -> Iterator[Any]:
    """``work`` of each item, in order; with several workers a bounded number of items ahead."""
    if workers == 1:
        yield from map(work, items)
        return
    with ThreadPoolExecutor(workers) as pool:
        waiting: list[Any] = []
        for item in items:
            waiting.append(pool.submit(work, item))
            if len(waiting) >= workers * 4:
                yield waiting.pop(0).result()
        for each in waiting:
            yield each.result()


class TileTree:
    """Roots of ranges from the tiles of a log; what is read here is trusted only after its root is checked."""

    def __init__(self, source: Source, size: int) -> None:
        self.source, self.size = source, size
        self._tiles: dict[tuple[int, int], bytes] = {}

    def root_at(self, size: int) -> bytes:
        """Root over the first ``size`` entries."""
        root = b""
        for height in range(size.bit_length()):
            if size >> height & 1:
                node = self._node(height, (size >> height) - 1)
                root = node_hash(node, root) if root else node
        return root or EMPTY_ROOT

    def _node(self, height: int, index: int) -> bytes:
        level, above = divmod(height, 8)
        first = index << above
        place = (level, first // FULL)
        if place not in self._tiles:
            width = min((self.size >> 8 * level) - place[1] * FULL, FULL)
            self._tiles[place] = read_tile(self.source, *place, width)
        start = first % FULL
        nodes = split_hashes(self._tiles[place][start * 32 : (start + (1 << above)) * 32])
        while len(nodes) > 1:
            nodes = parents(nodes)
        return nodes[0]


def check_log(source: Source, trust: Trust, report: Report, *, older: Path | None, entries: bool) -> Checkpoint:
    """Everything about a log: signatures, tiles, entries, and that it extends an older checkpoint."""
    checkpoint = trust.judge(source.read("checkpoint", MAX_NOTE), "checkpoint", report)
    past = None
    if older is not None:
        past = trust_past(trust).judge(read_file(older, MAX_NOTE), str(older), Report())
        compare(past, checkpoint, str(older), report)
    check = LogCheck(source, checkpoint.size, checkpoint.root, report, entries=entries)
    if check.run():
        report.note("log" if entries else "tiles", size=checkpoint.size, tiles=check.tiles)
        if past is not None and past.size < checkpoint.size:
            # All tiles lead to the signed root, so the root over their beginning is that of the signed log.
            if TileTree(source, checkpoint.size).root_at(past.size) != past.root:
                raise Problem("rewritten", what=older, old=past.size)
            report.note("extends", what=older, old=past.size)
        elif past is not None and past.size == checkpoint.size:
            report.note("extends", what=older, old=past.size)
    return checkpoint


def check_followed(source: Source, before: Source, trust: Trust, report: Report, *, older: Path | None) -> None:
    """A log and the one that was closed before it: both whole, and an entry of the newer one names the end of the other."""
    names = [origin_in(each.read("checkpoint", MAX_NOTE)) for each in (source, before)]
    if names[0] == names[1]:
        raise Problem("other_log", what="--before", origin=names[0])
    newer, ended = (Trust(trust.keys, trust.policy, frozenset({name})) for name in reversed(names))
    old = check_log(before, ended, report, older=None, entries=True)
    now = check_log(source, newer, report, older=older, entries=True)
    if any(problem.status in {FALSE, UNCHECKED} for problem in report.problems):
        return
    for index, leaf in entries_of(source, now.size):
        if b"audit.log_opened.v1" not in leaf:
            continue
        try:
            envelope = parse_json(leaf)
        except Broken:
            continue
        data = envelope.get("data") if isinstance(envelope, dict) else None
        if not isinstance(data, dict) or envelope.get("type") != "audit.log_opened.v1":
            continue
        if (data.get("origin"), data.get("before")) != (now.origin, old.origin):
            continue
        stated, root = data.get("before_size"), data.get("before_root")
        if (stated, root) != (old.size, base64.b64encode(old.root).decode()):
            raise Problem("followed_otherwise", index=index, stated=stated, root=root, before=old.origin)
        report.note("follows", index=index, before=old.origin, old=old.size)
        return
    report.blame(Problem("not_followed", origin=now.origin, before=old.origin, size=old.size))


def origin_in(data: bytes) -> str:
    """The log that an unproven checkpoint names; empty when it is none."""
    try:
        return parse_checkpoint(parse_note(data).text).origin
    except Broken:
        return ""


def trust_past(trust: Trust) -> Trust:
    """For an older checkpoint the log's own signature is enough: witnesses and newer keys may have come later."""
    logs = [*trust.keys, *(trust.policy.logs if trust.policy else [])]
    return Trust([], Policy(logs=logs, quorum="none"))


def compare(past: Checkpoint, now: Checkpoint, what: str, report: Report) -> None:
    """Report what two signed checkpoints contradict each other in by themselves."""
    if past.origin != now.origin:
        raise Problem("other_log", what=what, origin=past.origin)
    if past.size > now.size:
        report.blame(Problem("rolled_back", what=what, old=past.size, size=now.size))
    elif past.size == now.size and past.root != now.root:
        report.blame(Problem("split_view", size=now.size, what=what))


# Receipts


def parse_receipt(data: bytes) -> tuple[int, list[bytes], bytes, bytes | None]:
    """Index, proof, checkpoint note and extra data of a tlog-proof."""
    head, gap, note = data.partition(b"\n\n")
    try:
        lines = head.decode("ascii").split("\n")
    except UnicodeDecodeError:
        raise Broken("its head is not ASCII") from None
    if not gap or lines.pop(0) != "c2sp.org/tlog-proof@v1":
        raise Broken("it does not begin with c2sp.org/tlog-proof@v1")
    extra = base64_bytes(lines.pop(0)[6:]) if lines and lines[0].startswith("extra ") else None
    match = re.fullmatch(r"index (0|[1-9][0-9]{0,18})", lines.pop(0)) if lines else None
    if match is None:
        raise Broken("it does not state an index")
    if len(lines) > 64:
        raise Broken("its proof is too long")
    return int(match[1]), [hash_bytes(line) for line in lines], note, extra


def check_receipt(path: Path, entry: Path | None, openings: Path | None, trust: Trust, report: Report) -> None:
    """A receipt, with the entry it is for and values disclosed of it."""
    try:
        index, proof, note, extra = parse_receipt(read_file(path, MAX_RECEIPT))
    except Broken as error:
        raise Problem("receipt_malformed", what=path, reason=error) from None
    leaf = read_file(entry, MAX_ENTRY) if entry else extra
    checkpoint = trust.judge(note, str(path), report)
    if leaf is None:
        raise Problem("no_entry")
    try:
        check_inclusion(leaf_hash(leaf), index, checkpoint.size, proof, checkpoint.root)
    except Broken as error:
        raise Problem("proof_wrong", index=index, reason=error) from None
    report.note("entry", index=index, about=about(leaf))
    if openings:
        try:
            envelope = parse_json(leaf)
            given = parse_json(read_file(openings, MAX_BUNDLE_FILE))
        except Broken as error:
            raise Problem("opening_malformed", reason=error) from None
        check_openings(index, envelope, given if isinstance(given, list) else [given], report)


def about(leaf: bytes) -> str:
    """An entry in a line."""
    try:
        envelope = parse_json(leaf)
    except Broken:
        return f"{len(leaf)} bytes"
    if not isinstance(envelope, dict):
        return f"{len(leaf)} bytes"
    return " ".join(str(envelope[name]) for name in ("type", "time", "id", "subject", "actor") if envelope.get(name))


def parse_json(data: bytes) -> Any:
    """JSON, strictly: no name twice, no NaN; fractions stay exact."""

    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        if len(found) != len(pairs):
            raise Broken("a name stands twice in one object")
        return found

    def never(text: str) -> Any:
        raise Broken("{text} is no number", text=text)

    try:
        return json.loads(data.decode(), object_pairs_hook=once, parse_float=_decimal, parse_constant=never)
    except (ValueError, RecursionError):
        raise Broken("it is not JSON") from None


def _decimal(text: str) -> Decimal:
    if len(text) > 60:
        raise Broken("a number is too long")
    return Decimal(text)


def check_openings(index: int, envelope: Any, openings: list[Any], report: Report) -> None:
    """Each disclosed value against the commitment in its entry."""
    stated = envelope.get("commitments") if isinstance(envelope, dict) else None
    for each in openings:
        try:
            name, salt, value = each["field"], base64_bytes(each["salt"]), each["value"]
        except (KeyError, TypeError, AttributeError, Broken):
            raise Problem("opening_malformed", reason=Broken("it should have field, salt and value")) from None
        wanted = stated.get(name) if isinstance(stated, dict) and isinstance(name, str) else None
        try:
            found = hmac.new(salt, canonical([name, value]), sha256).hexdigest()
        except (ValueError, RecursionError):
            raise Problem("opening_malformed", reason=Broken("its value has no canonical form")) from None
        if len(salt) != 32 or not isinstance(wanted, str) or wanted != found:
            report.blame(Problem("opening_wrong", index=index, field=name))
        else:
            report.note("opening", index=index, field=name, value=json.dumps(value, ensure_ascii=False, default=str))


def canonical(value: Any) -> bytes:
    """RFC 8785 for text, whole numbers, lists and objects, and for fractions in the range of plain notation."""
    if isinstance(value, dict):
        keys = sorted(value, key=lambda key: key.encode("utf-16-be"))
        return b"{" + b",".join(canonical(key) + b":" + canonical(value[key]) for key in keys) + b"}"
    if isinstance(value, list):
        return b"[" + b",".join(map(canonical, value)) + b"]"
    if isinstance(value, Decimal):
        return _number_text(float(value)).encode()
    return json.dumps(value, ensure_ascii=False).encode()


def _number_text(value: float) -> str:
    """A double as ECMAScript writes it (RFC 8785 section 3.2.2.3)."""
    if value == 0:
        return "0"
    sign = "-" if value < 0 else ""
    digits, _, power = f"{Decimal(repr(abs(value))):e}".lower().partition("e")
    digits = digits.replace(".", "").rstrip("0") or "0"
    point = int(power) + 1  # position of the decimal point, counted from the first digit
    if len(digits) <= point <= 21:
        text = digits + "0" * (point - len(digits))
    elif 0 < point <= 21:
        text = f"{digits[:point]}.{digits[point:]}"
    elif -6 < point <= 0:
        text = f"0.{'0' * -point}{digits}"
    else:
        mantissa = digits[0] + (f".{digits[1:]}" if len(digits) > 1 else "")
        text = f"{mantissa}e{'+' if point > 0 else '-'}{abs(point - 1)}"
    return sign + text


# Bundles: the entries of a request or of a statement, see docs/reference/bundles.md


@dataclass
class Ref:
    """A sealed value: an entry of the bundle and a JSON pointer into it."""

    entry: int
    pointer: str


class Part:
    """The entries of one log in a bundle: leaf, proof and openings of each by its number."""

    def __init__(self, form: Any) -> None:
        self.first = whole_of(form, "first") if isinstance(form, dict) and "first" in form else 0
        self.checkpoint = text_of(form, "checkpoint").encode("utf-8", "surrogatepass")
        hashes = [hash_bytes(each) for each in strings_of(form, "hashes")]
        self.entries: dict[int, tuple[bytes, list[bytes], list[Any]]] = {}
        for each in list_of(form, "entries"):
            index, leaf = whole_of(each, "index"), text_of(each, "leaf")
            steps = list_of(each, "proof")
            if not all(type(step) is int and 0 <= step < len(hashes) for step in steps) or len(steps) > 64:
                raise Broken("the proof of entry {index} names hashes that are not there", index=index)
            if index in self.entries:
                raise Broken("entry {index} stands there twice", index=index)
            if index < self.first:
                raise Broken("entry {index} stands before the first of its log", index=index)
            openings = list_of(each, "openings") if "openings" in each else []
            try:
                self.entries[index] = (leaf.encode(), [hashes[step] for step in steps], openings)
            except UnicodeEncodeError:
                raise Broken("entry {index} is not text", index=index) from None


class Bundle:
    """A bundle file after its form was checked."""

    def __init__(self, form: Any) -> None:
        if not isinstance(form, dict) or form.get("format") != "houqin.bundle/v1":
            raise Broken("it does not say houqin.bundle/v1")
        self.subject = text_of(form, "subject")
        earlier = list_of(form, "earlier") if "earlier" in form else []
        if len(earlier) > 100:
            raise Broken("it has parts of more than a hundred logs")
        self.parts = [Part(each) for each in (*earlier, form)]
        numbers = [index for part in self.parts for index in part.entries]
        if len(set(numbers)) != len(numbers):
            raise Broken("an entry stands there twice")
        self.statement = form.get("statement")
        if (form.get("kind") == "statement") != isinstance(self.statement, dict):
            raise Broken("a statement's bundle has a statement, others have none")


def text_of(form: Any, name: str) -> str:
    """A text in an object."""
    value = form.get(name) if isinstance(form, dict) else None
    if not isinstance(value, str):
        raise Broken("{name} should be text", name=name)
    return value


def whole_of(form: Any, name: str) -> int:
    """A whole number, zero or more, in an object."""
    value = form.get(name) if isinstance(form, dict) else None
    if type(value) is not int or not 0 <= value <= MAX_SIZE:
        raise Broken("{name} should be a whole number", name=name)
    return value


def list_of(form: Any, name: str) -> list[Any]:
    """A list in an object."""
    value = form.get(name) if isinstance(form, dict) else None
    if not isinstance(value, list):
        raise Broken("{name} should be a list", name=name)
    return value


def strings_of(form: Any, name: str) -> list[str]:
    """A list of texts in an object."""
    values = list_of(form, name)
    if not all(isinstance(each, str) for each in values):
        raise Broken("{name} should be a list of texts", name=name)
    return values


def ref_of(form: Any, name: str) -> Ref:
    """A reference in an object."""
    value = form.get(name) if isinstance(form, dict) else None
    return read_ref(value, name)


def read_ref(value: Any, name: str) -> Ref:
    """A reference."""
    pointer = text_of(value, "pointer")
    if pointer and not pointer.startswith("/"):
        raise Broken("{name} does not point to anything", name=name)
    return Ref(whole_of(value, "entry"), pointer)


def check_bundle(path: Path, trust: Trust, report: Report) -> None:
    """A bundle: its checkpoint, each entry, each disclosed value, and what a statement's lines come to."""
    data = read_file(path, MAX_BUNDLE_FILE)
    if data[:2] == b"\x1f\x8b":
        data = unpack(data, MAX_BUNDLE_FILE, str(path))
    try:
        bundle = Bundle(parse_json(data))
    except Broken as error:
        raise Problem("bundle_file_malformed", what=path, reason=error) from None
    envelopes: dict[int, Any] = {}
    names = {origin_in(part.checkpoint) for part in bundle.parts}
    for part in bundle.parts:
        others = frozenset(names - {origin_in(part.checkpoint)})
        checkpoint = Trust(trust.keys, trust.policy, others).judge(part.checkpoint, str(path), report)
        for index, (leaf, proof, openings) in part.entries.items():
            try:
                check_inclusion(leaf_hash(leaf), index - part.first, checkpoint.size, proof, checkpoint.root)
                envelopes[index] = parse_json(leaf) if openings or bundle.statement else None
            except Broken as error:
                report.blame(Problem("proof_wrong", index=index, reason=error))
                continue
            if openings:
                check_openings(index, envelopes[index], openings, report)
    if len(envelopes) == sum(len(part.entries) for part in bundle.parts):
        report.note("bundle", subject=bundle.subject, count=len(envelopes))
    if bundle.statement is not None:
        try:
            if "drawn" in bundle.statement:
                SealedStatement(whole_of(bundle.statement, "drawn"), envelopes, report).check()
            else:
                Statement(bundle.statement, envelopes, report).check()
        except Broken as error:
            raise Problem("bundle_file_malformed", what=path, reason=error) from None


class Statement:
    """A statement of what is owed, computed again from sealed values alone."""

    def __init__(self, form: Any, envelopes: dict[int, Any], report: Report) -> None:
        self.form, self.envelopes, self.report = form, envelopes, report
        self.total = ref_of(form, "total")
        self.used: set[tuple[int, str]] = set()

    def check(self) -> None:
        """Each line, then the total."""
        amounts: list[Fraction] = []
        sound = True
        for number, line in enumerate(list_of(self.form, "lines"), 1):
            name = f"{number} {line.get('name', '')}" if isinstance(line, dict) else str(number)
            try:
                amounts.append(self._line(name, line, amounts))
            except Problem as problem:
                self.report.blame(problem)
                sound = False
        if not sound:
            return
        computed = sum(amounts, Fraction(0))
        try:
            stated = number_of(self._value("total", self.total), "total")
        except Broken as error:
            raise Problem("card_broken", line="total", reason=error) from None
        if stated != computed:
            self.report.blame(Problem("total_wrong", stated=decimal_text(stated), computed=decimal_text(computed)))
        else:
            self.report.note("total", amount=decimal_text(computed))

    def _line(self, name: str, line: Any, before: list[Fraction]) -> Fraction:
        kind, ref = text_of(line, "kind"), ref_of(line, "amount")
        if ref.entry != self.total.entry:
            raise Problem("statement_mixed", line=name, entry=ref.entry, statement=self.total.entry)
        facts = [read_ref(each, "facts") for each in (list_of(line, "facts") if "facts" in line else [])]
        for fact in facts:
            if (fact.entry, fact.pointer) in self.used:
                raise Problem("fact_twice", line=name, entry=fact.entry, pointer=fact.pointer)
            self.used.add((fact.entry, fact.pointer))
        if kind != "tax":
            self._check_named(name, line, facts)
        try:
            computed, how = self._computed(name, kind, line, facts, before)
            stated = number_of(self._value(name, ref), "amount")
        except Broken as error:
            raise Problem("card_broken", line=name, reason=error) from None
        if stated != computed:
            raise Problem("amount_wrong", line=name, stated=decimal_text(stated), computed=decimal_text(computed))
        self.report.note("line", line=name, how=how, amount=decimal_text(computed))
        return computed

    def _computed(
        self, name: str, kind: str, line: Any, facts: list[Ref], before: list[Fraction]
    ) -> tuple[Fraction, str]:
        types = ", ".join(sorted({str(self._envelope(name, fact.entry).get("type", "?")) for fact in facts}))
        if kind == "sealed":
            total = sum((number_of(self._value(name, fact), fact.pointer) for fact in facts), Fraction(0))
            return (-total if line.get("negative") is True else total), f"Σ {len(facts)} × [{types}]"
        if kind not in {"rate", "tax"}:
            raise Broken("lines of kind {kind} are not known here", kind=_shown(kind, 40))
        card = self._value(name, ref_of(line, "card"))
        if not isinstance(card, dict):
            raise Broken("the card is not an object")
        if kind == "tax":
            return tax(card, sum(before, Fraction(0))), "tax"
        used = [Used(number_of(self._value(name, fact), fact.pointer)) for fact in facts]
        quantity = aggregate(aggregation_of(card), used)
        amount = rate(card, quantity, [each.value for each in used])
        return amount, f"{decimal_text(quantity)} = {len(facts)} × [{types}]"

    def _check_named(self, name: str, line: Any, facts: list[Ref]) -> None:
        """The facts that the sealed statement names are exactly those that the bundle counts."""
        if "named" not in line:
            self.report.note("unnamed", line=name)
            return
        ref = ref_of(line, "named")
        if ref.entry != self.total.entry:
            raise Problem("statement_mixed", line=name, entry=ref.entry, statement=self.total.entry)
        named = self._value(name, ref)
        if not isinstance(named, list) or not all(isinstance(each, str) for each in named):
            raise Problem("card_broken", line=name, reason=Broken("the named facts are not a list of names"))
        pointer = line.get("fact_id", "/id")
        given = [str(self._value(name, Ref(fact.entry, str(pointer)))) for fact in facts]
        if sorted(set(named)) != sorted(set(given)) or len(set(named)) != len(named):
            missing, extra = sorted(set(named) - set(given)), sorted(set(given) - set(named))
            raise Problem("facts_differ", line=name, missing=", ".join(missing) or "-", extra=", ".join(extra) or "-")

    def _envelope(self, line: str, entry: int) -> Any:
        envelope = self.envelopes.get(entry)
        if not isinstance(envelope, dict):
            raise Problem("ref_broken", line=line, entry=entry, pointer="/")
        return envelope

    def _value(self, line: str, ref: Ref) -> Any:
        value = self._envelope(line, ref.entry)
        for token in ref.pointer.split("/")[1:]:
            token = token.replace("~1", "/").replace("~0", "~")
            if isinstance(value, dict) and token in value:
                value = value[token]
            elif isinstance(value, list) and re.fullmatch(r"0|[1-9][0-9]{0,8}", token) and int(token) < len(value):
                value = value[int(token)]
            else:
                raise Problem("ref_broken", line=line, entry=ref.entry, pointer=ref.pointer)
        return value


class SealedStatement:
    """A statement computed again from the events that were sealed when it was drawn; the bundle only says which it is.

    Nothing in the bundle tells how an amount comes about: lines, facts and prices are found by what the events say.
    """

    def __init__(self, drawn: int, envelopes: dict[int, Any], report: Report) -> None:
        self.report = report
        self.place = drawn
        self.events = [(index, each) for index, each in sorted(envelopes.items()) if isinstance(each, dict)]
        self.by_id = {str(each.get("id")): each for _, each in self.events}
        self.drawn = self._data(envelopes.get(drawn), "billing.statement_drawn.v1")
        self.counted: set[str] = set()
        self.booked: set[int] = set()

    @staticmethod
    def _data(envelope: Any, kind: str) -> dict[str, Any]:
        data = envelope.get("data") if isinstance(envelope, dict) else None
        if not isinstance(data, dict) or envelope.get("type") != kind:
            raise Broken("an entry that should be {kind} is something else", kind=kind)
        return data

    def _said(self, kind: str) -> list[tuple[str, dict[str, Any]]]:
        """(id, data) of every event of a kind in the bundle, in the order of the log."""
        return [(str(each.get("id")), self._data(each, kind)) for _, each in self.events if each.get("type") == kind]

    def check(self) -> None:
        """The lines are those that were sealed, each follows from its events, and they come to the total."""
        lines = self._lines()
        amounts = []
        for number, parts in sorted(lines.items()):
            line = parts[0]
            name = f"{number} {_shown(line.get('item', ''), 40)} {_shown(line.get('meter', ''), 40)}".strip()
            try:
                amounts.append(self._line(name, line, [each for part in parts for each in strings_of(part, "events")]))
            except Problem as problem:
                self.report.blame(problem)
            except Broken as error:
                self.report.blame(Problem("card_broken", line=name, reason=error))
        if len(amounts) != len(lines):
            return
        computed, stated = sum(amounts, Fraction(0)), number_of(self.drawn.get("total"), "total")
        if computed != stated:
            self.report.blame(Problem("total_wrong", stated=decimal_text(stated), computed=decimal_text(computed)))
        else:
            self.report.note("total", amount=decimal_text(computed))

    def _lines(self) -> dict[int, list[dict[str, Any]]]:
        """The parts of each line, complete; those that the issued statement names, where it was issued."""
        ref = text_of(self.drawn, "statement")
        said = [
            (id_, line) for id_, line in self._said("billing.statement_line_drawn.v1") if line.get("statement") == ref
        ]
        for _, issued in self._said("billing.statement_issued.v1"):
            if issued.get("statement") == ref:
                named = set(strings_of(issued, "line_events"))
                missing, extra = sorted(named - {id_ for id_, _ in said}), sorted({id_ for id_, _ in said} - named)
                if missing or extra:
                    raise Problem(
                        "facts_differ", line=ref, missing=", ".join(missing) or "-", extra=", ".join(extra) or "-"
                    )
        lines: dict[int, list[dict[str, Any]]] = {}
        for _, line in said:
            lines.setdefault(whole_of(line, "line"), []).append(line)
        count = whole_of(self.drawn, "lines")
        if sorted(lines) != list(range(1, count + 1)):
            raise Broken(
                "the statement has {count} lines, the bundle has {there}",
                count=count,
                there=", ".join(map(str, sorted(lines))) or "-",
            )
        for number, parts in lines.items():
            parts.sort(key=lambda part: whole_of(part, "part"))
            if [part["part"] for part in parts] != list(range(1, whole_of(parts[0], "parts") + 1)):
                raise Broken("line {number} is not there with all its parts", number=number)
        return lines

    def _line(self, name: str, line: dict[str, Any], events: list[str]) -> Fraction:
        missing = [each for each in events if each not in self.by_id]
        if missing:
            raise Problem("facts_differ", line=name, missing=", ".join(missing[:5]), extra="-")
        kind, stated = text_of(line, "kind"), number_of(line.get("amount"), "amount")
        if kind == "charge":
            computed, how = self._charge(name, line, events)
        else:
            computed, how = self._decided(kind, line, events)
        if computed != stated:
            raise Problem("amount_wrong", line=name, stated=decimal_text(stated), computed=decimal_text(computed))
        self.report.note("line", line=name, how=how, amount=decimal_text(computed))
        return computed

    def _charge(self, name: str, line: dict[str, Any], events: list[str]) -> tuple[Fraction, str]:
        """The price of the card that was in force, applied to the facts that stand and fall into its days."""
        agreed = self._agreed(line)
        card = self._card(line)
        span, share = self._span(name, line, card, agreed)
        terms = {"rounding": rounding_of(agreed), **self._terms(line, card)}
        kind = aggregation_of(terms)
        level = kind == "time_weighted"  # facts are changes of it, down too; what came before the month is carried over
        found = {id_: each for id_, each in self._facts(line, events).items() if level or each.value >= 0}
        inside = {
            id_: each for id_, each in found.items() if each.at is not None and span.since <= each.at < span.until
        }
        if len(inside) != whole_of(line, "facts"):
            raise Problem("facts_differ", line=name, missing=f"{line['facts']} - {len(inside)}", extra="-")
        for fact in inside:
            if fact in self.counted:
                raise Problem("fact_twice", line=name, entry=self.place, pointer=fact)
        self.counted |= inside.keys()
        span.opening = sum((each.value for each in found.values() if each.at and each.at < span.since), Fraction(0))
        used = sorted(inside.values(), key=lambda each: each.order)
        quantity = aggregate(kind, used, span)
        amount = rate(for_part(terms, share), quantity, [each.value for each in used])
        return amount, f"{decimal_text(quantity)} = {kind} {len(used)}"

    def _facts(self, line: dict[str, Any], events: list[str]) -> dict[str, Used]:
        """The facts of the line's meter that stand after everything the line names: not void, as last corrected."""
        wanted, facts = set(events), {}
        for _, envelope in self.events:
            if str(envelope.get("id")) not in wanted:
                continue
            for fact, data in self._recorded(envelope):
                if data.get("kind") in {"void", "correct"}:
                    facts.pop(str(data.get("corrects")), None)
                if data.get("kind") == "void":
                    continue
                if (data.get("item") or line["item"], data.get("meter")) == (line["item"], line["meter"]):
                    value = number_of(data.get("quantity"), "quantity")
                    at = moment_of(data, "service_at")
                    order = (at, str(data.get("source", "")), str(data.get("source_id", "")))
                    facts[fact] = Used(value, at, order, str(data.get("counted_as") or ""))
        return facts

    def _recorded(self, envelope: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
        kind = envelope.get("type")
        if kind == "billing.usage_recorded.v1":
            data = self._data(envelope, kind)
            yield text_of(data, "fact_id"), data
        elif kind == "billing.usage_batch_recorded.v1":
            data = self._data(envelope, kind)
            for each in list_of(data, "facts"):
                yield text_of(each, "fact_id"), {**data, **each, "kind": "fact"}

    def _agreed(self, line: dict[str, Any]) -> dict[str, Any]:
        """What the contract says of zone, months, rounding and its end: the newest word before the statement, if any."""
        said = [
            self._data(each, "billing.contract_in_force.v1")
            for index, each in self.events
            if index < self.place and each.get("type") == "billing.contract_in_force.v1"
        ]
        return next((each for each in reversed(said) if each.get("contract") == line.get("contract")), {})

    def _cards(self, contract: Any) -> list[dict[str, Any]]:
        """The contract's cards that were in force when the statement was drawn."""
        cards = [
            self._data(each, "billing.card_in_force.v1")
            for index, each in self.events
            if index < self.place and each.get("type") == "billing.card_in_force.v1"
        ]
        cards = [each for each in cards if each.get("contract") == contract]
        replaced = {each.get("replaces") for each in cards}
        return [each for each in cards if each.get("card_version") not in replaced]

    def _card(self, line: dict[str, Any]) -> dict[str, Any]:
        """The card that the line names."""
        card = self._data(self.by_id.get(text_of(line, "card_event")), "billing.card_in_force.v1")
        if (card.get("contract"), card.get("card_version")) != (line.get("contract"), line.get("card_version")):
            raise Broken("the card is of another contract or version")
        return card

    @staticmethod
    def _terms(line: dict[str, Any], card: dict[str, Any]) -> dict[str, Any]:
        """The price and terms of the line's meter in its card."""
        for each in list_of(card, "lines"):
            if isinstance(each, dict) and (each.get("item"), each.get("meter")) == (
                line.get("item"),
                line.get("meter"),
            ):
                terms = parse_json(text_of(each, "terms").encode())
                if isinstance(terms, dict):
                    return {**terms, **terms.get("terms", {})} if isinstance(terms.get("terms"), dict) else terms
        raise Broken("the card has no price for this meter")

    def _span(
        self, name: str, line: dict[str, Any], card: dict[str, Any], agreed: dict[str, Any]
    ) -> tuple[Span, Fraction]:
        """The part of the line's month on which its card holds, and that part as the contract counts days."""
        month = text_of(line, "for_period")
        first = day_of({"month": f"{month}-01"}, "month")
        last = (first + timedelta(days=31)).replace(day=1)
        others = [day_of(each, "starts_on") for each in self._cards(line.get("contract"))]
        starts = day_of(card, "starts_on")
        ends = [each for each in others if each > starts]
        if agreed.get("ends_on") is not None:
            ends.append(day_of(agreed, "ends_on"))
        since, until = max(first, starts), min([last, *ends])
        if since >= until:
            raise Broken("the card does not hold in that month")
        zone = zone_of(agreed.get("zone") or "Asia/Shanghai", name)
        moments = [datetime.combine(day, time(), zone).astimezone(UTC) for day in (since, until, first, last)]
        fixed = agreed.get("fixed_days_in_month") or 0
        if type(fixed) is not int or not 0 <= fixed <= 1000:
            raise Broken("fixed_days_in_month is no number of days")
        if (since, until) == (first, last):
            share = Fraction(1)
        elif fixed and until == last:  # the day after the month's end lies in the next one: its own days do not count
            share = Fraction((until - since).days - (last - first).days + fixed, fixed)
        else:
            share = Fraction((until - since).days, fixed or (last - first).days)
        return Span(moments[0], moments[1], moments[3] - moments[2]), share

    def _decided(self, kind: str, line: dict[str, Any], events: list[str]) -> tuple[Fraction, str]:
        """What people decided and sealed: the amounts themselves, with the sign of their kind."""
        if kind == "adjustment":
            found = [
                number_of(data.get("amount"), "amount")
                for _, data in self._said("billing.adjustment_booked.v1")
                if (data.get("booked_in"), data.get("for_period")) == (self.drawn.get("period"), line.get("for_period"))
                and all(data.get(each) == line.get(each) for each in ("contract", "item", "meter", "card_version"))
            ]
            return sum(found, Fraction(0)), f"Σ {len(found)}"
        if kind not in SIGNS:
            raise Broken("lines of kind {kind} are not known here", kind=_shown(kind, 40))
        found = [
            abs(number_of(data.get(field), field))
            for type_, field in DECIDED.items()
            for id_, data in self._said(type_)
            if id_ in set(events)
        ]
        if not found and not events:
            return self._booked(kind, line)
        if not found:
            raise Broken("no event that decided it is in the bundle")
        return SIGNS[kind] * sum(found, Fraction(0)), f"Σ {len(found)}"

    def _booked(self, kind: str, line: dict[str, Any]) -> tuple[Fraction, str]:
        """A line that names no event: its entries in the sealed feed, each with the event that moved the money."""
        entries = [
            (whole_of(data, "number"), number_of(data.get("amount"), "amount"))
            for _, data in self._said("billing.feed_extended.v1")
            if (data.get("contract"), data.get("kind"), data.get("booked_in"), data.get("period"))
            == (line.get("contract"), kind, self.drawn.get("period"), line.get("for_period"))
        ]
        if kind == "interest":  # each payment's interest is a line of its own
            paid = [number_of(data.get("interest"), "interest") for _, data in self._said("billing.statement_paid.v1")]
            stated = number_of(line.get("amount"), "amount")
            entries = [each for each in entries if each[0] not in self.booked and each[1] == stated and stated in paid][
                :1
            ]
        else:
            moved = {
                data.get("number"): number_of(data.get("amount"), "amount")
                for _, data in self._said("billing.retention_moved.v1")
                if f"retention_{data.get('move')}" == kind
            }
            entries = [each for each in entries if each[0] not in self.booked and moved.get(each[0]) == abs(each[1])]
        if not entries:
            raise Broken("no event that decided it is in the bundle")
        self.booked |= {number for number, _ in entries}
        return sum((amount for _, amount in entries), Fraction(0)), f"Σ {len(entries)}"


SIGNS = {"deduction": -1, "bonus": 1, "retention_held": -1, "retention_released": 1, "interest": 1}
DECIDED = {
    "billing.deduction_posted.v1": "amount",
    "billing.retention_moved.v1": "amount",
    "billing.statement_paid.v1": "interest",
}


# What a quantity costs; exact fractions throughout. The definitions are those of docs/reference/bundles.md.


def number_of(value: Any, name: str) -> Fraction:
    """A decimal number, given as text or as a JSON number."""
    if isinstance(value, Fraction):  # computed here
        return value
    if type(value) is int and abs(value) < 10**40:
        return Fraction(value)
    if isinstance(value, Decimal):
        value = format(value, "f") if abs(value.adjusted()) < 60 else ""
    if not isinstance(value, str) or not re.fullmatch(r"-?[0-9]{1,40}(\.[0-9]{1,40})?", value):
        raise Broken("{name} is not a decimal number", name=_shown(name, 60))
    return Fraction(value)


def optional(form: dict[str, Any], name: str) -> Fraction | None:
    """A number that may be absent or null."""
    return None if form.get(name) is None else needed(form, name)


def needed(form: dict[str, Any], name: str, *, positive: bool = False) -> Fraction:
    """A number that must be there and is not negative."""
    value = number_of(form.get(name), name)
    if value < 0 or (positive and value == 0):
        raise Broken("{name} is too small", name=name)
    return value


def decimal_text(value: Fraction) -> str:
    """A number as people read it; a fraction without a decimal form is shown as such."""
    places, rest = 0, value.denominator
    while rest % 10 == 0:
        rest, places = rest // 10, places + 1
    twos = fives = 0
    while rest % 2 == 0:
        rest, twos = rest // 2, twos + 1
    while rest % 5 == 0:
        rest, fives = rest // 5, fives + 1
    if rest != 1:
        return f"{value.numerator}/{value.denominator}"
    places += max(twos, fives)
    whole = abs(value.numerator) * 10**places // value.denominator
    digits = str(whole).rjust(places + 1, "0")
    sign = "-" if value < 0 else ""
    return f"{sign}{digits[:-places]}.{digits[-places:]}" if places else f"{sign}{digits}"


def rounded(value: Fraction, rule: Any) -> Fraction:
    """``value`` by a rounding rule ``{mode, digits}``; exact without one."""
    if rule is None:
        return value
    if not isinstance(rule, dict) or type(rule.get("digits", 2)) is not int or abs(rule.get("digits", 2)) > 18:
        raise Broken("the rounding is not a mode and a number of digits")
    scale: Fraction = Fraction(10) ** rule.get("digits", 2)
    scaled = value * scale
    low = scaled.numerator // scaled.denominator
    rest = scaled - low
    match rule.get("mode", "half_up"):
        case "half_up":
            up = rest > Fraction(1, 2) or (rest == Fraction(1, 2) and value > 0)
        case "half_even":
            up = rest > Fraction(1, 2) or (rest == Fraction(1, 2) and low % 2 == 1)
        case "ceiling":
            up = rest > 0
        case "floor":
            up = False
        case mode:
            raise Broken("there is no rounding mode {mode}", mode=_shown(mode, 40))
    return Fraction(low + up) / scale


@dataclass(frozen=True)
class Used:
    """One fact as it is counted: what was measured, when, its place among the others, and whom or what it counted."""

    value: Fraction
    at: datetime | None = None
    order: tuple[Any, ...] = ()
    who: str = ""


@dataclass
class Span:
    """A half-open part of a month of a given length, and the level when it began."""

    since: datetime
    until: datetime
    month: timedelta
    opening: Fraction = Fraction(0)


def micro(span: timedelta) -> int:
    """A span in millionths of a second, exactly."""
    return span // timedelta(microseconds=1)


def level_over(used: list[Used], span: Span | None) -> Fraction:
    """A level, changed by each fact, held over its part of the month; a level below nothing counts as nothing."""
    if span is None or any(each.at is None for each in used):
        raise Broken("time_weighted needs the time of every fact, and the month")
    held = span.opening * micro(span.until - span.since)
    for each in used:
        held += each.value * micro(span.until - each.at) if each.at else 0
    return max(Fraction(0), held / micro(span.month))


AGGREGATIONS: dict[str, Callable[[list[Used], Span | None], Fraction]] = {
    "sum": lambda used, _: sum((each.value for each in used), Fraction(0)),
    "count": lambda used, _: Fraction(len(used)),
    "max": lambda used, _: max((each.value for each in used), default=Fraction(0)),
    "min": lambda used, _: min((each.value for each in used), default=Fraction(0)),
    "latest": lambda used, _: used[-1].value if used else Fraction(0),
    "unique": lambda used, _: Fraction(len({each.who or each.value for each in used})),
    "time_weighted": level_over,
}


def aggregate(kind: Any, used: list[Used], span: Span | None = None) -> Fraction:
    """The one quantity that several facts, in the order of their time, come to."""
    if not isinstance(kind, str) or kind not in AGGREGATIONS:
        raise Broken("there is no aggregation {kind}", kind=_shown(kind, 40))
    return AGGREGATIONS[kind](used, span)


def aggregation_of(card: dict[str, Any]) -> Any:
    """How the facts under a card become one quantity."""
    form = card.get("price")
    usual = "max" if isinstance(form, dict) and form.get("model") == "capacity" else "sum"
    return card.get("aggregation") or usual


def for_part(card: dict[str, Any], share: Fraction) -> dict[str, Any]:
    """The terms of a card that holds for a part of a month: what is meant for the whole month counts for that part."""
    if share == 1:
        return card
    found, rule = dict(card), card.get("rounding")
    if card.get("free_quantity") is not None:
        found["free_quantity"] = needed(card, "free_quantity") * share
    for name in ("minimum", "maximum"):
        if card.get(name) is not None:
            found[name] = rounded(needed(card, name) * share, rule)
    form = card.get("price")
    if isinstance(form, dict):
        name = {"flat": "amount", "percentage": "free_amount"}.get(str(form.get("model")))
        if name is not None and form.get(name) is not None:
            found["price"] = {**form, name: needed(form, name) * share}
        if form.get("model") == "capacity":
            parts = [{**tier, "price": needed(tier, "price") * share} for _, tier in tiers(form)]
            found["price"] = {**form, "tiers": parts}
    return found


def rounding_of(agreed: dict[str, Any]) -> dict[str, Any]:
    """How a contract rounds money; to the fen where it does not say."""
    return {"mode": agreed.get("rounding_mode", "half_up"), "digits": agreed.get("rounding_digits", 2)}


def moment_of(form: Any, name: str) -> datetime:
    """A moment with its offset in an object."""
    try:
        found = datetime.fromisoformat(text_of(form, name))
    except ValueError:
        raise Broken("{name} is not a time", name=name) from None
    if found.tzinfo is None:
        raise Broken("{name} has no offset", name=name)
    return found.astimezone(UTC)


def day_of(form: Any, name: str) -> date:
    """A day in an object."""
    text = text_of(form, name)
    try:
        found = date.fromisoformat(text)
    except ValueError:
        raise Broken("{name} is not a day", name=name) from None
    if not 1900 <= found.year < 2200:
        raise Broken("{name} is not a day", name=name)
    return found


def zone_of(name: Any, line: str) -> tzinfo:
    """A time zone; that of China needs no data of the machine."""
    if name in {"Asia/Shanghai", "UTC"}:
        return timezone(timedelta(hours=8 if name == "Asia/Shanghai" else 0))
    if not isinstance(name, str) or not re.fullmatch(r"[A-Za-z][A-Za-z0-9_+/-]{0,63}", name):
        raise Broken("there is no time zone {name}", name=_shown(name, 40))
    try:
        return ZoneInfo(name)
    except (OSError, ValueError, LookupError):
        raise Problem("no_zone", line=line, zone=name) from None


def rate(card: dict[str, Any], quantity: Fraction, events: list[Fraction] | None = None) -> Fraction:
    """What ``quantity`` costs under a price and its terms, minimum included and less what was billed before.

    ``events`` are the single quantities, in order, for prices that look at each.
    """
    quantity += optional(card, "prior_quantity") or 0
    billed = optional(card, "prior_billed") or Fraction(0)
    net = net_of(card, quantity, events)
    minimum = optional(card, "minimum") if card.get("final") is not False else None
    true_up = Fraction(0) if minimum is None else max(Fraction(0), minimum - net)
    return net - billed + true_up


def net_of(card: dict[str, Any], quantity: Fraction, events: list[Fraction] | None) -> Fraction:
    """Convert, take off what is free, price, round, discount, round, cap."""
    if quantity < 0:
        raise Broken("the quantity is negative")
    form = card.get("convert") if card.get("convert") is not None else card
    if not isinstance(form, dict):
        raise Broken("the conversion is not an object")
    if form.get("op") is not None:
        factor = needed(form, "factor", positive=True)
        if form["op"] not in {"multiply", "divide"}:
            raise Broken("there is no conversion {op}", op=_shown(form["op"], 40))
        quantity = quantity * factor if form["op"] == "multiply" else quantity / factor
        quantity = rounded(quantity, form.get("rounding") if form is not card else card.get("convert_rounding"))
    quantity = max(Fraction(0), quantity - (optional(card, "free_quantity") or 0))
    amount = rounded(price(card.get("price"), quantity, events), card.get("rounding"))
    discount = optional(card, "discount_pct")
    if discount:
        amount = rounded(amount - amount * discount / 100, card.get("rounding"))
    maximum = optional(card, "maximum")
    return amount if maximum is None else min(amount, maximum)


def price(form: Any, quantity: Fraction, events: list[Fraction] | None = None) -> Fraction:
    """The amount of a quantity under a price object; where events are priced and none are named it is one event."""
    model = form.get("model") if isinstance(form, dict) else None
    if isinstance(model, str) and model in EVENT_PRICES:
        if events is None:
            events = [quantity] if quantity else []
        return EVENT_PRICES[model](form, events)
    if isinstance(model, str) and model in PRICES:
        return PRICES[model](form, quantity)
    raise Broken("there is no price model {model}", model=_shown(model, 40))


def package(form: dict[str, Any], quantity: Fraction) -> Fraction:
    """Started packages of what is not free."""
    rest = max(Fraction(0), quantity - (optional(form, "free_units") or 0))
    return blocks(rest, needed(form, "size", positive=True)) * needed(form, "price")


def tier_of(form: dict[str, Any], quantity: Fraction) -> dict[str, Any]:
    """The first tier that reaches as far as the quantity."""
    return next(tier for limit, tier in tiers(form) if limit is None or quantity <= limit)


def volume(form: dict[str, Any], quantity: Fraction) -> Fraction:
    """All of it at the tier it falls in, plus that tier's flat fee."""
    tier = tier_of(form, quantity)
    return quantity * unit(tier, "unit_price") + (optional(tier, "flat_fee") or 0)


def percentage(form: dict[str, Any], events: list[Fraction]) -> Fraction:
    """A share of each event and a fee for each, less allowances; each charge within its limits where there are any."""
    part, fee = needed(form, "rate_pct") / 100, optional(form, "fixed_fee") or Fraction(0)
    number, value = optional(form, "free_events") or Fraction(0), optional(form, "free_amount") or Fraction(0)
    least, most = optional(form, "event_min"), optional(form, "event_max")
    if number.denominator != 1:
        raise Broken("free_events is not a whole number")
    if least is None and most is None:
        sums = list(itertools.accumulate(events))
        whole = sums[-1] if sums else Fraction(0)
        # What each allowance takes off, in value and in events; the lesser counts.
        spared: list[tuple[Fraction, int]] = []
        if number:
            count = min(int(number), len(events))
            spared.append((sums[count - 1] if count else Fraction(0), count))
        if value:
            spared.append((min(value, whole), sum(1 for each in sums if each < value)))
        off = min((each for each, _ in spared), default=Fraction(0))
        free = min((each for _, each in spared), default=0)
        return (whole - off) * part + (len(events) - free) * fee
    if least is not None and most is not None and least > most:
        raise Broken("event_min lies above event_max")
    amount = Fraction(0)
    for event in events:
        charged = event
        if number > 0 or value > 0:
            number -= 1
            if value == 0 or event < value:  # all of it is free
                value = max(Fraction(0), value - event)
                continue
            charged, number, value = event - value, Fraction(0), Fraction(0)  # the first that does not fit ends it
        cost = charged * part + fee
        if least is not None:
            cost = max(cost, least)
        amount += cost if most is None else min(cost, most)
    return amount


PRICES: dict[str, Callable[[dict[str, Any], Fraction], Fraction]] = {
    "flat": lambda form, _: needed(form, "amount"),
    "per_unit": lambda form, quantity: quantity * needed(form, "unit_price"),
    "multiplier": lambda form, quantity: quantity * needed(form, "multiplier"),
    "package": package,
    "graduated": lambda form, quantity: graduated(tiers(form), quantity, "unit_price", Fraction(1)),
    "graduated_percentage": lambda form, quantity: graduated(tiers(form), quantity, "rate_pct", Fraction(1, 100)),
    "volume": volume,
    "graduated_blocks": lambda form, quantity: block_price(form, quantity, whole=False),
    "volume_blocks": lambda form, quantity: block_price(form, quantity, whole=True),
    "capacity": lambda form, quantity: needed(tier_of(form, quantity), "price"),
}
EVENT_PRICES: dict[str, Callable[[dict[str, Any], list[Fraction]], Fraction]] = {"percentage": percentage}


def tiers(form: dict[str, Any]) -> list[tuple[Fraction | None, dict[str, Any]]]:
    """The tiers of a price with their inclusive limits, rising, the last one open."""
    found: list[tuple[Fraction | None, dict[str, Any]]] = []
    records = list_of(form, "tiers")
    if not 1 <= len(records) <= MAX_TIERS or not all(isinstance(each, dict) for each in records):
        raise Broken("the tiers are not a list of objects")
    for each in records:
        limit = optional(each, "up_to")
        if found and (found[-1][0] is None or (limit is not None and limit <= found[-1][0])):
            raise Broken("the tiers do not rise")
        found.append((limit, each))
    if found[-1][0] is not None:
        raise Broken("the last tier is not open")
    return found


def unit(tier: dict[str, Any], name: str) -> Fraction:
    """The unit price of a tier; zero where it has a flat fee alone."""
    return Fraction(0) if tier.get(name) is None and tier.get("flat_fee") is not None else needed(tier, name)


def graduated(
    steps: list[tuple[Fraction | None, dict[str, Any]]], quantity: Fraction, name: str, scale: Fraction
) -> Fraction:
    """Each slice at its own tier, plus the flat fee of every tier entered."""
    amount = below = Fraction(0)
    for number, (limit, tier) in enumerate(steps):
        if number and quantity <= below:
            break
        top = quantity if limit is None else min(quantity, limit)
        amount += (top - below) * unit(tier, name) * scale + (optional(tier, "flat_fee") or 0)
        below = quantity if limit is None else limit
    return amount


def block_price(form: dict[str, Any], quantity: Fraction, *, whole: bool) -> Fraction:
    """Started blocks tier by tier; or, when ``whole``, all of it in blocks of the tier that holds the rest."""
    records = list_of(form, "tiers")
    if not 1 <= len(records) <= MAX_TIERS or not all(isinstance(each, dict) for each in records):
        raise Broken("the tiers are not a list of objects")
    amount, rest = Fraction(0), quantity
    for number, tier in enumerate(records):
        size, cost, most = (
            needed(tier, "block_size", positive=True),
            needed(tier, "block_price"),
            optional(tier, "max_blocks"),
        )
        count = blocks(rest, size)
        holds = most is None or count <= most
        if whole and (holds or number == len(records) - 1):
            return blocks(quantity, size) * cost
        amount += (count if holds or most is None else most) * cost
        if holds or most is None:
            break
        rest -= most * size
    return amount


def blocks(quantity: Fraction, size: Fraction) -> int:
    """How many blocks are started."""
    return -((-quantity) // size)


def tax(card: dict[str, Any], base: Fraction) -> Fraction:
    """Tax on the sum of the lines before, rounded once."""
    rates = list_of(card, "rates_pct")
    if len(rates) > 100:
        raise Broken("too many tax rates")
    total = sum((number_of(each, "rates_pct") for each in rates), Fraction(0))
    return rounded(base * total / 100, card.get("rounding"))


# Promises: what the person who filed was given


def check_promise(path: Path, source: Source, trust: Trust, filed_by: Key, report: Report) -> None:
    """That the event which a signed promise names stands in the log."""
    try:
        note = parse_note(read_file(path, MAX_NOTE))
        lines = note.text.decode().split("\n")
        times = [int(each) for each in lines[3:5] if re.fullmatch(r"[1-9][0-9]{0,15}", each)]
        if len(lines) != 6 or lines[0] != "houqin/filed/v1" or lines[5] or len(times) != 2 or not all(lines[:5]):
            raise Broken("it does not read: houqin/filed/v1, log, event, filed, promised until")
    except Broken as error:
        raise Problem("promise_malformed", what=path, reason=error) from None
    if filed_by.kind != ED25519:
        raise Problem("bad_key", what="--filed-by", reason=Broken("it is not a plain Ed25519 key"))
    if not Trust([filed_by]).check_lines(note, None, str(path), report):
        return
    origin, event, until = lines[1], lines[2], times[1]
    found = Report()
    checkpoint = check_log(source, trust, found, older=None, entries=True)
    report.facts += found.facts
    report.problems += found.problems
    if checkpoint.origin != origin:
        raise Problem("other_log", what="checkpoint", origin=checkpoint.origin)
    if any(problem.status in {FALSE, UNCHECKED} for problem in report.problems):
        return
    for index, leaf in entries_of(source, checkpoint.size):
        if event.encode() in leaf:
            try:
                envelope = parse_json(leaf)
            except Broken:
                continue
            if isinstance(envelope, dict) and envelope.get("id") == event:
                report.note("promise", id=event, index=index, until=moment(until))
                return
    newest = max((time for time in cosigned_times(source, trust) if time), default=0)
    late = newest > until
    code = "promised_absent" if late else "promise_pending"
    report.blame(Problem(code, id=event, until=moment(until), size=checkpoint.size))


def cosigned_times(source: Source, trust: Trust) -> Iterable[int]:
    """The times that the signatures of a log's checkpoint state."""
    note = parse_note(source.read("checkpoint", MAX_NOTE))
    return trust.check_lines(note, parse_checkpoint(note.text), "checkpoint", Report()).values()


def entries_of(source: Source, size: int) -> Iterator[tuple[int, bytes]]:
    """Every entry of a log that was checked before."""
    for index in range(-(-size // FULL)):
        width = min(size - index * FULL, FULL)
        data, _ = read_bundle(source, index, width)
        at = 0
        for number in range(width):
            end = at + 2 + int.from_bytes(data[at : at + 2], "big")
            yield index * FULL + number, data[at + 2 : end]
            at = end


# The command line


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one check; returns the exit status."""
    options = parser().parse_args(arguments)
    language = options.lang or ("zh" if os.environ.get("LANG", "").startswith("zh") else "en")
    report = Report()
    try:
        run(options, report)
    except Problem as problem:
        report.problems.append(problem)
    except KeyboardInterrupt:
        report.problems.append(Problem("internal", reason=Broken("interrupted")))
    except Exception as error:  # noqa: BLE001  a hostile file must never end in a traceback
        report.problems.append(Problem("internal", reason=type(error).__name__))
    show(report, language, as_json=options.json, quiet=options.quiet)
    return report.status


def run(options: argparse.Namespace, report: Report) -> None:
    """What the command line asks for."""
    trust = trust_of(options)
    match options.command:
        case "log":
            source = open_log(options.place)
            if options.before is not None:
                check_followed(source, open_log(options.before), trust, report, older=options.older)
                return
            check_log(source, trust, report, older=options.older, entries=not options.no_entries)
        case "receipt":
            check_receipt(options.file, options.entry, options.openings, trust, report)
        case "bundle":
            check_bundle(options.file, trust, report)
        case "compare":
            first = trust.judge(read_file(options.first, MAX_NOTE), str(options.first), report)
            second = trust.judge(read_file(options.second, MAX_NOTE), str(options.second), report)
            (small, name), (large, _) = sorted(
                [(first, options.first), (second, options.second)], key=lambda each: each[0].size
            )
            compare(small, large, str(name), report)
            if small.size != large.size and not report.problems:
                raise Problem("not_comparable", old=small.size, size=large.size)
        case "promise":
            try:
                filed_by = parse_key(options.filed_by)
            except Broken as error:
                raise Problem("bad_key", what="--filed-by", reason=error) from None
            check_promise(options.file, open_log(options.log), trust, filed_by, report)


def trust_of(options: argparse.Namespace) -> Trust:
    """The keys and the policy of the command line."""
    keys: list[Key] = []
    texts = list(options.key)
    for path in options.keys:
        lines = read_file(path, MAX_POLICY).decode("utf-8", "replace").splitlines()
        texts += [line for line in lines if line.strip() and not line.startswith("#")]
    for text in texts:
        try:
            keys.append(parse_key(text))
        except Broken as error:
            raise Problem("bad_key", what=text[:60], reason=error) from None
    policy = parse_policy(read_file(options.policy, MAX_POLICY)) if options.policy else None
    if not keys and (policy is None or not policy.logs):
        raise Problem("no_trust")
    return Trust(keys, policy)


def parser() -> argparse.ArgumentParser:
    """The command line."""
    top = argparse.ArgumentParser(
        prog="houqin_verify.py", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    top.add_argument("--version", action="version", version=VERSION)
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument(
        "--key", action="append", default=[], help="a key (vkey) that must have signed; may be repeated"
    )
    common.add_argument("--keys", action="append", default=[], type=Path, help="a file of such keys, one a line")
    common.add_argument("--policy", type=Path, help="a C2SP tlog-policy file: logs, witnesses, quorum")
    common.add_argument("--lang", choices=("zh", "en"), help="language of the answer; default from LANG")
    common.add_argument("--json", action="store_true", help="answer as JSON")
    common.add_argument("--quiet", action="store_true", help="say only what is wrong")
    commands = top.add_subparsers(dest="command", required=True)
    log = commands.add_parser("log", parents=[common], help="check a whole log")
    log.add_argument("place", help="folder or http(s) address of the log")
    log.add_argument("--older", type=Path, help="a checkpoint kept from earlier; the log must extend it")
    how = log.add_mutually_exclusive_group()
    how.add_argument("--no-entries", action="store_true", help="check checkpoint and tiles only")
    how.add_argument("--before", help="folder or address of the log that was closed before; both are checked")
    receipt = commands.add_parser("receipt", parents=[common], help="check a .tlog-proof receipt")
    receipt.add_argument("file", type=Path)
    receipt.add_argument("--entry", type=Path, help="file with the entry's bytes, when the receipt does not carry them")
    receipt.add_argument("--openings", type=Path, help="JSON file with disclosed values: field, salt, value")
    bundle = commands.add_parser("bundle", parents=[common], help="check the bundle of a request or of a statement")
    bundle.add_argument("file", type=Path)
    two = commands.add_parser("compare", parents=[common], help="check two checkpoints against each other")
    two.add_argument("first", type=Path)
    two.add_argument("second", type=Path)
    promise = commands.add_parser("promise", parents=[common], help="check that what was filed is in the log")
    promise.add_argument("file", type=Path)
    promise.add_argument("--log", required=True, help="folder or http(s) address of the log")
    promise.add_argument("--filed-by", required=True, help="key (vkey) of the service that gave the promise")
    return top


RESULTS = {PROVEN: "proven", FALSE: "false", UNCHECKED: "unchecked", UNWITNESSED: "unwitnessed"}


def show(report: Report, language: str, *, as_json: bool, quiet: bool) -> None:
    """Print what was found."""
    place = 0 if language == "zh" else 1
    facts = [(key, FACTS[key][place].format(**places)) for key, places in report.facts]
    problems = [(each, each.sentence(language)) for each in report.problems]
    if as_json:
        found = {
            "status": report.status,
            "problems": [{"code": each.code, "sentence": text, **each.places} for each, text in problems],
            "facts": [{"key": key, "sentence": text} for key, text in facts],
        }
        print(json.dumps(found, ensure_ascii=False, indent=1))
        return
    if not quiet:
        for _, text in facts:
            print(f"  {text}")
    for _, text in problems:
        print(f"✗ {text}")
    if report.status in RESULTS and not (quiet and report.status == PROVEN):
        print(FACTS[RESULTS[report.status]][place])


if __name__ == "__main__":
    if hasattr(sys.stdout, "reconfigure"):
        sys.stdout.reconfigure(encoding="utf-8", errors="replace")
    sys.exit(main())
