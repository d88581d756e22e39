import shutil

import pytest

from tests.conftest import scratch_postgres
from tests.dispatch.world import World


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory):
    """An SQLite file that already holds the crews; copied, because making one takes longer."""
    first = tmp_path_factory.mktemp("template") / "dispatch.db"
    World(f"sqlite:///{first}", first.parent).close()
    return first


@pytest.fixture
def quick(tmp_path, sqlite_template):
    """The service on SQLite, for what does not depend on the database."""
    shutil.copy(sqlite_template, tmp_path / "dispatch.db")
    made = World(f"sqlite:///{tmp_path / 'dispatch.db'}", tmp_path, new=False)
    yield made
    made.close()


@pytest.fixture(scope="session")
def one_postgres():
    """One PostgreSQL database for the whole session; tests empty it."""
    url, drop = scratch_postgres()
    yield url
    drop()


@pytest.fixture
def on_postgres(tmp_path, one_postgres):
    """The service on PostgreSQL."""
    from services.dispatch.service import SERVICE

    made = World(one_postgres, tmp_path, new=False)
    SERVICE.metadata.drop_all(made.running.database.engine)
    made.close()
    made = World(one_postgres, tmp_path)
    yield made
    made.close()


@pytest.fixture(params=["quick", pytest.param("on_postgres", marks=pytest.mark.postgres)])
def world(request):
    """The service on each kind of database."""
    return request.getfixturevalue(request.param)
