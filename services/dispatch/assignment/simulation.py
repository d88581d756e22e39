"""The dispatch simulator's JSON, read into what assignment knows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from services.dispatch.assignment.model import Area, Crew, CrewState, Job, Pay, Rest, Weights

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from services.dispatch.assignment.model import Dispatch

PRIORITIES = ("1", "2", "3", "4")


def area_of(instance: Mapping[str, Any], weights: Mapping[str, Any]) -> Area:
    """The simulated day without its requests."""
    return Area(
        crews=tuple(crew_of(each) for each in instance["crews"]),
        travel=instance["travel"],
        horizon=instance["horizon"],
        weights=Weights(
            tardy_per_min=tuple(weights["tardy_per_min"][each] for each in PRIORITIES),
            breach=tuple(weights["breach"][each] for each in PRIORITIES),
            lost=weights["lost"],
            carry=weights["carry"],
            travel_per_min=weights["travel_per_min"],
            overtime_per_min=weights["overtime_per_min"],
            quality=weights["quality"],
            preempt=weights["preempt"],
            imbalance_per_min=weights["imbalance_per_min"],
        ),
    )


def crew_of(crew: Mapping[str, Any]) -> Crew:
    """One crew of the instance."""
    pay, rest = crew["pay"], crew["break"]
    return Crew(
        id=crew["id"],
        skills=crew["skills"],
        shift=(crew["shift"][0], crew["shift"][1]),
        sites=frozenset(crew["compounds"]),
        place=crew["place"],
        supplier=crew["supplier"],
        group=crew["group"],
        size=crew["size"],
        seats=crew["seats"],
        rest=None if rest is None else Rest(*rest),
        overtime_max=crew["overtime_max"],
        items=None if crew["items"] is None else frozenset(crew["items"]),
        accept=crew["accept"],
        lead=crew["lead"],
        score=crew["score"],
        max_orders=crew["max_orders"],
        pay=Pay(
            pay["type"], pay.get("prices", {}), pay.get("default", 0.0), pay.get("rate", 0.0), pay.get("min_minutes", 0)
        ),
    )


def job_of(request: Mapping[str, Any]) -> Job:
    """One open request."""
    return Job(
        id=request["id"],
        item=request["item"],
        skills=request["skills"],
        site=request["compound"],
        place=request["place"],
        to=request["to"],
        earliest=request["earliest"],
        due=request["due"],
        due_on_start=request["due_on"] == "start",
        expire=request["expire"],
        est=request["est"],
        priority=request["priority"],
        headcount=request["headcount"],
        seats=request["seats"],
        pool=request["pool"],
        preemptible=request["preemptible"],
        refused_by=frozenset(request["refused_by"]),
    )


class Reader:
    """Reads requests once: only one that came back with another estimate or another refusal is read again."""

    def __init__(self) -> None:
        self._known: dict[str, tuple[int, int, Job]] = {}

    def jobs(self, requests: Iterable[Mapping[str, Any]]) -> list[Job]:
        """The open requests as jobs; an unchanged request is the same object as before."""
        found = []
        for request in requests:
            est, refused = request["est"], len(request["refused_by"])
            known = self._known.get(request["id"])
            if known is None or known[0] != est or known[1] != refused:
                known = (est, refused, job_of(request))
                self._known[request["id"]] = known
            found.append(known[2])
        return found

    def states(self, crews: Iterable[Mapping[str, Any]]) -> list[CrewState]:
        """Where the crews stand."""
        return [
            CrewState(
                crew["id"],
                crew["status"],
                crew["place"],
                crew["free_at"],
                tuple(crew["doing"]),
                crew["break_taken"],
                crew["orders"],
                crew["busy_min"],
            )
            for crew in crews
        ]


def actions(sent: Iterable[Dispatch]) -> list[dict[str, Any]]:
    """Dispatches in the simulator's words."""
    found: list[dict[str, Any]] = []
    for each in sent:
        if len(each.jobs) > 1:
            found.append({"requests": list(each.jobs), "crew": each.crew})
        elif each.interrupts:
            found.append({"request": each.jobs[0], "crew": each.crew, "preempt": True})
        else:
            found.append({"request": each.jobs[0], "crew": each.crew})
    return found
