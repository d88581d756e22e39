"""The limit of the relay: a pika publisher with a window of confirms and nothing else.

``bare_publisher.py URL EXCHANGE KEY WINDOW`` reads a body from its environment (``BODY``); for each line ``N`` on
standard input it publishes N of them and answers the seconds until the last confirm.
"""

from __future__ import annotations

import os
import sys
import time

import pika
from pika.adapters.select_connection import SelectConnection

PROPERTIES = pika.BasicProperties(content_type="application/cloudevents+json", delivery_mode=2)


class Publisher:
    """One drain: connected once, told how many to send by ``go``."""

    def __init__(self, url: str, exchange: str, key: str, window: int) -> None:
        self.exchange, self.key, self.window = exchange, key, window
        self.body = os.environ["BODY"].encode()
        self.sent = self.confirmed = self.wanted = 0
        self.channel = None
        self.connection = SelectConnection(pika.URLParameters(url), on_open_callback=self._opened)

    def _opened(self, connection) -> None:
        connection.channel(on_open_callback=self._channel_opened)

    def _channel_opened(self, channel) -> None:
        channel.confirm_delivery(self._on_confirm, callback=lambda _frame: self.connection.ioloop.stop())
        self.channel = channel

    def _on_confirm(self, frame) -> None:
        tag = frame.method.delivery_tag
        self.confirmed = max(self.confirmed, tag) if frame.method.multiple else self.confirmed + 1
        if self.confirmed >= self.wanted:
            self.connection.ioloop.stop()
        elif self.sent - self.confirmed < self.window // 2:
            self._pump()

    def _pump(self) -> None:
        while self.sent < self.wanted and self.sent - self.confirmed < self.window:
            self.sent += 1
            self.channel.basic_publish(self.exchange, self.key, self.body, PROPERTIES, mandatory=True)

    def go(self, count: int) -> float:
        """Publish ``count`` bodies; the seconds it took."""
        began = time.perf_counter()
        self.wanted = self.confirmed = self.sent
        self.wanted += count
        self._pump()
        self.connection.ioloop.start()
        return time.perf_counter() - began


def main(url: str, exchange: str, key: str, window: int) -> None:
    """Serve lines until the end of standard input."""
    publisher = Publisher(url, exchange, key, window)
    publisher.connection.ioloop.start()
    for line in sys.stdin:
        print(publisher.go(int(line)), flush=True)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4]))
