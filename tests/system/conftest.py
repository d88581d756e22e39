import pytest

from tests.system.office import OFFICES


@pytest.fixture(
    scope="session", params=["embedded", pytest.param("full", marks=[pytest.mark.broker, pytest.mark.postgres])]
)
def office(request, tmp_path_factory):
    """A running installation, of each kind in turn; the same for every file."""
    folder = tmp_path_factory.mktemp(request.param)
    found = OFFICES[request.param](folder)
    try:
        found.start()
        yield found
    finally:
        found.close()
        if request.session.testsfailed:
            for log in sorted(folder.glob("*log")):
                lines = [line for line in log.read_text("utf-8", "replace").splitlines() if '"INFO"' not in line]
                print(f"--- {log.name}", *lines[-15:], sep="\n")
