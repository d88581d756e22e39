"""Audit: what happened, provably.

Keeps every event of every service once in a transparency log, and tells the story of each request from it. Says
``audit.*`` events; listens to everything.
"""
