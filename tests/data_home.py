"""Small stand-ins for published files in a data home."""

import hashlib


def vouch_for(path):
    """Write a file's SHA-256 beside it, so that it is taken though it isn't the published one."""
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    path.with_name(f"{path.name}.sha256").write_text(f"{digest}  {path.name}\n")
