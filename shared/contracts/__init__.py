"""Every event each service publishes: the only thing services know of each other."""

from shared.contracts import audit, billing, dispatch, requests
from shared.contracts.base import REGISTRY, Envelope, Event, parse

__all__ = ["REGISTRY", "Envelope", "Event", "audit", "billing", "dispatch", "parse", "requests"]
