"""Evidence: what a photo keeps and loses, what the standard demands, and the same picture twice."""

from io import BytesIO

import pytest
from PIL import Image

from services.dispatch import photos
from shared.errors import Invalid
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
