"""One realistic working day through the public HTTP API, faster than real time, so that every page has life in it.

What is asked, when, by whom and what becomes of it follows from the seed; who does it is dispatch's own decision. The
status is 0 when every call was answered as it should be, and everything reached the end that the seed gave it.
"""

from __future__ import annotations

import argparse
import heapq
import json
import random
import sys
import time
import uuid
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import requests

from deploy import voices
from deploy.client import Person, Problem

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator, Sequence

STAFF = ("hanbing", "sunli", "zhaomin", "zoujianping", "renxinyi", "zhangjuan", "jianglixin", "wangyulan", "haoxuemei",
         "wanyong", "fengmin", "duanlihua")  # fmt: skip
RECEPTION = "luomin"  # the one department that may ask for the residence
DISPATCHER = "hejing"
OPENS, CLOSES = 8 * 60, 18 * 60  # minutes since midnight at the site
PEAKS = ((9 * 60 + 15, 35, 45), (14 * 60 + 40, 40, 35), (11 * 60, 150, 20))  # (minute, spread, weight)
WEIGHTS = {"meeting": 14, "repair": 26, "cleaning": 14, "vehicle": 8, "canteen": 9, "printing": 9, "security": 5,
           "landscaping": 4, "barber": 4, "clinic": 3, "residence": 2, "square": 2}  # fmt: skip
FATES = {"done": 74, "refused": 6, "reassigned": 5, "paused": 5, "withdrawn": 7, "reopened": 3}
EMERGENCIES = 4  # percent of the requests for which the item knows an emergency
TOO_MANY = 429
MOST_MOVED = 300  # meetings of a day that take another time, at most: rooms are full after many days in one
URGED = 5  # percent
USED = {"hours": (0.5, 4), "room_hours": (1, 4), "m2": (20, 400), "km": (6, 180), "meals": (2, 60), "pages": (20, 900),
        "visits": (1, 3), "materials": (15, 380)}  # fmt: skip
STARS = ((5, 60), (4, 25), (3, 9), (2, 4), (1, 2))
TEXTS: dict[str, dict[str, tuple[str, ...]]] = {
    "subject": {
        "meeting": ("周例会", "安全生产部署会", "预算编制协调会", "信访工作联席会", "新入职人员培训", "项目评审会"),
        "printing": ("会议材料汇编", "年度工作总结", "汇报提纲", "培训手册", "政策问答"),
    },
    "destination": {"vehicle": ("市行政服务中心", "高铁东站", "开发区管委会", "省厅", "南山镇政府", "市人民医院")},
    "details": {
        "repair": (
            "不制冷，一直滴水",
            "打不开，钥匙转不动",
            "从早上开始没反应",
            "一直有异响",
            "接口松了，时好时坏",
            "漏水，地上已经湿了",
        ),
        "cleaning": ("走廊有水渍", "下午有检查，请尽快", "垃圾已经满了", "窗户积灰"),
        "meeting": ("主席台放六个席卡", "请提前调试话筒", "有两位客人参会"),
        "vehicle": ("带两箱材料", "下乡调研", "请在主楼门口等"),
        "canteen": ("两份不要辣", "送到4号楼会议室", "一份少盐"),
        "printing": ("双面胶装", "封面用厚纸", "下班前来取"),
        "security": ("门口有人聚集", "来访车辆较多，请协助", "监控画面不清楚"),
        "landscaping": ("叶子发黄", "枝条挡住窗户", "换两盆绿植"),
        "clinic": ("量血压", "感冒，想拿点药"),
        "residence": ("请先打电话", "热水不热"),
        "square": ("晚上有活动", "请检查电源"),
    },
}
PRAISE = ("修得快，态度好", "很及时，谢谢", "服务周到", "还可以", "")
GRUMBLE = ("又坏了，和早上一样", "没有完全修好", "收拾得不干净")
PATIENCE = 40.0  # seconds of real time until something that must come about has
TRIES = 8  # of one call that is told to come back later


@dataclass(frozen=True)
class Wish:
    """What somebody will ask for, and what will become of it.

    Attributes:
        minute: since midnight at the site.
        starts_in, ends_in: minutes after filing; None where the form does not ask or nothing was said.
        draw: seed of what the crew reports.
    """

    minute: float
    user: str
    item: str
    body: dict[str, Any]
    fate: str
    starts_in: int | None
    ends_in: int | None
    urged: bool
    stars: int
    words: str
    reason: int
    draw: int


def plan(items: Sequence[dict[str, Any]], places: dict[str, list[str]], seed: int, count: int) -> list[Wish]:
    """The day's wishes in order of time: the same for the same catalogue, places and seed; every item at least once.

    Raises:
        ValueError: fewer wishes than items.
    """
    if count < len(items):
        raise ValueError(f"a day needs at least {len(items)} requests, one for each item")
    chance = random.Random(seed)
    known = {item["code"]: item for item in items}
    codes = list(known) + chance.choices(list(known), [WEIGHTS.get(code, 3) for code in known], k=count - len(known))
    # The first of the repairs show every fate, whatever the seed gives the rest.
    shown = list(FATES)
    found = []
    for code in codes:
        fate = chance.choices(list(FATES), list(FATES.values()))[0]
        if code == "repair" and shown:
            fate = shown.pop()
        found.append(_wish(chance, known[code], places.get(code, []), fate))
    return sorted(found, key=lambda wish: wish.minute)


def _wish(chance: random.Random, item: dict[str, Any], places: list[str], fate: str) -> Wish:
    code = item["code"]
    body: dict[str, Any] = {"item": code, "answers": {}}
    starts_in = ends_in = None
    for each in item["fields"]:
        name = each["name"]
        if not each["required"] and chance.random() < (0.15 if name == "details" else 0.5):
            continue
        if name == "starts_at":
            starts_in = chance.randrange(30, 420, 15)
        elif name == "ends_at":
            ends_in = 1  # set below, when the start is known
        elif name in {"headcount", "quantity"}:
            body[name] = _whole(chance, each)
        else:
            body["answers"][name] = _answer(chance, code, each)
    if ends_in is not None:
        ends_in = (starts_in or 0) + chance.choice((60, 90, 120, 180))
    if places and item["place"] == "required":
        body["place"] = chance.choice(places)
    if levels := within(item["levels"]):
        body["level"] = chance.choice(levels)
    offered = [each["priority"] for each in item["urgency"]]
    if 1 in offered and chance.randrange(100) < EMERGENCIES:
        body["priority"], starts_in = 1, None
        ends_in = None if ends_in is None else 120
    elif offered:
        body["priority"] = chance.choice([each for each in offered if each != 1] or offered)
    minute = OPENS - 1.0
    while not OPENS <= minute < CLOSES - 30:
        middle, spread, _ = chance.choices(PEAKS, [weight for *_, weight in PEAKS])[0]
        minute = round(chance.gauss(middle, spread), 2)
    stars = chance.choices([each for each, _ in STARS], [weight for _, weight in STARS])[0]
    user = RECEPTION if not item.get("may_ask", True) else chance.choice(STAFF)
    return Wish(
        minute=minute, user=user, item=code, body=body, fate=fate, starts_in=starts_in, ends_in=ends_in,
        urged=chance.randrange(100) < URGED, stars=stars, words=chance.choice(PRAISE) if stars > 2 else chance.choice(GRUMBLE),
        reason=chance.randrange(1000), draw=chance.randrange(2**31),
    )  # fmt: skip


def within(choices: list[dict[str, Any]]) -> list[str]:
    """Codes of the levels or options that the standard holds; what is above it needs a reason, or is refused."""
    return [each["code"] for each in choices if not each["above"]]


def _whole(chance: random.Random, each: dict[str, Any]) -> int:
    least, most = int(each["least"] or 1), int(each["most"] or 1000)
    return chance.randint(least, max(least, min(most, least + (8 if each["name"] == "headcount" else 40))))


def _answer(chance: random.Random, item: str, each: dict[str, Any]) -> Any:
    """Something plausible of the field's type.

    Raises:
        ValueError: a type of field that this program does not know.
    """
    codes = within(each["options"])
    if each["type"] == "choice":
        return chance.choice(codes)
    if each["type"] == "choices":
        return sorted(chance.sample(codes, chance.randint(1, min(3, len(codes)))))
    if each["type"] in {"text", "lines"}:
        known = TEXTS.get(each["name"], {}).get(item, ())
        return (chance.choice(known) if known else each["label"]["zh"])[: each["most"] or None]
    if each["type"] == "whole":
        return _whole(chance, each)
    if each["type"] == "yes_no":
        return chance.random() < 0.3
    if each["type"] == "moment":
        return chance.randrange(30, 420, 15)  # minutes; made an instant at filing
    raise ValueError(f"{item}.{each['name']} is of an unknown type {each['type']}")


def posted(wish: Wish, item: dict[str, Any], now: datetime) -> dict[str, Any]:
    """The body to post when it is ``now``: times are told from then, in whole minutes."""
    body: dict[str, Any] = {**wish.body, "answers": dict(wish.body["answers"])}

    def at(minutes: int) -> str:
        return (now + timedelta(minutes=minutes)).replace(second=0, microsecond=0).isoformat()

    if wish.starts_in is not None:
        body["starts_at"] = at(wish.starts_in)
    if wish.ends_in is not None:
        body["ends_at"] = at(wish.ends_in)
    for each in item["fields"]:
        if each["type"] == "moment" and each["name"] in body["answers"]:
            body["answers"][each["name"]] = at(body["answers"][each["name"]])
    return body


def used(wish: Wish, meters: Sequence[dict[str, Any]]) -> list[dict[str, str]]:
    """What the crew reports in the item's own meters, within their bounds."""
    chance = random.Random(wish.draw)
    found = []
    for each in meters:
        if each["code"] == "materials" and chance.random() < 0.6:
            continue
        low, high = USED.get(each["code"], (1, 2))
        places = len(each["step"].partition(".")[2])
        quantity = min(max(chance.uniform(low, high), float(each["least"])), float(each["most"]))
        found.append({"meter": each["code"], "quantity": f"{quantity:.{places}f}"})
    return found


@dataclass
class Day:
    """The people of one day at one installation.

    Attributes:
        counts: what happened, by name.
        wrong: what was not answered as it should be, one line each.
    """

    address: str
    people: dict[str, Person] = field(default_factory=dict)
    items: dict[str, dict[str, Any]] = field(default_factory=dict)
    meters: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    words: dict[str, Any] = field(default_factory=dict)
    crews: list[dict[str, Any]] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)

    def begin(self) -> dict[str, list[str]]:
        """Everybody is signed in and the catalogue read; the places that fit each item.

        Raises:
            Problem: somebody cannot sign in. requests.RequestException: nothing answers there.
        """
        for user in (DISPATCHER, *STAFF, RECEPTION):
            self.people[user] = self.patiently(Person(self.address, user).sign_in)
        somebody = self.people[STAFF[0]]
        listed = self.patiently(lambda: somebody.get("/requests/api/catalogue"))["items"]
        self.items = {item["code"]: item for item in listed}
        self.words = self.patiently(lambda: self.people[DISPATCHER].get("/dispatch/api/words"))
        self.meters = {item["code"]: item["meters"] for item in self.words["items"]}
        self.crews = self.patiently(lambda: self.people[DISPATCHER].get("/dispatch/api/crews"))["crews"]
        return {code: self.places(somebody, code) for code in self.items}

    def places(self, somebody: Person, item: str) -> list[str]:
        """Places that ``item`` can be asked for, by code."""
        found = self.patiently(lambda: somebody.get("/requests/api/places", item=item, limit=100))["items"]
        return sorted(place["code"] for place in found)

    def patiently(self, call: Callable[[], Any]) -> Any:
        """The answer to ``call``, asked again when the service is busy (429, 503) after the pause it asks for.

        Raises:
            Problem: any other refusal, or the service stays busy.
        """
        for left in range(TRIES, -1, -1):
            try:
                return call()
            except Problem as problem:
                if problem.status not in {429, 503} or not left:
                    raise
                self.counts["told to come back"] += 1
                time.sleep(min(problem.retry_after or 1, 30))
            except requests.ConnectionError:  # a kept connection was closed; keys make POSTs safe to repeat
                if left < TRIES - 1:
                    raise
        raise AssertionError("unreachable")

    def ask(self, user: str, path: str, body: Any = None) -> Any:
        """The answer to one POST, with one key however often it is sent."""
        key = uuid.uuid4().hex
        return self.patiently(lambda: self.people[user].post(path, body, key))

    def file(self, wish: Wish) -> Any:
        """The request is filed; when its room is somebody else's then, in another or at the next time that the answer names.

        Raises:
            Problem: it was refused.
        """
        body = {**posted(wish, self.items[wish.item], datetime.now(UTC)), "anyway": True}
        tried = {body.get("place")}
        while True:
            try:
                return self.ask(wish.user, "/requests/api/requests", body)
            except Problem as problem:
                taken = json.loads(problem.body) if problem.status == 409 else {}
                room = next((each for each in taken.get("others", []) if each not in tried), None)
                later = next((each for each in taken.get("free", []) if each > body["starts_at"]), None)
                if room is not None:
                    self.counts["another room"] += 1
                    tried.add(room)
                    body = {**body, "place": room}
                elif later is not None and self.counts["another time"] < MOST_MOVED:
                    self.counts["another time"] += 1
                    length = datetime.fromisoformat(body["ends_at"]) - datetime.fromisoformat(body["starts_at"])
                    ends = datetime.fromisoformat(later) + length
                    body = {**body, "starts_at": later, "ends_at": ends.isoformat()}
                else:
                    raise

    def story(self, wish: Wish) -> Iterator[float]:
        """One request from its filing to its end; yields the minutes until its next act.

        Raises:
            Problem: it was refused. NeverCame: what must follow did not.
        """
        filed = self.file(wish)
        self.counts["filed"] += 1
        if wish.body.get("priority") == 1:
            self.counts["emergencies"] += 1
        mine = f"/requests/api/requests/{filed['reference']}"
        if wish.urged:
            yield 6
            self.ask(wish.user, f"{mine}/urge")
            self.counts["urged"] += 1
        order = yield from self.given(wish, f"{filed['reference']}-1")
        yield 2
        if wish.fate == "withdrawn":
            self.ask(
                wish.user, f"{mine}/withdraw", {"reason": ("not_needed", "mistake", "solved", "other")[wish.reason % 4]}
            )
            self.counts["withdrawn"] += 1
            yield from self.until(lambda: self.order(order["reference"])["state"] == "cancelled", "the cancelling")
            return
        if wish.fate == "refused":
            reasons = self.words["refusals"]
            self.act(order, "refuse", {"reason": reasons[wish.reason % len(reasons)]})
            self.counts["refused by a crew"] += 1
            yield 1
            order = yield from self.given(wish, order["reference"])
        if wish.fate == "reassigned":
            try:
                self.assign(wish, order, but=order["crew"])
                self.counts["reassigned"] += 1
            except NobodyElse:  # some trades have one crew: it keeps the order
                self.counts["kept, nobody else"] += 1
            yield 2
        yield from self.work(wish, order)
        yield from self.until(lambda: self.request(wish, mine)["state"] == "to_confirm", "the finish")
        if wish.fate == "reopened":
            self.ask(wish.user, f"{mine}/reopen", {"words": GRUMBLE[wish.reason % len(GRUMBLE)]})
            self.counts["reopened"] += 1
            order = yield from self.given(wish, f"{filed['reference']}-2")
            yield from self.work(wish, order)
            yield from self.until(lambda: self.request(wish, mine)["state"] == "to_confirm", "the second finish")
        yield 5
        self.ask(wish.user, f"{mine}/confirm", {"stars": wish.stars, "words": wish.words})
        self.counts["confirmed"] += 1

    def work(self, wish: Wish, order: dict[str, Any]) -> Iterator[float]:
        """The crew's way, taken by the dispatcher for it."""
        for step, minutes in (("accept", 3), ("set_off", 4), ("arrive", 3), ("start", 8)):
            self.act(order, step)
            yield minutes
        if wish.fate == "paused":
            reasons = self.words["pauses"]
            self.act(order, "pause", {"reason": reasons[wish.reason % len(reasons)]})
            self.counts["paused"] += 1
            yield 15
            self.act(order, "resume")
            yield 5
        self.act(order, "finish", {"usage": used(wish, self.meters[wish.item])})
        self.counts["finished"] += 1

    def given(self, wish: Wish, reference: str) -> Generator[float, None, dict[str, Any]]:
        """The order once a crew has it; where nobody can be found (at night), the dispatcher names one."""
        seen: list[dict[str, Any]] = []

        def there() -> bool:
            seen[:] = [self.order(reference)]
            return bool(seen[0])

        yield 3
        yield from self.until(there, f"the order {reference}")
        if not seen[0]["crew"]:
            yield 1
            there()
        if not seen[0]["crew"]:
            self.assign(wish, seen[0])
            self.counts["assigned by hand"] += 1
            there()
        return seen[0]

    def assign(self, wish: Wish, order: dict[str, Any], but: str = "") -> None:
        """Offer the order to a crew that knows the item's trade, another than ``but`` where there is one."""
        skills = set(self.items[wish.item]["skills"])
        suggested = self.patiently(
            lambda: self.people[DISPATCHER].get(f"/dispatch/api/orders/{order['reference']}/suggestion")
        )
        codes = [each["crew"] for each in suggested["choices"]]
        codes += [crew["code"] for crew in self.crews if skills & set(crew["skills"])]
        codes += [crew["code"] for crew in self.crews]
        for code in [each for each in dict.fromkeys(codes) if each != but]:
            try:
                self.act(order, "assign", {"crew": code})
            except Problem as problem:
                if problem.status != 422:  # 422: this crew cannot do it; the next may
                    raise
            else:
                return
        raise NobodyElse(f"no crew can take {order['reference']}")

    def act(self, order: dict[str, Any], name: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        """Do one act to an order as the dispatcher."""
        found: dict[str, Any] = self.ask(DISPATCHER, f"/dispatch/api/orders/{order['reference']}/{name}", body or {})
        return found

    def order(self, reference: str) -> dict[str, Any]:
        """An order as it is now; empty while dispatch has not heard of it."""
        try:
            found: dict[str, Any] = self.patiently(
                lambda: self.people[DISPATCHER].get(f"/dispatch/api/orders/{reference}")
            )
        except Problem as problem:
            if problem.status == 404:
                return {}
            raise
        return found

    def request(self, wish: Wish, path: str) -> dict[str, Any]:
        """A request as its own person reads it."""
        found: dict[str, Any] = self.patiently(lambda: self.people[wish.user].get(path))
        return found

    def until(self, question: Callable[[], bool], what: str) -> Iterator[float]:
        """Yields minutes until ``question`` is answered yes.

        Raises:
            NeverCame: not within forty real seconds.
        """
        deadline = time.monotonic() + PATIENCE
        while not question():
            if time.monotonic() > deadline:
                raise NeverCame(f"{what} did not come about in {PATIENCE:.0f} s")
            yield 2


class NeverCame(Exception):
    """An effect that must follow did not."""


class NobodyElse(NeverCame):
    """No crew, or no other one, can take the order."""


def run(day: Day, wishes: Sequence[Wish], seconds: float, show: Callable[[float, int], None]) -> None:
    """All wishes are lived through in order of the day's time, which lasts at least ``seconds``; ``day.wrong`` says what failed."""
    waiting: list[tuple[float, int, Wish, Iterator[float]]] = [
        (wish.minute, number, wish, day.story(wish)) for number, wish in enumerate(wishes)
    ]
    heapq.heapify(waiting)
    began, ended = time.monotonic(), 0
    a_minute = seconds / (CLOSES - OPENS)
    while waiting:
        minute, number, wish, story = heapq.heappop(waiting)
        early = began + (minute - OPENS) * a_minute - time.monotonic()
        if early > 0:
            time.sleep(early)
        try:
            # Behind time, a wait is still one: told from now on the day's clock.
            now = max(minute, OPENS + (time.monotonic() - began) / a_minute) if a_minute else minute
            heapq.heappush(waiting, (now + next(story), number, wish, story))
            continue
        except StopIteration:
            pass
        except (Problem, NeverCame, requests.RequestException) as error:
            day.wrong.append(f"{wish.item} of {wish.user} ({wish.fate}): {error}")
        ended += 1
        show(minute, ended)


def bar(total: int) -> Callable[[float, int], None]:
    """Shows how far the day is: on a terminal in one line, else a line every fifty."""
    live = sys.stdout.isatty()

    def show(minute: float, ended: int) -> None:
        full = 40 * ended // total
        at = int(min(minute, CLOSES))
        line = f"{at // 60:02}:{at % 60:02}  [{'#' * full}{'.' * (40 - full)}]  {ended}/{total}"
        if live:
            print(f"\r{line}", end="" if ended < total else "\n", flush=True)
        elif ended % 50 == 0 or ended == total:
            print(line, flush=True)

    return show


def main(arguments: Sequence[str]) -> int:
    """Live one day; 0 when everything was answered, 1 and a list when not, 2 when nobody is there."""
    parser = argparse.ArgumentParser(prog="python -m deploy.day", description=__doc__)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--address", default="http://127.0.0.1:8000")
    parser.add_argument("--requests", type=int, default=300)
    parser.add_argument("--seconds", type=float, default=60, help="how long the day from 8 to 18 lasts at least")
    options = parser.parse_args(arguments)
    day = Day(options.address.rstrip("/"))
    began = time.monotonic()
    try:
        places = day.begin()
        wishes = plan(list(day.items.values()), places, options.seed, options.requests)
    except requests.RequestException:
        print(f"houqin: nothing answers at {options.address}; start it with make up", file=sys.stderr)
        return 2
    except Problem as problem:
        if problem.status == TOO_MANY:
            print(
                f"houqin: too many have signed in to {options.address} from here; again in some minutes",
                file=sys.stderr,
            )
        else:
            print(f"houqin: {options.address} does not have the demonstration's accounts ({problem})", file=sys.stderr)
        return 2
    except ValueError as error:
        print(f"houqin: {error}", file=sys.stderr)
        return 2
    run(day, wishes, options.seconds, bar(len(wishes)))
    try:
        day.counts += voices.speak(day.address, day.people, options.seed).counts
    except (Problem, requests.RequestException) as error:
        day.wrong.append(f"what people say of it: {error}")
    print(f"a day of {len(wishes)} requests in {time.monotonic() - began:.0f} s, seed {options.seed}")
    for name, count in sorted(day.counts.items(), key=lambda pair: -pair[1]):
        print(f"  {name:<20} {count:>5}")
    for line in day.wrong[:20]:
        print(f"! {line}", file=sys.stderr)
    if day.wrong:
        print(f"houqin: {len(day.wrong)} of {len(wishes)} did not end as they should", file=sys.stderr)
    return 1 if day.wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
