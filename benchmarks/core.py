"""Screening, and the questions that a node asks all day."""

import json
import random
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

import cbor2
from nacl.exceptions import BadSignatureError
from nacl.signing import VerifyKey

from benchmarks.measure import Benchmark, Work, ratio
from datum import EraMarkersPayload, SigningKey, VerdictMemory, decode_datum, encode_datum, screen
from eras import BehaviourSwitches, Epoch, EraChecker, EraMarker, SupportedEras, select_eras

DATUMS, FORGED = 100_000, 20_000
CALLS = 300_000
THREADS = 2
KEY = SigningKey(b"k" * 32).verification_key
FORGER = SigningKey(b"f" * 32)


def junk() -> list[str]:
    """Five kinds of datums that strangers leave at an address, in equal parts: CBOR in hex, as Blockfrost gives it."""
    rng = random.Random(20)

    def random_chunks() -> bytes:
        return encode_datum(rng.randbytes(rng.randrange(100, 400)))

    def other_json() -> bytes:
        words = " ".join(rng.choices(("stake", "pool", "reward", "epoch", "vote", "drep", "mint", "burn"), k=30))
        image = f"ipfs://{rng.randbytes(32).hex()}"
        return encode_datum(
            json.dumps({"name": f"Token {rng.randrange(10**4)}", "about": words, "image": image}).encode()
        )

    def metadata() -> bytes:
        return cbor2.dumps(cbor2.CBORTag(121, [{b"name": rng.randbytes(24), b"image": rng.randbytes(60)}, 1]))

    def order() -> bytes:
        leg = cbor2.CBORTag(121, [rng.randbytes(28), rng.randbytes(8), rng.randrange(2**63)])
        return cbor2.dumps(
            cbor2.CBORTag(121, [cbor2.CBORTag(121, [rng.randbytes(28)]), leg, leg, rng.randrange(2**40)])
        )

    def number() -> bytes:
        return cbor2.dumps(rng.randrange(2**64))

    makers: Sequence[Callable[[], bytes]] = (random_chunks, other_json, metadata, order, number)
    return [makers[index % len(makers)]().hex() for index in range(DATUMS)]


def forged() -> list[str]:
    """Well-formed payloads that another key signed."""
    schedule = (EraMarker("thales", Epoch(1)),)
    payloads = (
        EraMarkersPayload((*schedule, EraMarker("pythagoras", Epoch(epoch)))).sign(FORGER) for epoch in range(FORGED)
    )
    return [encode_datum(payload.to_bytes()).hex() for payload in payloads]


def verify_loop(datums: list[str], threads: int = 1) -> Work:
    """PyNaCl over the signatures of ``datums``, parsed beforehand; each thread has its share of them."""
    payloads = [EraMarkersPayload.from_bytes(decode_datum(datum).content) for datum in datums]
    pairs = [(payload.signed_bytes, payload.signature) for payload in payloads]
    key = VerifyKey(KEY.raw)

    def loop(share: "Sequence[tuple[bytes, bytes | None]]" = pairs) -> int:
        refused = 0
        for message, signature in share:
            try:
                key.verify(message, signature)
            except BadSignatureError:
                refused += 1
        return refused

    def loops() -> int:
        with ThreadPoolExecutor(threads) as pool:
            return sum(pool.map(loop, (pairs[first::threads] for first in range(threads))))

    return loop if threads == 1 else loops


def screen_junk() -> float:
    """Junk, against decoding it with cbor2."""
    datums = junk()

    def decode() -> None:
        for datum in datums:  # keeping nothing: the garbage collector would walk all that is kept, again and again
            cbor2.loads(bytes.fromhex(datum))

    return ratio(lambda: screen(datums, KEY), decode, rounds=5)


def screen_forged() -> float:
    """Forged payloads, against checking their signatures in as many bare threads."""
    datums = forged()
    # Many short rounds: over the seconds of a long one the pace of a machine's two processors changes.
    return ratio(lambda: screen(datums, KEY), verify_loop(datums, THREADS), rounds=25)


def screen_again() -> float:
    """The same outputs a second time, against checking their signatures one after the other."""
    datums = forged()
    references = [f"{index:064x}#0" for index in range(len(datums))]
    memory = VerdictMemory()
    screen(datums, KEY, references=references, memory=memory)

    def second_read() -> object:
        fresh = ["".join((datum[:2], datum[2:])) for datum in datums]  # a provider's answer is new text every time
        return screen(fresh, KEY, references=references, memory=memory)

    return ratio(second_read, verify_loop(datums), rounds=3)


def _node() -> tuple[EraChecker, BehaviourSwitches]:
    eras = SupportedEras(("thales", "pythagoras"))
    checker = EraChecker(eras)
    checker.change_era(select_eras((EraMarker("thales", Epoch(1)),), Epoch(5), eras))
    switches = BehaviourSwitches(checker)
    switches.behaviour("nothing", since="thales")(_nothing)
    switches.seal()
    return checker, switches


def _nothing() -> None:
    pass


def _empty_calls() -> None:
    for _ in range(CALLS):
        _nothing()


def _calls(work: Work) -> float:
    """The cost of one turn of ``work``, in empty function calls; both loop as often."""
    return ratio(work, _empty_calls, rounds=15)


def current_era() -> float:
    """Asking for the current era."""
    checker, _ = _node()

    def work() -> None:
        for _ in range(CALLS):
            checker.current_era  # noqa: B018 - the look-up is what is measured

    return _calls(work)


def is_active() -> float:
    """Asking whether an era is active."""
    checker, _ = _node()

    def work() -> None:
        for _ in range(CALLS):
            checker.is_active("thales")

    return _calls(work)


def switch_dispatch() -> float:
    """Calling an empty behaviour through the registry."""
    _, switches = _node()

    def work() -> None:
        for _ in range(CALLS):
            switches["nothing"]()

    return _calls(work)


BENCHMARKS = (
    Benchmark("core.screen_junk", 0.2, f"cbor2.loads(bytes.fromhex(d)) over the same {DATUMS:,} datums", screen_junk),
    Benchmark(
        "core.screen_forged",
        1.08,
        f"{THREADS} bare threads of PyNaCl over the same {FORGED:,} signatures",
        screen_forged,
    ),
    Benchmark("core.screen_again", 0.02, f"one thread of PyNaCl over the same {FORGED:,} signatures", screen_again),
    Benchmark("core.current_era", 3, "an empty function call", current_era),
    Benchmark("core.is_active", 3, "an empty function call", is_active),
    Benchmark("core.switch_dispatch", 5, "an empty function call", switch_dispatch),
)
