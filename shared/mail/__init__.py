"""Letters of every service: how one is written as a message, and how it is handed to a mail server."""
