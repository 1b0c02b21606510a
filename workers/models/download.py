"""Published checkpoints, from caches and the network: one try, and one sentence if it fails."""

from __future__ import annotations

import hashlib
import os
import urllib.error
import urllib.request
from collections.abc import Sequence
from http.client import HTTPException, HTTPResponse
from pathlib import Path
from typing import BinaryIO

import torch
from huggingface_hub import constants, hf_hub_download, try_to_load_from_cache
from huggingface_hub.errors import EntryNotFoundError, HfHubHTTPError, LocalEntryNotFoundError

from stream.errors import WeightsUnavailable
from workers.models import line
from workers.models.spec import Spec

REACH_TIMEOUT_S = 5.0  # asked first, since the hub's own client tries an unreachable hub for 23 s
READ_TIMEOUT_S = 30.0  # without a byte
CHUNK = 1 << 20  # bytes
MAIN = "main"  # the hub's name for the newest revision
_NOT_ASKED = "no cache has it"


def from_hub(spec: Spec, repo: str, names: Sequence[str], revision: str = MAIN, *, put: str = "") -> Path:
    """The first of `names` that is cached, else the first that the repository has. Raises ModelError."""
    for name in names:
        cached = try_to_load_from_cache(repo, name, revision=revision)
        if isinstance(cached, str):
            return Path(cached)
    where = f"{constants.ENDPOINT}/{repo}/resolve/{revision}/{names[0]}"
    if constants.HF_HUB_OFFLINE:
        raise _unavailable(spec, where, "HF_HUB_OFFLINE is set, and the cache does not have it", put)
    if reason := _NOT_ASKED if not line.is_open() else _unreachable(constants.ENDPOINT):
        raise _unavailable(spec, where, reason, put)
    try:
        return _first_there(repo, names, revision)
    except LocalEntryNotFoundError as exc:
        raise _unavailable(spec, where, "the connection was lost", put) from exc
    except (EntryNotFoundError, HfHubHTTPError, OSError) as exc:
        raise _unavailable(spec, where, _reason(exc), put) from exc


def _first_there(repo: str, names: Sequence[str], revision: str) -> Path:
    *earlier, last = names
    for name in earlier:
        try:
            return Path(hf_hub_download(repo, name, revision=revision, tqdm_class=line.bar()))
        except LocalEntryNotFoundError:  # no connection: the next name would only wait for it again
            raise
        except EntryNotFoundError:
            continue
    return Path(hf_hub_download(repo, last, revision=revision, tqdm_class=line.bar()))


def from_url(spec: Spec, url: str, sha256_prefix: str = "") -> Path:
    """Into torch.hub's cache, where its users may have it already. Raises ModelError."""
    file = Path(torch.hub.get_dir()) / "checkpoints" / url.rpartition("/")[2]
    if file.is_file():
        return file
    put = f"put it at {file}, or "
    if not line.is_open():
        raise _unavailable(spec, url, _NOT_ASKED, put)
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        _download(url, file, sha256_prefix)
    except (OSError, HTTPException, ValueError) as exc:
        raise _unavailable(spec, url, _reason(exc), put) from exc
    return file


def _download(url: str, file: Path, sha256_prefix: str) -> None:
    """Whole and right, or not at all: it gets its name when its hash is known."""
    partial = file.with_name(f"{file.name}.{os.getpid()}.partial")
    try:
        request = urllib.request.Request(url)  # noqa: S310 - an address that a library lists
        with urllib.request.urlopen(request, timeout=READ_TIMEOUT_S) as source, partial.open("wb") as target:  # noqa: S310 - as above
            _copy(source, target, file.name)
        digest = sha256_of(partial)
        if not digest.startswith(sha256_prefix):
            raise ValueError(f"its SHA-256 begins {digest[:8]}, not {sha256_prefix}")
        partial.replace(file)
    finally:
        partial.unlink(missing_ok=True)


def _copy(source: HTTPResponse, target: BinaryIO, name: str) -> None:
    """Raises ValueError if less comes than was announced: reading a part of a body does not."""
    size = source.length  # None if it is not announced
    line.tell(name, 0, size)
    here = 0
    while piece := source.read(CHUNK):
        here += target.write(piece)
        line.tell(name, here, size)
    if size is not None and here < size:
        raise ValueError(f"of its {size:,} bytes only {here:,} came")


def sha256_of(file: Path) -> str:
    """Of its content; of a folder's, of the names and hashes of the files in it."""
    if file.is_dir():
        lines = [f"{sha256_of(each)}  {each.name}\n" for each in sorted(file.iterdir()) if each.is_file()]
        return hashlib.sha256("".join(lines).encode()).hexdigest()
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _unreachable(endpoint: str) -> str:
    """Why nothing answers there; empty if something does, whatever it says."""
    request = urllib.request.Request(endpoint, method="HEAD")  # noqa: S310 - the hub's own address
    try:
        with urllib.request.urlopen(request, timeout=REACH_TIMEOUT_S):  # noqa: S310 - as above
            return ""
    except urllib.error.HTTPError as exc:
        exc.close()
        return ""
    except OSError as exc:
        return _reason(exc)


def _reason(exc: Exception) -> str:
    """What the system says of it, which urllib wraps, or its first line."""
    cause = getattr(exc, "reason", None)
    if isinstance(cause, OSError) and cause.strerror:
        return cause.strerror
    return str(exc).partition("\n")[0]


def _unavailable(spec: Spec, where: str, why: str, put: str = "") -> WeightsUnavailable:
    fetch = f'fetch it elsewhere and {put}say weights = "/path/to/it"'
    return spec.unavailable(
        f'{where} cannot be had: {why}; {fetch}, name another tag, or say weights = "random"'
    )
