"""``python -m benchmarks.lists [--short]``: lists and calendars at 10,000 and at 1,000,000 requests, in the same run."""

from __future__ import annotations

import argparse
import sys

from benchmarks.house import lists
from benchmarks.house.ground import Scale, Unmeasured


def main() -> int:
    """Print the table; 1 when it could not be taken."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.lists", description=__doc__)
    parser.add_argument(
        "--short", action="store_true", help="50,000 instead of a million, few rounds: proves that it runs"
    )
    options = parser.parse_args()
    try:
        print(lists.run(Scale(3, 2000, seconds=0.5) if options.short else Scale()))
    except Unmeasured as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
