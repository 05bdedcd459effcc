"""The public networks are the published ones."""

import json

from datum import VerificationKey
from era_service.config.networks import NETWORKS, SHORT_NAMES, full_name
from tests.conftest import MithrilFile


def test_addresses_and_keys_are_the_published_ones(mithril: MithrilFile) -> None:
    published = json.loads(mithril("networks.json").read_text())
    ours = {
        name: {"address": preset.era_address, "verification_key": preset.verification_key}
        for name, preset in NETWORKS.items()
    }
    assert ours == published


def test_every_key_is_one_and_every_address_is_of_its_networks_kind() -> None:
    for preset in NETWORKS.values():
        assert VerificationKey.parse(preset.verification_key).to_json_hex() == preset.verification_key
        assert preset.era_address.startswith("addr1" if preset.magic == 764824073 else "addr_test1")


def test_short_names_lead_to_networks() -> None:
    assert {full_name(name) for name in SHORT_NAMES} <= set(NETWORKS)
    assert full_name("release-preprod") == "release-preprod"
    assert full_name("my-own") == "my-own"
