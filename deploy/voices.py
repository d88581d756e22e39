"""What people say of the service, through the public HTTP API: complaints, suggestions, a forum, improvements, surveys.

A few of each in different states, so that every page of theirs has life in it; ``make day`` ends with it.
"""

from __future__ import annotations

import random
import sys
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

from deploy.client import Person

if TYPE_CHECKING:
    from collections.abc import Sequence

SITE = timezone(timedelta(hours=8))
MANAGER, SUPERVISOR, ADMINISTRATOR, DISPATCHER = "zhaomin", "chenguang", "admin", "hejing"
COMPLAINANTS = ("hanbing", "fengmin", "duanlihua")
COLLEAGUES = ("hanbing", "sunli", "zoujianping", "renxinyi", "zhangjuan", "jianglixin", "wangyulan", "haoxuemei", "wanyong",
              "fengmin", "duanlihua")  # fmt: skip
SUGGESTED = (
    ("餐厅晚餐延长到19点", "加班的人赶不上", "canteen", "adopted", "12月起延长到19点，试行一个月。"),
    ("保洁避开上班高峰", "电梯口太挤", "cleaning", "adopted", "改到8点以前和10点以后。"),
    ("每层放一台打印机", "", "printing", "declined", "文印中心集中打印成本低一半，先不分散。"),
    ("会议室门口挂使用状态牌", "经常推门进去才知道有人", "meeting", "", ""),
    ("广场夜间照明再亮一些", "", "square", "", ""),
)
QUESTIONS = (
    {"kind": "scale", "zh": "对后勤服务总体满意吗", "en": "How satisfied are you with the services", "options_zh": [], "options_en": []},
    {"kind": "choice", "zh": "最希望改进哪一项", "en": "What should improve first",
     "options_zh": ["设备维修", "卫生保洁", "机关餐厅", "车辆服务"], "options_en": ["Repair", "Cleaning", "Canteen", "Vehicles"]},
    {"kind": "text", "zh": "还有什么建议", "en": "What else do you suggest", "options_zh": [], "options_en": []},
)  # fmt: skip
WORDS = ("修得快，谢谢", "晚餐时间再长一些", "电梯常坏", "", "")


@dataclass
class Voices:
    """The people who speak, and what was said.

    Attributes:
        made: by kind, the addresses of the pages that now have something to show.
    """

    people: dict[str, Person]
    chance: random.Random
    counts: Counter[str] = field(default_factory=Counter)
    made: dict[str, str] = field(default_factory=dict)

    def post(self, user: str, path: str, body: Any = None) -> Any:
        """What posting as ``user`` answers."""
        return self.people[user].post(f"/requests/api/{path}", body)

    def complain(self) -> None:
        """One accepted, one appealed, one that nobody has begun with."""
        about = [self._finished(user) for user in COMPLAINANTS]
        said = (
            ("late", "说好上午到，等到下午四点才来，也没有人打招呼。"),
            ("attitude", "师傅说这不归他管，态度很不耐烦。"),
            ("quality", "修完第二天又坏了，没有人再来看。"),
        )
        for user, request, (category, words) in zip(COMPLAINANTS, about, said, strict=True):
            body = {"about": "work" if request else "other", "category": category, "words": words, "request": request}
            made = self.post(user, "complaints", body)
            self.counts["complaints"] += 1
            reference, handler = _short(made["reference"]), _handler(made["handler_kind"])
            self.made.setdefault("complaint", f"/requests/complaints/{reference}")
            if user == COMPLAINANTS[0]:
                self.post(handler, f"complaints/{reference}/acknowledge")
                self.post(
                    handler, f"complaints/{reference}/answer",
                    {"outcome": "upheld", "words": "派单记录显示改派后没有通知您。已约谈班组，今后改派必须电话告知。"},
                )  # fmt: skip
                self.post(user, f"complaints/{reference}/accept")
            elif user == COMPLAINANTS[1]:
                self.post(
                    handler,
                    f"complaints/{reference}/answer",
                    {"outcome": "not_upheld", "words": "班组说明当时已解释清楚。"},
                )
                self.post(user, f"complaints/{reference}/appeal", {"words": "只听了班组一方的话，没有问我。"})
                self.made["appealed"] = f"/requests/complaints/{reference}"

    def _finished(self, user: str) -> str:
        """A closed request of the person's own; empty when there is none."""
        found = self.people[user].get("/requests/api/requests", mine="true", state="closed", limit=1)["items"]
        return str(found[0]["reference"]) if found else ""

    def suggest(self) -> None:
        """Five suggestions, three with a reply, and two improvements on their way."""
        due_on = (datetime.now(UTC).astimezone(SITE).date() + timedelta(days=14)).isoformat()
        for number, (title, words, item, outcome, reply) in enumerate(SUGGESTED):
            author = COLLEAGUES[number]
            made = self.post(
                author, "suggestions", {"title": title, "words": words, "item": item, "named": number % 2 == 0}
            )
            self.counts["suggestions"] += 1
            reference = _short(made["reference"])
            if not outcome:
                continue
            self.post(DISPATCHER, f"suggestions/{reference}/reply", {"outcome": outcome, "words": reply})
            self.made.setdefault("suggestion", f"/requests/suggestions/{reference}")
            if outcome == "adopted":
                body = {"of": reference, "finding": title, "action": "", "owner": DISPATCHER, "due_on": due_on}
                begun = _short(self.post(MANAGER, "improvements", body)["reference"])
                self.counts["improvements"] += 1
                self.made.setdefault("improvement", f"/requests/improvements/{begun}")
                steps = [("analyse", "排班按多年前的作息定的"), ("act", "与餐厅、保洁商量新的排班")]
                if number:
                    steps += [("finish", "新排班已执行一周"), ("verify", "")]
                for move, said in steps:
                    user = MANAGER if move == "verify" else DISPATCHER
                    self.post(user, f"improvements/{begun}/moves", {"move": move, "words": said})

    def confer(self) -> None:
        """Minutes of a forum with what was suggested there."""
        today = datetime.now(UTC).astimezone(SITE).date().isoformat()
        made = self.post(
            DISPATCHER, "forums",
            {"held_on": today, "topic": "后勤服务用户座谈会", "place": "2号楼302会议室", "people": "各处室代表12人",
             "minutes": "一、通报本季度服务情况。\n二、代表发言：维修响应总体较快，改派后通知不及时。\n三、下一步：完善改派通知。",
             "suggestions": ["改派班组后电话告知申请人", "公布各项服务的投诉渠道"]},
        )  # fmt: skip
        self.counts["forums"] += 1
        self.made["forum"] = f"/requests/forums/{_short(made['reference'])}"

    def ask(self) -> None:
        """One survey that is over, with results, and one that is open."""
        for title, title_en, over in (
            ("三季度满意度调查", "Satisfaction, third quarter", True), ("四季度满意度调查", "Satisfaction, fourth quarter", False)
        ):  # fmt: skip
            today = datetime.now(UTC).astimezone(SITE).date()
            body = {"title": title, "title_en": title_en, "intro": "共三题，一分钟答完。", "intro_en": "Three questions, one minute.",
                    "opens_on": today.isoformat(), "closes_on": (today + timedelta(days=10)).isoformat(), "questions": list(QUESTIONS)}  # fmt: skip
            survey = self.post(ADMINISTRATOR, "surveys", body)["id"]
            self.post(ADMINISTRATOR, f"surveys/{survey}/publish")
            for user in COLLEAGUES if over else COLLEAGUES[4:8]:
                scale = self.chance.choices((5, 4, 3, 2), (5, 6, 2, 1))[0]
                answers = {"q1": scale, "q2": self.chance.choice("abcd"), "q3": self.chance.choice(WORDS)}
                self.post(user, f"surveys/{survey}/answers", {"answers": answers})
                self.counts["survey answers"] += 1
            if over:
                self.post(ADMINISTRATOR, f"surveys/{survey}/close")
            self.counts["surveys"] += 1
            self.made["results" if over else "survey"] = f"/requests/surveys/{survey}"


def _handler(kind: str) -> str:
    return {"contract_manager": MANAGER, "supervisor": SUPERVISOR}.get(kind, DISPATCHER)


def _short(full: str) -> str:
    letter, _, rest = full.partition("-")
    return f"{letter}-{rest.partition('-')[2]}"


def speak(address: str, people: dict[str, Person] | None = None, seed: int = 1) -> Voices:
    """Everything is said once; what was made and where it is seen.

    Raises:
        Problem: something was refused. requests.RequestException: nothing answers there.
    """
    known = dict(people or {})
    for user in (MANAGER, SUPERVISOR, ADMINISTRATOR, DISPATCHER, *COLLEAGUES):
        if user not in known:
            known[user] = Person(address, user).sign_in()
    voices = Voices(known, random.Random(seed))
    voices.complain()
    voices.suggest()
    voices.confer()
    voices.ask()
    return voices


def main(arguments: Sequence[str]) -> int:
    """``python -m deploy.voices [address]``: say it at a running house."""
    voices = speak(arguments[0] if arguments else "http://127.0.0.1:8000")
    for name, count in voices.counts.items():
        print(f"  {name:<20} {count:>5}")
    for name, path in voices.made.items():
        print(f"  {name:<20} {path}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
