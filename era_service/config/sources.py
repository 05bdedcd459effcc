"""The sources of the configuration, strongest first: flags, environment, TOML file, network, and then the defaults.

Each source has values by setting (``reader.adapter_type``), with their origins; ``pydantic-settings`` merges them. A
source that cannot be read, or has an impossible value, adds to the list of mistakes and continues, so that one check
finds all of them.
"""

import stat
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource

from datum.foreign_text import toml_problem
from era_service.config.mistakes import ConfigMistake
from era_service.config.networks import NETWORKS, SHORT_NAMES, full_name
from era_service.config.records import environment_name, setting_keys
from era_service.config.schema import ALIASES, ENVIRONMENT_PREFIX, SECTIONS, CustomNetwork, Settings
from era_service.config.types import is_secret
from eras.nearest import nearest

NO_SETTINGS = frozenset({"ERASWITCH_CONFIG", "ERASWITCH_DEBUG", "ERASWITCH_VECTORS"})
"""Variables with our prefix that are not settings."""

DECIDING = ("NETWORK", "READER", "TRUST")
"""Sections that decide whom to trust. A variable that lacks such a section must not be ignored silently, although it is
less similar to the right name than other slips."""

TELLING_LENGTH = 9
"""Shorter names (``MODE``, ``NAME``, ``MAGIC``) may belong to other programs."""

MAX_BYTES = 16 * 1024 * 1024
"""A configuration file that is longer is refused, as is a device that never ends."""

Values = dict[str, tuple[Any, str]]
"""Setting → its value and the origin of that."""


class Source(PydanticBaseSettingsSource):
    """One source, with the origins of its values and the mistakes in them."""

    def __init__(self, settings_cls: type[BaseSettings]) -> None:
        super().__init__(settings_cls)
        self.origins: dict[str, str] = {}
        self.mistakes: list[ConfigMistake] = []
        self.left_out: tuple[str, ...] = ()
        """Settings to leave out."""

    def values(self) -> Values:
        """The values of this source."""
        raise NotImplementedError

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:
        """Unused, as in the library's own sources that return a whole tree."""
        return None, field_name, False

    def __call__(self) -> dict[str, Any]:
        """The values as a tree, for the library to merge."""
        tree: dict[str, Any] = {}
        for key, (value, origin) in self.values().items():
            section, _, name = key.partition(".")
            self.origins[key] = origin
            if name:
                tree.setdefault(section, {})[name] = value
            else:
                tree[key] = value
        for key in self.left_out:
            _leave_out(tree, key.split("."))
        return tree


class FlagSource(Source):
    """Values of command line flags: setting → (value, flag)."""

    def __init__(self, settings_cls: type[BaseSettings], flags: Mapping[str, tuple[Any, str]]) -> None:
        super().__init__(settings_cls)
        self._flags = flags

    def values(self) -> Values:
        """The values of the given flags."""
        return {key: (value, f"flag {flag}") for key, (value, flag) in self._flags.items() if value is not None}


class EnvironmentSource(Source):
    """``ERASWITCH_SECTION__KEY``, and the aliases that Mithril and Blockfrost users know. Empty means not set."""

    def __init__(self, settings_cls: type[BaseSettings], environ: Mapping[str, str]) -> None:
        super().__init__(settings_cls)
        self._environ = {name: value for name, value in environ.items() if value}

    def values(self) -> Values:
        """The values of the environment; its own names win over the aliases."""
        found: Values = {}
        for name, key in ALIASES.items():
            if name in self._environ:
                found[key] = (self._environ[name], f"environment {name}")
        for name, value in self._environ.items():
            if not name.startswith(ENVIRONMENT_PREFIX) or name in NO_SETTINGS or name in ALIASES:
                continue
            rest = name.removeprefix(ENVIRONMENT_PREFIX)
            if "__" in rest:
                found[rest.lower().replace("__", ".", 1)] = (value, f"environment {name}")
            else:
                self._look_for_slip(name, rest)
        return found

    def _look_for_slip(self, name: str, rest: str) -> None:
        """Add a mistake if an unknown variable resembles a setting; other programs may use our prefix too."""
        if rest.startswith(("SERVICE_HOST", "SERVICE_PORT", "PORT")):
            return  # Kubernetes sets them in every pod for a Service called eraswitch
        known = [environment_name(key).removeprefix(ENVIRONMENT_PREFIX) for key in setting_keys()]
        meant = next((name for name in known if name in {f"{section}__{rest}" for section in DECIDING}), None)
        if len(rest) < TELLING_LENGTH or meant is None:
            meant = nearest(rest, [*known, "NETWORK", "CONFIG", "DEBUG"], cutoff=0.8)
        if meant is not None:
            self.mistakes.append(
                ConfigMistake(name, "a setting", "an unknown name", ENVIRONMENT_PREFIX + meant, "environment")
            )


class TomlSource(Source):
    """A TOML file."""

    def __init__(self, settings_cls: type[BaseSettings], path: Path | None) -> None:
        super().__init__(settings_cls)
        self._path = path

    def values(self) -> Values:
        """The values of the file; ``network = "NAME"`` is short for the key ``name`` of that table."""
        if self._path is None:
            return {}
        origin = f"file {self._path}"
        found: Values = {}
        for section, content in self._read(self._path).items():
            if section in SECTIONS and isinstance(content, dict):
                found.update({f"{section}.{key}": (value, origin) for key, value in content.items()})
            elif section == "network" and isinstance(content, str):
                found["network.name"] = (content, origin)
            else:
                found[section] = (content, origin)
        self._refuse_readable_secrets(self._path, found)
        return found

    def _read(self, path: Path) -> dict[str, Any]:
        try:
            with path.open("rb") as file:
                content = file.read(MAX_BYTES + 1)
            if len(content) <= MAX_BYTES:
                return tomllib.loads(content.decode())
            self.mistakes.append(ConfigMistake(str(path), f"at most {MAX_BYTES} bytes of TOML", "more"))
        except UnicodeDecodeError:
            self.mistakes.append(ConfigMistake(str(path), "TOML in UTF-8", "other bytes"))
        except (ValueError, RecursionError) as error:
            self.mistakes.append(ConfigMistake(str(path), "TOML", f"a syntax error: {toml_problem(error)}"))
        except OSError as error:
            self.mistakes.append(ConfigMistake(str(path), "a file that can be read", error.strerror or "an error"))
        return {}

    def _refuse_readable_secrets(self, path: Path, found: Values) -> None:
        """Refuse secrets in a file that others can read."""
        secrets = [key for key in found if is_secret(key)]
        for key in ("reader.providers", "service.webhooks"):
            entries = found.get(key, ((), ""))[0]
            for index, entry in enumerate(entries if isinstance(entries, list) else []):
                names = entry if isinstance(entry, dict) else ()
                secrets += [f"{key}.{index}.{name}" for name in names if is_secret(f"{key}.{name}")]
        if secrets and stat.S_IMODE(path.stat().st_mode) & 0o077:
            self.mistakes.extend(
                ConfigMistake(key, "a file of mode 0600 around a secret", "one that others can read", f"{key}_file")
                for key in secrets
            )


class NetworkSource(Source):
    """The settings that follow from the name of the network in stronger sources, or from its address."""

    def values(self) -> Values:
        """The network's magic, address, key and adapter."""
        network = self.current_state.get("network")
        if not isinstance(network, dict):
            return {}
        found: Values = {}
        origin = "network.era_address"
        if isinstance(network.get("name"), str):
            custom = self.current_state.get("networks")
            preset = self._preset(network["name"], custom if isinstance(custom, dict) else {})
            origin = f"network {full_name(network['name'])}"
            found = {f"network.{key}": (value, origin) for key, value in preset.items()}
        if found or "era_address" in network:
            found["reader.adapter_type"] = ("cardano-chain", origin)
        return found

    def _preset(self, named: str, custom: dict[str, Any]) -> dict[str, Any]:
        for name in custom:
            if name in NETWORKS or name in SHORT_NAMES:
                self.mistakes.append(ConfigMistake(f"networks.{name}", "a name of your own", "a public network's"))
        if named in custom:
            table = custom[named] if isinstance(custom[named], dict) else {}
            return {key: value for key, value in table.items() if key in CustomNetwork.model_fields}
        preset = NETWORKS.get(full_name(named))
        if preset is None:
            names = [*custom, *NETWORKS, *SHORT_NAMES]
            self.mistakes.append(
                ConfigMistake("network.name", f"one of {', '.join(names)}", repr(named), nearest(named, names))
            )
            return {}
        return asdict(preset)


def _leave_out(tree: dict[str, Any], path: Sequence[str]) -> None:
    """Remove the value at ``path``, or the list that contains it; tables on the way are copied, never changed."""
    first, *rest = path
    below = tree.get(first)
    if rest and isinstance(below, dict):
        tree[first] = dict(below)
        _leave_out(tree[first], rest)
    else:
        tree.pop(first, None)


def merge(sources: Sequence[Source]) -> Settings:
    """The merged settings of ``sources``, strongest first.

    Raises:
        pydantic.ValidationError: they are not valid.
    """

    class MergedSettings(Settings):
        @classmethod
        def settings_customise_sources(
            cls, settings_cls: type[BaseSettings], *_: Any, **__: Any
        ) -> tuple[PydanticBaseSettingsSource, ...]:
            return tuple(sources)

    return MergedSettings()


def merge_without(sources: Sequence[Source], mistakes: Iterable[ConfigMistake]) -> Settings | None:
    """The settings without the mistaken ones, to find more mistakes; ``None`` if the rest is not valid either."""
    wrong = tuple(mistake.key for mistake in mistakes)
    for _ in range(2):
        for source in sources:
            source.left_out = wrong
        try:
            return merge(sources)
        except ValidationError as error:  # a table that lacks a required key is left out
            wrong += tuple(".".join(map(str, finding["loc"][:-1])) for finding in error.errors(include_url=False))
    return None
