"""Photos: recognised by their bytes, kept without what a camera writes beside the picture.

:func:`cleaned` never decodes the picture, so none can cost more than its own length: segments and chunks are copied or
left out, and whatever follows the end of the picture is dropped. :func:`drawn` has it decoded and drawn anew, upright and
with a thumbnail, by a process of its own with little memory and time (``photo_child.py``).
"""

from __future__ import annotations

import hashlib
import json
import signal
import struct
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from shared.errors import Invalid, Transient

MOST_BYTES = 10_000_000
MOST_PIXELS = 40_000_000
PNG = b"\x89PNG\r\n\x1a\n"
# Chunks that draw the picture; all others (text, times, EXIF, colour profiles with names in them) are left out.
PNG_KEPT = frozenset(
    {b"IHDR", b"PLTE", b"IDAT", b"IEND", b"tRNS", b"gAMA", b"sRGB", b"cHRM", b"sBIT", b"bKGD", b"pHYs"}
)
WEBP_KEPT = frozenset({b"VP8 ", b"VP8L", b"VP8X", b"ALPH"})
EXIF, XMP, ANIMATED, PROFILE = 0x08, 0x04, 0x02, 0x20  # flags of VP8X


@dataclass(frozen=True)
class Photo:
    """A photo as it is kept."""

    body: bytes
    content_type: str
    width: int
    height: int

    @property
    def sha256(self) -> str:
        """Of the bytes that are kept, hexadecimal."""
        return hashlib.sha256(self.body).hexdigest()


def cleaned(body: bytes) -> Photo:
    """The photo without place, device, time and comments.

    Raises:
        Invalid: it is no JPEG, PNG or still WebP, is broken, or larger than 10 MB or 40 megapixels.
    """
    if len(body) > MOST_BYTES:
        raise Invalid(fields={"photo": ["field.photo_large"]})
    try:
        if body.startswith(b"\xff\xd8\xff"):
            found = _jpeg(body)
        elif body.startswith(PNG):
            found = _png(body)
        elif body[:4] == b"RIFF" and body[8:12] == b"WEBP":
            found = _webp(body)
        else:
            raise ValueError("another kind of file")
    except (ValueError, IndexError, struct.error) as error:
        raise Invalid(fields={"photo": ["field.photo_kind"]}) from error
    if not 0 < found.width * found.height <= MOST_PIXELS:
        raise Invalid(fields={"photo": ["field.photo_large"]})
    return found


CHILD = Path(__file__).with_name("photo_child.py")


@dataclass(frozen=True)
class Drawn:
    """A photo drawn anew, and its thumbnail; both JPEG."""

    photo: Photo
    thumbnail: bytes


def drawn(body: bytes) -> Drawn:
    """The photo drawn anew from its points alone: upright, at most 2,048 points long, nothing else in it.

    Takes some tenths of a second and waits for a process: call it by ``apart``.

    Raises:
        Invalid: as for :func:`cleaned`, or the picture cannot be decoded within the child's limits.
        Transient: the machine is too busy to draw it in time.
    """
    cleaned(body)
    # The child ends itself in time: under the host's eventlet a time-out raised here is of another class than ours.
    answer = subprocess.run([sys.executable, "-I", str(CHILD)], input=body, capture_output=True, env={}, check=False)
    if answer.returncode == -signal.SIGALRM:
        raise Transient("a photo could not be drawn in time")
    if answer.returncode:
        raise Invalid(fields={"photo": ["field.photo_kind"]})
    head, _, rest = answer.stdout.partition(b"\n")
    width, height, length = json.loads(head)
    return Drawn(Photo(rest[:length], "image/jpeg", width, height), rest[length:])


def _jpeg(body: bytes) -> Photo:
    """ITU T.81 annex B: markers with lengths, then entropy-coded data up to the end marker."""
    kept, at, size = [b"\xff\xd8"], 2, (0, 0)
    while True:
        if body[at] != 0xFF:
            raise ValueError("no marker")
        while body[at + 1] == 0xFF:
            at += 1
        marker = body[at + 1]
        if marker == 0xD9:
            break
        length = struct.unpack_from(">H", body, at + 2)[0]
        end = at + 2 + length
        if length < 2 or end > len(body):
            raise ValueError("a segment is cut")
        if 0xC0 <= marker <= 0xCF and marker not in {0xC4, 0xC8, 0xCC}:
            height, width = struct.unpack_from(">HH", body, at + 5)
            size = (width, height)
        private = 0xE0 <= marker <= 0xEF or marker == 0xFE
        if not private or (marker == 0xEE and body[at + 4 : at + 9] == b"Adobe"):  # Adobe's says how colours are coded
            kept.append(body[at:end])
        at = end
        if marker == 0xDA:  # the picture follows: copied up to the next marker that is not part of it
            start = at
            while not (body[at] == 0xFF and body[at + 1] != 0 and not 0xD0 <= body[at + 1] <= 0xD7):
                at = body.index(b"\xff", at + 1)
            kept.append(body[start:at])
    kept.append(b"\xff\xd9")
    return Photo(b"".join(kept), "image/jpeg", *size)


def _png(body: bytes) -> Photo:
    """PNG 1.2, chapter 3: chunks of length, type, data and check."""
    kept, at, width, height = [PNG], 8, 0, 0
    while True:
        length, kind = struct.unpack_from(">I4s", body, at)
        end = at + 12 + length
        if end > len(body):
            raise ValueError("a chunk is cut")
        if kind == b"IHDR":
            width, height = struct.unpack_from(">II", body, at + 8)
        if kind in PNG_KEPT:
            kept.append(body[at:end])
        at = end
        if kind == b"IEND":
            return Photo(b"".join(kept), "image/png", width, height)


def _webp(body: bytes) -> Photo:
    """RFC 9649: RIFF chunks, padded to even length."""
    end = 8 + struct.unpack_from("<I", body, 4)[0]
    if end > len(body):
        raise ValueError("cut")
    kept, at, width, height = [], 12, 0, 0
    while at + 8 <= end:
        kind, length = struct.unpack_from("<4sI", body, at)
        data = body[at + 8 : at + 8 + length]
        if len(data) != length:
            raise ValueError("a chunk is cut")
        if kind == b"VP8X":
            if data[0] & ANIMATED:
                raise ValueError("moving pictures are no photo")
            width = 1 + int.from_bytes(data[4:7], "little")
            height = 1 + int.from_bytes(data[7:10], "little")
            data = bytes([data[0] & ~(EXIF | XMP | PROFILE)]) + data[1:]
        elif kind == b"VP8 " and not width:
            width, height = (each & 0x3FFF for each in struct.unpack_from("<HH", data, 6))
        elif kind == b"VP8L" and not width:
            bits = int.from_bytes(data[1:5], "little")
            width, height = 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF)
        if kind in WEBP_KEPT:
            kept.append(struct.pack("<4sI", kind, length) + data + b"\0" * (length % 2))
        at += 8 + length + length % 2
    if not kept:
        raise ValueError("no picture")
    inner = b"WEBP" + b"".join(kept)
    return Photo(b"RIFF" + struct.pack("<I", len(inner)) + inner, "image/webp", width, height)
