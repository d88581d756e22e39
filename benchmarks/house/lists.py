"""Lists and calendars with a small and with a large history, side by side.

Two databases of the same compound: one with 10,000 requests behind it, one with a million, of which as many are open in
both. The same pages are asked of both in turn, so that other work on the machine meets both alike; what counts is the ratio
of the 95th percentiles. Bookings and approvals are a fifth and a hundredth of the requests.
"""

from __future__ import annotations

import statistics
import time
from contextlib import ExitStack
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy.engine import make_url
from werkzeug.test import Client

from benchmarks.house import ground
from shared import process, settings
from shared.web import assembly
from shared.web.principal import Principal

if TYPE_CHECKING:
    from shared.service import Running

SMALL, LARGE, SHORT = 10_000, 1_000_000, 50_000
OPEN, OWN_SHARE, ROUNDS = 400, 250, 120  # open requests in all; every so-many-th request is the reader's own
LIMIT = 1.5
PAGES = {
    "home": ("hanbing", "/requests/"),
    "my requests": ("hanbing", "/requests/mine"),
    "my requests, open": ("hanbing", "/requests/mine?view=open"),
    "my requests, ended": ("hanbing", "/requests/mine?view=ended"),
    "my requests, API": ("hanbing", "/requests/api/requests?mine=true&limit=50"),
    "requests of the house, API": ("hejing", "/requests/api/requests?limit=50"),
    "form of an item": ("hanbing", "/requests/new/repair?place=B2-302"),
    "approvals": ("hejing", "/requests/approvals"),
    "escalations": ("hejing", "/requests/escalations"),
    "rooms, a day": ("hanbing", "/requests/rooms"),
    "rooms, a week": ("hanbing", "/requests/rooms?view=week&resource=B4-101"),
    "vehicles, a day": ("hanbing", "/requests/vehicles"),
    "own bookings": ("hanbing", "/requests/bookings"),
}
_COLUMNS = (
    "id, reference, version, round, state, item, item_version, level, priority, place, department, organisation, requester,"
    " requester_name, filed_by, filed_at, headcount, quantity, restricted, summary, answers, contact, channel, urged, stars,"
    " tags, words, crew_name, crew_name_en, changed_at, closed_at, finished_at, escalated, escalated_at, answered_at"
)
# Newest first: the first OPEN are open, the rest ended; one in a thousand was escalated and answered.
_REQUESTS = f"""INSERT INTO request ({_COLUMNS})
    SELECT 'r' || lpad(n::text, 12, '0'), 'b' || n, 3, 1,
        CASE WHEN n <= %(open)s THEN (ARRAY['filed','assigned','under_way','to_confirm'])[1 + n %% 4]
             WHEN n %% 40 = 0 THEN 'withdrawn' ELSE 'closed' END,
        (ARRAY['repair','cleaning','printing','landscaping'])[1 + n %% 4], 1, '', 3,
        (ARRAY(SELECT code FROM place WHERE kind = 'office' ORDER BY code))[1 + n %% 460], 'secretariat', %(organisation)s,
        CASE WHEN n %% %(share)s = 0 THEN %(account)s ELSE 'somebody-' || n %% 3000 END, '韩冰',
        CASE WHEN n %% 900 = 0 THEN %(dispatcher)s ELSE '' END,
        %(now)s::timestamptz - n * interval '2 minutes', 0, 1, false, '灯不亮', '{{"what":"light"}}', '8302', 'form', 0,
        CASE WHEN n %% 3 = 0 THEN 5 ELSE 0 END, '', '', '电工一班', 'Electric 1', %(now)s,
        CASE WHEN n > %(open)s THEN %(now)s::timestamptz - n * interval '2 minutes' END,
        %(now)s::timestamptz - n * interval '2 minutes',
        CASE WHEN n %% 1000 = 0 THEN 'low_rating' ELSE '' END, CASE WHEN n %% 1000 = 0 THEN %(now)s::timestamptz END,
        CASE WHEN n %% 1000 = 0 THEN %(now)s::timestamptz END
    FROM generate_series(%(first)s, %(last)s) AS n"""
_TOGETHER = """INSERT INTO together (request_id, account, name, name_en, filed_at, joined_at)
    SELECT 'r' || lpad(n::text, 12, '0'), %(account)s, '韩冰', 'Han Bing',
        %(now)s::timestamptz - n * interval '2 minutes', %(now)s
    FROM generate_series(1, %(last)s) AS n WHERE n %% 2001 = 7"""
_BOOKINGS = """INSERT INTO booking (id, version, resource, state, starts_at, ends_at, claimed_from, claimed_until, account, name,
        name_en, department, organisation, made_by, subject, headcount, equipment, details, level, series, made_at, changed_at, reason)
    SELECT 'k' || n, 1, (SELECT number FROM resource ORDER BY number OFFSET n %% 34 LIMIT 1), 'ended', at, at + interval '1 hour', at,
        at + interval '1 hour', CASE WHEN n %% 50 = 0 THEN %(account)s ELSE 'somebody-' || n %% 3000 END, '韩冰', 'Han Bing',
        'secretariat', %(organisation)s, '', '例会', 6, '', '', '', '', at, at, ''
    FROM (SELECT n, %(now)s::timestamptz - (n / 34 + 1) * interval '3 hours' AS at
          FROM generate_series(1, %(bookings)s) AS n) AS each"""
_APPROVALS = """INSERT INTO approval (request_id, reason, state, organisation, event, claim, asked_at, due_at, decided_by, words)
    SELECT 'r' || lpad(n::text, 12, '0'), 'over_quota', 'granted', %(organisation)s, '{}', '{}', %(now)s, %(now)s, 'x', ''
    FROM generate_series(1, %(last)s) AS n WHERE n %% 100 = 3"""


def build(url: str, data: str, rows: int, now: datetime) -> tuple[Running, Any, dict[str, dict[str, str]]]:
    """A requests service over ``url`` with ``rows`` requests behind it; its application, and headers by person."""
    service = process.of("requests")
    loaded = settings.load(process.declared(service), {"HOUQIN_DATA": data, "REQUESTS_DATABASE_URL": url})
    running = process.assemble(service, loaded)
    process.prepare(running)
    service.demonstrate(running)
    people = {}
    with running.database.read() as connection:
        for user in ("hanbing", "hejing"):
            query = f"SELECT id, name, roles, department, organisation FROM account WHERE user_name = '{user}'"
            people[user] = connection.exec_driver_sql(query).mappings().one()
    _load(url, people, rows, now)
    headers = {}
    for user, row in people.items():
        roles = row["roles"].split()
        person = Principal(
            account=row["id"], name=row["name"], roles=frozenset(roles), role=roles[0], session="bench", epoch=1, signed_in_at=now,
            kind="api", organisation=row["organisation"], department=row["department"],
        )  # fmt: skip
        bearer = assembly.signer(running.settings).sign(person, datetime.now(UTC), audience=["requests"])
        headers[user] = {"Authorization": f"Bearer {bearer}", "Accept": "text/html, application/json"}
    return running, service.application(running), headers


def _load(url: str, people: Any, rows: int, now: datetime) -> None:
    """Fill the tables; their secondary indexes are made anew afterwards, which is many times faster."""
    given = {
        "open": OPEN, "share": OWN_SHARE, "account": people["hanbing"]["id"], "organisation": people["hanbing"]["organisation"],
        "dispatcher": people["hejing"]["id"], "now": now, "first": 1, "last": rows, "bookings": rows // 5,
    }  # fmt: skip
    connection = ground.connect(url)
    connection.autocommit = True
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT indexname, indexdef FROM pg_indexes WHERE tablename = 'request' AND schemaname = 'public'"
            " AND indexname NOT IN (SELECT conname FROM pg_constraint)"
        )
        made = cursor.fetchall()
        for name, _ in made:
            cursor.execute(f"DROP INDEX {name}")
        cursor.execute("SET synchronous_commit = off; SET maintenance_work_mem = '512MB'")
        for statement in (_REQUESTS, _TOGETHER, _BOOKINGS, _APPROVALS):
            cursor.execute(statement, given)
        for _, statement in made:
            cursor.execute(statement)
        cursor.execute("VACUUM (ANALYZE)")
    connection.close()


def run(scale: ground.Scale) -> str:
    """The figures as Markdown.

    Raises:
        Unmeasured: a page did not answer, or PostgreSQL is absent.
    """
    large, rounds = (LARGE, ROUNDS) if scale.pairs > 3 else (SHORT, 12)
    now = datetime.now(UTC)
    with ExitStack() as stack:
        server = stack.enter_context(ground.postgres())
        sides = []
        for name, rows in (("small", SMALL), ("large", large)):
            plain = ground.connect(server)
            plain.autocommit = True
            plain.cursor().execute(f"CREATE DATABASE lists_{name}")
            plain.close()
            url = make_url(server).set(database=f"lists_{name}").render_as_string(hide_password=False)
            data = stack.enter_context(ground.folder())
            began = time.monotonic()
            running, application, headers = build(url, str(data), rows, now)
            stack.callback(running.database.close)
            print(f"  {rows} requests in {time.monotonic() - began:.0f} s", flush=True)
            sides.append((Client(application), headers))
        found = {name: _pages(sides, user, path, rounds) for name, (user, path) in PAGES.items()}
    lines = [
        f"Milliseconds of one page, {rounds} times each in turn; 95th percentile (median).", "",
        f"| page | {SMALL:,} requests | {large:,} requests | ratio of the 95th percentiles |", "| --- | --- | --- | --- |",
    ]  # fmt: skip
    worst = 0.0
    for name, (small, big) in found.items():
        high = [ground.quantile(each, 0.95) * 1000 for each in (small, big)]
        middle = [statistics.median(each) * 1000 for each in (small, big)]
        worst = max(worst, high[1] / high[0])
        cells = [f"{at:.1f} ({mid:.1f})" for at, mid in zip(high, middle, strict=True)]
        lines.append(f"| {name} | {cells[0]} | {cells[1]} | {high[1] / high[0]:.2f} |")
    verdict = "met" if worst <= LIMIT else "**missed**"
    lines += ["", f"Goal: no ratio above {LIMIT}. The largest is {worst:.2f}: {verdict}."]
    return "\n".join(lines)


def _pages(sides: list[Any], user: str, path: str, rounds: int) -> tuple[list[float], list[float]]:
    took: tuple[list[float], list[float]] = ([], [])
    for number in range(rounds + 5):
        order = (0, 1) if number % 2 else (1, 0)
        for side in order:
            client, headers = sides[side]
            began = time.perf_counter()
            answer = client.get(path, headers=headers[user], base_url="http://127.0.0.1:8000")
            length = time.perf_counter() - began
            if answer.status_code != 200:
                raise ground.Unmeasured(f"{path}: {answer.status_code}")
            if number >= 5:  # the first compile templates and plans
                took[side].append(length)
    return took
