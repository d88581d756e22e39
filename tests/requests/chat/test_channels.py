"""Chat programs: one suite for all, the published vectors, and every way a call can be wrong."""

from __future__ import annotations

import base64
import json
import os
import threading
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from services.requests import lists, store
from services.requests.chat import arrivals, links, records
from services.requests.chat.channels import Challenge, DingTalk, Feishu, Ignored, Inbound, Rejected, WeCom
from services.requests.chat.channels import dingtalk as ding
from services.requests.chat.channels import feishu as lark
from services.requests.chat.channels.base import Envelope
from services.requests.service import desk_of
from shared.settings import BadSettings
from tests.requests.conftest import Browser, an_app, person, said

VECTORS = {
    one["name"]: one for one in json.loads((Path(__file__).parent / "data" / "channels.json").read_text("utf-8"))
}
NOW = datetime(2026, 11, 25, 4, 0, tzinfo=UTC)
AES_KEY = "jWmYm7qr5nMoAUwZRjGtBxmz3KA1tkAj3ykkR6q2B2C"


def at(stamp, unit=1):
    return datetime.fromtimestamp(int(stamp) / unit, UTC)


def seconds(moment=NOW):
    return str(int(moment.timestamp()))


def millis(moment=NOW):
    return str(int(moment.timestamp() * 1000))


# ---- the published vectors


@pytest.mark.parametrize("name", ["wecom_verify_url_2014", "wecom_verify_url_2016"])
def test_wecom_is_told_its_challenge_bare(name):
    one = VECTORS[name]
    channel = WeCom(wecom_settings(one))
    query = {
        "msg_signature": one["msg_signature"],
        "timestamp": one["timestamp"],
        "nonce": one["nonce"],
        "echostr": one["encrypt"],
    }
    assert channel.receive({}, query, b"", at(one["timestamp"])) == Challenge(one["plaintext"].encode())
    with pytest.raises(Rejected):  # a plus that became a blank on its way
        channel.receive({}, {**query, "echostr": one["encrypt"].replace("+", " ")}, b"", at(one["timestamp"]))


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [("wecom_message_2014", "hello", "4561255354251345929"), ("wecom_message_2016", "你好", "1456453720")],
)
def test_wecom_messages_are_read(name, text, message):
    one = VECTORS[name]
    query = {"msg_signature": one["msg_signature"], "timestamp": one["timestamp"], "nonce": one["nonce"]}
    found = WeCom(wecom_settings(one)).receive({}, query, wecom_body(one["encrypt"]), at(one["timestamp"]))
    assert (found.text, found.message) == (text, message)


def test_dingtalk_events_are_opened_and_answered_encrypted():
    one = VECTORS["dingtalk_event_callback"]
    envelope = Envelope(one["token"], one["encoding_aes_key"], one["receive_id"])
    assert (
        envelope.open(one["msg_signature"], one["timestamp"], one["nonce"], one["encrypt"]).decode() == one["plaintext"]
    )
    channel = DingTalk(
        {
            "app_secret": "s",
            "webhooks": "https://oapi.dingtalk.com",
            "token": one["token"],
            "aes_key": one["encoding_aes_key"],
            "app_key": one["receive_id"],
        }
    )
    query = {"signature": one["msg_signature"], "timestamp": one["timestamp"], "nonce": one["nonce"]}
    told = channel.receive({}, query, json.dumps({"encrypt": one["encrypt"]}).encode(), at(one["timestamp"], 1000))
    answer = json.loads(told.body)
    assert envelope.open(answer["msg_signature"], answer["timeStamp"], answer["nonce"], answer["encrypt"]) == b"success"


def test_feishu_and_robot_formulas_give_the_vectors():
    one = VECTORS["feishu_event_decrypt"]
    assert lark.opened(one["encrypt"], one["encrypt_key"]).decode() == one["plaintext"]
    one = VECTORS["feishu_event_signature"]
    assert lark.signature(one["timestamp"], one["nonce"], one["encrypt_key"], one["body"].encode()) == one["signature"]
    one = VECTORS["dingtalk_robot_inbound_sign"]
    assert ding.robot_signature(one["timestamp"], one["app_secret"]) == one["sign"]
    one = VECTORS["feishu_custom_bot_sign"]
    assert lark.robot_signature(one["timestamp"], one["secret"]) == one["sign"]


# ---- one suite for every channel


def wecom_settings(one=None):
    one = one or {"token": "t", "encoding_aes_key": AES_KEY, "receive_id": "ww1"}
    return {
        "token": one["token"],
        "aes_key": one["encoding_aes_key"],
        "corp_id": one["receive_id"],
        "agent_id": "1",
        "secret": "x",
        "api": "https://qyapi.weixin.qq.com",
    }


def wecom_body(encrypted):
    return f"<xml><ToUserName><![CDATA[ww1]]></ToUserName><Encrypt><![CDATA[{encrypted}]]></Encrypt><AgentID>1</AgentID></xml>".encode()


class ChannelSuite:
    """What holds for every chat program. ``call`` gives the parts of a right call: headers, query, body."""

    now = NOW

    def channel(self):
        raise NotImplementedError

    def call(self, text="你好", user="u1", message="m1", when=NOW):
        raise NotImplementedError

    def receive(self, call, now=NOW):
        return self.channel().receive(*call, now)

    def test_a_right_call_is_a_message(self):
        found = self.receive(self.call(text="302空调坏了", user="zhang"))
        assert isinstance(found, Inbound)
        assert (found.user, found.text, found.private) == ("zhang", "302空调坏了", True)
        assert len(found.once) == 2

    def test_one_byte_of_any_part_changed_is_refused(self):
        headers, query, body = self.call()
        for where, parts in (("headers", headers), ("query", query)):
            for name, value in parts.items():
                for at_ in {0, len(value) // 2, len(value) - 1}:
                    changed = value[:at_] + ("A" if value[at_] != "A" else "B") + value[at_ + 1 :]
                    other = {**parts, name: changed}
                    call = (other, query, body) if where == "headers" else (headers, other, body)
                    self.refused(call, f"{where} {name} {at_}")
        self.body_changed(headers, query, body)

    def body_changed(self, headers, query, body):
        inside = body.index(b"ncrypt") + 20
        self.refused(
            (
                headers,
                query,
                body[:inside] + (b"A" if body[inside : inside + 1] != b"A" else b"B") + body[inside + 1 :],
            ),
            "body",
        )

    def refused(self, call, what, now=NOW):
        with pytest.raises(Rejected):
            found = self.receive(call, now)
            pytest.fail(f"{what} was taken: {found}")

    def test_a_missing_or_empty_part_is_refused(self):
        headers, query, body = self.call()
        for name in headers:
            self.refused(({**headers, name: ""}, query, body), name)
        for name in query:
            self.refused((headers, {**query, name: ""}, body), name)
        self.refused(({}, {}, body), "nothing signed")
        self.refused((headers, query, b""), "no body")

    def test_an_old_or_future_call_is_refused(self):
        for off in (timedelta(hours=-2), timedelta(hours=2)):
            self.refused(self.call(when=NOW + off), str(off))

    def test_signatures_that_are_no_ascii_are_refused(self):
        headers, query, body = self.call()
        for name in headers:
            self.refused(({**headers, name: "é签\udcff"}, query, body), name)
        for name in query:
            self.refused((headers, {**query, name: "é签\udcff"}, body), name)

    def test_a_body_of_two_megabytes_is_refused(self):
        headers, query, _ = self.call()
        self.refused((headers, query, b"x" * 2_000_000), "size")

    def test_it_cannot_be_switched_on_without_its_secrets(self):
        kind, settings = type(self.channel()), dict(self.channel().settings)
        for name in kind.needed:
            with pytest.raises(ValueError, match=name):
                kind({**settings, name: ""})


class TestWeCom(ChannelSuite):
    def channel(self):
        return WeCom(wecom_settings())

    def sealed(self, plain, when=NOW, receiver="ww1", nonce="n1"):
        encrypted, signature = Envelope("t", AES_KEY, receiver).seal(plain, b"0" * 16, seconds(when), nonce)
        return {}, {"msg_signature": signature, "timestamp": seconds(when), "nonce": nonce}, wecom_body(encrypted)

    def call(self, text="你好", user="u1", message="m1", when=NOW):
        plain = f"<xml><ToUserName>ww1</ToUserName><FromUserName>{user}</FromUserName><CreateTime>1</CreateTime><MsgType>text</MsgType><Content><![CDATA[{text}]]></Content><MsgId>{message}</MsgId><AgentID>1</AgentID></xml>"
        return self.sealed(plain.encode(), when)

    def test_another_receiver_is_refused_though_the_signature_is_right(self):
        self.refused(self.sealed(b"<xml><MsgType>text</MsgType></xml>", receiver="ww2"), "receiver")

    def raw(self, plain):
        key = base64.b64decode(AES_KEY + "=")
        cipher = Cipher(algorithms.AES(key), modes.CBC(key[:16])).encryptor()
        encrypted = base64.b64encode(cipher.update(plain) + cipher.finalize()).decode()
        signature = Envelope("t", AES_KEY, "ww1").signature(seconds(), "n", encrypted)
        return {}, {"msg_signature": signature, "timestamp": seconds(), "nonce": "n"}, wecom_body(encrypted)

    @pytest.mark.parametrize(
        "fill",
        [bytes([0]) * 32, bytes([33]) * 32, b"\x05" + bytes([4]) * 3 + b"\x05" * 28 + b"\x01\x02", bytes([255]) * 32],
    )
    def test_wrong_padding_is_refused(self, fill):
        plain = b"0" * 16 + (1).to_bytes(4, "big") + b"x" + b"ww1"
        plain = plain + b"z" * (32 - len(plain)) + fill[:30] + (fill[-1:] * 2 if fill[-1] != 2 else b"\x01\x02")
        self.refused(self.raw(plain), "padding")

    def test_a_length_past_the_end_is_refused(self):
        plain = b"0" * 16 + (10_000).to_bytes(4, "big") + b"ww1"
        fill = 32 - len(plain) % 32
        self.refused(self.raw(plain + bytes([fill]) * fill), "length")

    @pytest.mark.parametrize(
        "plain",
        [
            b'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "b"><!ENTITY c "&a;&a;">]><xml><Content>&c;</Content></xml>',
            b'<!DOCTYPE x SYSTEM "file:///etc/passwd"><xml><MsgType>text</MsgType></xml>', b"<xml><a><b>1</b></a></xml>", b"<xml", b"\xff\xfe",
            b"<xml>" + b"<a>1</a>" * 60_000 + b"</xml>",
        ],
    )  # fmt: skip
    def test_entities_and_anything_but_flat_fields_are_refused(self, plain):
        self.refused(self.sealed(plain), "xml")

    def test_pictures_and_events_are_taken_and_left(self):
        assert isinstance(
            self.receive(
                self.sealed(b"<xml><FromUserName>u</FromUserName><MsgType>image</MsgType><MsgId>7</MsgId></xml>")
            ),
            Ignored,
        )


class TestDingTalk(ChannelSuite):
    def channel(self):
        return DingTalk({"app_secret": "this is secret", "webhooks": "https://oapi.dingtalk.com"})

    def call(
        self,
        text="你好",
        user="u1",
        message="m1",
        when=NOW,
        kind="1",
        webhook="https://oapi.dingtalk.com/robot/sendBySession?session=x",
    ):
        body = {
            "msgtype": "text", "text": {"content": f" {text} "}, "msgId": message, "senderStaffId": user, "conversationType": kind,
            "conversationId": "c", "sessionWebhook": webhook, "sessionWebhookExpiredTime": int(NOW.timestamp() * 1000) + 60_000,
        }  # fmt: skip
        return (
            {"timestamp": millis(when), "sign": ding.robot_signature(millis(when), "this is secret")},
            {},
            json.dumps(body).encode(),
        )

    def body_changed(self, headers, query, body):
        """The platform's signature does not cover the body: see the test of a captured pair below."""

    def test_a_message_in_a_group_is_not_private(self):
        assert self.receive(self.call(kind="2")).private is False

    def test_the_same_pair_of_headers_signs_only_once(self):
        first, second = self.receive(self.call(text="好")), self.receive(self.call(text="全部取消", message="m2"))
        assert set(first.once) & set(second.once)

    @pytest.mark.parametrize(
        "url",
        [
            "https://evil.example/x",
            "http://oapi.dingtalk.com/x",
            "https://oapi.dingtalk.com@evil.example/",
            "https://oapi.dingtalk.com.evil.example/",
            "//oapi.dingtalk.com/x",
            "",
        ],
    )
    def test_answers_go_to_the_platforms_own_address_alone(self, url):
        found = self.receive(self.call(webhook=url))
        assert self.channel().post(found.to, "x", "", NOW) is None

    def test_an_answer_is_not_sent_to_an_address_that_has_expired(self):
        found = self.receive(self.call())
        assert self.channel().post(found.to, "x", "", NOW) is not None
        assert self.channel().post(found.to, "x", "", NOW + timedelta(minutes=5)) is None

    @pytest.mark.parametrize("body", [b"", b"[]", b"{", b'{"a":NaN}', b'{"a":1,"a":2}', b"[" * 50_000, b"\xff"])
    def test_what_is_no_json_object_is_refused(self, body):
        headers, query, _ = self.call()
        self.refused((headers, query, body), "json")


class TestFeishu(ChannelSuite):
    def channel(self):
        return Feishu(
            {
                "app_id": "a",
                "app_secret": "s",
                "encrypt_key": "test key",
                "verification_token": "v",
                "api": "https://open.feishu.cn",
            }
        )

    def encrypted(self, plain, key="test key"):
        data = json.dumps(plain).encode() if isinstance(plain, dict) else plain
        fill = 16 - len(data) % 16
        iv = b"1" * 16
        cipher = Cipher(algorithms.AES(sha256(key.encode()).digest()), modes.CBC(iv)).encryptor()
        return base64.b64encode(iv + cipher.update(data + bytes([fill]) * fill) + cipher.finalize()).decode()

    def signed(self, encrypted, when=NOW):
        body = json.dumps({"encrypt": encrypted}).encode()
        headers = {
            "X-Lark-Request-Timestamp": seconds(when),
            "X-Lark-Request-Nonce": "n",
            "X-Lark-Signature": lark.signature(seconds(when), "n", "test key", body),
        }
        return headers, {}, body

    def call(self, text="你好", user="u1", message="m1", when=NOW, token="v", kind="p2p"):
        event = {
            "schema": "2.0", "header": {"event_id": message, "event_type": "im.message.receive_v1", "token": token},
            "event": {
                "sender": {"sender_id": {"open_id": user}},
                "message": {"message_type": "text", "chat_type": kind, "chat_id": "oc", "content": json.dumps({"text": f"@_user_1 {text}"})},
            },
        }  # fmt: skip
        return self.signed(self.encrypted(event), when)

    def test_the_challenge_is_answered_and_only_with_the_right_token(self):
        ask = {"type": "url_verification", "challenge": "c1", "token": "v"}
        body = json.dumps({"encrypt": self.encrypted(ask)}).encode()
        assert json.loads(self.receive(({}, {}, body)).body) == {"challenge": "c1"}
        self.refused(({}, {}, json.dumps({"encrypt": self.encrypted({**ask, "token": "w"})}).encode()), "token")
        self.refused(({}, {}, json.dumps(ask).encode()), "in the clear")

    def test_an_unsigned_message_is_refused_though_it_is_encrypted(self):
        _, query, body = self.call()
        self.refused(({}, query, body), "unsigned")

    def test_another_verification_token_or_key_is_refused(self):
        self.refused(self.call(token="w"), "token")
        self.refused(self.signed(self.encrypted(b"{}", key="other key")), "key")

    def test_other_events_are_taken_and_left(self):
        event = {"header": {"event_id": "e", "event_type": "im.chat.updated_v1", "token": "v"}, "event": {}}
        assert isinstance(self.receive(self.signed(self.encrypted(event))), Ignored)


# ---- through the service, with a fake platform


class Platform(ThreadingHTTPServer):
    """A fake of all three: gives tokens and takes messages; ``mood`` makes it misbehave."""

    def __init__(self):
        self.taken, self.mood = [], ""
        super().__init__(("127.0.0.1", 0), Answering)

    @property
    def address(self):
        return f"http://127.0.0.1:{self.server_port}"


class Answering(BaseHTTPRequestHandler):
    def do_GET(self):
        self.answer({"errcode": 0, "access_token": "tok"})

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        mood = self.server.mood
        if mood == "500":
            self.send_error(500)
            return
        if mood == "redirect":
            self.send_response(302)
            self.send_header("Location", "http://127.0.0.1:1/")
            self.end_headers()
            return
        if mood == "garbage":
            self.answer(b"<html>" + os.urandom(64))
            return
        self.server.taken.append((self.path, body))
        self.answer({"code": 0, "tenant_access_token": "tok"})

    def answer(self, body):
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_):
        pass


@pytest.fixture
def platform():
    server = Platform()
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()


@pytest.fixture
def linked(quick, platform):
    """The service with all three programs on, and hanbing linked on each as ``u1``."""
    quick.settings = quick.settings.with_(
        REQUESTS_CHAT_CHANNELS="wecom dingtalk feishu",
        REQUESTS_WECOM_TOKEN="t", REQUESTS_WECOM_AES_KEY=AES_KEY, REQUESTS_WECOM_CORP_ID="ww1", REQUESTS_WECOM_AGENT_ID="1",
        REQUESTS_WECOM_SECRET="x", REQUESTS_WECOM_API=platform.address, REQUESTS_DINGTALK_APP_SECRET="this is secret",
        REQUESTS_DINGTALK_WEBHOOKS=platform.address, REQUESTS_FEISHU_APP_ID="a", REQUESTS_FEISHU_APP_SECRET="s",
        REQUESTS_FEISHU_ENCRYPT_KEY="test key", REQUESTS_FEISHU_VERIFICATION_TOKEN="v", REQUESTS_FEISHU_API=platform.address,
    )  # fmt: skip
    return quick


SUITES = {"wecom": TestWeCom(), "dingtalk": TestDingTalk(), "feishu": TestFeishu()}


def deliver(app, name, platform, **said_):
    if name == "dingtalk":
        said_["webhook"] = f"{platform.address}/robot?session=x"
    headers, query, body = SUITES[name].call(**said_)
    return Browser(app).client.post(f"/requests/api/chat/from/{name}", query_string=query, headers=headers, data=body)


def link(running, name):
    with running.work() as work:
        return links.make_code(work, person("hanbing").account)


def filed(running):
    return said(running, "requests.request_filed")


@pytest.mark.parametrize("name", list(SUITES))
def test_a_linked_person_files_by_chat_and_is_answered_by_the_platform(linked, platform, name):
    app = an_app(linked)
    moments = iter(NOW + timedelta(seconds=n) for n in range(20))
    assert deliver(app, name, platform, text="2号楼302空调不制冷", message="a", when=next(moments)).status_code == 200
    assert filed(linked) == []  # nobody is linked yet
    assert deliver(app, name, platform, text=link(linked, name), message="b", when=next(moments)).status_code == 200
    deliver(app, name, platform, text="2号楼302空调不制冷", message="c", when=next(moments))
    yes = next(moments)
    for _ in range(3):  # the same call again and again
        assert deliver(app, name, platform, text="好", message="d", when=yes).status_code == 200
    (event,) = filed(linked)
    assert (event["data"]["channel"], event["data"]["requester"]) == (name, person("hanbing").account)
    assert arrivals.send_due(linked, tokens=arrivals.Tokens()) == 4
    assert "1125-001" in json.dumps(platform.taken[-1][1], ensure_ascii=False)


GROUPS = {"dingtalk": "2", "feishu": "group"}


@pytest.fixture(params=list(GROUPS))
def chat(request, linked, platform):
    """hanbing, linked: ``chat(text)`` says it in private, ``chat(text, True)`` in a group; what comes back is the answer."""
    app, name = an_app(linked), request.param
    with linked.work() as work:
        links.redeem(work, name, "u1", links.make_code(work, person("hanbing").account))
    moments = (NOW + timedelta(seconds=n) for n in range(60))

    def say(text, in_company=False):
        when = next(moments)
        kind = {"kind": GROUPS[name]} if in_company else {}
        assert deliver(app, name, platform, text=text, message=f"m{when}", when=when, **kind).status_code == 200
        arrivals.send_due(linked, tokens=arrivals.Tokens())
        return platform.taken[-1][1].get("content") or platform.taken[-1][1]["text"]["content"]

    say.running, say.channel = linked, name
    return say


def states(running):
    with running.database.read() as connection:
        return [one.state for one in lists.list_requests(connection, store.Seen(account=person("hanbing").account))]


@pytest.mark.parametrize(
    "text",
    [
        "1125-001取消", "1125-001不用了", "withdraw 1125-001", "1125-001改到明天下午三点", "1125-001五星，师傅很好", "rate 1125-001 5 stars",
        "1125-001到哪了", "where is 1125-001", "我的申请都到哪了", "催一下1125-001", "我要投诉1125-001的师傅态度差",
    ],
)  # fmt: skip
def test_in_company_nobody_withdraws_changes_rates_complains_or_sees_a_list(chat, text):
    chat("2号楼302空调不制冷")
    chat("好")
    events = said(chat.running)
    answer = chat(text, True)
    assert "单独" in answer or "private chat" in answer, answer
    assert "302" not in answer
    chat("是的", True)  # a yes to a question that was never put
    assert states(chat.running) == ["filed"]
    assert said(chat.running) == events
    with chat.running.database.read() as connection:
        assert records.waiting_calls(connection, person("hanbing").organisation) == []


def test_a_yes_in_company_agrees_to_nothing_that_was_asked_in_private(chat):
    chat("2号楼302空调不制冷")
    assert "302" not in chat("你好", True)  # the private draft is not read out
    chat("好", True)
    assert filed(chat.running) == []
    chat("好")
    assert len(filed(chat.running)) == 1
    chat("取消1125-001")
    chat("是的", True)
    assert states(chat.running) == ["filed"]
    chat("是的")
    assert states(chat.running) == ["withdrawn"]


def test_in_company_one_still_files_and_what_was_filed_there_is_not_changed_there(chat):
    chat("2号楼302空调不制冷", True)
    chat("好", True)
    assert states(chat.running) == ["filed"]
    for text in ("不对，是303", "刚才那个取消", "算了不用修了"):
        chat(text, True)
        chat("好", True)
    assert states(chat.running) == ["filed"]
    assert len(filed(chat.running)) == 1


def test_where_an_emergency_is_can_be_added_in_company(chat):
    chat("水管爆了", True)
    chat("水管爆了，在2号楼3楼", True)
    assert sorted(states(chat.running)) == ["filed", "withdrawn"]
    chat("刚才那个取消", True)
    chat("是的", True)
    assert sorted(states(chat.running)) == ["filed", "withdrawn"]


def test_a_code_shown_in_company_binds_nobody(chat):
    with chat.running.work() as work:
        code = links.make_code(work, person("hejing").account)
    chat(code, True)
    with chat.running.work() as work:
        assert links.redeem(work, chat.channel, "somebody else", code) == "wrong"


@pytest.mark.parametrize("name", list(SUITES))
def test_a_forged_call_is_401_and_does_nothing(linked, platform, name):
    app = an_app(linked)
    headers, query, body = SUITES[name].call(text="水管爆了")
    forged = {key: value[:-1] + ("0" if value[-1] != "0" else "1") for key, value in (headers or query).items()}
    answer = Browser(app).client.post(
        f"/requests/api/chat/from/{name}",
        query_string=query if headers else forged,
        headers=forged if headers else headers,
        data=body,
    )
    assert answer.status_code == 401
    assert Browser(app).client.post(f"/requests/api/chat/from/{name}", data=b"").status_code == 401
    assert filed(linked) == []


def test_a_captured_dingtalk_pair_with_another_text_files_nothing(linked, platform):
    app = an_app(linked)
    deliver(app, "dingtalk", platform, text=link(linked, "dingtalk"), message="a", when=NOW)
    assert deliver(app, "dingtalk", platform, text="水管爆了，三楼", message="z", when=NOW).status_code == 200
    assert filed(linked) == []


def test_the_same_call_a_hundred_times_at_once_is_one_draft(linked, platform):
    app = an_app(linked)
    deliver(app, "wecom", platform, text=link(linked, "wecom"), message="a", when=NOW)
    threads = [
        threading.Thread(
            target=deliver,
            args=(app, "wecom", platform),
            kwargs={"text": "水管爆了", "message": "b", "when": NOW + timedelta(seconds=1)},
        )
        for _ in range(30)
    ]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    assert len(filed(linked)) == 1


def test_a_platforms_user_is_not_bound_to_a_second_account(linked):
    with linked.work() as work:
        assert links.redeem(work, "wecom", "u1", links.make_code(work, person("hanbing").account)) == "done"
        code = links.make_code(work, person("hejing").account)
        assert links.redeem(work, "wecom", "u1", code) == "taken"
        assert links.redeem(work, "wecom", "u2", code) == "wrong"  # used up
        assert links.account_of(work.connection, "wecom", "u1") == person("hanbing").account


def test_a_code_is_good_for_ten_minutes(linked):
    with linked.work() as work:
        code = links.make_code(work, person("hanbing").account)
    linked.clock.set(linked.clock.now() + timedelta(minutes=11))
    with linked.work() as work:
        assert links.redeem(work, "wecom", "u1", code) == "wrong"


@pytest.mark.parametrize("mood", ["500", "redirect", "garbage"])
def test_an_answer_that_fails_is_tried_again_later_and_arrives_once(linked, platform, mood):
    with linked.work() as work:
        links.send(work, "wecom", {"user": "u1"}, "你好")
    platform.mood = mood
    tokens = arrivals.Tokens()
    assert arrivals.send_due(linked, tokens=tokens) == 0
    platform.mood = ""
    assert arrivals.send_due(linked, tokens=tokens) == 0  # not yet due
    linked.clock.set(linked.clock.now() + timedelta(seconds=11))
    assert arrivals.send_due(linked, tokens=tokens) == 1
    linked.clock.set(linked.clock.now() + timedelta(hours=2))
    assert arrivals.send_due(linked, tokens=tokens) == 0
    assert len(platform.taken) == 1


def test_a_channel_without_its_secret_does_not_start(quick):
    quick.settings = quick.settings.with_(REQUESTS_CHAT_CHANNELS="wecom")
    with pytest.raises(BadSettings):
        desk_of(quick)
    quick.settings = quick.settings.with_(REQUESTS_CHAT_CHANNELS="telegram")
    with pytest.raises(BadSettings):
        desk_of(quick)


def test_a_channel_that_is_off_is_not_there(quick_app):
    assert Browser(quick_app).client.post("/requests/api/chat/from/wecom", data=b"x").status_code == 404
