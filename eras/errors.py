"""The errors of eraswitch: one base, a few families, and what each means to HTTP and to a shell.

A message states what happened, what was expected, what was found and what to do next. Errors that callers distinguish
are classes, whose stable ``code`` is their name without the ``Error`` suffix; all others are their family with a code
from the registry (``eras.error_codes``). ``docs/errors.md`` lists every code with its HTTP status and exit code, and a
test holds the page to both.

Exit codes: 0 fine, 1 failed, 2 usage, 3 an unsupported era is upcoming, 4 the current era is unsupported,
5 nothing trusted could be read, 6 a gate is not met.
"""

from collections.abc import Callable, Sequence
from typing import Any, ClassVar, TypeVar

from eras.error_codes import ERROR_CODES, ErrorCode

_Error = TypeVar("_Error", bound=BaseException)


def kept(error: _Error) -> _Error:
    """``error`` without its traceback and those of its causes, for code that keeps it beyond its handling.

    A traceback holds every frame the error has passed through, with its locals: often whatever keeps the error, too,
    and only the garbage collector could then free either.
    """
    one: BaseException | None = error
    while one is not None:
        one.__traceback__ = None
        one = one.__cause__ or one.__context__
    return error


class EraSwitchError(Exception):
    """Base of every error this project raises on purpose.

    Args:
        what: what happened, as a sentence without a full stop.
        expected: what would have been right.
        got: what was there instead.
        next_step: what the reader should do now.
        code: the registered code, of an error without a class of its own.
        lines: further facts, one line each, such as every mistake in a file.
        facts: further facts by keyword, for machines (``to_dict``).
    """

    code: str = "EraSwitch"
    http_status: int = 500
    exit_code: int = 1
    advice: ClassVar[str] = "Read the message: it ends with what to do next."

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        cls.code = cls.__name__.removesuffix("Error")

    def __init__(
        self,
        what: str,
        *,
        expected: str | None = None,
        got: str | None = None,
        next_step: str | None = None,
        code: str | None = None,
        lines: Sequence[str] = (),
        **facts: Any,
    ) -> None:
        if code is not None:
            registered = ERROR_CODES[code]
            self.code = code
            self.http_status, self.exit_code = registered.http_status, registered.exit_code
        self.what = what
        self.expected = expected
        self.got = got
        self.next_step = next_step
        self.lines = tuple(lines)
        self.facts = facts
        super().__init__(self.message())

    def name_file(self, name: str) -> None:
        """Begin the message with the file that the error is about, unless it names it already."""
        if name not in self.message():
            self.what = f"{name}: {self.what}"
            self.facts.setdefault("file", name)
            self.args = (self.message(),)

    def message(self, shown: Callable[[str], str] = str) -> str:
        """The error as text; only where it has ``lines`` does it have more than one line of its own.

        Args:
            shown: what each line goes through, so that line breaks of others can be distinguished from ours.
        """
        if not self.lines:
            return shown(self._sentence(self.next_step))
        listed = "".join(f"\n  {shown(line)}" for line in self.lines)
        return f"{shown(self._sentence(None))}{listed}" + (
            "" if self.next_step is None else f"\n{shown(self.next_step)}"
        )

    def _sentence(self, next_step: str | None) -> str:
        text = self.what
        if self.expected is not None:
            text += f": expected {self.expected}"
            if self.got is not None:
                text += f", got {self.got}"
        elif self.got is not None:
            text += f": got {self.got}"
        if next_step is not None:
            text = f"{text.removesuffix('.')}. {next_step}"  # messages of other programs often end in one
        return text

    def to_dict(self) -> dict[str, object]:
        """The error as JSON-ready facts: code, message and its parts."""
        parts = {"what": self.what, "expected": self.expected, "got": self.got, "next_step": self.next_step}
        return {"code": self.code, "message": str(self), **parts, "facts": self.facts}


class MarkerError(EraSwitchError):
    """The data is bad: a marker, a payload, a datum, a key or a schedule."""

    http_status = 422
    advice = "See what is there: `eraswitch datum decode`, `eraswitch marker history`."


class ChainReadError(EraSwitchError):
    """The data could not be fetched: a provider, a node, a file or the network failed.

    Attributes:
        is_permanent: whether asking again cannot help before somebody corrects something, so that nobody should wait.
    """

    is_permanent: ClassVar[bool] = False
    http_status = 503
    exit_code = 5
    advice = "Wait, or use another provider: `eraswitch doctor`."


class UnsupportedEraError(EraSwitchError):
    """This software does not know an era that it would have to run."""

    http_status = 503
    exit_code = 4
    advice = "Install a version that knows the era."


class ConfigurationError(EraSwitchError):
    """The configuration, by the operator or the embedding code, cannot work."""

    exit_code = 2
    advice = "Correct the setting, option or file in the message: `eraswitch config check`."


class StoreError(EraSwitchError):
    """The store could not be read or written."""

    advice = "Look at the store: `eraswitch db check`."


class TransactionError(EraSwitchError):
    """A transaction could not be built, signed or submitted, or the ledger refused it."""

    http_status = 422
    advice = "Correct what the message names, then run the command again: it checks the chain first."


class CurrentEraNotFoundError(MarkerError):
    """No marker is active at the epoch: the network's current era cannot be named."""

    http_status = 503
    exit_code = 5


class EraRegressionError(MarkerError):
    """A change would take the node back to an earlier epoch or era."""

    advice = "Nothing: the node stays in the later era. See which source is behind: `eraswitch doctor`."
    http_status = 409


class EraNotReadyError(EraSwitchError):
    """The current era was asked for before anything was read, or where nothing keeps it up to date any more."""

    http_status = 503
    exit_code = 5


def known_codes() -> tuple[ErrorCode, ...]:
    """Every error code of the registry and of the loaded packages' classes, sorted."""
    rows = dict(ERROR_CODES)
    pending: list[type[EraSwitchError]] = [EraSwitchError]
    while pending:
        cls = pending.pop()
        meaning = (cls.__doc__ or "").strip().splitlines()[0]
        rows[cls.code] = ErrorCode(cls.code, cls.http_status, cls.exit_code, meaning, cls.advice)
        pending.extend(cls.__subclasses__())
    return tuple(rows[code] for code in sorted(rows))
