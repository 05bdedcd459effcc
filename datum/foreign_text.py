"""Text that other programs wrote, in the encodings in which they write it. Pure."""

import codecs

_MARKS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))


def text_of(data: bytes) -> str:
    """The text in ``data``: UTF-8, or the UTF-16 of Windows shells, with a byte order mark or without.

    Raises:
        UnicodeDecodeError: it is not text in one of these.
    """
    encoding = next((name for mark, name in _MARKS if data.startswith(mark)), None)
    return data.decode(encoding or _unmarked(data[:64]))


def _unmarked(beginning: bytes) -> str:
    """The encoding of a text that begins with ASCII: in UTF-16 every second byte is zero, in UTF-8 none is."""
    even, odd = beginning[0::2], beginning[1::2]
    for letters, zeros, encoding in ((even, odd, "utf-16-le"), (odd, even, "utf-16-be")):
        if zeros and not any(zeros) and all(letters) and letters.isascii():
            return encoding
    return "utf-8"


def toml_problem(error: ValueError | RecursionError) -> str:
    """Describes what ``tomllib`` stumbled over: for two faults it has no error of its own."""
    if isinstance(error, RecursionError):
        return "it is nested too deeply"
    if isinstance(error, UnicodeError):
        return "text that is not UTF-8"
    return "a number with too many digits" if type(error) is ValueError else str(error)
