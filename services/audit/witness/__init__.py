"""A small C2SP tlog-witness: a supervisor's own machine cosigns what it saw grow, and nothing else.

It keeps one head for each log, in SQLite, and answers only after the new one is on its disk. It needs none of the
other parts of Houqin at run time: the log's public key and an address are all that its operator exchanges.
"""
