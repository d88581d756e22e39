"""Evidence: what a photo keeps and loses, what the standard demands, and the same picture twice."""

import json
from dataclasses import replace
from io import BytesIO

import pytest
from PIL import Image

from services.dispatch import service
from services.dispatch.standards import item
from shared import personal, photos
from shared.errors import Invalid
from shared.web import noting
from tests.dispatch.world import HANBING, HEJING, WANG, a_person, a_photo

REF = "2026-1125-087-1"


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_a_photo_is_kept_without_what_the_camera_wrote(kind):
    sent = a_photo(3, kind)
    assert b"secret camera" in sent
    kept = photos.cleaned(sent + b"<script>")
    assert b"secret camera" not in kept.body
    assert b"script" not in kept.body
    shown = Image.open(BytesIO(kept.body))
    assert (shown.width, shown.height) == (32, 24) == (kept.width, kept.height)
    assert not shown.getexif()
    assert shown.convert("RGB").getpixel((5, 5)) == Image.open(BytesIO(sent)).convert("RGB").getpixel((5, 5))


def test_a_progressive_photo_survives():
    kept = photos.cleaned(a_photo(9, "JPEG", progressive=True))
    assert Image.open(BytesIO(kept.body)).convert("RGB").size == (32, 24)


@pytest.mark.parametrize("body", [
    b"", b"<svg xmlns='http://www.w3.org/2000/svg'/>", b"%PDF-1.7", b"GIF89a\x01\x00", b"\xff\xd8\xff", b"\xff\xd8\xff\xe0\xff\xff",
    photos.PNG, photos.PNG + b"\xff\xff\xff\xffIHDR", b"RIFF\xff\xff\xff\xffWEBP", a_photo(1)[:200], a_photo(1, "PNG")[:60],
    photos.PNG + b"\0\0\0\x0dIHDR" + (50_000).to_bytes(4, "big") * 2 + b"\x08\x02\0\0\0\0\0\0\0" + b"\0\0\0\0IEND\0\0\0\0",
])  # fmt: skip
def test_what_is_no_photo_is_refused(body):
    with pytest.raises(Invalid):
        photos.cleaned(body)


def working(world):
    world.file()
    for act in ("accept", "arrive", "start"):
        world.do(act)


def test_a_photo_of_another_order_is_pointed_out_to_the_dispatcher(quick):
    working(quick)
    quick.file(88)
    quick.do("accept", reference="2026-1125-088-1")
    quick.client(HEJING).photo("2026-1125-088-1", "before", 5)
    assert quick.client(WANG).photo(REF, "before", 5).status_code == 303
    page = quick.client(HEJING).get(f"/dispatch/orders/{REF}").text
    assert "1125-088-1照片相同" in page
    assert "照片相同" not in quick.client(WANG).get(f"/dispatch/crew/{REF}").text


def printed(world):
    """An order that somebody has to sign for, under way; who does it."""
    order = world.file(item="printing", skills=("printing",))
    for act in ("accept", "arrive", "start"):
        world.do(act)
    return replace(WANG, crew=order.crew)


def finish(world, who, **given):
    checks = list(range(len(item("printing").checklist)))
    usage = [{"meter": item("printing").meters[0].code, "quantity": "20"}]
    return world.client(who).post(f"/dispatch/api/orders/{REF}/finish", {"checks": checks, "usage": usage, **given})


def test_a_drawn_signature_is_evidence_with_its_hash_like_a_photo(world):
    crew = printed(world)
    assert "signed_by" in finish(world, crew).json["errors"]
    drawn = a_photo(2, "PNG")
    assert world.client(crew).photo(REF, "signature", 0, drawn).status_code == 303
    kept = world.client(crew).get(f"/dispatch/api/orders/{REF}/photos").json["photos"][0]
    assert (kept["kind"], kept["content_type"]) == ("signature", "image/png")
    assert kept["sha256"] == photos.cleaned(drawn).sha256
    assert finish(world, crew).status_code == 200
    assert world.order().evidence == [kept["sha256"]]
    assert "签名" in world.client(HEJING).get(f"/dispatch/orders/{REF}").text


def test_where_nothing_is_drawn_the_name_is_typed(quick):
    crew = printed(quick)
    page = quick.client(crew).get(f"/dispatch/crew/{REF}").text
    assert 'name="signed_by"' in page
    assert 'data-sign="2026-1125-087-1" hidden' in page  # only the script shows it
    assert finish(quick, crew, signed_by="韩冰").status_code == 200


def test_the_same_photo_again_changes_nothing(world):
    working(world)
    crew = world.client(WANG)
    crew.photo(REF, "before", 5)
    version = world.order().version
    crew.photo(REF, "before", 5)
    assert world.order().version == version
    assert len(crew.get(f"/dispatch/api/orders/{REF}/photos").json["photos"]) == 1


def test_a_photo_is_reached_only_by_those_who_may_see_its_order(quick):
    working(quick)
    quick.client(WANG).photo(REF, "before", 5)
    held = quick.client(WANG).get(f"/dispatch/api/orders/{REF}/photos").json["photos"][0]["sha256"]
    path = f"/dispatch/orders/{REF}/photos/{held}"
    shown = quick.client(WANG).get(path)
    assert shown.status_code == 200
    assert shown.headers["Content-Type"] == "image/jpeg"
    assert shown.headers["X-Content-Type-Options"] == "nosniff"
    assert quick.client(HANBING).get(path).status_code == 200
    stranger = a_person("crew", account="account-crew-2", crew="in-net-1")
    assert quick.client(stranger).get(path).status_code == 404
    other = f"/dispatch/orders/{REF}/photos/{'0' * 64}"
    assert quick.client(WANG).get(other).status_code == 404


def test_who_is_shown_a_photo_a_contact_or_takes_a_report_is_noted(quick):
    """Each is an event of its own; the same look within the hour is one reading, an export is one each time."""
    working(quick)
    quick.client(WANG).photo(REF, "before", 5)
    held = quick.client(WANG).get(f"/dispatch/api/orders/{REF}/photos").json["photos"][0]["sha256"]
    noting._seen.clear()
    before = len(noted(quick))
    for _ in range(2):
        assert quick.client(HEJING).get(f"/dispatch/orders/{REF}/photos/{held}").status_code == 200
        assert quick.client(HEJING).get(f"/dispatch/orders/{REF}").status_code == 200
        assert quick.client(HEJING).get(f"/dispatch/api/orders/{REF}").status_code == 200
        assert quick.client(HEJING).get("/dispatch/report/2026-11-25.csv").status_code == 200
    assert quick.client(HEJING).get("/dispatch/report/yesterday.csv").status_code == 404
    found = noted(quick)[before:]
    assert [(each["what"], each["of"]) for each in found] == [
        ("photo", f"{REF} {held}"), ("contact", quick.order().reference), ("export", "2026-11-25"), ("export", "2026-11-25"),
    ]  # fmt: skip
    assert {each["account_id"] for each in found} == {HEJING.account}
    assert all(each["count"] >= 1 for each in found if each["what"] == "export")


def noted(world):
    with world.running.database.read() as connection:
        rows = connection.exec_driver_sql(
            "SELECT sealed FROM outbox WHERE type = 'dispatch.access_noted.v1' ORDER BY row_id"
        )
        return [json.loads(row)["data"] for (row,) in rows]


def test_a_dispatcher_may_finish_without_and_the_history_says_so(quick):
    working(quick)
    body = {"usage": [{"meter": "hours", "quantity": "1"}]}
    assert quick.client(HEJING).post(f"/dispatch/api/orders/{REF}/finish", body).status_code == 200
    history = quick.client(HEJING).get(f"/dispatch/api/orders/{REF}").json["history"]
    assert history[-1]["detail"] == "checks,photo_after,photo_before"


def test_a_photo_that_is_none_is_answered_beside_the_form(quick):
    working(quick)
    answer = quick.client(WANG).photo(REF, "before", body=b"no photo")
    assert answer.status_code == 422
    assert "JPEG" in answer.text


def test_photos_go_when_their_term_is_over_and_the_hash_stays(world):
    crew = world.client(WANG)
    working(world)
    crew.photo(REF, "before", 5)
    crew.photo(REF, "after", 6)
    held = crew.get(f"/dispatch/api/orders/{REF}/photos").json["photos"]
    world.later(days=1097)
    service.remove_photos(world.running)  # the order has not ended
    ended = world.do("finish", (), [each["sha256"] for each in held])
    assert kept_bytes(world) > 0
    world.later(days=1096)
    service.remove_photos(world.running)
    assert kept_bytes(world) > 0
    world.later(seconds=1)
    service.remove_photos(world.running)
    assert kept_bytes(world) == 0
    dispatcher = world.client(HEJING)
    after = dispatcher.get(f"/dispatch/api/orders/{REF}/photos").json["photos"]
    assert [each["sha256"] for each in after] == [each["sha256"] for each in held]
    assert all(each["removed_at"] for each in after)
    assert dispatcher.get(f"/dispatch/orders/{REF}/photos/{held[0]['sha256']}").status_code == 404
    assert "照片已到期" in dispatcher.get(f"/dispatch/orders/{REF}").text
    assert world.order().version == ended.version


def kept_bytes(world):
    with world.running.database.read() as connection:
        return connection.exec_driver_sql("SELECT sum(length(body)) FROM photo").scalar()


def test_the_requesters_telephone_is_emptied_a_term_after_the_order(world):
    working(world)
    world.do("finish", (), [])
    world.file(88)
    world.later(days=180)
    assert personal.expire(world.running) == 0
    world.later(seconds=1)
    assert personal.expire(world.running) == 1
    assert (world.order().contact, world.order("2026-1125-088-1").contact) == ("", "8302")
