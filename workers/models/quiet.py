"""Libraries talk while they load; what matters of it is raised, in our words."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

_TALKERS = ("huggingface_hub", "timm", "transformers")


@contextmanager
def quiet() -> Iterator[None]:
    """Drops their warnings, and what open_clip logs on the root logger itself.

    A handler stands at the root meanwhile, or `logging.info()` would put one on stderr for good.
    """
    root, silent = logging.getLogger(), logging.NullHandler()
    levels = {logger: logger.level for logger in map(logging.getLogger, _TALKERS)}
    root.addHandler(silent)
    root.addFilter(_nothing)
    for logger in levels:
        logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        for logger, level in levels.items():
            logger.setLevel(level)
        root.removeFilter(_nothing)
        root.removeHandler(silent)


def _nothing(_: logging.LogRecord) -> bool:
    return False
