"""Configurations in the JSON of Mithril's export, written byte for byte as its tool writes it. Pure."""

import json
import math
from collections.abc import Iterable

from datum.configuration.values import EpochConfiguration, ProtocolConfiguration, SigningConfig

_SHORTEST_FRACTION, _LONGEST_WHOLE = -5, 16
"""Digits between the first one and the decimal point, beyond which an exponent is written."""


def to_readable(configurations: Iterable[EpochConfiguration]) -> str:
    """The export of configurations: a compact JSON list, without a line break at its end."""
    return f"[{','.join(_written(item) for item in configurations)}]"


def configuration_document(configuration: ProtocolConfiguration) -> dict[str, object]:
    """A configuration as JSON-ready facts, with the keys of an export; JSON has no NaN, so that is null."""
    parameters = configuration.parameters
    return {
        "protocol_parameters": {
            "k": parameters.k,
            "m": parameters.m,
            "phi_f": parameters.phi_f if math.isfinite(parameters.phi_f) else None,
        },
        "cardano_transaction_signing_config": _signing(configuration.transactions),
        "cardano_blocks_transactions_signing_config": _signing(configuration.blocks),
        "enabled_signed_entity_types": list(configuration.enabled),
    }


def _written(item: EpochConfiguration) -> str:
    document = configuration_document(item.configuration)
    parameters = item.configuration.parameters
    phi_f = written_float(parameters.phi_f)
    head = f'{{"k":{parameters.k},"m":{parameters.m},"phi_f":{phi_f}}}'
    rest = json.dumps({key: document[key] for key in list(document)[1:]}, separators=(",", ":"))
    return f'{{"epoch":{item.epoch},"protocol_parameters":{head},{rest[1:]}'


def written_float(value: float) -> str:
    """A float as Rust's serde_json writes it: the shortest digits that read back the same."""
    if not math.isfinite(value):
        return "null"
    sign = "-" if math.copysign(1, value) < 0 else ""
    if value == 0:
        return f"{sign}0.0"
    mantissa, exponent = _digits(abs(value))
    point = len(mantissa) + exponent
    if exponent >= 0 and point <= _LONGEST_WHOLE:
        text = f"{mantissa}{'0' * exponent}.0"
    elif 0 < point <= _LONGEST_WHOLE:
        text = f"{mantissa[:point]}.{mantissa[point:]}"
    elif _SHORTEST_FRACTION < point <= 0:
        text = f"0.{'0' * -point}{mantissa}"
    else:
        text = f"{mantissa[0]}{'.' if mantissa[1:] else ''}{mantissa[1:]}e{point - 1}"
    return sign + text


def _digits(value: float) -> tuple[str, int]:
    """The shortest digits of a positive float, and the power of ten of the last one."""
    text, _, power = repr(value).partition("e")
    whole, _, fraction = text.partition(".")
    fraction = "" if fraction == "0" else fraction
    digits = (whole + fraction).lstrip("0")
    exponent = int(power or 0) - len(fraction)
    trimmed = digits.rstrip("0")
    return trimmed, exponent + len(digits) - len(trimmed)


def _signing(config: SigningConfig | None) -> dict[str, int] | None:
    return None if config is None else {"security_parameter": config.security_parameter, "step": config.step}
