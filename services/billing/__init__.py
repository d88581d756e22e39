"""Billing: what it costs.

Meters finished work against contracts and rate cards, exactly. Says ``billing.*`` events; listens to dispatch (what
was used) and to requests (who asked).
"""
