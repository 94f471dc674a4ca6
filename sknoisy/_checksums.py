"""Objects as bytes that show whether they are still what they were."""

import hashlib
import pickle
from typing import Any


def packed(value: Any) -> tuple[bytes, str]:
    """Return an object's bytes and their checksum."""
    content = pickle.dumps(value, protocol=pickle.HIGHEST_PROTOCOL)
    return content, _checksum(content)


def unpacked(entry: tuple[bytes, str]) -> Any:
    """Return the object of `packed`.

    Raises
    ------
    ValueError
        If the bytes aren't those that the checksum is of.
    """
    content, checksum = entry
    if _checksum(content) != checksum:
        raise ValueError("its checksum differs")
    # Of a cache that joblib has unpickled by then, as SECURITY.md tells.
    return pickle.loads(content)  # nosec B301


def _checksum(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
