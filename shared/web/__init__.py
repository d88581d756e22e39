"""The web floor: routing, sessions, access, pages, live streams. It knows no service.

A service writes views and lists them as ``ROUTES``; ``app.Application`` serves them. A view is a function::

    class NewNote(Schema):                       # shared.web.schemas: Text, Whole, Decimal, Key, Instant
        words = Text(2000, required=True, lines=True)

    def add_note(context: Context, ref: str) -> Answer:
        given = context.form()                   # or .json(), .query(), .given(): checked by the route's ``accepts``
        with context.work() as work:             # shared.work.Work: actor and correlation id are filled in
            request = store.request(work.connection, ref)
            context.check(request and request.scoped)   # 404 for an absent and for a foreign one alike
            handlers.add_note(work, request, given["words"])
        context.after_commit(lambda: context.own.hub.publish(f"request:{ref}", "row", {"ref": ref}))
        return see_other(context.url("request", ref=ref))

    ROUTES = (
        Route("POST", "/<ref>/notes", "add_note", add_note, accepts=NewNote, creates=True,
              allow=Access.to(staff=("own", "department"), dispatcher="organisation"), summary="Write to the crew."),
    )

``creates=True`` honours ``Idempotency-Key`` (forms: ``{{ proof(key=True) }}``) and commits after the view returned.
Answers are made by ``page``, ``answer``, ``see_other``, ``events``, ``file``, ``nothing`` (``answers.py``); errors are
raised (``shared.errors``), never returned. A page with an invalid form is shown again by the view itself: catch
``Invalid`` and return ``page("...", status=422, given=..., errors=context.errors(error))``.

Templates extend ``shell.html``, use ``{% from "parts/<name>.html" import <part> %}`` and post ``{{ proof() }}``.
"""
