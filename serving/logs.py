"""Logs: a JSON object on each line of standard error. No pictures, no keys, no bodies, no queries."""

from __future__ import annotations

import json
import logging
import sys
import time
from typing import Any

FACTS = "facts"  # the attribute of a record for its own values

access = logging.getLogger("serving.access")


class Lines(logging.Formatter):
    """One JSON object for each record."""

    def format(self, record: logging.LogRecord) -> str:
        moment = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created))
        said: dict[str, Any] = {
            "time": f"{moment}.{int(record.msecs):03d}Z", "level": record.levelname.lower(), "logger": record.name,
            "message": record.getMessage(),
        }  # fmt: skip
        said |= getattr(record, FACTS, {})
        if record.exc_info:
            said["traceback"] = self.formatException(record.exc_info)
        return json.dumps(said, default=str)


def to_stderr() -> None:
    """Sends all logs of this process to standard error."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(Lines())
    logging.basicConfig(level=logging.INFO, handlers=[handler], force=True)
    for name in ("httpx", "httpcore", "asyncio", "multipart", "python_multipart"):
        logging.getLogger(name).setLevel(logging.WARNING)


def request(facts: dict[str, Any]) -> None:
    """An answered request."""
    access.info("request", extra={FACTS: facts})
