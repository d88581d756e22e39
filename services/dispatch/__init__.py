"""Dispatch: who does it and by when.

Turns each request into work orders, promises times, and gives the work to in-house or outsourced crews. Says
``dispatch.*`` events; listens to requests (what was asked) and to billing (contracts in force).
"""
