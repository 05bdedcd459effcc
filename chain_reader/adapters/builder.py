"""Builds an adapter from a type and its parameters, as Mithril's configuration names them.

In: a type, its parameters as JSON, and an observer for the type that reads a chain. Out: an ``EraReaderAdapter``.

| type | parameters |
| --- | --- |
| ``cardano-chain`` | ``{"address":"addr…","verification_key":"5b…5d"}`` |
| ``file`` | ``{"markers_file":"…"}`` |
| ``dummy`` | ``{"markers":[{"name":"…","epoch":…},…]}`` |
| ``bootstrap``, ``bootstrap-latest`` | none; given ones are ignored |

Keys that a type does not know are ignored, as Mithril's readers do. Mithril reports every mistake as "general error";
here each names its cause.
"""

import json
from collections.abc import Callable, Mapping
from typing import Any, get_args

from chain_reader.adapters import AdapterType
from chain_reader.adapters.cardano_chain import CardanoChainAdapter
from chain_reader.adapters.file import FileAdapter
from chain_reader.adapters.fixed import BootstrapAdapter, DummyAdapter
from chain_reader.ports import ChainObserver, EraReaderAdapter
from chain_reader.providers.transport.limits import DEFAULT_LIMITS, ReadLimits
from datum import VerificationKey, markers_from_json
from datum.strict_json import short_whole
from eras import ConfigurationError, MarkerError, SupportedEras
from eras.nearest import nearest

ADAPTER_TYPES: tuple[str, ...] = get_args(AdapterType)
DEFAULT_ADAPTER_TYPE = "bootstrap"

TYPE_VARIABLE = "ERA_READER_ADAPTER_TYPE"
PARAMS_VARIABLE = "ERA_READER_ADAPTER_PARAMS"


class ObserverNeededError(ConfigurationError):
    """The adapter reads a chain, and there is nothing to read it with."""


def build_adapter(
    adapter_type: str,
    params: str | None = None,
    *,
    observer: ChainObserver | Callable[[], ChainObserver] | None = None,
    supported: SupportedEras = SupportedEras.DEFAULT,
    limits: ReadLimits = DEFAULT_LIMITS,
) -> EraReaderAdapter:
    """Returns an adapter of the given type, such as ``cardano-chain``.

    Args:
        adapter_type: one of ``ADAPTER_TYPES``.
        params: its parameters, a JSON object.
        observer: what ``cardano-chain`` reads the chain with, or what makes it; made for no other type.
        supported: the eras that the bootstrap adapters take theirs from.
        limits: for ``cardano-chain``.

    Raises:
        ConfigurationError: there is no such type.
        ConfigurationError: the parameters cannot be used.
        ObserverNeededError: ``cardano-chain`` without an observer, and nothing else is wrong.
    """
    match adapter_type:
        case "cardano-chain":
            return _cardano_chain(_Params(adapter_type, params), observer, limits)
        case "file":
            return FileAdapter(_Params(adapter_type, params).text("markers_file"))
        case "dummy":
            return _dummy(_Params(adapter_type, params))
        case "bootstrap" | "bootstrap-latest":
            return BootstrapAdapter(supported, latest=adapter_type == "bootstrap-latest")
    raise _unknown_adapter(adapter_type)


def adapter_from_environment(
    environ: Mapping[str, str],
    *,
    observer: ChainObserver | Callable[[], ChainObserver] | None = None,
    supported: SupportedEras = SupportedEras.DEFAULT,
    limits: ReadLimits = DEFAULT_LIMITS,
) -> EraReaderAdapter:
    """The adapter that ``ERA_READER_ADAPTER_TYPE`` and ``ERA_READER_ADAPTER_PARAMS`` name; ``bootstrap`` by default.

    Raises:
        ConfigurationError: as ``build_adapter``.
    """
    return build_adapter(
        environ.get(TYPE_VARIABLE) or DEFAULT_ADAPTER_TYPE,
        environ.get(PARAMS_VARIABLE),
        observer=observer,
        supported=supported,
        limits=limits,
    )


def _dummy(given: "_Params") -> EraReaderAdapter:
    try:
        return DummyAdapter(markers_from_json(json.dumps(given.field("markers"))))
    except MarkerError as error:
        raise given.error("a list of markers", error.got or error.what, key="markers") from error


def _cardano_chain(
    given: "_Params", observer: ChainObserver | Callable[[], ChainObserver] | None, limits: ReadLimits
) -> EraReaderAdapter:
    address, key = given.text("address"), given.text("verification_key")
    try:
        verification_key = VerificationKey.parse(key)
    except MarkerError as error:
        raise given.error(
            error.expected or "a verification key", error.got or error.what, key="verification_key"
        ) from error
    if observer is None:
        raise ObserverNeededError(
            "The adapter cardano-chain has no chain to read",
            expected="a chain observer",
            got="none",
            next_step="Configure a chain provider, such as blockfrost:<url> or ogmios:<url>",
        )
    made = observer if isinstance(observer, ChainObserver) else observer()
    return CardanoChainAdapter(made, address, verification_key, limits=limits)


def _unknown_adapter(adapter_type: str) -> ConfigurationError:
    near = nearest(adapter_type, ADAPTER_TYPES)
    return ConfigurationError(
        "The era reader adapter is unknown",
        expected=f"one of {', '.join(ADAPTER_TYPES)}",
        got=f"{adapter_type!r}"[:80],
        next_step=f"Did you mean {near}?" if near else f"Correct the adapter type ({TYPE_VARIABLE})",
        known=list(ADAPTER_TYPES),
        nearest=near,
        code="UnknownAdapter",
    )


class _Params:
    """The parameters of one adapter, and the errors about them."""

    def __init__(self, adapter_type: str, params: str | None) -> None:
        self._type = adapter_type
        if params is None or not params.strip():
            raise self.error("parameters as a JSON object", "none")
        try:
            value = json.loads(params, object_pairs_hook=_once, parse_int=short_whole)
        except json.JSONDecodeError as error:
            raise self.error(
                "a JSON object", f"{error.msg} at line {error.lineno}, column {error.colno}", json=True
            ) from error
        except (ValueError, RecursionError) as error:
            raise self.error("a JSON object", str(error) or "too deep nesting") from error
        if not isinstance(value, dict):
            raise self.error("a JSON object", _json_type(value))
        self._values: dict[str, object] = value

    def field(self, key: str) -> Any:
        if key not in self._values:
            near = nearest(key, self._values)
            got = f"no such key, but {near!r}" if near else "no such key"
            raise self.error(f"the key {key!r}", got, key=key)
        return self._values[key]

    def text(self, key: str) -> str:
        value = self.field(key)
        if not isinstance(value, str) or not value:
            raise self.error("a text", "an empty one" if value == "" else _json_type(value), key=key)
        return value

    def error(self, expected: str, got: str, *, key: str | None = None, json: bool = False) -> ConfigurationError:
        about = "The parameters" if key is None else f"The parameter {key!r}"
        return ConfigurationError(
            f"{about} of the era reader adapter {self._type} cannot be used" + (": not JSON" if json else ""),
            expected=expected,
            got=got,
            next_step=f"Correct the adapter's parameters ({PARAMS_VARIABLE})",
            adapter=self._type,
            key=key,
            code="AdapterParams",
        )


def _once(pairs: list[tuple[str, Any]]) -> dict[str, object]:
    value = dict(pairs)
    if len(value) != len(pairs):
        keys = [key for key, _ in pairs]
        twice = next(key for key in keys if keys.count(key) > 1)
        raise ValueError(f"the key {twice!r} twice")
    return value


def _json_type(value: Any) -> str:
    names = {dict: "an object", list: "a list", str: "a text", bool: "a boolean", type(None): "null"}
    return names.get(type(value), "a number")
