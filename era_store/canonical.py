"""The canonical encoding: the same value gives the same bytes, on every machine and in every version. Pure.

In: JSON-ready values. Out: JSON text, and its UTF-8 bytes.

1. Objects have their keys in the order of their code points; there is no white space.
2. Characters stand for themselves, in UTF-8. Escaped are quotes, backslashes, control characters, and halves of
   surrogate pairs, which UTF-8 cannot hold.
3. Integers are decimal digits. Floats are the shortest digits that give the same float back (Python's ``repr``); they
   are finite.
4. Tuples are arrays. Keys are strings.
"""

import json
from typing import Any


def canonical(value: Any) -> str:
    """The canonical text of a value; it holds no half of a surrogate pair, so that it can be encoded.

    Raises:
        ValueError: a float is not finite, a key is no string, or the value refers to itself.
        TypeError: it holds something that JSON has not.
    """
    text = json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return text if text.isascii() else _encodable(text)


def _encodable(text: str) -> str:
    try:
        text.encode()
    except UnicodeEncodeError:
        # Two halves beside each other are the character that they make: it would be read back as one.
        whole = text.encode("utf-16", "surrogatepass").decode("utf-16", "surrogatepass")
        return whole.encode("utf-8", "backslashreplace").decode()
    return text
