"""A process of the audit service that is going to be killed: takes events as from a broker, signs, publishes.

    python -m tests.audit.killed FOLDER URL SEED

``FOLDER/events`` holds one event a line; ``FOLDER/acked`` the lines that were acknowledged, by every process. What is not
acknowledged comes again, and one in ten of the others too, as a broker does it.
"""

import os
import random
import sys
from pathlib import Path

from services.audit import publishing
from services.audit.signing import sign
from shared.bus.base import Delivery
from shared.contracts.base import unseal
from shared.errors import Transient
from tests.audit.conftest import EVERYTHING, a_running_of


def main():
    folder, url, seed = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
    chance = random.Random(seed)
    running = a_running_of(folder, url)
    lines = (folder / "events").read_bytes().splitlines()
    acked = folder / "acked"
    while True:
        done = {int(line) for line in acked.read_text("ascii").split("\n")[:-1]} if acked.exists() else set()
        left = [number for number in range(len(lines)) if number not in done]
        wanted = left[: chance.randint(1, 40)]
        wanted += [number for number in done if chance.random() < 0.1][:10]
        chance.shuffle(wanted)
        try:
            running.consumer.deliver(EVERYTHING, [Delivery(unseal(lines[number]), lines[number]) for number in wanted])
            with acked.open("a", encoding="ascii") as file:
                file.write("".join(f"{number}\n" for number in wanted))
            sign(running)
            publishing.publish_to(running, folder / "www")
        except Transient:
            continue  # another sequencer was first; the broker gives it again
        if not left:
            break
    os._exit(0)


if __name__ == "__main__":
    main()
