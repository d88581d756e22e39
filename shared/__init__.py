"""The common floor: contracts, bus, outbox, inbox, database, web. It knows no service, except in ``contracts``."""
