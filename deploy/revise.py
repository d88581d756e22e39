"""``python -m deploy.revise SERVICE "what changes"`` writes the next schema revision of a service from its tables.

The file is a draft to be read: data that must move with the schema is written by hand.
"""

from __future__ import annotations

import sys
from pathlib import Path
from textwrap import dedent, indent

from alembic.autogenerate import produce_migrations, render_python_code
from alembic.migration import MigrationContext

from shared import process
from shared.database import Database
from shared.migration import scripts, upgrade

HEAD = '''"""{message}.

Revision {revision}, after {before}.
"""

import sqlalchemy as sa
from alembic import op

{imports}
revision = "{revision}"
down_revision = {down}


def upgrade() -> None:
    """Bring the schema of the revision before to this one."""
{body}
'''


def main(arguments: list[str]) -> int:
    """Write the revision; 1 when the tables are what the revisions already make."""
    name, message = arguments
    service = process.of(name)
    folder = service.migrations / "versions"
    folder.mkdir(parents=True, exist_ok=True)
    apart = tuple(service.metadata.info.get("apart", ())) or ("\0",)  # tables made by statements of their own
    database = Database("sqlite://")
    upgrade(database, service)
    with database.write() as connection:
        context = MigrationContext.configure(
            connection,
            opts={
                "user_module_prefix": None,
                "target_metadata": service.metadata,
                "include_name": lambda name, kind, _parents: kind != "table" or not str(name).startswith(apart),
            },
        )
        steps = produce_migrations(context, service.metadata)
        assert steps.upgrade_ops is not None
        if steps.upgrade_ops.is_empty():
            print(f"{name}: nothing has changed")
            return 1
        code = render_python_code(steps.upgrade_ops, migration_context=context)
    before = scripts(service).get_current_head()
    number = len(list(folder.glob("*.py"))) + 1
    revision = f"{number:04d}"
    modules = sorted({part for part in ("shared.database", f"services.{name}.tables") if f"{part}." in code})
    text = HEAD.format(
        message=message, revision=revision, before=before or "nothing",
        down=f'"{before}"' if before else "None", body=indent(dedent("\n".join(line for line in code.splitlines() if "# ###" not in line)), "    ").rstrip(),
        imports="".join(f"import {module}\n" for module in modules),
    )  # fmt: skip
    path = folder / f"{revision}_{'_'.join(message.lower().split())[:40]}.py"
    path.write_text(text, "utf-8")
    print(path.relative_to(Path.cwd()))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
