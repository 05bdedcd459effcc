"""The folder of a node's binaries, one per era, and the switch from one to the next: nothing is ever downloaded.

    FOLDER/eras/<era>/bin/<program>     installed by the operator beforehand
    FOLDER/eras/<era>/SHA256SUMS        as ``sha256sum bin/<program>`` writes it in that folder
    FOLDER/current -> eras/<era>        a symbolic link that is replaced in one step

In: the folder, the program's name, an era. Out: the program to run, checked by its hash, and the link switched to it.
A binary for several eras is installed under each of them, for example by a link from one era to another.
"""

import hashlib
import os
import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from era_store.drafts import flush
from eras import ConfigurationError
from eras.words import counted

SUMS_FILE = "SHA256SUMS"
CURRENT = "current"
_LINE = re.compile(r"([0-9a-fA-F]{64}) [ *](.+)")
_NAME = re.compile(r"[^/\0]+")


class SwapError(ConfigurationError):
    """The binary of an era is not installed, or does not match its hash file."""

    advice = "Install the binary with its hash file, as `docs/node.md` describes it."
    exit_code = 1


@dataclass(frozen=True, slots=True)
class EraFolder:
    """A folder with a program for each era.

    Attributes:
        path: the folder.
        program: the file name of the program in each ``bin``.

    Raises:
        ConfigurationError: the program is a path, not a name.
    """

    path: Path
    program: str

    def __post_init__(self) -> None:
        if not _is_name(self.program):
            raise ConfigurationError(
                "The program of an era folder is not usable",
                expected="its file name in every bin folder",
                got=repr(self.program)[:80],
                next_step="Give its name only",
            )

    def current(self) -> str | None:
        """The era that the link points to; ``None`` before the first switch, or if the link points elsewhere."""
        try:
            target = Path(os.readlink(self.path / CURRENT))  # noqa: PTH115 - the text of the link
        except OSError:
            return None
        return target.name if target.parts[:1] == ("eras",) and len(target.parts) == 2 else None

    def installed(self) -> Iterator[str]:
        """The eras whose program is installed and matches its hash file, sorted by name."""
        with suppress(OSError):
            for folder in sorted((self.path / "eras").iterdir()):
                with suppress(SwapError):
                    self.verified(folder.name)
                    yield folder.name

    def verified(self, era: str) -> Path:
        """The program of ``era``, its links resolved, checked by its hash now.

        Raises:
            SwapError: it is not installed, cannot be run, or has another hash.
        """
        if not _is_name(era):
            raise self._program_error(era, "an era name that a folder can have", repr(era)[:80])
        folder = self.path / "eras" / era
        program = folder / "bin" / self.program
        expected = self._expected_hash(era, folder / SUMS_FILE)
        try:
            real = program.resolve(strict=True)
            with real.open("rb") as file:
                found = hashlib.file_digest(file, "sha256").hexdigest()
        except OSError as error:
            raise self._program_error(era, f"to read {program}", error.strerror or type(error).__name__) from error
        if found != expected:
            raise self._program_error(era, f"{program} with the SHA-256 {expected}", found)
        if not real.is_file() or not os.access(real, os.X_OK):
            raise self._program_error(era, f"{program} to be executable", "a file that is not")
        return real

    def switch(self, era: str) -> bool:
        """Point ``current`` to ``era``, in one step, and return whether it pointed elsewhere.

        Raises:
            SwapError: the era's program cannot be run, or the link cannot be written.
        """
        self.verified(era)
        if self.current() == era:
            return False
        link, fresh = self.path / CURRENT, self.path / f".{CURRENT}.{os.getpid()}"
        try:
            with suppress(FileNotFoundError):
                fresh.unlink()
            fresh.symlink_to(Path("eras") / era)
            fresh.replace(link)
            flush(self.path)
        except OSError as error:
            raise SwapError(
                f"The link {link} could not be switched to {era}",
                expected="a link, in a folder that can be written",
                got=error.strerror or type(error).__name__,
                next_step="Correct it; the node keeps its current binary",
                era=era,
            ) from error
        return True

    def _expected_hash(self, era: str, sums: Path) -> str:
        """The hash of the program in its hash file."""
        try:
            lines = sums.read_text(encoding="utf-8").splitlines()
        except (OSError, UnicodeDecodeError) as error:
            got = getattr(error, "strerror", None) or "bytes that are not text"
            raise self._program_error(era, f"to read {sums}", got) from error
        name = f"bin/{self.program}"
        for line in lines:
            match = _LINE.fullmatch(line)
            if match is not None and match[2].removeprefix("./") == name:
                return match[1].lower()
        raise self._program_error(era, f"a line for {name} in {sums}", f"{counted(len(lines), 'line')} without it")

    def _program_error(self, era: str, expected: str, got: str) -> SwapError:
        return SwapError(
            f"The program {self.program} of the era {era!r} cannot be used",
            expected=expected,
            got=got,
            next_step=f"Install it there, with its hash: sha256sum bin/{self.program} > {SUMS_FILE}",
            era=era,
        )


def configured_folder(path: Path | None, program: str | None) -> EraFolder | None:
    """The folder of binaries that is configured; ``None`` without a path, or without the name of the program.

    Raises:
        ConfigurationError: the program is a path, not a name.
    """
    return None if path is None or program is None else EraFolder(path.expanduser().absolute(), program)


def _is_name(text: str) -> bool:
    """Whether ``text`` is a file name: era names come from a chain, and may be any text."""
    return _NAME.fullmatch(text) is not None and text not in (".", "..") and len(os.fsencode(text)) <= 255
