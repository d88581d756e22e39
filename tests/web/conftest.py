import pytest

from tests.web.site import Site


@pytest.fixture
def site(tmp_path):
    """The toy service over SQLite."""
    made = Site(f"sqlite:///{tmp_path / 'toy.db'}")
    yield made
    made.hub.stop()
    made.database.close()


@pytest.fixture
def both(database_url):
    """The toy service, once over each kind of database."""
    made = Site(database_url)
    yield made
    made.hub.stop()
    made.database.close()
