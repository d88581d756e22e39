"""The one-file verifier, loaded from where it lies; it is no package of ours."""

import importlib.util
import sys
from pathlib import Path

FILE = Path(__file__).parents[2] / "deploy" / "verify" / "houqin_verify.py"


def _loaded():
    spec = importlib.util.spec_from_file_location("houqin_verify", FILE)
    module = importlib.util.module_from_spec(spec)
    sys.modules["houqin_verify"] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


verifier = _loaded()
