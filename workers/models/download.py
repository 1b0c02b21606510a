"""Published checkpoints, from caches and the network: one try, and one sentence if it fails."""

from __future__ import annotations

import hashlib
import os
import urllib.error
import urllib.request
from collections.abc import Sequence
from http.client import HTTPException
from pathlib import Path
from shutil import copyfileobj

import torch
from huggingface_hub import constants, hf_hub_download, try_to_load_from_cache
from huggingface_hub.errors import EntryNotFoundError, HfHubHTTPError, LocalEntryNotFoundError

from stream.errors import ModelError
from workers.models.spec import Spec

REACH_TIMEOUT_S = 5.0  # asked first, since the hub's own client tries an unreachable hub for 23 s
READ_TIMEOUT_S = 30.0  # without a byte
CHUNK = 1 << 20  # bytes


def from_hub(spec: Spec, repo: str, names: Sequence[str]) -> Path:
    """The first of `names` that is cached, else the first that the repository has. Raises ModelError."""
    for name in names:
        cached = try_to_load_from_cache(repo, name)
        if isinstance(cached, str):
            return Path(cached)
    where = f"{constants.ENDPOINT}/{repo}"
    if constants.HF_HUB_OFFLINE:
        raise _unavailable(spec, names[0], where, "HF_HUB_OFFLINE is set, and the cache does not have it")
    if reason := _unreachable(constants.ENDPOINT):
        raise _unavailable(spec, names[0], where, reason)
    try:
        return _first_there(repo, names)
    except LocalEntryNotFoundError as exc:
        raise _unavailable(spec, names[0], where, "the connection was lost") from exc
    except (EntryNotFoundError, HfHubHTTPError, OSError) as exc:
        raise _unavailable(spec, names[0], where, _reason(exc)) from exc


def _first_there(repo: str, names: Sequence[str]) -> Path:
    *earlier, last = names
    for name in earlier:
        try:
            return Path(hf_hub_download(repo, name))
        except LocalEntryNotFoundError:  # no connection: the next name would only wait for it again
            raise
        except EntryNotFoundError:
            continue
    return Path(hf_hub_download(repo, last))


def from_url(spec: Spec, url: str, sha256_prefix: str = "") -> Path:
    """Into torch.hub's cache, where its users may have it already. Raises ModelError."""
    file = Path(torch.hub.get_dir()) / "checkpoints" / url.rpartition("/")[2]
    if file.is_file():
        return file
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        _download(url, file, sha256_prefix)
    except (OSError, HTTPException, ValueError) as exc:
        raise _unavailable(spec, file.name, url, _reason(exc), or_put=file) from exc
    return file


def _download(url: str, file: Path, sha256_prefix: str) -> None:
    """Whole and right, or not at all: it gets its name when its hash is known."""
    partial = file.with_name(f"{file.name}.{os.getpid()}.partial")
    try:
        request = urllib.request.Request(url)  # noqa: S310 - an address that a library lists
        with urllib.request.urlopen(request, timeout=READ_TIMEOUT_S) as source, partial.open("wb") as target:  # noqa: S310 - as above
            copyfileobj(source, target, CHUNK)
        digest = sha256_of(partial)
        if not digest.startswith(sha256_prefix):
            raise ValueError(f"its SHA-256 begins {digest[:8]}, not {sha256_prefix}")
        partial.replace(file)
    finally:
        partial.unlink(missing_ok=True)


def sha256_of(file: Path) -> str:
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
    cause = exc.reason if isinstance(exc, urllib.error.URLError) else exc
    return getattr(cause, "strerror", None) or str(cause).partition("\n")[0]


def _unavailable(spec: Spec, name: str, where: str, why: str, or_put: Path | None = None) -> ModelError:
    put = f"as {or_put}, or anywhere with" if or_put else "and say"
    return spec.error(
        f"{name} cannot be had from {where}: {why}. Fetch it elsewhere and put it here {put} "
        'weights = "/path/to/it"; or name another tag; or say weights = "random"'
    )
