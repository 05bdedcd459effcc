"""Text from elsewhere, made visible: control characters, line breaks and marks that change the direction of text. Pure.

In: a name, an address, a reason or a version that others chose. Out: the same text on one line, in which every
character that cannot be seen, or that could steer what shows it, is a JSON escape. Terminal, log, dashboard, Markdown
and CSV use it.
"""

import json

FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""Characters that a spreadsheet takes for the beginning of a formula."""


def visible(text: str, *, keep: str = "") -> str:
    """Return the text with everything that cannot be seen as JSON escapes.

    Args:
        text: from elsewhere.
        keep: characters that stay as they are, such as the line breaks of a text of our own.
    """
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() or char in keep else json.dumps(char)[1:-1] for char in text)


def sheet_cell(text: str) -> str:
    """Return the text as a cell of a sheet: visible, and no formula."""
    shown = visible(text)
    return f"'{shown}" if text.startswith(FORMULA) else shown


def of_sheet_cell(text: str) -> str:
    """Return the text of a cell that ``sheet_cell`` wrote."""
    return text[1:] if text.startswith("'") and text[1:].startswith(FORMULA) else text
