"""Static files under addresses that contain their hash, so that they may be kept for ever."""

from __future__ import annotations

import gzip
import hashlib
import mimetypes
from dataclasses import dataclass
from pathlib import Path

FOLDER = Path(__file__).parent
SHARED = (FOLDER / "assets", FOLDER / "static" / "vendor")
_PACKED = {".css", ".js", ".svg", ".json", ".map"}
_TYPES = {".js": "text/javascript; charset=utf-8", ".mjs": "text/javascript; charset=utf-8"}


@dataclass(frozen=True)
class Asset:
    """One file as it is served; ``packed`` is its gzip form where that is smaller."""

    content_type: str
    body: bytes
    packed: bytes | None


class Assets:
    """The files of one or more folders, read once. A file that is missing has no address: pages do without it."""

    def __init__(self, *folders: Path, prefix: str = "/static") -> None:
        self._prefix = prefix
        self._files: dict[str, Asset] = {}
        self._addresses: dict[str, str] = {}
        for folder in folders:
            for path in sorted(folder.rglob("*")) if folder.is_dir() else ():
                if path.is_file() and not path.name.startswith("."):
                    self._add(path.relative_to(folder).as_posix(), path)

    def _add(self, name: str, path: Path) -> None:
        body = path.read_bytes()
        digest = hashlib.sha256(body).hexdigest()[:8]
        kind = _TYPES.get(path.suffix) or mimetypes.guess_type(path.name)[0] or "application/octet-stream"
        if kind.startswith("text/") and "charset" not in kind:
            kind += "; charset=utf-8"
        packed = gzip.compress(body, mtime=0) if path.suffix in _PACKED else None
        self._files[f"{digest}/{name}"] = Asset(kind, body, packed if packed and len(packed) < len(body) else None)
        self._addresses[name] = f"{self._prefix}/{digest}/{name}"

    def address(self, name: str) -> str:
        """The address of ``name``; empty when there is no such file."""
        return self._addresses.get(name, "")

    def find(self, path: str) -> Asset | None:
        """The file at ``<sha8>/<name>`` as it stands after the prefix."""
        return self._files.get(path)
