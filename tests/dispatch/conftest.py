import pytest

from tests.conftest import Template
from tests.dispatch.world import World


@pytest.fixture(scope="session")
def template(tmp_path_factory):
    """Databases that already hold the crews."""
    folder = tmp_path_factory.mktemp("template")
    found = Template("dispatch", lambda url: World(url, folder).close(), folder)
    yield found
    found.close()


@pytest.fixture
def quick(tmp_path, template):
    """The service on SQLite, for what does not depend on the database."""
    made = World(template.copy("sqlite", tmp_path)[0], tmp_path, new=False)
    yield made
    made.close()


@pytest.fixture
def on_postgres(tmp_path, template):
    """The service on PostgreSQL alone."""
    url, drop = template.copy("postgres", tmp_path)
    made = World(url, tmp_path, new=False)
    yield made
    made.close()
    drop()


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def world(request, tmp_path, template):
    """The service on each kind of database."""
    url, drop = template.copy(request.param, tmp_path)
    made = World(url, tmp_path, new=False)
    yield made
    made.close()
    drop()
