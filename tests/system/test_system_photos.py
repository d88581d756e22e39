"""Photos come in through the real host, and nobody else waits while they are drawn anew."""

import io
import threading
import time

import pytest
import requests
from PIL import Image

from tests.requests.test_requests_photos import a_picture
from tests.system.office import person


@pytest.fixture(scope="module")
def hanbing(office):
    return person(office, "hanbing")


def send(office, hanbing, body):
    answer = requests.post(
        f"{office.address}/requests/api/photos", files={"photo": ("x.png", io.BytesIO(body))},
        headers={"Authorization": f"Bearer {hanbing.bearer()}"}, timeout=60,
    )  # fmt: skip
    assert answer.status_code == 201, answer.text
    return answer.json()


def test_a_photo_goes_with_its_request_and_is_seen_there(office, hanbing):
    made = send(office, hanbing, a_picture(3000, 2000, "PNG"))
    assert (made["width"], made["height"]) == (2048, 1365)
    wish = {
        "item": "repair", "place": "B2-303", "answers": {"what": "pipe"}, "anyway": True, "photos": [made["id"]],
    }  # fmt: skip
    filed = hanbing.post("/requests/api/requests", wish)
    [address] = hanbing.get(f"/requests/api/requests/{filed['reference']}")["photos"]
    seen = requests.get(office.address + address, headers={"Authorization": f"Bearer {hanbing.bearer()}"}, timeout=20)
    assert Image.open(io.BytesIO(seen.content)).size == (2048, 1365)


def test_others_are_answered_while_photos_are_drawn(office, hanbing):
    """A blocked host would answer about once for each photo: whenever one is done."""
    body, bearer = a_picture(4000, 3000, "PNG"), hanbing.bearer()
    begun = time.monotonic()
    send(office, hanbing, body)
    single = time.monotonic() - begun
    senders = [threading.Thread(target=send, args=(office, hanbing, body)) for _ in range(4)]
    for each in senders:
        each.start()
    waits = []
    with requests.Session() as session:
        session.trust_env = False
        while any(each.is_alive() for each in senders):
            began = time.monotonic()
            answer = session.get(
                f"{office.address}/requests/api/catalogue/repair",
                headers={"Authorization": f"Bearer {bearer}"},
                timeout=60,
            )
            assert answer.status_code == 200
            waits.append(time.monotonic() - began)
    print(
        f"one photo {single:.2f} s; meanwhile {len(waits)} answers, p50 {sorted(waits)[len(waits) // 2]:.3f} s, worst {max(waits):.2f} s"
    )
    assert len(waits) >= 20
    assert sorted(waits)[len(waits) // 2] < single / 4
