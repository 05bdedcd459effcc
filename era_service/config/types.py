"""The types of settings: the values that are allowed in TOML, in the environment and on the command line.

A validator raises ``ValueError`` with the expected value, which pydantic collects and ``mistakes`` puts into words.
"""

import json
import re
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, field_validator

from chain_reader.providers.from_url import FORMS, names_provider, nearest_kind
from chain_reader.providers.transport.rate_limit import is_loopback
from chain_reader.thread_token import spelled, token_unit
from datum import VerificationKey
from era_store.redaction import mask_url
from eras import ConfigurationError, MarkerError, SupportedEras
from release_tools.findings import NearMissError


def matching(pattern: re.Pattern[str], expected: str) -> AfterValidator:
    """A validator of text that must match a pattern.

    Args:
        pattern: the pattern, for the whole text.
        expected: the expected text, in words.
    """

    def check(value: str) -> str:
        if not pattern.fullmatch(value):
            raise ValueError(expected)
        return value

    return AfterValidator(check)


def _verification_key(value: str) -> str:
    try:
        VerificationKey.parse(value)
    except MarkerError as error:
        raise ValueError(error.expected or str(error)) from error
    return value


def _thread_token(value: str) -> str:
    try:
        return spelled(token_unit(value))
    except ConfigurationError as error:
        raise ValueError(error.expected or str(error)) from error


def _provider_url(value: str) -> str:
    if not names_provider(value):
        nearest = nearest_kind(value)
        raise NearMissError(
            f"http(s)://… of a Blockfrost API, ws(s)://… of an Ogmios server, or one of {FORMS}",
            None if nearest is None else f"{nearest}:…",
        )
    return value


def loopback_place(where: str) -> tuple[str, int]:
    """Host and port of ``PORT`` or ``HOST:PORT``, where the host is this machine's loopback address.

    Raises:
        ValueError: it is something else.
    """
    host, _, port = where.rpartition(":")
    host = host.strip("[]") or "127.0.0.1"
    number = int(port) if port.isascii() and port.isdigit() else -1
    if not is_loopback(host) or not 0 <= number < 2**16:
        raise ValueError("PORT, or HOST:PORT as in 127.0.0.1:8471, since the watcher listens on this machine only")
    return ("127.0.0.1" if host == "localhost" else host), number


def _loopback_text(value: str) -> str:
    loopback_place(value)
    return value


def _era_names(value: tuple[str, ...]) -> tuple[str, ...]:
    try:
        SupportedEras(value)
    except ConfigurationError as error:
        raise ValueError(f"{error.expected}, not {error.got}") from error
    return value


def _json_text(value: Any) -> Any:
    """JSON text, as in Mithril's environment variable, or a TOML table that is converted to it."""
    if isinstance(value, dict):
        try:
            return json.dumps(value, ensure_ascii=False)
        except TypeError:
            raise ValueError("a table of texts, numbers and lists, as JSON has them") from None
    if isinstance(value, str):
        try:
            parsed = json.loads(value)
        except (ValueError, RecursionError):
            parsed = None
        if not isinstance(parsed, dict):
            raise ValueError("a JSON object")  # noqa: TRY004 - pydantic collects ValueError only
    return value


def listed(value: Any) -> Any:
    """A list; text from the environment or a flag is a JSON list, or items between commas.

    Raises:
        ValueError: the text begins like a JSON list, but is not one.
    """
    if not isinstance(value, str):
        return value
    if value.lstrip().startswith("["):
        try:
            return json.loads(value)
        except (ValueError, RecursionError):
            raise ValueError("a JSON list, or items between commas") from None
    return [item.strip() for item in value.split(",") if item.strip()]


def provider_tables(value: Any) -> Any:
    """The tables of providers; a URL stands for a table with that URL."""
    items = listed(value)
    if isinstance(items, list):
        return [{"url": item} if isinstance(item, str) else item for item in items]
    return items


def _number(value: Any) -> Any:
    """A number, but no bool, which Python and pydantic take for one."""
    if isinstance(value, bool):
        raise ValueError("a number")  # noqa: TRY004 - pydantic collects ValueError only
    return value


def expanded(path: Path) -> Path:
    """A path with the home folder that its ``~`` stands for.

    Raises:
        ValueError: there is no such folder.
    """
    try:
        return path.expanduser()
    except RuntimeError:
        raise ValueError("a path whose ~ stands for the home folder of a user who exists") from None


def _secret_file(value: Path) -> Path:
    """A file with a secret, which must exist and be readable by its owner only."""
    path = expanded(value)
    try:
        mode = stat.S_IMODE(path.stat().st_mode)
    except OSError as error:
        raise ValueError(f"a file that can be read ({error.strerror})") from error
    if mode & 0o077:
        raise ValueError(f"a file that only its owner can read (mode 0600, this is {mode:04o})")
    return path


def _share(value: Any) -> Any:
    """A share such as ``95%`` or ``0.95``, unchanged."""
    from release_tools.adoption.shares import ShareError, parse_share

    text = str(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else value
    if not isinstance(text, str):
        raise ValueError("a share, as 95% or 0.95")  # noqa: TRY004 - pydantic collects ValueError only
    try:
        parse_share(text)
    except ShareError as error:
        raise ValueError(error.expected or str(error)) from error
    return text


Whole = Annotated[int, BeforeValidator(_number)]
Above0 = Annotated[float, BeforeValidator(_number), Field(gt=0, allow_inf_nan=False)]
Above0Whole = Annotated[int, BeforeValidator(_number), Field(gt=0)]
SecretFile = Annotated[Path, AfterValidator(_secret_file)]
Address = Annotated[
    str,
    matching(re.compile(r"addr(_test)?1[02-9ac-hj-np-z]{38,}"), "a Cardano address (addr1… or addr_test1…)"),
]
ThreadTokenText = Annotated[str, AfterValidator(_thread_token)]
KeyText = Annotated[str, AfterValidator(_verification_key)]
Addresses = Annotated[tuple[Address, ...], BeforeValidator(listed)]
KeyTexts = Annotated[tuple[KeyText, ...], BeforeValidator(listed)]
Names = Annotated[tuple[str, ...], BeforeValidator(listed), AfterValidator(_era_names)]
Paths = Annotated[tuple[Path, ...], BeforeValidator(listed)]
Texts = Annotated[tuple[str, ...], BeforeValidator(listed)]
LeaderUrl = Annotated[str, matching(re.compile(r"https?://[^\s?#]+"), "http(s)://… of a service")]
LoopbackText = Annotated[str, AfterValidator(_loopback_text)]
ProviderUrl = Annotated[str, AfterValidator(_provider_url)]
ShareText = Annotated[str, BeforeValidator(_share)]
JsonText = Annotated[str, BeforeValidator(_json_text)]


class Section(BaseModel):
    """A table of the configuration: unknown keys are mistakes, and values never change."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    @field_validator("*")
    @classmethod
    def _usable(cls, value: Any) -> Any:
        """Refuse text with a NUL byte, which nothing accepts, and a path whose ``~`` names no home folder."""
        for one in value if isinstance(value, tuple) else (value,):
            if isinstance(one, str | Path) and "\0" in str(one):
                raise ValueError("text without a NUL byte")
            if isinstance(one, Path):
                expanded(one)
        return value

    def __repr_args__(self) -> Iterator[tuple[str | None, Any]]:
        """The arguments of ``repr``, with passwords in URLs masked."""
        for name, value in super().__repr_args__():
            yield name, mask_url(value) if isinstance(value, str) else value


def is_secret(key: str) -> bool:
    """Whether the value of a setting must never be shown."""
    return key.endswith(("project_id", ".secret"))
