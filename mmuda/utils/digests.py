"""Short names of contents, which change if the contents do."""

import hashlib
import json
import os


def digest_of(path: str | os.PathLike) -> str:
    """A digest of a file's content: 16 hexadecimal digits."""
    digest = hashlib.sha256()
    with open(path, 'rb') as file:
        while part := file.read(1 << 20):
            digest.update(part)
    return digest.hexdigest()[:16]


def digest_of_value(value: object) -> str:
    """A digest of what JSON can write, or of its text where it cannot: 32 hexadecimal digits."""
    text = json.dumps(value, sort_keys=True, default=str)
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()
