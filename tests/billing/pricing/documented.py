"""The examples of the reference page, so that what it shows is what the code answers."""

import json
import re
from pathlib import Path

REFERENCE = (Path(__file__).parents[3] / "docs" / "reference" / "rating.md").read_text()
EXAMPLES = [
    {"case": json.loads(case), "result": json.loads(result)}
    for case, result in re.findall(r"^(\{.*\})\n-> (\{.*\})$", REFERENCE, re.MULTILINE)
]
