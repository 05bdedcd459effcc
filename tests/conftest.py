"""Fixtures that every part of the suite shares."""

import gc
import os
import signal
import sys
import typing
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from importlib import import_module
from pathlib import Path

import coverage
import pytest
from hypothesis import settings

from chain_reader.providers.transport.rate_limit import forget_paces

ROOT = Path(__file__).resolve().parents[1]
pytest_plugins = ["tests.postgres"]
sys.modules["rfc3987_syntax"] = None  # type: ignore[assignment]  # jsonschema would compile 38 grammars for "iri"
settings.register_profile("suite", deadline=None)  # how long an example takes is the machine's doing
settings.load_profile("suite")
STOPPED = pytest.StashKey[list[coverage.Coverage]]()
if sys.version_info < (3, 12):  # which lists a protocol's members at each isinstance: requests asks 14 times a request
    typing._get_protocol_attrs = cache(typing._get_protocol_attrs)  # type: ignore[attr-defined]
os.environ.setdefault("PYCARDANO_NO_TYPE_CHECK", "true")  # as the command has it


def require(present: bool, what: str) -> None:
    """Skip with a line when ``what`` is missing on this machine; under ``CI=true`` that is a failure."""
    if present:
        return
    if os.environ.get("CI") == "true":
        pytest.fail(f"{what} is missing, and CI=true allows no skip")
    pytest.skip(f"{what} is missing")


@pytest.fixture(autouse=True)
def no_bans() -> None:
    """No provider is remembered from another test that had the same port."""
    forget_paces()


def pytest_configure() -> None:
    """Have SIGINT heeded: a shell that runs this in the background has it ignored, by all that tests start too."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.hookimpl(tryfirst=True)
def pytest_collection(session: pytest.Session) -> None:
    """Import the test modules from another place on in each worker: what one has compiled, the others find compiled."""
    worker, workers = (os.environ.get(f"PYTEST_XDIST_WORKER{end}") for end in ("", "_COUNT"))
    if worker is None or workers is None:
        return
    folders = [session.config.invocation_params.dir / argument for argument in session.config.args]
    modules = sorted(path.relative_to(ROOT) for folder in folders for path in folder.rglob("test_*.py"))
    own = len(modules) * int(worker.removeprefix("gw")) // int(workers)
    for path in modules[own:] + modules[:own]:
        with suppress(Exception, pytest.skip.Exception):  # pytest imports it again, and reports why it cannot
            import_module(".".join(path.with_suffix("").parts))


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave the tests that need a live network out unless ``-m`` asks for them, so that no run skips them unasked."""
    if "live" in config.option.markexpr:
        return
    live = [item for item in items if item.get_closest_marker("live")]
    if live:
        config.hook.pytest_deselected(items=live)
        items[:] = [item for item in items if item not in live]


def pytest_collection_finish() -> None:
    """Have no garbage collection go through the thousands of tests again, which stay until the end."""
    if schema := sys.modules.get("era_store.sql.schema"):
        from tests.migrated import migrate
        from tests.quick_stores import quicken

        schema.migrate = migrate  # type: ignore[attr-defined]
        quicken()
    if serialization := sys.modules.get("pycardano.serialization"):  # it asks anew for each part of a transaction
        serialization.get_type_hints = cache(typing.get_type_hints)  # type: ignore[attr-defined]
    gc.collect()
    gc.freeze()


def is_traced(item: pytest.Item) -> bool:
    """Whether coverage, where it is measured at all, is measured of the package whose tests these are."""
    packages = item.config.getoption("cov_source", None) or [True]
    return True in packages or item.path.relative_to(ROOT / "tests").parts[0] in packages


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item) -> None:
    """With ``--cov=PACKAGE``, trace the tests of that package alone: tracing takes as long as what it traces.

    A worker has two tracers, of which the lower takes over where the upper stops: both stop. They start again only
    where the tests of another package begin, for that takes longer than a small test.
    """
    stopped = item.config.stash.setdefault(STOPPED, [])
    if is_traced(item):
        while stopped:
            stopped.pop().start()
    else:
        while (tracer := coverage.Coverage.current()) is not None:
            tracer.stop()
            stopped.append(tracer)


@pytest.fixture(autouse=True)
def clean_environ(monkeypatch: pytest.MonkeyPatch) -> None:
    """No setting of the machine reaches a test."""
    for name in list(os.environ):
        if (
            name.startswith(("ERASWITCH_", "ERA_READER_", "ERA_MARKERS_", "BLOCKFROST_"))
            and name != "ERASWITCH_VECTORS"
        ):
            monkeypatch.delenv(name)
    for name in ("CURRENT_ERA_EPOCH", "NEXT_ERA_EPOCH"):
        monkeypatch.delenv(name, raising=False)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """With ``-n auto``, three workers for two processors: many tests wait for a service, a process or a clock."""
    return max(2, (os.cpu_count() or 1) * 3 // 2)


@pytest.fixture(scope="session")
def vectors() -> Path:
    """The folder of vectors made by other programs, read in place."""
    folder = Path(os.environ.get("ERASWITCH_VECTORS", ROOT.parent / "shared" / "vectors"))
    require(folder.is_dir(), f"the vectors folder {folder}")
    return folder


MithrilFile = Callable[[str], Path]
MITHRIL = ROOT / "tests" / "vectors" / "mithril"
"""Files made by running Mithril's tools on test keys; a clone has them (``tests/vectors/README.md``)."""


@pytest.fixture(scope="session")
def mithril(request: pytest.FixtureRequest) -> MithrilFile:
    """Returns where a file of Mithril's is: in the clone, or else in the vectors folder, which may be missing."""

    def find(name: str) -> Path:
        own = MITHRIL / name
        return own if own.exists() else request.getfixturevalue("vectors") / "mithril" / name

    return find
