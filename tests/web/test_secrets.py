"""Secrets are read and never told."""

import pytest

from shared import process, settings
from shared.contracts.base import SERVICES

CANARY = "canary-7f3a22-of-forty-characters-or-so"


@pytest.fixture(params=SERVICES)
def given(request, monkeypatch):
    """(service, its settings with a canary in every secret)."""
    declared = process.declared(process.of(request.param))
    secret = [each.name for each in declared if each.secret]
    assert len(secret) >= 4
    for name in secret:
        monkeypatch.setenv(name, CANARY)
    return request.param, settings.load(declared, dict.fromkeys(secret, CANARY))


def test_no_secret_is_printed_by_check(given, capsys):
    assert process.check([given[0]]) == 0
    told = capsys.readouterr()
    assert "••••••" in told.out
    assert CANARY not in told.out + told.err


def test_settings_do_not_tell_their_secrets_when_they_are_shown(given):
    assert CANARY not in repr(given[1])
    assert CANARY not in str(given[1].shown())


def test_a_wrong_secret_is_not_repeated(given, tmp_path):
    declared = process.declared(process.of(given[0]))
    with pytest.raises(settings.BadSettings) as caught:
        settings.load(declared, {"HOUQIN_CURSOR_SECRET_FILE": str(tmp_path / "absent"), "HOUQIN_NO_SUCH": CANARY})
    assert CANARY not in str(caught.value)
