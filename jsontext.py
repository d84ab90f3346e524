"""Results as JSON: plain strings for enum members, null for what is no number. Imports nothing, so any floor may use it."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from enum import Enum
from typing import Any


def plain(value: Any) -> Any:
    """``value`` with plain strings for enum members and null for what is not a finite number."""
    if isinstance(value, Mapping):
        return {str(plain(key)): plain(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [plain(entry) for entry in value]
    if isinstance(value, Enum):
        return plain(value.value)
    return None if isinstance(value, float) and not math.isfinite(value) else value


def to_json(content: Mapping[str, Any]) -> str:
    """One JSON object as text."""
    return json.dumps(content, indent=1, allow_nan=False, ensure_ascii=False)
