"""What the catalogue publishes is known here, from its instant on, and orders of earlier requests keep what they had."""

from datetime import UTC, datetime, timedelta

import pytest

from services.dispatch import standards, store, tables
from services.dispatch.promises import Limit
from shared.contracts.requests import CatalogueChanged, CataloguePoint, CatalogueTimes
from shared.database import Database

FROM = datetime(2026, 6, 1, tzinfo=UTC)


def changed(item="repair", version=5, **values):
    return CatalogueChanged(
        item=item, version=version, effective_at=FROM, published_at=FROM - timedelta(days=1), published_by="a",
        **{"name": "设备维修", "name_en": "Repairs", "mark": "修", "mark_en": "Re", "meter": "hours", "skills": ("hvac",),
           "times": (CatalogueTimes(priority=2, response=10, arrival=30),), "checklist": (CataloguePoint(zh="验电", en="Tested dead"),), **values},
    )  # fmt: skip


@pytest.fixture
def known():
    yield standards.know
    standards.know([])


def test_a_version_holds_from_its_instant(known):
    before = standards.item("repair")
    known([changed()])
    assert standards.item("repair", FROM - timedelta(seconds=1)) == before
    after = standards.item("repair", FROM)
    assert (after.skills, after.checklist, after.minutes) == (("hvac",), (("验电", "Tested dead"),), before.minutes)
    assert after.standard.terms_for(2).response.minutes == 10
    assert standards.item("repair").skills == ("hvac",)


def test_a_level_has_its_own_times_where_the_version_gives_it_some(known):
    own = CatalogueTimes(priority=2, level="deep", response=20, arrival=60, finish=300, always=True)
    known([changed(item="cleaning", times=(CatalogueTimes(priority=2, response=10, finish=90), own))])
    found = standards.item("cleaning")
    assert found.standard_of("deep").terms_for(2).finish == Limit(300, always=True)
    for level in ("", "routine", "special", "none"):
        assert found.standard_of(level).terms_for(2).finish == Limit(90)
    known([changed(item="cleaning", version=6, times=(CatalogueTimes(priority=2, response=10, finish=90),))])
    assert standards.item("cleaning").standard_of("deep").terms_for(2).finish == Limit(90)
    known([])
    assert standards.item("cleaning").standard_of("deep").terms_for(2).finish == Limit(240)


def test_a_point_of_control_is_marked_for_the_crew(known):
    known([changed(checklist=(CataloguePoint(zh="验电", en="Tested dead", key=True),))])
    assert standards.item("repair").checklist == (("验电（关键控制点）", "Tested dead (point of control)"),)


def test_an_item_made_in_the_catalogue_is_one_of_the_items(known):
    known([changed(item="flowers", version=1, name="鲜花", name_en="Flowers", meter="visits")])
    found = standards.items()["flowers"]
    assert (found.name, found.name_en, found.meters[0].code) == ("鲜花", "Flowers", "visits")
    assert list(standards.items())[-1] == "flowers"


def test_versions_are_stored_once_and_known_with_the_roster(known, tmp_path):
    database = Database(f"sqlite:///{tmp_path / 'dispatch.db'}")
    tables.metadata.create_all(database.engine)
    for version in (6, 5, 5):  # late, and twice
        with database.write() as connection:
            store.put_item_version(connection, changed(version=version, skills=(f"skill_{version}",)))
    with database.read() as connection:
        store.read_roster(connection)
        assert connection.exec_driver_sql("SELECT count(*) FROM item_version").scalar() == 2
    assert standards.item("repair").skills == ("skill_6",)
    database.close()
