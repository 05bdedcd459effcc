"""The badge: the adoption of an era as a small SVG image, to be embedded anywhere.

In: the words on it and what they mean. Out: one ``<svg>`` element that needs nothing from outside and no script, so
that it shows in an ``<img>``.
"""

from html import escape

from era_service.dashboard.views import Tone

_COLOURS: dict[Tone, str] = {"good": "#0b6a4a", "attention": "#8a5300", "bad": "#b3251d", "quiet": "#4d5662"}
_CHARACTER, _PADDING = 6.6, 8


def badge_svg(name: str, value: str, tone: Tone) -> str:
    """A badge with ``value`` of ``name``; white on its colours has a contrast of 5 to 1 and more."""
    left, right = (round(len(text) * _CHARACTER + 2 * _PADDING) for text in (name, value))
    label = escape(f"{name}: {value}")
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{left + right}" height="22" role="img" aria-label="{label}">'
        f"<title>{label}</title>"
        f'<rect width="{left + right}" height="22" rx="4" fill="{_COLOURS[tone]}"/>'
        f'<path d="M4 0H{left}V22H4a4 4 0 0 1-4-4V4a4 4 0 0 1 4-4z" fill="#2b3138"/>'
        '<g fill="#ffffff" font-family="Verdana, DejaVu Sans, Geneva, sans-serif" font-size="11" text-anchor="middle">'
        f"{_text(name, left / 2, left)}{_text(value, left + right / 2, right)}</g></svg>"
    )


def _text(words: str, middle: float, width: int) -> str:
    """Words that fill their place whatever font the reader has."""
    return (
        f'<text x="{middle:.1f}" y="15" textLength="{width - 2 * _PADDING}" lengthAdjust="spacingAndGlyphs">'
        f"{escape(words)}</text>"
    )
