"""What pages show of files and answers is what the software reads and writes: every block of TOML and of JSON.

TOML is a configuration, unless its first line is one of ``OTHERS``. JSON is known by its first field (``SHOWN``).
"""

import json
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from datum import EraMarkersPayload, SigningKey, encode_datum
from era_service.cli.app import cli
from era_service.config.load import load_settings
from era_service.dashboard.activity import Activity
from era_service.node.http_face import era_document
from era_service.webhooks.message import message_of
from era_store.records import StoredEvent
from eras import EraMarker
from eraswitch.testing import FakeProvider, watcher_of
from release_tools.adoption.compatibility import Compatibility
from release_tools.keys.signers import Signer
from release_tools.rehearsal.scenario import Scenario
from release_tools.rollout.plan import PlannedRollout
from tests.docs.test_blocks import PAGES, ROOT, Block, blocks
from tests.ledger.wallet import OWN

KEY = SigningKey(bytes(32))
SECRETS = {"blockfrost.key": "preprod0123456789", "ops.secret": "whsec_" + "A" * 44}
BLOCKS = [
    pytest.param(block, id=f"{page.name}:{block.line}")
    for page in PAGES
    for block in blocks(page)
    if block.kind in ("toml", "json", "yaml")
]


def settings(text: str, folder: Path) -> object:
    """The settings of a configuration; files that it names elsewhere are in the folder."""
    for name, content in SECRETS.items():
        (folder / name).write_text(content)
        (folder / name).chmod(0o600)
        text = text.replace(f"/etc/eraswitch/{name}", str(folder / name))
    text = text.replace("5b…5d", KEY.verification_key.hex).replace("addr_test1…", OWN.encode())
    (folder / "eraswitch.toml").write_text(text)
    return load_settings(str(folder / "eraswitch.toml"), environ={}).settings


def plan(text: str, _folder: Path) -> object:
    """A rollout plan; a part of one stands below the plan of docs/rollout.md."""
    if "version =" not in text:
        whole = next(block for block in blocks(ROOT / "docs" / "rollout.md") if block.kind == "toml")
        text = f"{whole.text}\n{text}"
    return PlannedRollout.from_text(text)


OTHERS: dict[str, Callable[[str, Path], object]] = {
    "# compatibility.toml": lambda text, _: Compatibility.of(
        tomllib.loads(text), known_eras=("pythagoras", "lagrange")
    ),
    "# mine.toml": lambda text, _: Scenario.of(tomllib.loads(text)),
    "# Rollout plan of the era": plan,
    "[[configuration]]": plan,
    "[[before]]": plan,
}
"""How the first line of a block of TOML begins → what reads it."""


def signer_file(given: dict[str, Any], folder: Path) -> dict[str, Any]:
    """The fields of a signer file as they were read."""
    (folder / "signer.json").write_text(json.dumps(given))
    signer = Signer.read(folder / "signer.json", json.dumps(given))
    assert signer is not None
    public = signer.public.hex
    read = {"kind": signer.kind, "public": public, "program": [*signer.program], "timeout_s": signer.timeout_s}
    return {"eraswitch_signer": 1, **read, "environment": [*signer.environment]}


def answer_of_a_watcher(_given: dict[str, Any], _folder: Path) -> dict[str, Any]:
    """The answer to a node in another language."""
    provider = FakeProvider(538)
    provider.publish(("pythagoras", 1), ("lagrange", 539))
    return era_document(watcher_of(provider, ("pythagoras", "lagrange")))


def webhook(given: dict[str, Any], _folder: Path) -> dict[str, Any]:
    """The body of a message."""
    data, event = given["data"], given["data"]["event"]
    entry = Activity(event["id"], given["type"], data["title"], data["detail"], "good", data["epoch"], event["time_s"])
    stored = StoredEvent(**event, version="")
    body: dict[str, Any] = json.loads(message_of(entry, stored, data["network"]).body)
    return body


def verified_datum(given: dict[str, Any], folder: Path) -> dict[str, Any]:
    """The output of ``datum verify``; a reason is anything."""
    markers = tuple(EraMarker(one["name"], one["epoch"]) for one in given["markers"])
    (folder / "datum").write_text(encode_datum(EraMarkersPayload(markers).sign(KEY).to_bytes()).hex())
    arguments = [
        "datum",
        "verify",
        str(folder / "datum"),
        "--verification-key",
        KEY.verification_key.hex,
        "--epoch",
        "1",
    ]
    printed: dict[str, Any] = json.loads(CliRunner().invoke(cli, arguments).stdout)
    for verdict in printed["verdicts"]:
        verdict["reason"] = "…"
    return printed


SHOWN: dict[str, Callable[[dict[str, Any], Path], dict[str, Any]]] = {
    "eraswitch_signer": signer_file,
    "ready": answer_of_a_watcher,
    "type": webhook,
    "markers": verified_datum,
}
"""The first field of a block of JSON → what the software makes of the same facts."""


@pytest.mark.parametrize("block", BLOCKS)
def test_a_file_or_answer_that_a_page_shows_is_a_true_one(block: Block, tmp_path: Path) -> None:
    if block.kind == "toml":
        read = [read for first, read in OTHERS.items() if block.text.startswith(first)] or [settings]
        assert read[0](block.text, tmp_path) is not None
    else:
        assert block.kind == "json"
        given = json.loads(block.text)
        assert SHOWN[next(iter(given))](given, tmp_path) == given


@pytest.mark.parametrize(
    "text", ['[reader]\nprovider = "x"\n', "[[before]]\nnetwork = 1\n", "# mine.toml\nnodes = 'x'\n"]
)
def test_a_mistake_in_a_file_that_a_page_shows_is_found(text: str, tmp_path: Path) -> None:
    with pytest.raises(Exception, match=r"mistake|expected"):
        test_a_file_or_answer_that_a_page_shows_is_a_true_one(Block("toml", text, 1, None), tmp_path)
