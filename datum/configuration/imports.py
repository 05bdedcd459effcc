"""Configurations that a person wrote for publication: read and checked as Mithril's tool does, all mistakes at once.

In: the JSON of an export, edited by hand. Out: the configurations in the order of the file, or an error that names the
epoch and the field of every mistake. The digits of a decimal are read as serde_json reads them, which is not always
the nearest float: the datum holds what Mithril's tool would have read.
"""

from collections.abc import Iterable
from typing import Any

from datum.configuration.values import (
    EpochConfiguration,
    ProtocolConfiguration,
    ProtocolConfigurationError,
    ProtocolParameters,
    SigningConfig,
    configuration_at,
)
from datum.signed_payload import read_epoch, struct_fields
from datum.strict_json import Pairs, described, parse, reason
from eras import MAX_EPOCH, Epoch

MAX_DATUM_TEXT = 10 * 1024
"""Characters of a datum's JSON text, beyond which Mithril's tool refuses it."""

UNCHANGED_EPOCHS = 3
"""Epochs before the current one that must stay as they are on the chain, beside the current one itself."""

_FIELDS = (
    "epoch",
    "protocol_parameters",
    "cardano_transaction_signing_config",
    "cardano_blocks_transactions_signing_config",
    "enabled_signed_entity_types",
)
_MAX_U64 = MAX_EPOCH
_LARGEST_POWER = 308


def read_import(data: bytes) -> tuple[EpochConfiguration, ...]:
    """The configurations in an import file, in its order.

    Raises:
        ProtocolConfigurationError: it is not such a file, or has mistakes; all of them are named.
    """
    try:
        document = parse(data.decode(), decimal=serde_float)
        if not isinstance(document, list) or isinstance(document, Pairs):
            raise ValueError(f"{described(document)} in the place of a list")  # noqa: TRY004, TRY301 - one way out
    except ValueError as error:
        raise _import_error([reason(error)]) from error
    found: list[EpochConfiguration] = []
    mistakes: list[str] = []
    for number, item in enumerate(document, 1):
        try:
            found.append(_read_configuration(item))
        except ValueError as error:
            mistakes.append(f"{_named(item, number)}: {reason(error)}")
            continue
        mistakes += [f"epoch {found[-1].epoch}: {problem}" for problem in found[-1].configuration.problems()]
    if mistakes:
        raise _import_error(mistakes)
    return tuple(found)


def check_against(
    chain: Iterable[EpochConfiguration], wanted: Iterable[EpochConfiguration], current: Epoch
) -> tuple[Epoch, ...]:
    """Check that what nodes use already stays as it is: the current epoch and the last three.

    Returns the epochs that the chain has no configuration for, and that were therefore not compared.

    Raises:
        ProtocolConfigurationError: another configuration would hold at one of them; all are named.
    """
    known, new = tuple(chain), tuple(wanted)
    mistakes: list[str] = []
    unknown: list[Epoch] = []
    for epoch in map(Epoch, range(max(0, current - UNCHANGED_EPOCHS), current + 1)):
        before, after = configuration_at(known, epoch), configuration_at(new, epoch)
        if before is None:
            unknown.append(epoch)
        elif after is None:
            mistakes.append(f"epoch {epoch}: the chain has a configuration, the file has none")
        elif differences := before.differences(after):
            mistakes.append(f"epoch {epoch}: {', '.join(differences)}")
    if mistakes:
        raise ProtocolConfigurationError(
            "Configurations that nodes use already would change",
            expected=f"epochs {max(0, current - UNCHANGED_EPOCHS)} to {current} as they are on the chain",
            got="; ".join(mistakes),
            next_step="Export what is on the chain, and change later epochs only",
            mistakes=mistakes,
        )
    return tuple(unknown)


def require_size(datum: str) -> None:
    """Check that a datum's JSON text is as short as Mithril's tool wants it.

    Raises:
        ProtocolConfigurationError: it is longer.
    """
    if len(datum) > MAX_DATUM_TEXT:
        raise ProtocolConfigurationError(
            "The datum is too large",
            expected=f"at most {MAX_DATUM_TEXT:,} characters of JSON",
            got=f"{len(datum):,}",
            next_step="Drop configurations of epochs that no node uses any more",
        )


def serde_float(text: str) -> float:
    """The float that a JSON number is to serde_json: digits as a 64-bit integer, then one power of ten.

    Raises:
        ValueError: it is too large for a float.
    """
    mantissa, _, power = text.lower().removeprefix("-").partition("e")
    whole, _, fraction = mantissa.partition(".")
    exponent = 0
    significand = 0
    for index, digit in enumerate(whole + fraction):
        if significand * 10 + int(digit) > _MAX_U64:  # this digit and all after it are dropped
            exponent = max(0, len(whole) - index) - max(0, index - len(whole))
            break
        significand = significand * 10 + int(digit)
    else:
        exponent = -len(fraction)
    exponent += int(power or 0)
    value = _scaled(float(significand), exponent)
    return -value if text.startswith("-") else value


def _scaled(value: float, exponent: int) -> float:
    while abs(exponent) > _LARGEST_POWER and value != 0:
        if exponent > 0:
            raise ValueError("a number that is too large")
        value /= 1e308
        exponent += _LARGEST_POWER
    if value == 0:
        return 0.0
    power = float(f"1e{abs(exponent)}")
    value = value * power if exponent >= 0 else value / power
    if value == float("inf"):
        raise ValueError("a number that is too large")
    return value


def _read_configuration(value: Any) -> EpochConfiguration:
    epoch, parameters, transactions, blocks, types = struct_fields(
        value, _FIELDS, "a configuration", optional=_FIELDS[2:4]
    )
    at = read_epoch(epoch)
    k, m, phi_f = struct_fields(parameters, ("k", "m", "phi_f"), "protocol_parameters")
    if not isinstance(types, list) or isinstance(types, Pairs):
        words = f"enabled_signed_entity_types is {described(types)}, expected a list"
        raise ValueError(words)  # noqa: TRY004 - bad data, not a bad call
    # What is no name that is known is dropped, as Mithril's tool drops it.
    enabled = [name for name in types if isinstance(name, str)]
    configuration = ProtocolConfiguration(
        ProtocolParameters(_whole(k, "k"), _whole(m, "m"), _real(phi_f)),
        tuple(enabled),
        _read_signing(transactions, _FIELDS[2]),
        _read_signing(blocks, _FIELDS[3]),
    )
    return EpochConfiguration(at, configuration)


def _read_signing(value: Any, what: str) -> SigningConfig | None:
    if value is None:
        return None
    security, step = struct_fields(value, ("security_parameter", "step"), what)
    return SigningConfig(_whole(security, f"{what}.security_parameter"), _whole(step, f"{what}.step"))


def _whole(value: Any, what: str) -> int:
    if type(value) is not int or not 0 <= value <= _MAX_U64:
        raise ValueError(f"{what} is {described(value)}, expected a whole number from 0 to {_MAX_U64}")
    return value


def _real(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError(f"phi_f is {described(value)}, expected a number")  # noqa: TRY004 - bad data, not a bad call
    return value if isinstance(value, float) else serde_float(str(value))


def _named(item: Any, number: int) -> str:
    epoch = dict(item).get("epoch") if isinstance(item, Pairs) else None
    return f"epoch {epoch}" if type(epoch) is int else f"configuration {number}"


def _import_error(mistakes: list[str]) -> ProtocolConfigurationError:
    return ProtocolConfigurationError(
        "The configurations cannot be published",
        expected="a list of configurations as protocol-configuration export-markers writes it",
        got="; ".join(mistakes),
        next_step="Correct them all, and import again",
        mistakes=mistakes,
    )
