"""The in-memory bus within one process."""

import pytest

from tests.bus.bus_suite import BusSuite, Toy


class TestMemory(BusSuite):
    names = ("embedded",)

    @pytest.fixture
    def toy(self, tmp_path):
        found = Toy(tmp_path, {f"TOY_{name}": f"sqlite:///{tmp_path}/{name}.db" for name in ("REQUESTS", "DISPATCH")})
        found.prepare()
        yield found
        found.close()
