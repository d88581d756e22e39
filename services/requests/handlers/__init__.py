"""Use cases: one function, one transaction. ``filing`` and ``following`` for requests, ``signing`` and ``accounts`` for people."""
