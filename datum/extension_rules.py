"""Judges an extended payload: rules T5 (threshold) and T6 (binding, sequence, expiry) of the trust rules.

In: the payload, the policy that is configured, the extended payload trusted before, the epoch. Out: a verdict. The
payload's own signature, by the era key, is not judged here: ``screen`` does that, for this reader as for any other.

1. Network and address are those of the policy; else ``WrongNetwork``, ``WrongAddress``.
2. A sequence below the trusted one's is ``RolledBack``, whoever signed it: an old payload's keys may be gone.
3. The keys that are in force, those of the trusted payload or else the policy's, sign with their threshold; when the
   extension names other keys or another threshold, these do too. Else it is ``BelowThreshold``. A key counts once,
   a key that is in neither set not at all.
4. The trusted sequence again with the same hash is the trusted payload again; with another hash, ``Equivocation``.
5. A payload that directly follows the trusted one names its hash as ``previous``, and none that follows it claims
   to be the first; else ``BrokenChain``. Across a gap in the sequence a reader that was off cannot know what came
   between, and takes what the keys that it knows have signed.
6. Past ``expires_epoch`` a payload stays in force, and is stale.
7. Two payloads of one sequence, both good by these rules and neither trusted before, are both ``Equivocation``, and
   the one trusted before stays. What comes later must be good after each of the two: readers that saw only one of
   them trust that one, and keys that one of them retired must not come back through the other.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import groupby

from datum.extension import ExtendedPayload, Extension, KeySet
from datum.keys import VerificationKey
from datum.verdicts import Verdict
from eras import ConfigurationError, Epoch


@dataclass(frozen=True, slots=True)
class ExtensionPolicy:
    """A reader's configured requirements on an extended payload.

    Attributes:
        network_magic: magic of its Cardano network.
        address: its era address.
        keys: the keys in force until a payload is trusted that names others.
        threshold: how many of them must sign.

    Raises:
        ConfigurationError: a key is there twice, or the threshold is not from 1 to the number of keys.
    """

    network_magic: int
    address: str
    keys: tuple[VerificationKey, ...]
    threshold: int

    def __post_init__(self) -> None:
        object.__setattr__(self, "keys", tuple(self.keys))
        problem = self.key_set.problem()
        if problem is not None:
            raise ConfigurationError(
                "The keys of the extension are not usable",
                expected=problem[0],
                got=problem[1],
                next_step="Correct the keys and the threshold of the network",
                code="ExtensionPolicy",
            )

    @property
    def key_set(self) -> KeySet:
        """The keys and the threshold."""
        return KeySet(self.keys, self.threshold)


@dataclass(frozen=True, slots=True)
class ExtensionAccepted(Verdict):
    """The extension is valid. ``stale``: it has expired, and stays in force until there is a newer one."""

    is_refusal = False

    stale: bool


@dataclass(frozen=True, slots=True)
class Unextended(Verdict):
    """A payload without an extension, where configuration requires one."""


@dataclass(frozen=True, slots=True)
class WrongNetwork(Verdict):
    """It is for another network."""


@dataclass(frozen=True, slots=True)
class WrongAddress(Verdict):
    """It is for another era address."""


@dataclass(frozen=True, slots=True)
class BelowThreshold(Verdict):
    """Too few of the keys have signed it."""


@dataclass(frozen=True, slots=True)
class RolledBack(Verdict):
    """An old payload: its sequence is below that of the trusted one."""


@dataclass(frozen=True, slots=True)
class Equivocation(Verdict):
    """The keys have signed something else under the same sequence."""


@dataclass(frozen=True, slots=True)
class BrokenChain(Verdict):
    """It should follow the trusted payload, and names another one as the one before."""


def judge_extension(
    extended: ExtendedPayload, policy: ExtensionPolicy, previous: ExtendedPayload | None, *, epoch: Epoch
) -> Verdict:
    """The verdict on one extended payload (rules 1 to 6): ``ExtensionAccepted``, or why not.

    Args:
        extended: the payload; its own signature is good already.
        policy: what is configured.
        previous: the extended payload trusted before, if any.
        epoch: the current epoch.
    """
    refused = _misplaced(extended, policy, previous)
    if refused is not None:
        return refused
    enough, signed = _count(extended, policy.key_set if previous is None else previous.extension.key_set)
    if not enough:
        return BelowThreshold(signed)
    refused = None if previous is None else _out_of_order(extended, previous)
    if refused is not None:
        return refused
    extension = extended.extension
    stale = extension.is_stale(epoch)
    age = f", stale since epoch {extension.expires_epoch} is over" if stale else ""
    return ExtensionAccepted(f"sequence {extension.sequence}, {signed}{age}", stale)


def choose_extended(
    candidates: Sequence[ExtendedPayload],
    policy: ExtensionPolicy,
    previous: ExtendedPayload | None,
    *,
    epoch: Epoch,
    refuse: Callable[[ExtendedPayload | None, ExtendedPayload], Verdict | None] = lambda _before, _after: None,
) -> tuple[tuple[Verdict, ...], ExtendedPayload | None]:
    """The verdict on each of several extended payloads, and the one to trust: the highest sequence wins.

    They are judged in the order of their sequences, each against the one before, so that a reader without memory
    follows a change of keys through the payloads that made it. The order in which they are given changes nothing.

    Args:
        candidates: the payloads; their own signatures are good already.
        policy: what is configured.
        previous: the extended payload trusted before, if any.
        epoch: the current epoch.
        refuse: why a payload that is good by these rules may not take the place of the one before all the same; for
            what the extension knows nothing of, such as the contents of its markers.

    Returns:
        The verdicts, in the order of the candidates, and what to trust now: ``previous`` when none is better.
    """
    verdicts: dict[ExtendedPayload, Verdict] = {}
    lasting: set[ExtendedPayload] = set()  # what was signed against the rules is not lost to a later payload
    trusted, rivals = previous, [previous]
    for sequence, group in groupby(sorted(dict.fromkeys(candidates), key=_sequence), key=_sequence):
        judged = {one: _judge_after_each(one, policy, rivals, epoch) for one in group}
        accepted = {one.hash: one for one, verdict in judged.items() if isinstance(verdict, ExtensionAccepted)}
        if len(accepted) > 1:
            twice = Equivocation(f"sequence {sequence} is signed with different content: {', '.join(sorted(accepted))}")
            judged |= {one: twice for one in judged if one.hash in accepted}
            rivals = list(accepted.values())
        elif accepted and (trusted is None or sequence > _sequence(trusted)):
            (content, newest), *_ = accepted.items()
            refused = refuse(trusted, newest)
            if refused is None:
                trusted, rivals = newest, [newest]
            else:
                judged |= {one: refused for one in judged if one.hash == content}
                lasting.update(one for one in judged if one.hash == content)
        lasting.update(one for one, verdict in judged.items() if isinstance(verdict, Equivocation))
        verdicts |= judged
    for one, verdict in verdicts.items():
        if one not in lasting:
            verdicts[one] = _misplaced(one, policy, trusted) or verdict
    return tuple(verdicts[one] for one in candidates), trusted


def required_key_sets(extension: Extension, in_force: KeySet) -> tuple[KeySet, ...]:
    """The key sets that must sign (rule 3): the one in force, then the one that the extension names if that differs."""
    named = extension.key_set
    return (in_force,) if named.same_as(in_force) else (in_force, named)


def _judge_after_each(
    extended: ExtendedPayload, policy: ExtensionPolicy, rivals: Sequence[ExtendedPayload | None], epoch: Epoch
) -> Verdict:
    """The verdict that is the same after every one of ``rivals``, or else the first refusal."""
    verdicts = [judge_extension(extended, policy, rival, epoch=epoch) for rival in rivals]
    return next((verdict for verdict in verdicts if not isinstance(verdict, ExtensionAccepted)), verdicts[0])


def _misplaced(extended: ExtendedPayload, policy: ExtensionPolicy, trusted: ExtendedPayload | None) -> Verdict | None:
    """Rules 1 and 2, which need no signature."""
    extension = extended.extension
    if extension.network_magic != policy.network_magic:
        return WrongNetwork(f"for the network with magic {extension.network_magic}, not {policy.network_magic}")
    if extension.address != policy.address:
        return WrongAddress(f"for the address {extension.address[:120]}, not {policy.address}")
    if trusted is not None and extension.sequence < _sequence(trusted):
        return RolledBack(f"sequence {extension.sequence} is below {_sequence(trusted)}, which is trusted")
    return None


def _count(extended: ExtendedPayload, in_force: KeySet) -> tuple[bool, str]:
    """Whether all who must have signed (rule 3), and in words how many of whom."""
    key_sets = required_key_sets(extended.extension, in_force)
    known = {key for key_set in key_sets for key in key_set.keys}
    signers = set(extended.signers(known))
    counts = [len(signers & set(key_set.keys)) for key_set in key_sets]
    which = ("",) if len(key_sets) == 1 else ("old ", "new ")
    words = " and ".join(
        f"by {count} of the {len(key_set.keys)} {kind}keys ({key_set.threshold} must sign)"
        for count, key_set, kind in zip(counts, key_sets, which, strict=True)
    )
    strangers = len({one.key for one in extended.signatures} - known)
    ignored = f", {strangers} by unknown keys ignored" if strangers else ""
    enough = all(count >= key_set.threshold for count, key_set in zip(counts, key_sets, strict=True))
    return enough, f"signed {words}{ignored}"


def _out_of_order(extended: ExtendedPayload, trusted: ExtendedPayload) -> Verdict | None:
    sequence, named, in_force = _sequence(extended), extended.extension.previous, trusted.hash
    if sequence == _sequence(trusted):
        if extended.hash == in_force:
            return None
        return Equivocation(f"sequence {sequence} is trusted already, with other content ({in_force})")
    if named is None or (sequence == _sequence(trusted) + 1 and named != in_force):
        return BrokenChain(f"sequence {sequence} follows {named or 'nothing'}, where {in_force} is trusted")
    return None


def _sequence(extended: ExtendedPayload) -> int:
    return extended.extension.sequence
