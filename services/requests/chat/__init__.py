"""Chat: a sentence of an office becomes a request.

``times`` reads time expressions, the understanding around it reads intents, items, places and counts, and the
conversation asks for what is missing before anything is filed. Pure rules over editable tables: no database, no web,
no model from outside.
"""
