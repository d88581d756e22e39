"""What can be seen from outside: every metric, and logs as JSON lines with the correlation id."""

from __future__ import annotations

import json
import logging
import sys
import time
from contextvars import ContextVar

from prometheus_client import Counter, Gauge, Histogram

correlation: ContextVar[str] = ContextVar("correlation", default="")

REQUESTS = Counter("houqin_http_requests_total", "HTTP requests answered.", ["service", "route", "status"])
REQUEST_SECONDS = Histogram(
    "houqin_http_request_seconds", "Time to answer an HTTP request.", ["service"],
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5),
)  # fmt: skip
REFUSED_BUSY = Counter(
    "houqin_http_busy_total", "HTTP requests answered 503 because the bound was reached.", ["service"]
)
OUT = Counter("houqin_events_out_total", "Events handed to the broker.", ["service"])
IN = Counter("houqin_events_in_total", "Events taken from the broker.", ["handler"])
DUPLICATES = Counter("houqin_inbox_duplicates_total", "Events that a handler had seen before.", ["handler"])
PUT_ASIDE = Counter(
    "houqin_events_put_aside_total", "Events whose handler failed, by what became of them.", ["handler", "state"]
)
HANDLER_SECONDS = Histogram(
    "houqin_handler_seconds", "Time of one transaction of a handler.", ["handler"],
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1, 5),
)  # fmt: skip
OUTBOX_WAITING = Gauge("houqin_outbox_waiting", "Events not yet taken up by the relay.", ["service"])
WAITING = Gauge("houqin_waiting_events", "Events put aside, by state.", ["service", "state"])
GAP_SECONDS = Gauge("houqin_gap_age_seconds", "Age of the oldest missing number.", ["service"])
SOURCE_FELL_BACK = Gauge(
    "houqin_source_fell_back",
    "1 while a source says fewer numbers than a handler has seen of it.",
    ["handler", "source"],
)
HUB_LAG = Gauge(
    "houqin_hub_lag_seconds", "Longest time the event loop was silent in the last ten seconds.", ["service"]
)
CLOCK_OFFSET = Gauge(
    "houqin_clock_offset_seconds", "How far this host's clock is ahead of its database's; none on SQLite.", ["service"]
)
LETTERS = Gauge("houqin_letters", "Letters that wait, are being sent, or stopped for a person.", ["state"])
MQTT_MESSAGES = Counter(
    "houqin_mqtt_messages_total", "Alarms and readings taken over MQTT, by what became of them.", ["kind", "outcome"]
)
MQTT_CONNECTED = Gauge("houqin_mqtt_connected", "1 while devices are listened to.", ["client"])
POOL = Gauge("houqin_database_connections", "Database connections in use.", ["service"])


class JsonLines(logging.Formatter):
    """One JSON object a line; text of users can neither start a line nor forge a field."""

    def __init__(self, service: str) -> None:
        super().__init__()
        self._service = service

    def format(self, record: logging.LogRecord) -> str:
        entry = {
            "at": time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created)) + f".{int(record.msecs):03d}Z",
            "level": record.levelname,
            "service": self._service,
            "from": record.name,
            "message": record.getMessage(),
        }
        if correlation.get():
            entry["correlation"] = correlation.get()
        if record.exc_info:
            entry["trace"] = self.formatException(record.exc_info)
        return json.dumps(entry, ensure_ascii=False)


def start_logging(service: str, level: str = "INFO") -> None:
    """Send all logs of this process to standard error as JSON lines."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines(service))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    for noisy in ("pika", "amqp", "kombu", "nameko", "werkzeug", "PIL", "alembic"):
        logging.getLogger(noisy).setLevel(max(logging.WARNING, logging.getLevelName(level)))
