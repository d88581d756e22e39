"""Chat: sentences a second, the slowest of them, memory, import time and size on disk.

    python -m benchmarks.chat

Every sentence of the labelled sets is understood twice after one warming round; times are processor time of one core, so
that what else the machine does is not counted.
"""

from __future__ import annotations

import resource
import statistics
import subprocess
import sys
import time
from datetime import datetime
from pathlib import Path

HERE = Path(__file__).parents[1]
DATA = HERE / "tests" / "requests" / "chat" / "data"
CHAT = HERE / "services" / "requests" / "chat"
IMPORT = (
    "import time; t = time.process_time(); from services.requests.chat.understanding import understand; "
    "from datetime import datetime; understand('302空调坏了', datetime(2026, 11, 25)); print(time.process_time() - t)"
)


def main() -> int:
    """Print one line for each figure."""
    seconds = sorted(
        float(
            subprocess.run([sys.executable, "-c", IMPORT], cwd=HERE, capture_output=True, text=True, check=True).stdout
        )
        for _ in range(5)
    )
    from services.requests.chat.dialogue import State, step
    from services.requests.chat.text import Unreadable
    from services.requests.chat.times import expressions
    from services.requests.chat.training.labelled import dialogues, sentences
    from services.requests.chat.understanding import understand

    said = [
        (one.text, datetime.fromisoformat(one.reference))
        for path in (*sorted(CHAT.glob("training/labelled*_*.txt")), *sorted(DATA.glob("test*_*.txt")))
        for one in sentences(path)
    ]
    spent = []
    for each in range(3):
        for text, reference in said:
            begun = time.process_time()
            try:
                understand(text, reference)
            except Unreadable:
                continue
            if each:
                spent.append((time.process_time() - begun) * 1000)
    spent.sort()
    begun = time.process_time()
    for text, reference in said * 3:
        expressions(text, reference)
    times = len(said) * 3 / (time.process_time() - begun)
    turns = 0
    begun = time.process_time()
    for dialogue in dialogues(CHAT / "training" / "dialogues1.txt"):
        state = State()
        for turn in dialogue.turns:
            state = step(state, turn, datetime.fromisoformat(dialogue.reference)).state
            turns += 1
    talked = turns / (time.process_time() - begun)
    size = sum(path.stat().st_size for path in CHAT.rglob("*") if path.is_file() and "__pycache__" not in path.parts)
    print(f"first sentence after a cold start  {seconds[2] * 1000:6.0f} ms (median of 5, lexicon and weights read)")
    print(
        f"sentences                          {1000 / statistics.mean(spent):6.0f} a second over {len(said)} sentences"
    )
    print(
        f"one sentence                       {statistics.median(spent):6.2f} ms median, {spent[int(len(spent) * 0.99)]:.2f} ms p99, {spent[-1]:.2f} ms slowest"
    )
    print(f"times alone                        {times:6.0f} sentences a second")
    print(f"conversation                       {talked:6.0f} turns a second")
    print(
        f"memory of the process              {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:6.0f} MB at most"
    )
    print(f"files                              {size / 1e6:6.2f} MB in services/requests/chat")
    return 0


if __name__ == "__main__":
    sys.exit(main())
