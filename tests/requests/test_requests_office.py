"""An office's own departments, places and vehicles come from its tables, whole or not at all."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from sqlalchemy import select

from services.requests import office, store, tables
from services.requests.bookings import store as bookings
from tests.conftest import scratch_postgres
from tests.requests.conftest import a_running

ROOT = Path(__file__).parents[2]
DEPARTMENTS = "code,name,name_en,building\nfin,财务处,Finance,A\nsec,秘书处,Secretariat,\n"
PLACES = """code,kind,name,name_en,building,floor,room,capacity,equipment,also
A,building,甲楼,Building A,A,,,,,主楼|main building
A-101,office,甲楼101办公室,"Building A, office 101",A,1,101,,,
A-201,meeting,甲楼201会议室,"Building A, meeting room 201",A,2,201,30,projector tea,
"""
VEHICLES = "code,name,name_en,seats,car\nsu-1,一号车,Car 1,4,sedan\n"


@pytest.fixture
def folder(tmp_path):
    found = tmp_path / "office"
    found.mkdir()
    for name, text in (("departments", DEPARTMENTS), ("places", PLACES), ("vehicles", VEHICLES)):
        (found / f"{name}.csv").write_text(text, "utf-8")
    return found


def change(folder, name, old, new):
    path = folder / f"{name}.csv"
    text = path.read_text("utf-8")
    assert old in text
    path.write_text(text.replace(old, new), "utf-8")


def take(running, folder):
    found = office.read(folder)
    assert found.faults == []
    with running.work() as work:
        return office.settle(work, found)


def said(running):
    with running.database.read() as connection:
        return list(connection.exec_driver_sql("SELECT type FROM outbox").scalars())


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def empty(request, tmp_path):
    """The service without anything in it."""
    url, drop = (
        scratch_postgres() if request.param == "postgres" else (f"sqlite:///{tmp_path / 'requests.db'}", lambda: None)
    )
    running = a_running(tmp_path, url, new=False)
    running.service.metadata.create_all(running.database.engine)
    yield running
    running.database.close()
    drop()


def test_an_empty_installation_gets_its_office_and_the_same_again_changes_nothing(empty, folder):
    told = take(empty, folder)
    assert (told.departments, told.places, told.vehicles) == (2, 3, 1)
    with empty.database.read() as connection:
        assert [each.name.zh for each in store.departments(connection)] == ["财务处", "秘书处"]
        hall = next(each for each in store.places(connection) if each.kind == "meeting")
        assert (hall.capacity, hall.equipment) == (30, ("projector", "tea"))
        assert "jl201hys" in hall.search
        assert "main building" in next(each.search for each in store.places(connection) if each.code == "A")
        assert [(each.code, each.kind, each.capacity) for each in bookings.resources(connection)] == [
            ("A-201", "room", 30), ("su-1", "vehicle", 4),
        ]  # fmt: skip
    assert said(empty) == ["requests.office_changed.v1"]
    assert take(empty, folder).changed == 0
    assert said(empty) == ["requests.office_changed.v1"]


def test_a_changed_row_changes_its_place_and_its_room_and_a_missing_one_stays(empty, folder):
    take(empty, folder)
    change(folder, "places", "甲楼201会议室", "甲楼二层大会议室")
    change(folder, "places", ",201,30,projector tea,", ",201,45,projector,")
    change(folder, "places", 'A-101,office,甲楼101办公室,"Building A, office 101",A,1,101,,,\n', "")
    assert take(empty, folder).changed == 2  # the place and what is booked of it
    with empty.database.read() as connection:
        room = bookings.resource_by_code(connection, "A-201")
        assert (room.name.zh, room.capacity, room.equipment) == ("甲楼二层大会议室", 45, ("projector",))
        assert {each.code for each in store.places(connection)} == {"A", "A-101", "A-201"}


def test_what_an_administrator_set_for_a_room_stays(empty, folder):
    take(empty, folder)
    with empty.work() as work:
        work.connection.execute(tables.resource.update().where(tables.resource.c.code == "A-201").values(approval=True))
    change(folder, "places", ",201,30,", ",201,32,")
    take(empty, folder)
    with empty.database.read() as connection:
        assert bookings.resource_by_code(connection, "A-201").approval


@pytest.mark.parametrize(
    ("name", "old", "new", "says"),
    [
        ("departments", "fin,", ",", "departments.csv:2: code"),
        ("departments", "fin,", "sec,", "departments.csv:3: code: sec comes twice"),
        ("departments", ",A\n", ",Z\n", "departments.csv:2: building: Z is no building"),
        ("departments", "Finance", "F" * 101, "departments.csv:2: name_en"),
        ("departments", "财务处", "财\u202e务处", "departments.csv:2: name"),
        ("departments", "code,", "codes,", "departments.csv: the columns are"),
        ("departments", "秘书处,Secretariat,", "秘书处,Secretariat,,x", "departments.csv:3: more cells than columns"),
        ("places", ",office,", ",cellar,", "places.csv:3: kind"),
        ("places", ",30,", ",0,", "places.csv:4: capacity: a meeting room says"),
        ("places", ",30,", ",1e9,", "places.csv:4: capacity"),
        ("places", ",30,", ",-3,", "places.csv:4: capacity"),
        ("vehicles", "su-1", "A-201", "vehicles.csv:2: code: A-201 is a meeting room"),
        ("vehicles", "sedan", "tank", "vehicles.csv:2: car"),
        ("vehicles", "一号车", '"一号车', "vehicles.csv: "),
    ],
)  # fmt: skip
def test_what_cannot_be_taken_is_named_by_file_and_line(folder, name, old, new, says):
    change(folder, name, old, new)
    found = office.read(folder)
    assert any(each.startswith(says) for each in found.faults), found.faults


def test_bytes_that_are_no_text_and_a_missing_file_are_named(folder):
    (folder / "places.csv").write_bytes(PLACES.encode("gb18030"))
    (folder / "departments.csv").unlink()
    missing, unreadable = office.read(folder).faults
    assert missing == "departments.csv: No such file or directory"
    assert unreadable.startswith("places.csv: not UTF-8 at byte ")


def test_a_place_does_not_become_another_kind_and_nothing_of_the_files_is_taken(empty, folder):
    take(empty, folder)
    change(folder, "departments", "财务处", "财务局")
    change(folder, "places", "A-101,office", "A-101,service")
    found = office.read(folder)
    with pytest.raises(ValueError, match="A-101"), empty.work() as work:
        office.settle(work, found)
    with empty.database.read() as connection:
        assert (
            connection.execute(select(tables.department.c.name).where(tables.department.c.code == "fin")).scalar()
            == "财务处"
        )


def test_the_command_checks_takes_and_refuses(folder, tmp_path):
    def run(command, *arguments):
        return subprocess.run(
            [sys.executable, "-m", "services.requests", command, *arguments], cwd=ROOT, capture_output=True, text=True,
            check=False, timeout=120, env=os.environ | {"HOUQIN_DATA": str(tmp_path / "var")},
        )  # fmt: skip

    assert run("office", str(folder), "--check").stdout == "2 departments, 3 places, 1 vehicles: nothing is wrong\n"
    assert run("migrate").returncode == 0
    assert "new or changed" in run("office", str(folder)).stdout
    change(folder, "places", ",30,", ",,")
    refused = run("office", str(folder))
    assert (refused.returncode, refused.stdout) == (1, "")
    assert refused.stderr.splitlines()[-1] == "requests: 1 faults, nothing was taken"


def test_a_meeting_room_brings_its_layouts_and_another_place_none(empty, folder):
    change(folder, "places", "equipment,also", "equipment,layouts,also")
    change(folder, "places", "30,projector tea,", "30,projector tea,classroom:30 theatre:50,")
    change(folder, "places", "A,,,,,主楼", "A,,,,,,主楼")
    change(folder, "places", "A,1,101,,,", "A,1,101,,,,")
    take(empty, folder)

    def layouts():
        with empty.database.read() as connection:
            return bookings.resource_by_code(connection, "A-201").layouts

    assert layouts() == {"classroom": 30, "theatre": 50}
    change(folder, "places", "theatre:50", "theatre:60")
    take(empty, folder)
    assert layouts() == {"classroom": 30, "theatre": 60}


@pytest.mark.parametrize(
    ("layouts", "fault"),
    [
        ("heap:30", "heap:30 is no layout"),
        ("classroom", "classroom is no layout"),
        ("classroom:0", "classroom:0 is no layout"),
        ("classroom:30 classroom:20", "classroom:20 is no layout"),
        ("theatre:50 classroom:30", "as many seats as its capacity"),
    ],
)
def test_layouts_that_cannot_be_are_told_by_file_and_line(folder, layouts, fault):
    change(folder, "places", "equipment,also", "equipment,layouts,also")
    change(folder, "places", "30,projector tea,", f"30,projector tea,{layouts},")
    change(folder, "places", "A,,,,,主楼", "A,,,,,,主楼")
    faults = office.read(folder).faults
    assert len(faults) == 1 and faults[0].startswith("places.csv:4: layouts: ") and fault in faults[0]
