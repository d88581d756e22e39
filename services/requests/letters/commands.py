"""``python -m services.requests mail``: one mail from standard input, as a mail server pipes it to an alias."""

from __future__ import annotations

import argparse
import logging
import sys
from typing import TYPE_CHECKING

from services.requests.letters import arrivals, reading
from services.requests.service import SERVICE, desk_of
from shared import observe, process, settings
from shared.errors import Transient

if TYPE_CHECKING:
    from collections.abc import Sequence

log = logging.getLogger("houqin.requests.letters")
OK, UNAVAILABLE, TEMPORARY = 0, 69, 75  # sysexits.h: a mail server tries again after 75


def main(arguments: Sequence[str]) -> int:
    """Take one mail; 0 when it was dealt with in any way, 75 when it is to be given again, 69 when nobody listens."""
    parser = argparse.ArgumentParser(prog="python -m services.requests mail", description=main.__doc__)
    parser.add_argument("--to", action="append", default=[], help="recipient as the mail server knows it")
    options = parser.parse_args(list(arguments))
    try:
        loaded = settings.load(process.declared(SERVICE), process.mine("requests"))
        observe.start_logging("requests-mail", loaded["HOUQIN_LOG_LEVEL"])
        running = process.assemble(SERVICE, loaded)
        desk = desk_of(running)
    except settings.BadSettings as error:
        print(f"requests: the settings are wrong:\n{error}", file=sys.stderr)
        return TEMPORARY
    if not desk.office.intake:
        print("requests: REQUESTS_MAIL_INTAKE is off", file=sys.stderr)
        return UNAVAILABLE
    raw = sys.stdin.buffer.read(reading.MOST + 1)
    try:
        arrivals.receive(running, desk, raw, options.to)
    except Transient as error:
        print(f"requests: not now: {error}", file=sys.stderr)
        return TEMPORARY
    except Exception as error:  # any other status but 75 has the mail server send it back, to a forged sender too
        log.exception("a mail cannot be dealt with: %s", type(error).__name__)
        return TEMPORARY
    finally:
        running.database.close()
    return OK
