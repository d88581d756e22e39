"""Draws one photo anew: bytes in, one line ``[width, height, length]``, the photo and its thumbnail out.

Runs by itself, with no settings, no secrets and no import of ours; a picture that needs more than its limits ends it.
"""

import io
import json
import os
import resource
import signal
import sys

MEMORY, SECONDS, LATE = 1_000_000_000, 10, 30  # bytes, of a processor, of the clock
MOST_PIXELS = 40_000_000
LONGEST, THUMBNAIL = 2048, (480, 360)


def main() -> None:
    """Write the answer; any fault ends the process with a status other than 0."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    signal.alarm(LATE)  # whoever waits is not kept longer by a busy machine
    os.nice(10)
    from PIL import Image, ImageOps

    Image.MAX_IMAGE_PIXELS = MOST_PIXELS
    picture = Image.open(io.BytesIO(sys.stdin.buffer.read()), formats=("JPEG", "PNG", "WEBP"))
    if picture.width * picture.height > MOST_PIXELS or getattr(picture, "n_frames", 1) > 1:
        sys.exit(1)
    picture.draft("RGB", (LONGEST, LONGEST))  # a large JPEG is decoded at the size that is needed
    upright = ImageOps.exif_transpose(picture)
    if upright.mode in {"RGBA", "LA", "PA"} or "transparency" in upright.info:
        white = Image.new("RGBA", upright.size, "white")
        white.alpha_composite(upright.convert("RGBA"))
        upright = white
    shown = upright.convert("RGB")
    shown.thumbnail((LONGEST, LONGEST))
    small = ImageOps.contain(shown, THUMBNAIL)
    bodies = []
    for each in (shown, small):
        out = io.BytesIO()
        Image.frombytes("RGB", each.size, each.tobytes()).save(out, "JPEG", quality=85, optimize=True)
        bodies.append(out.getvalue())
    head = json.dumps([shown.width, shown.height, len(bodies[0])]).encode()
    sys.stdout.buffer.write(head + b"\n" + bodies[0] + bodies[1])


if __name__ == "__main__":
    main()
