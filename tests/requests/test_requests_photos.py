"""Photos of requests: what is taken, what is kept of it, and who may look."""

import io
import re
import struct
import time
from datetime import timedelta

import pytest
from PIL import Image

from services.requests import pictures, service, store
from services.requests.handlers import following
from shared import photos
from shared.errors import Invalid
from tests.dispatch.world import a_photo
from tests.requests.conftest import REPAIR, Browser, Program, said
from tests.requests.test_requests_following import a_day, play

PATH = "/requests/api/requests"
FORM = "/requests/new/repair"


def sent(program, body, name="x.jpg"):
    return program.client.post(
        "/requests/api/photos", data={"photo": (io.BytesIO(body), name)}, headers=program.headers
    )


def a_picture(width=1200, height=900, kind="JPEG", **extra):
    out = io.BytesIO()
    Image.linear_gradient("L").resize((width, height)).convert("RGB").save(out, kind, **extra)
    return out.getvalue()


def test_a_photo_is_drawn_anew_upright_small_and_without_what_the_camera_wrote():
    exif = Image.Exif()
    exif[0x0112], exif[0x010F] = 6, "secret camera"
    body = a_picture(3000, 1500, exif=exif) + b"<script>secret</script>"
    made = photos.drawn(body)
    shown = Image.open(io.BytesIO(made.photo.body))
    assert (shown.format, shown.size) == ("JPEG", (1024, 2048))
    assert not shown.getexif()
    assert b"secret" not in made.photo.body
    small = Image.open(io.BytesIO(made.thumbnail))
    assert max(small.size) <= 480
    assert (made.photo.width, made.photo.height) == shown.size


@pytest.mark.parametrize("kind", ["PNG", "WEBP"])
def test_other_kinds_become_jpeg(kind):
    assert photos.drawn(a_photo(3, kind)).photo.body.startswith(b"\xff\xd8\xff")


def a_png(width, height, *chunks):
    head = struct.pack(">II", width, height) + b"\x08\x02\0\0\0"
    body = photos.PNG + b"\0\0\0\x0dIHDR" + head + b"\0\0\0\0"
    return body + b"".join(chunks) + b"\0\0\0\0IEND\0\0\0\0"


def a_moving_picture(kind):
    frames = [Image.new("RGB", (40, 30), colour) for colour in ("red", "blue")]
    out = io.BytesIO()
    frames[0].save(out, kind, save_all=True, append_images=frames[1:])
    return out.getvalue()


def another_kind(kind):
    out = io.BytesIO()
    Image.new("RGB", (40, 30), "red").save(out, kind)
    return out.getvalue()


HOSTILE = {
    "nothing": b"",
    "svg": b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>",
    "html": b"<html><script>alert(1)</script>",
    "pdf": b"%PDF-1.7\n1 0 obj",
    "gif": b"GIF89a\x01\x00\x01\x00",
    "zip": b"PK\x03\x04" + b"\0" * 40,
    "cut jpeg": a_picture()[:900],
    "jpeg head with html": b"\xff\xd8\xff\xe0\0\x10JFIF\0<script>alert(1)</script>",
    "huge canvas": a_png(50_000, 50_000),
    "empty png": a_png(10, 10),
    "no size": a_png(0, 0),
    "eleven megabytes": a_picture() + b"\0" * 11_000_000,
    "html before a jpeg": b"<html><script>alert(1)</script>" + a_picture(),
    "png head with svg": photos.PNG + b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>",
    "webp head with html": b"RIFF\x28\0\0\0WEBP<html><script>alert(1)</script>" + b" " * 20,
    "bmp": another_kind("BMP"),
    "tiff": another_kind("TIFF"),
    "ico": another_kind("ICO"),
    "moving gif": a_moving_picture("GIF"),
    "moving png": a_moving_picture("PNG"),
    "another moving webp": a_moving_picture("WEBP"),
    "moving webp": b"RIFF\x1e\0\0\0WEBPVP8X\x0a\0\0\0\x02\0\0\0\x0f\0\0\x0f\0\0",
}


@pytest.mark.parametrize("name", HOSTILE)
def test_what_is_no_photo_is_refused(name):
    with pytest.raises(Invalid):
        photos.drawn(HOSTILE[name])


def test_a_canvas_too_large_is_refused_by_its_head_before_anything_is_decoded(monkeypatch):
    monkeypatch.setattr(photos.subprocess, "run", lambda *_, **__: pytest.fail("it was decoded"))
    began = time.process_time()
    with pytest.raises(Invalid) as refusal:
        photos.drawn(HOSTILE["huge canvas"])
    assert time.process_time() - began < 0.1
    assert refusal.value.fields == {"photo": ["field.photo_large"]}


def test_the_name_of_a_file_is_neither_kept_nor_believed(quick, quick_app):
    hanbing = Program(quick, quick_app)
    body = a_photo(3)
    names = [
        "../../etc/passwd",
        "..\\evil.jpg",
        "a\0b.jpg",
        "CON",
        "x.svg",
        "x.html",
        "a" * 300 + "evil",
        "张三evil.jpg",
    ]
    addresses = [f"/requests/waiting-photos/{sent(hanbing, body, name).json['id']}" for name in names]
    assert len(set(addresses)) == len(names)
    for address in addresses:
        shown = hanbing.get(address)
        assert re.fullmatch(r"/requests/waiting-photos/[0-9a-f-]{32,36}", address)
        assert shown.headers["Content-Type"] == "image/jpeg"
        assert "evil" not in str(shown.headers)
    with quick.database.read() as connection:
        kept = "\n".join(connection.connection.driver_connection.iterdump())
    assert "evil" not in kept


def test_a_photo_sent_before_goes_with_the_request_and_is_seen_by_its_people_alone(quick, quick_app):
    hanbing = Program(quick, quick_app)
    made = sent(hanbing, a_picture()).json
    filed = hanbing.post(PATH, {**REPAIR, "photos": [made["id"]]})
    assert filed.status_code == 201
    assert said(quick, "requests.request_filed")[0]["data"]["photos"] == [made["sha256"]]
    [address] = hanbing.get(f"{PATH}/{filed.json['reference']}").json["photos"]
    shown = hanbing.get(address)
    assert (shown.status_code, shown.headers["Content-Type"]) == (200, "image/jpeg")
    assert "sandbox" in shown.headers["Content-Security-Policy"]
    assert len(hanbing.get(address + "?small=1").data) < len(shown.data)
    assert Program(quick, quick_app, "hejing").get(address).status_code == 200
    assert Program(quick, quick_app, "sunli").get(address).status_code == 404
    assert hanbing.get(address[:-1] + ("0" if address[-1] != "0" else "1")).status_code == 404
    again = hanbing.post(PATH, {**REPAIR, "photos": [made["id"]]})
    assert again.status_code == 422


def test_somebody_elses_waiting_photo_is_neither_seen_nor_sent(quick, quick_app):
    hanbing, sunli = Program(quick, quick_app), Program(quick, quick_app, "sunli")
    made = sent(hanbing, a_picture()).json
    assert hanbing.get(f"/requests/waiting-photos/{made['id']}").status_code == 200
    assert sunli.get(f"/requests/waiting-photos/{made['id']}").status_code == 404
    assert sunli.post(PATH, {**REPAIR, "photos": [made["id"]]}).status_code == 422
    assert sunli.open("DELETE", f"/requests/api/photos/{made['id']}").status_code == 204
    assert hanbing.get(f"/requests/waiting-photos/{made['id']}").status_code == 200
    assert hanbing.open("DELETE", f"/requests/api/photos/{made['id']}").status_code == 204
    assert hanbing.get(f"/requests/waiting-photos/{made['id']}").status_code == 404


def test_the_crew_sees_it_while_it_has_the_order_and_no_longer(quick, quick_app):
    hanbing = Program(quick, quick_app)
    made = sent(hanbing, a_picture()).json
    reference = hanbing.post(PATH, {**REPAIR, "photos": [made["id"]]}).json["reference"]
    [address] = hanbing.get(f"{PATH}/{reference}").json["photos"]
    with quick.database.read() as connection:
        request = store.request_by_reference(connection, reference)
    with quick.database.read() as connection:
        row = connection.exec_driver_sql("SELECT crew FROM account WHERE user_name = 'wangjianguo'").first()
    crew = Program(quick, quick_app, "wangjianguo")
    assert crew.get(address).status_code == 404
    day = [(n, replace_crew(event, row[0])) for n, event in enumerate(a_day(request), 1)]
    play(quick, day[:2])
    assert crew.get(address).status_code == 200
    play(quick, day[2:])
    assert crew.get(address).status_code == 404


def replace_crew(event, crew):
    from dataclasses import replace

    return replace(event, crew=crew) if hasattr(event, "crew") else event


def test_photos_of_a_refused_form_wait_for_it(quick, quick_app):
    browser = Browser(quick_app)
    browser.sign_in("hanbing")
    refused = browser.submit(FORM, FORM, place="B2-302", what="", photo=(io.BytesIO(a_picture()), "a.jpg"))
    assert refused.status_code == 422
    kept = refused.text.partition('name="kept" value="')[2].partition('"')[0]
    assert len(kept) == 32
    bad = browser.submit(FORM, FORM, place="B2-302", what="light", photo=(io.BytesIO(b"%PDF-1.7"), "a.jpg"))
    assert bad.status_code == 422
    assert "JPEG" in bad.text
    filed = browser.submit(FORM, FORM, place="B2-302", what="light", kept=kept)
    assert filed.status_code == 303
    assert len(said(quick, "requests.request_filed")[0]["data"]["photos"]) == 1
    assert "/photos/" in browser.get(filed.headers["Location"]).text


def test_a_photo_not_wanted_after_all_is_left_out(quick, quick_app):
    browser = Browser(quick_app)
    browser.sign_in("hanbing")
    refused = browser.submit(FORM, FORM, place="B2-302", what="", photo=(io.BytesIO(a_picture()), "a.jpg"))
    kept = refused.text.partition('name="kept" value="')[2].partition('"')[0]
    filed = browser.submit(FORM, FORM, place="B2-302", what="light", kept=kept, drop=kept)
    assert filed.status_code == 303
    assert said(quick, "requests.request_filed")[0]["data"]["photos"] == []
    with quick.database.read() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM photo").scalar() == 0


def test_there_is_a_limit_to_one_request_and_to_what_waits(quick, quick_app):
    hanbing = Program(quick, quick_app)
    drawn = photos.drawn(a_photo(1))
    account = hanbing.get("/requests/api/session").json["account"]
    with quick.work() as work:
        ids = [pictures.put(work, account, drawn).id for _ in range(7)]
    assert hanbing.post(PATH, {**REPAIR, "photos": ids}).status_code == 422
    assert hanbing.post(PATH, {**REPAIR, "photos": ids[:6]}).status_code == 201
    with quick.work() as work:
        for _ in range(23):
            pictures.put(work, account, drawn)
    assert sent(hanbing, a_photo(2)).status_code == 429


def test_what_waited_too_long_is_forgotten(quick, quick_app):
    hanbing = Program(quick, quick_app)
    made = sent(hanbing, a_photo(1)).json
    quick.clock.set(quick.clock.now() + pictures.PENDING_FOR * 2)
    with quick.work() as work:
        pictures.prune(work)
    with quick.database.read() as connection:
        assert pictures.pending(connection, "x", [made["id"]]) == []
        assert connection.exec_driver_sql("SELECT count(*) FROM photo").scalar() == 0


def test_a_restricted_requests_photo_is_not_named_in_its_event(quick, quick_app):
    hanbing = Program(quick, quick_app)
    made = sent(hanbing, a_photo(1)).json
    item = hanbing.get("/requests/api/catalogue/security").json
    what = next(each for each in item["fields"] if each["name"] == "what")["options"][0]["code"]
    body = {"item": "security", "place": "B2-302", "answers": {"what": what}, "photos": [made["id"]]}
    filed = hanbing.post(PATH, body)
    assert filed.status_code == 201
    assert said(quick, "requests.request_filed")[0]["data"]["photos"] == []
    [address] = hanbing.get(f"{PATH}/{filed.json['reference']}").json["photos"]
    assert Program(quick, quick_app, "hejing").get(address).status_code == 404


def test_a_photo_that_a_busy_machine_does_not_draw_in_time_may_be_sent_again(house, house_app, monkeypatch, tmp_path):
    child = tmp_path / "late.py"
    child.write_text("import os, signal\nos.kill(os.getpid(), signal.SIGALRM)\n", "utf-8")
    monkeypatch.setattr(photos, "CHILD", child)
    answer = sent(Program(house, house_app), a_picture())
    assert answer.status_code == 503
    assert int(answer.headers["Retry-After"]) > 0


def test_photos_of_a_request_go_when_their_term_is_over_and_the_hash_stays(running, app):
    hanbing = Program(running, app)
    first, second = sent(hanbing, a_picture()).json, sent(hanbing, a_picture(900, 700)).json
    closed = hanbing.post(PATH, {**REPAIR, "photos": [first["id"]]}).json["reference"]
    still = hanbing.post(PATH, {**REPAIR, "place": "B2-303", "photos": [second["id"]]}).json["reference"]
    [address] = hanbing.get(f"{PATH}/{closed}").json["photos"]
    with running.work() as work:
        following.withdraw(work, store.request_by_reference(work.connection, closed, lock=True), following.NOBODY)
    term = timedelta(days=running.settings["HOUQIN_PHOTO_DAYS"])
    running.clock.set(running.clock.now() + term)
    service.remove_photos(running)
    assert there(running) == 2
    running.clock.set(running.clock.now() + timedelta(seconds=1))
    service.remove_photos(running)
    assert there(running) == 1  # nobody has ended the other
    again = Program(running, app)
    assert again.get(f"{PATH}/{closed}").json["photos"] == []
    assert again.get(address).status_code == 404
    assert len(again.get(f"{PATH}/{still}").json["photos"]) == 1
    with running.database.read() as connection:
        request = store.request_by_reference(connection, closed)
        assert pictures.digests(connection, request.id) == (first["sha256"],)
    browser = Browser(app)
    browser.sign_in("hanbing")
    assert "照片已到期" in browser.get(f"/requests/{closed}").text


def there(running):
    with running.database.read() as connection:
        query = "SELECT count(*) FROM photo WHERE length(body) > 0 AND length(thumbnail) > 0"
        return connection.exec_driver_sql(query).scalar()
