"""``make simulate``: histories without end, from a seed that is printed; the first that breaks is made short and told."""

import argparse
import random
import sys
import time

from tests.simulation.house import House
from tests.simulation.world import World

KINDS = {"house": (House, 160), "hop": (World, 60)}


def fails(kind, seed, steps):
    """What a history breaks; empty when it holds."""
    try:
        KINDS[kind][0](seed).run(steps)
    except AssertionError as error:
        return str(error)
    return ""


def shortest(kind, seed, steps):
    """The least number of steps after which this seed still breaks something."""
    for fewer in range(1, steps):
        if fails(kind, seed, fewer):
            return fewer
    return steps


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kind", choices=sorted(KINDS), default="house")
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1, 10**8))
    parser.add_argument("--count", type=int, default=0, help="histories to run; without end when 0")
    options = parser.parse_args()
    steps = KINDS[options.kind][1]
    began, done = time.monotonic(), 0
    print(f"from seed {options.seed}", flush=True)
    while not options.count or done < options.count:
        seed = options.seed + done
        broken = fails(options.kind, seed, steps)
        if broken:
            least = shortest(options.kind, seed, steps)
            print(f"{broken}\nregressions.txt: {options.kind} {seed} {least}    what was broken")
            history = KINDS[options.kind][0](seed)
            try:
                history.run(least)
            except AssertionError:
                print(*getattr(history, "steps", [])[-40:], sep="\n")
            return 1
        done += 1
        if done % 200 == 0:
            print(f"{done} histories hold, {done / (time.monotonic() - began) * 60:.0f} a minute", flush=True)
    print(f"{done} histories hold")
    return 0


if __name__ == "__main__":
    sys.exit(main())
