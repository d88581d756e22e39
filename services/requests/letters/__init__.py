"""Mail: notices as letters, how each person wants them, and requests that come by mail.

Letters are written into a table in a transaction of their own and sent by a timer, never by whoever serves a page or
handles an event.
"""
