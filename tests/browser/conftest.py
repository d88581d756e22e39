import pytest


def pytest_collection_modifyitems(items):
    for item in items:
        if "/browser/" in str(item.fspath):
            item.add_marker(pytest.mark.browser)


@pytest.fixture(scope="session")
def floor(tmp_path_factory):
    """The toy service with the page of parts, over SQLite; (site, address)."""
    from tests.browser.harness import serve
    from tests.web.site import Site

    site = Site(f"sqlite:///{tmp_path_factory.mktemp('floor') / 'toy.db'}", development=True)
    with serve(site.app) as address:
        site.app.public_url = address
        yield site, address
    site.hub.stop()
    site.database.close()


@pytest.fixture(scope="session")
def house(tmp_path_factory):
    """All four services in one process with the demonstration data, as ``make up`` starts them; its address."""
    from tests.browser.house import start

    with start(tmp_path_factory.mktemp("house")) as address:
        yield address
