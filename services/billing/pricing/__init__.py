"""Pricing: the pure rules of billing. Standard library only, no database, no clock, no float.

Read in this order: ``exact`` (numbers in and out), ``rounding``, ``explanation`` (what an amount says of itself),
``models`` (the registry of price models), ``rating`` (one line: quantity -> amount), ``cards`` (which price holds on a day),
``ledger`` (facts -> lines of a month; closed months -> adjustments), ``cases`` (the form in which anybody can check it).
"""
