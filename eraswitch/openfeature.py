"""Era switches for applications that read flags through the OpenFeature SDK; the extra ``[openfeature]``.

In: a sealed ``BehaviourSwitches`` and its checker. Out: an OpenFeature provider. What it resolves:

1. A boolean switch is a boolean flag of the same name. ``era`` is a string, the current era, and ``epoch`` an integer.
   The variant is the era; the metadata have the epoch, since when the era is, and the transaction of its marker.
2. The reason is ``STATIC``, and ``STALE`` where the remembered schedule decides because the chain cannot be read.
3. Errors are mapped, and resolve to no value: ``PROVIDER_NOT_READY`` before anything was read or where nobody looks
   after the era, ``PROVIDER_FATAL`` in an era that is not supported, ``FLAG_NOT_FOUND``, ``TYPE_MISMATCH``.

The SDK hands its caller the caller's own default after an error. In a protocol that is a fork: look at ``error_code``,
or call the switches themselves where consensus depends on the answer.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

from openfeature.evaluation_context import EvaluationContext
from openfeature.event import ProviderEventDetails
from openfeature.exception import (
    ErrorCode,
    FlagNotFoundError,
    OpenFeatureError,
    ProviderFatalError,
    ProviderNotReadyError,
    TypeMismatchError,
)
from openfeature.flag_evaluation import FlagResolutionDetails, FlagValueType, Reason
from openfeature.provider import AbstractProvider, Metadata

from eras import BehaviourSwitches, EraChecker, EraEvent, EraNotReadyError, EraStatus, UnsupportedEraError
from eras.events import EraEventDetails

ERA, EPOCH = "era", "epoch"
Value = TypeVar("Value")


class EraSwitchProvider(AbstractProvider):
    """An OpenFeature provider over era switches.

    Args:
        switches: the switches, sealed.
        checker: the checker that they were made with.
    """

    def __init__(self, switches: BehaviourSwitches, checker: EraChecker) -> None:
        super().__init__()
        self._switches = switches
        self._checker = checker

    def get_metadata(self) -> Metadata:
        """Its name for the SDK."""
        return Metadata(name="eraswitch")

    def initialize(self, evaluation_context: EvaluationContext) -> None:
        """Begin to emit events.

        Raises:
            ProviderNotReadyError: nothing was read yet.
            ProviderFatalError: the current era is not supported.
        """
        for event in EraEvent:
            self._checker.on(event, self._emit)
        self._resolved(lambda: None)

    def shutdown(self) -> None:
        """Emit no more events."""
        for event in EraEvent:
            self._checker.off(event, self._emit)

    def resolve_boolean_details(
        self, flag_key: str, default_value: bool, evaluation_context: EvaluationContext | None = None
    ) -> FlagResolutionDetails[bool]:
        """A boolean switch in the current era.

        Raises:
            OpenFeatureError: it is unknown (rule 3).
        """
        self._require(flag_key, "boolean")
        return self._resolved(lambda: self._switches.is_on(flag_key))

    def resolve_string_details(
        self, flag_key: str, default_value: str, evaluation_context: EvaluationContext | None = None
    ) -> FlagResolutionDetails[str]:
        """The current era.

        Raises:
            OpenFeatureError: it is unknown (rule 3).
        """
        self._require(flag_key, "string")
        return self._resolved(lambda: self._checker.current_era)

    def resolve_integer_details(
        self, flag_key: str, default_value: int, evaluation_context: EvaluationContext | None = None
    ) -> FlagResolutionDetails[int]:
        """The current epoch.

        Raises:
            OpenFeatureError: it is unknown (rule 3).
        """
        self._require(flag_key, "integer")
        return self._resolved(lambda: int(self._checker.current_epoch))

    def resolve_float_details(
        self, flag_key: str, default_value: float, evaluation_context: EvaluationContext | None = None
    ) -> FlagResolutionDetails[float]:
        """No flag is one.

        Raises:
            OpenFeatureError: always.
        """
        raise self._other_type(flag_key, "float")

    def resolve_object_details(
        self,
        flag_key: str,
        default_value: Sequence[FlagValueType] | Mapping[str, FlagValueType],
        evaluation_context: EvaluationContext | None = None,
    ) -> FlagResolutionDetails[Sequence[FlagValueType] | Mapping[str, FlagValueType]]:
        """No flag is one.

        Raises:
            OpenFeatureError: always.
        """
        raise self._other_type(flag_key, "object")

    def _types(self) -> dict[str, str]:
        """The flags, and the type of each."""
        booleans = {one.name: "boolean" for one in self._switches.describe() if one.kind == "boolean"}
        return booleans | {ERA: "string", EPOCH: "integer"}

    def _require(self, flag: str, kind: str) -> None:
        if self._types().get(flag) != kind:
            raise self._other_type(flag, kind)

    def _other_type(self, flag: str, kind: str) -> OpenFeatureError:
        types = self._types()
        if flag in types:
            return TypeMismatchError(f"{flag!r} is a {types[flag]} flag, but was requested as a {kind}")
        return FlagNotFoundError(f"There is no flag {flag!r}; there are {', '.join(sorted(types))}")

    def _resolved(self, value: Callable[[], Value]) -> FlagResolutionDetails[Value]:
        """A value with what it rests on, of one moment."""
        try:
            with self._checker.pinned() as era:
                token, status, found = self._checker.token, self._checker.view.status, value()
        except EraNotReadyError as error:
            raise ProviderNotReadyError(str(error)) from error
        except UnsupportedEraError as error:
            raise ProviderFatalError(str(error)) from error
        metadata: dict[str, bool | int | float | str] = {"epoch": int(token.epoch)}
        if token.current.epoch is not None:
            metadata["since"] = int(token.current.epoch)
        if token.provenance is not None and token.provenance.transaction is not None:
            metadata["transaction"] = token.provenance.transaction
        reason = Reason.STATIC if status is EraStatus.READY else Reason.STALE
        return FlagResolutionDetails(found, reason=reason, variant=era, flag_metadata=metadata)

    def _emit(self, change: EraEventDetails) -> None:
        details = ProviderEventDetails(message=change.message)
        if change.event is EraEvent.READY:
            self.emit_provider_ready(details)
        elif change.event in (EraEvent.STALE, EraEvent.ERROR):  # the schedule in force is followed all the same
            self.emit_provider_stale(details)
        elif change.event is EraEvent.FATAL:
            details.error_code = ErrorCode.PROVIDER_FATAL
            self.emit_provider_error(details)
        elif change.event is EraEvent.ERA_CHANGED:
            details.flags_changed = sorted(self._types())
            self.emit_provider_configuration_changed(details)
