"""The exit codes of commands that report which era holds: 0, or 3, 4 or 5."""

from eras import EraEpochToken

NOTHING_TRUSTED, CURRENT_UNSUPPORTED, UPCOMING_UNSUPPORTED = 5, 4, 3


def era_exit_code(token: EraEpochToken | None, *, is_stopped: bool = False) -> int:
    """The exit code for the era of an epoch.

    Args:
        token: the eras of the epoch; ``None`` where nothing trusted could be read.
        is_stopped: whether the node must not run, even if it knows the current era.
    """
    if token is None:
        return NOTHING_TRUSTED
    if is_stopped or not token.current_supported:
        return CURRENT_UNSUPPORTED
    return UPCOMING_UNSUPPORTED if token.upcoming_supported is False else 0
