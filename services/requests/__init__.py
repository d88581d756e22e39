"""Requests: what staff ask for.

Decides who may ask for what and under which standard; owns accounts, the catalogue, requests and bookings. Says
``requests.*`` events; listens to dispatch (how the work goes) and to billing (what it cost).
"""
