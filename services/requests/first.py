"""``python -m services.requests administrator USER``: how the first administrator of an installation comes in."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING

from services.requests.handlers import links
from services.requests.service import SERVICE
from shared import process, settings
from shared.errors import Refused, Transient
from shared.language import language

if TYPE_CHECKING:
    from collections.abc import Sequence


def main(arguments: Sequence[str]) -> int:
    """Print a link, good once and for half an hour; 1 and one line when somebody can already sign in as administrator."""
    parser = argparse.ArgumentParser(prog="python -m services.requests administrator", description=main.__doc__)
    parser.add_argument("user", help="user name to sign in with")
    parser.add_argument("--name", default="管理员", help="name as shown in Chinese")
    parser.add_argument("--name-en", default="Administrator", help="name as shown in English")
    parser.add_argument("--organisation", default="cn", help="path in the tree of bodies")
    options = parser.parse_args(list(arguments))
    try:
        loaded = settings.load(process.declared(SERVICE), process.mine("requests"))
        running = process.assemble(SERVICE, loaded)
        with running.work() as work:
            code = links.first_administrator(work, options.user, options.name, options.name_en, options.organisation)
    except settings.BadSettings as error:
        print(f"requests: the settings are wrong:\n{error}", file=sys.stderr)
        return 2
    except Refused as error:
        print(f"requests: {language('en')(error.key, **error.parameters)}", file=sys.stderr)
        return 1
    except Transient as error:
        print(f"requests: the database does not answer or is not migrated: {error}", file=sys.stderr)
        return 1
    print(f"{str(loaded['HOUQIN_PUBLIC_URL']).rstrip('/')}/requests/welcome/{code}")
    return 0
