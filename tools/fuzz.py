"""Throws damaged input at everything that reads what somebody else wrote: ``python -m tools.fuzz [--seconds 60]``.

In: a small corpus, the files in ``tests/vectors/fuzz`` among it, and a seed. Out: how many inputs each target took; an
input that broke its promise is kept in ``artifacts/fuzz``, and the exit code is 1. The promises: an error is one of
ours, nothing is lost, no input takes longer than ``PATIENCE_S``, and what is signed is believed as it was signed only.
"""

import argparse
import hashlib
import random
import signal
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from tools.fuzz_targets import TARGETS, Target

ROOT = Path(__file__).resolve().parents[1]
CORPUS = ROOT / "tests" / "vectors" / "fuzz"
KEPT = ROOT / "artifacts" / "fuzz"
PATIENCE_S = 20.0
TOKENS = (
    b"null", b"-1", b"1e400", b"NaN", b"true", b'""', b"[]", b"{}", b"\xff", b"\x00", b"\n", b'"', b",", b"0x", b"=1+1",
    b"9" * 5_000, b"[" * 2_000, b'{"a":' * 2_000, "\u202e".encode(), b"18446744073709551616", b"\\ud800",
)  # fmt: skip


def mutated(draw: random.Random, corpus: list[bytes]) -> bytes:
    """An item of the corpus, damaged in up to four places; now and then as it is."""
    data = bytearray(draw.choice(corpus))
    for _ in range(draw.choice((0, 1, 1, 1, 2, 4))):
        at = draw.randrange(len(data) + 1)
        end = min(len(data), at + draw.choice((1, 1, 4, 40)))
        match draw.randrange(6):
            case 0:
                data[at:end] = draw.randbytes(end - at)
            case 1:
                del data[at:end]
            case 2:
                data[at:at] = data[at:end] * draw.choice((1, 2, 30))
            case 3:
                data[at:end] = draw.choice(TOKENS)
            case 4:
                other = draw.choice(corpus)
                start = draw.randrange(len(other) + 1)
                data[at:end] = other[start : start + draw.choice((1, 8, 80))]
            case _:
                data = data[:at] if draw.random() < 0.3 else data + data[at:end]
    return bytes(data)


@contextmanager
def _patience() -> Iterator[None]:
    """End what takes too long by an error."""

    def late(_number: int, _frame: object) -> None:
        raise TimeoutError(f"it takes longer than {PATIENCE_S:.0f} s")

    before = signal.signal(signal.SIGALRM, late)
    signal.setitimer(signal.ITIMER_REAL, PATIENCE_S)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def corpus_of(name: str, made: list[bytes]) -> list[bytes]:
    """The inputs that a target begins with: those it makes itself, and the files kept for it."""
    return [*made, *(path.read_bytes() for path in sorted((CORPUS / name).glob("*")))]


def fuzz(target: Target, name: str, seconds: float, seed: int, keep: Callable[[bytes], Path]) -> tuple[int, list[str]]:
    """Try a target for so long; how many inputs it took, and what broke its promise.

    Args:
        target: what takes the inputs.
        name: of the target.
        seconds: how long, at least its corpus.
        seed: of the damage.
        keep: puts an input where it can be looked at.
    """
    draw, failures, count = random.Random(f"{seed} {name}"), Counter[str](), 0
    kept: list[str] = []
    with tempfile.TemporaryDirectory(prefix="eraswitch-fuzz-") as folder, ExitStack() as opened:
        corpus, take = opened.enter_context(target(Path(folder)))
        corpus = corpus_of(name, corpus)
        until_s = time.monotonic() + seconds
        while time.monotonic() < until_s or count < len(corpus):
            data = corpus[count] if count < len(corpus) else mutated(draw, corpus)
            count += 1
            try:
                with _patience():
                    take(data)
            except Exception as error:
                where = traceback.extract_tb(error.__traceback__)[-1]
                what = f"{type(error).__name__} at {Path(where.filename).name}:{where.lineno}"
                failures[what] += 1
                if failures[what] == 1:
                    kept.append(f"{what}: {error!s:.200}; the input is {keep(data)}")
    return count, kept


def main() -> int:
    """Fuzz what the command line names, and print what came of it."""
    parser = argparse.ArgumentParser(prog="python -m tools.fuzz", description=__doc__)
    parser.add_argument("--seconds", type=float, default=60.0, help="for all targets together; 60 by default")
    parser.add_argument("--seed", type=int, default=1, help="of the damage")
    parser.add_argument("--only", choices=sorted(TARGETS), help="this target alone")
    arguments = parser.parse_args()
    chosen = [arguments.only] if arguments.only else sorted(TARGETS)
    found = 0
    for name in chosen:

        def keep(data: bytes, name: str = name) -> Path:
            KEPT.mkdir(parents=True, exist_ok=True)
            path = KEPT / f"{name}-{hashlib.sha256(data).hexdigest()[:12]}"
            path.write_bytes(data)
            return path

        count, failures = fuzz(TARGETS[name], name, arguments.seconds / len(chosen), arguments.seed, keep)
        print(f"{name:<20} {count:>8,} inputs, seed {arguments.seed}: {len(failures)} failures", flush=True)
        for failure in failures:
            print(f"  {failure}", flush=True)
        found += len(failures)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
