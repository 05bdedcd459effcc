"""Payment keys as wallets and tools write them: each taken as the key that it is, or refused by what it is instead."""

import json
import traceback
from hashlib import sha512

import pytest
from hypothesis import given
from hypothesis import strategies as st
from nacl.bindings import crypto_sign_open, crypto_sign_seed_keypair
from pycardano import HDWallet
from pycardano.crypto.bech32 import CHARSET, Encoding, bech32_create_checksum, convertbits

from datum import SigningKey
from eras import ConfigurationError
from release_tools import PaymentKey
from release_tools.keys.derivation import DEFAULT_PATH, DerivationPath
from release_tools.keys.forms import FoundKey, find_payment_key, looks_like_payment_key
from tests.errors import raising
from tests.release_tools.test_payment_key import extended_key

SEED = bytes(range(32))
WORDS = "test walk nut penalty hip pave soap entry language right filter choice"
PATH = DerivationPath.parse(DEFAULT_PATH)
EXTENDED = extended_key()
PRIVATE, PUBLIC, CHAIN = EXTENDED[:64], EXTENDED[64:96], EXTENDED[96:]


def bech32(prefix: str, raw: bytes) -> str:
    data = convertbits(raw, 8, 5)
    checked = data + bech32_create_checksum(prefix, data, Encoding.BECH32)
    return f"{prefix}1" + "".join(CHARSET[symbol] for symbol in checked)


def envelope(kind: str, cbor: str) -> str:
    return json.dumps({"type": kind, "description": "", "cborHex": cbor})


def found(text: str, path: DerivationPath | None = None) -> FoundKey:
    return find_payment_key(text, "the file", path)


@pytest.mark.parametrize(
    "text",
    [
        SEED.hex(),
        SEED.hex().upper() + "\n",
        "0x" + SEED.hex(),
        f'"{SEED.hex()}"',
        "5820" + SEED.hex(),
        json.dumps({"cborHex": "5820" + SEED.hex()}),
        bech32("ed25519_sk", SEED),
        bech32("addr_sk", SEED),
        bech32("addr_sk", SEED).upper(),
        envelope("PaymentSigningKeyShelley_ed25519", "5820" + SEED.hex()),
        envelope("GenesisUTxOSigningKey_ed25519", "5820" + SEED.hex()),
    ],
)
def test_plain_keys(text: str) -> None:
    assert found(text).raw == SEED
    assert SEED.hex() not in repr(found(text))


@pytest.mark.parametrize(
    ("text", "chain"),
    [
        (PRIVATE.hex(), bytes(32)),
        ("5840" + PRIVATE.hex(), bytes(32)),
        (bech32("ed25519e_sk", PRIVATE), bytes(32)),
        ((PRIVATE + CHAIN).hex(), CHAIN),
        ("5860" + (PRIVATE + CHAIN).hex(), CHAIN),
        (bech32("addr_xsk", PRIVATE + CHAIN), CHAIN),
        (bech32("addr_shared_xsk", PRIVATE + CHAIN), CHAIN),
        (EXTENDED.hex(), CHAIN),
        ("5880" + EXTENDED.hex(), CHAIN),
        (envelope("PaymentExtendedSigningKeyShelley_ed25519_bip32", "5880" + EXTENDED.hex()), CHAIN),
    ],
)
def test_extended_keys(text: str, chain: bytes) -> None:
    raw = found(text).raw
    assert raw == PRIVATE + PUBLIC + chain
    witness = PaymentKey(raw).witness(b"\x07" * 32)
    assert crypto_sign_open(witness.signature + b"\x07" * 32, PUBLIC) == b"\x07" * 32


def test_keys_of_wallets_are_derived_as_pycardano_derives_them() -> None:
    wallet = HDWallet.from_mnemonic(WORDS)
    root = wallet.root_xprivate_key + wallet.root_chain_code
    account_wallet = wallet.derive_from_path("m/1852'/1815'/7'")
    account = account_wallet.xprivate_key + account_wallet.chain_code
    for text in (
        WORDS,
        f"  {WORDS.upper()}\n",
        WORDS.replace(" ", ", "),
        bech32("root_xsk", root),
        bech32("xprv", root),
    ):
        for path in ("1852H/1815H/0H/0/0", "m/1852'/1815'/7'/1/2147483647", "1854h/1815h/2147483647h/0/3"):
            theirs = wallet.derive_from_path("m/" + str(DerivationPath.parse(path)).replace("H", "'"))
            key = found(text, DerivationPath.parse(path))
            assert key.raw[:64] + key.raw[96:] == theirs.xprivate_key + theirs.chain_code
            assert key.raw[64:96] == theirs.public_key
            assert key.path == str(DerivationPath.parse(path))
    theirs = wallet.derive_from_path("m/1852'/1815'/7'/0/3")
    key = found(bech32("acct_xsk", account), DerivationPath.parse("1852H/1815H/7H/0/3"))
    assert key.raw[:64] == theirs.xprivate_key


def test_the_test_vector_of_cip_3() -> None:
    words = "eight country switch draw meat scout mystery blade tip drift useless good keep usage title"
    wallet = HDWallet.from_mnemonic(words)
    assert wallet.root_xprivate_key.hex().startswith("c065afd2832cd8b087c4d9ab7011f481")
    assert found(words, PATH).raw[64:96] == wallet.derive_from_path("m/1852'/1815'/0'/0/0").public_key


@pytest.mark.parametrize("count", [15, 18, 21, 24])
def test_longer_lists_of_words(count: int) -> None:
    words = HDWallet.generate_mnemonic(strength=count * 32 // 3)
    assert found(words, PATH).form == f"{count} words"


def test_a_whole_wallet_is_no_payment_key_without_a_path() -> None:
    for text in (WORDS, bech32("root_xsk", PRIVATE + CHAIN), bech32("acct_xsk", PRIVATE + CHAIN)):
        with raising("PaymentKey", match="a whole wallet or account") as caught:
            found(text)
        assert "eraswitch keys import payment FILE TARGET --path PATH" in str(caught.value)


def seed_and_public() -> bytes:
    public, _ = crypto_sign_seed_keypair(SEED)
    return SEED + bytes(public)


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        (bech32("stake_sk", SEED), "a stake key, by its prefix stake_sk"),
        (bech32("stake_xsk", PRIVATE + CHAIN), "a stake key"),
        (bech32("kes_sk", bytes(608)), "a KES key"),
        (bech32("vrf_sk", PRIVATE), "a VRF key"),
        (bech32("pool_sk", SEED), "the cold key of a stake pool"),
        (bech32("drep_sk", SEED), "a DRep key"),
        (bech32("drep_xsk", PRIVATE + CHAIN), "a DRep key"),
        (bech32("cc_cold_sk", SEED), "a key of the constitutional committee"),
        (bech32("policy_sk", SEED), "a script"),
        (bech32("script", SEED[:28]), "a script"),
        (bech32("addr_vk", SEED), "the public half of a key"),
        (bech32("addr_xvk", SEED + CHAIN), "the public half of a key"),
        (bech32("addr_vkh", SEED[:28]), "the public half of a key"),
        (bech32("addr_test", SEED[:29]), "an address"),
        (bech32("asset", SEED), "the prefix asset"),
        (bech32("addr_sk", SEED[1:]), "expected 32 bytes in a addr_sk, got 31"),
        (bech32("addr_xsk", PRIVATE), "expected 96 bytes in a addr_xsk, got 64"),
        (bech32("addr_sk", SEED)[:-1] + "q", "a wrong or missing character"),
        (bech32("addr_sk", SEED)[:-1] + "Q", "a wrong or missing character"),
        (envelope("StakeSigningKeyShelley_ed25519", "5820" + SEED.hex()), "a stake key"),
        (envelope("StakePoolSigningKey_ed25519", "5820" + SEED.hex()), "the cold key of a stake pool"),
        (envelope("KesSigningKey_ed25519_kes_2^6", "590260" + bytes(608).hex()), "a KES key"),
        (envelope("VrfSigningKey_PraosVRF", "5840" + PRIVATE.hex()), "a VRF key"),
        (envelope("DRepSigningKey_ed25519", "5820" + SEED.hex()), "a DRep key"),
        (envelope("ConstitutionalCommitteeHotSigningKey_ed25519", "5820" + SEED.hex()), "constitutional committee"),
        (envelope("GenesisSigningKey_ed25519", "5820" + SEED.hex()), "a genesis key, which owns no output"),
        (envelope("PaymentVerificationKeyShelley_ed25519", "5820" + SEED.hex()), "the public half of a key"),
        (envelope("SimpleScript", "8200581c" + SEED[:28].hex()), "a script"),
        (envelope("Tx ConwayEra", "84a0a0f5f6"), "a transaction"),
        (envelope("Whatever", "5820" + SEED.hex()), "got type 'Whatever'"),
        (SigningKey(SEED).to_json_hex(), "an era key, as Mithril writes one"),
        (bytes(608).hex(), "a KES key, by its length"),
        ("590260" + bytes(608).hex(), "a KES key, by its length"),
        (seed_and_public().hex(), "a seed with its public key, as VRF keys are written"),
        ("5840" + seed_and_public().hex(), "a seed with its public key, as VRF keys are written"),
        (b"\xff".hex() * 64, "bytes that are not one"),
        (SEED.hex() + "ab", "got 33 bytes"),
        ("ключ", "something else, not shown"),
        ("", "nothing: it is empty"),
        (" \n", "nothing: it is empty"),
        ("eight country switch", "12, 15, 18, 21 or 24 words, got 3"),
    ],
)
def test_what_it_is_instead(text: str, kind: str) -> None:
    for path in (None, PATH):
        with raising("PaymentKey") as caught:
            found(text, path)
        assert kind in str(caught.value)
        shown = "".join(traceback.format_exception(caught.value)) + json.dumps(caught.value.to_dict())
        assert SEED.hex()[:24] not in shown
        assert text[-40:-3] not in shown or len(text) < 40
        assert caught.value.__suppress_context__


def test_an_extended_key_beside_another_public_key_is_refused() -> None:
    other, _ = crypto_sign_seed_keypair(SEED)
    with raising("PaymentKey", match="do not belong together"):
        PaymentKey(found((PRIVATE + bytes(other) + CHAIN).hex()).raw)


def test_which_texts_are_written_as_payment_keys() -> None:
    for text in (WORDS, bech32("addr_xsk", PRIVATE + CHAIN), PRIVATE.hex(), EXTENDED.hex(), "{}", "5820" + SEED.hex()):
        assert looks_like_payment_key(text)
    for text in (SEED.hex(), SigningKey(SEED).to_json_hex(), SigningKey(SEED).verification_key.hex, "", "hello"):
        assert not looks_like_payment_key(text)


@given(st.text(max_size=300) | st.binary(max_size=140).map(bytes.hex))
def test_no_text_ends_otherwise_than_in_a_key_or_an_error(text: str) -> None:
    try:
        assert len(found(text, PATH).raw) in (32, 128)
    except ConfigurationError as error:
        assert error.code == "PaymentKey"
        digest = sha512(text.encode(errors="surrogatepass")).hexdigest()
        assert digest not in str(error)
        assert len(text.strip()) < 20 or text.strip() not in str(error)
