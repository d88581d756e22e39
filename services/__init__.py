"""The four services of Houqin. Each may import ``shared`` and never another service."""
