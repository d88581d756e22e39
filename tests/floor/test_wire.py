"""The counting of what goes over the wire sees what it is to see."""

import socket

import kombu
import pytest

from shared.database import Database
from tests.wire import counted


@pytest.mark.postgres
@pytest.mark.parametrize("database_url", ["postgres"], indirect=True)
def test_a_publish_a_connection_and_every_message_are_counted(database_url):
    database = Database(database_url)
    with socket.create_server(("127.0.0.1", 0)) as server, counted(database) as cost:
        with database.write() as connection:  # BEGIN, the question, COMMIT, on the pool's first connection
            connection.exec_driver_sql("SELECT 1")
        socket.create_connection(server.getsockname()).close()
        with kombu.Connection("memory://") as bus:
            kombu.Producer(bus).publish({}, routing_key="x")
    database.close()
    assert (cost.commits, cost.connections, cost.publishes) == (1, 2, 1)
    assert cost.messages >= 3
    assert not cost.within(messages=99, commits=1)
