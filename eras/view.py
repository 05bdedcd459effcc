"""A node's knowledge of its era at one moment, and how that changes. Pure: a view goes in, the next one comes out.

1. A fresh selection replaces the one in force, unless it is of an earlier epoch or would undo an activation that has
   happened (``EraRegressionError``).
2. Without anything fresh, an epoch advances along the remembered schedule (rule T9 of trust).
3. An unsupported current era is ``FATAL``: there is then no era to run, and no default to fall back to.

``EraChecker`` holds a view for its callers; code that decides without one (the deciding core, a rehearsal) uses these
functions alone.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from eras.errors import EraNotReadyError, EraRegressionError
from eras.events import EraStatus
from eras.marker import Epoch, EraMarker, require_epoch
from eras.selection import EraEpochToken, select_eras
from eras.supported import SupportedEras


@dataclass(frozen=True, slots=True)
class EraView:
    """All that is known at one moment.

    Attributes:
        status: how far it can be relied upon.
        message: why the status is what it is.
        token: the last selection; ``None`` before the first reading.
        era: the name of the current era; ``None`` while there is none to run.
        active: for every supported era whether it is the current one; empty while there is none to run.
        cancelled: markers once announced or scheduled that vanished before they began.
    """

    status: EraStatus = EraStatus.NOT_READY
    message: str = "nothing has been read yet"
    token: EraEpochToken | None = None
    era: str | None = None
    active: Mapping[str, bool] = field(default_factory=dict)
    cancelled: tuple[EraMarker, ...] = ()


NO_VIEW = EraView()
"""Before the first reading."""


def taken_over(before: EraView, token: EraEpochToken, supported: SupportedEras) -> EraView:
    """The view with a fresh selection (rule 1).

    Args:
        before: the view in force.
        token: the selection; its support flags are ignored, ``supported`` decides.
        supported: the eras this software knows.

    Raises:
        EraRegressionError: the token is of an earlier epoch, or would undo an activation that has happened.
    """
    _refuse_regression(before, token, supported)
    return _with(before, token, supported, EraStatus.READY, "read")


def advanced(before: EraView, epoch: Epoch, supported: SupportedEras) -> EraView:
    """The view at a later epoch, by the remembered schedule (rule 2).

    The status stays unless support changes it: an era that is supported again is ``STALE``, for nothing was read since.

    Raises:
        EraNotReadyError: nothing was ever read.
        EraRegressionError: ``epoch`` is before the current one, or the schedule would go back to an earlier era.
        MarkerError: ``epoch`` is not an unsigned 64-bit integer.
    """
    require_epoch(epoch)
    if before.token is None:
        raise not_ready(before)
    _refuse_earlier_epoch(before.token.epoch, epoch)
    token = select_eras(before.token.markers, epoch, supported, provenance=before.token.provenance)
    _refuse_regression(before, token, supported)
    status, message = before.status, before.message
    if status is EraStatus.FATAL:
        status, message = EraStatus.STALE, f"nothing has been read since epoch {before.token.epoch}"
    return _with(before, token, supported, status, message)


def marked(before: EraView, status: EraStatus, message: str) -> EraView:
    """The view with another status; not ready and fatal stay, and so does the reason why a view is fatal."""
    if before.status is EraStatus.FATAL:
        return before
    return replace(before, status=before.status if before.era is None else status, message=message)


def unattended(before: EraView, message: str) -> EraView:
    """The view once nothing keeps it up to date any more: no era to run; fatal stays, which has a better reason."""
    return before if before.status is EraStatus.FATAL else EraView(EraStatus.UNATTENDED, message)


def refuse_earlier(before: EraView, after: EraView) -> None:
    """Check that ``after`` is of no earlier epoch than ``before``.

    Raises:
        EraRegressionError: it is.
    """
    if before.token is not None and after.token is not None:
        _refuse_earlier_epoch(before.token.epoch, after.token.epoch)


def not_ready(view: EraView) -> EraNotReadyError:
    """The error of a question before anything was read, or when nothing keeps the era up to date any more."""
    if view.status is EraStatus.UNATTENDED:
        return EraNotReadyError(
            "Nothing keeps the era up to date",
            expected="a running watcher",
            got=view.message,
            next_step="Restart the node, and create and start its watcher in the process that asks for the era",
        )
    return EraNotReadyError(
        "The era was asked for before any marker was read",
        expected="a first reading (change_era)",
        got=view.message,
        next_step="Read the markers at start-up, before any work begins",
    )


def _with(before: EraView, token: EraEpochToken, supported: SupportedEras, status: EraStatus, message: str) -> EraView:
    if token.supported is not supported:
        token = replace(token, supported=supported)
    cancelled = _cancelled(before, token)
    if not token.current_supported:
        error = supported.unsupported(token.current.name, what="The current era is not supported")
        return EraView(EraStatus.FATAL, str(error), token, cancelled=cancelled)
    current = token.current.name
    same = before.era == current and before.token is not None and before.token.supported is supported
    active = before.active if same else {era: era == current for era in supported}
    return EraView(status, message, token, current, active, cancelled)


def _refuse_regression(before: EraView, token: EraEpochToken, supported: SupportedEras) -> None:
    if before.token is None:
        return
    _refuse_earlier_epoch(before.token.epoch, token.epoch)
    was, now = before.token.current, token.current
    back = (now.epoch or 0) < (was.epoch or 0) or (now.epoch == was.epoch and now.name != was.name)
    known = was.name in supported and now.name in supported
    if back or (known and supported.index(now.name) < supported.index(was.name)):
        raise EraRegressionError(
            f"A change of era was refused at epoch {token.epoch}",
            expected=f"{was} or a later era",
            got=str(now),
            next_step="A switch is one-way: find out who published these markers; the current era stays in force",
            current=was.to_dict(),
            refused=now.to_dict(),
        )


def _refuse_earlier_epoch(current: Epoch, epoch: Epoch) -> None:
    if epoch < current:
        raise EraRegressionError(
            "An epoch was refused",
            expected=f"epoch {current} or a later one",
            got=f"epoch {epoch}",
            next_step="Check the clock and the provider: epochs never go backwards",
            current_epoch=current,
            refused_epoch=epoch,
        )


def _cancelled(before: EraView, token: EraEpochToken) -> tuple[EraMarker, ...]:
    """The markers that vanished before their era began, less those whose era is back in the schedule."""
    if before.token is None or (not before.cancelled and before.token.markers == token.markers):
        return ()
    names = {marker.name for marker in token.markers}
    gone = (m for m in before.token.markers if m.epoch is None or m.epoch > token.epoch)
    return tuple(dict.fromkeys(m for m in (*before.cancelled, *gone) if m.name not in names))
