"""``python -m tests.contracts.golden`` writes the golden files that are missing, and changes none that is there.

A field that is added gets a further file (``<type>.2.json``, ...); the older ones stay and must go on being read.
"""

import json
from dataclasses import fields

from shared.contracts import REGISTRY
from tests.contracts.test_contracts import GOLDEN, OURS, an_example


def main():
    for type_ in OURS:
        there = sorted(GOLDEN.glob(f"{type_}*.json"), key=lambda path: (len(path.name), path.name))
        names = {field.name for field in fields(REGISTRY[type_])}
        if there and set(json.loads(there[-1].read_text("utf-8"))) == names:
            continue
        path = GOLDEN / (f"{type_}.{len(there) + 1}.json" if there else f"{type_}.json")
        body = json.dumps(an_example(REGISTRY[type_]).data(), ensure_ascii=False, indent=1, sort_keys=True)
        path.write_text(body + "\n", "utf-8")
        print(path.name)


if __name__ == "__main__":
    main()
