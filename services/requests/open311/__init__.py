"""Open311 GeoReport v2: reports about public items, from any program that speaks it.

https://wiki.open311.org/GeoReport_v2. Only items marked public are there, only what a citizen may know of their requests is
told, and XML is written, never read.
"""
