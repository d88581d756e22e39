"""The house's own figures: each module has ``run(scale)`` and ends by itself. ``benchmarks/__main__.py`` calls them."""
