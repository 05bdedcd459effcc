"""The signed payload of a change: signed with the era key, or signed elsewhere and checked against what nodes accept.

In: a plan, a key or a payload, and the policy of trust. Out: the payload's bytes, or the file to be co-signed.
"""

from collections.abc import Sequence

from chain_reader import ScreenedOutput
from chain_reader.trust.policy import TrustPolicy
from chain_reader.trust.state import verified_of
from datum import (
    EraMarkersPayload,
    EraSigner,
    ExtensionAccepted,
    SignatureMismatchError,
    judge_extension,
    read_extended,
)
from eras import ConfigurationError, Epoch, EraMarker, MarkerError
from release_tools.markers.change import PublishedBefore, RolloutPlan, distinct
from release_tools.markers.cosigning import propose


def signed_payload(
    plan: RolloutPlan,
    policy: TrustPolicy,
    *,
    key: EraSigner | None,
    payload: bytes | None,
    published: PublishedBefore | None = None,
) -> bytes | None:
    """The payload that the plan publishes; ``None`` where there is neither a key nor a payload.

    Args:
        plan: the change.
        policy: what a node trusts.
        key: the era key.
        payload: a payload that was signed elsewhere, in place of the key.
        published: what was signed before.

    Raises:
        ConfigurationError: nodes do not accept the key, or require more than one.
        MarkerError: the payload holds something else, or is not signed by that key.
    """
    if payload is not None:
        require_payload(payload, plan.after, policy, published)
        return payload
    if key is None:
        return None
    require_era_key(key, policy)
    if policy.extension is not None:
        raise ConfigurationError(
            "One key is not enough on this network",
            expected="a payload that enough of its keys have co-signed",
            got="the era key alone",
            next_step="Write it with --payload-out, have it co-signed (eraswitch marker cosign), give --payload-file",
            code="EraKey",
        )
    return EraMarkersPayload(plan.after).sign(key).to_bytes()


def payload_file(
    plan: RolloutPlan, key: EraSigner, policy: TrustPolicy, trusted: bytes | None, expires_epoch: Epoch | None
) -> bytes:
    """The content of the file with a plan's payload: signed, or to be co-signed if one key is not enough.

    Args:
        plan: the change.
        key: the era key.
        policy: what a node trusts.
        trusted: the payload in force, which a co-signed one names.
        expires_epoch: the last epoch in which a co-signed one is fresh.

    Raises:
        ConfigurationError: nodes do not accept the key.
        MarkerError: the payload cannot take the place of the one in force.
    """
    require_era_key(key, policy)
    payload = EraMarkersPayload(plan.after).sign(key)
    if policy.extension is None:
        return payload.to_bytes() + b"\n"
    previous = None if trusted is None else read_extended(trusted)
    return propose(payload, policy.extension, previous=previous, expires_epoch=expires_epoch).to_text().encode()


def require_era_key(key: EraSigner, policy: TrustPolicy) -> None:
    """Check that nodes accept what ``key`` signs.

    Raises:
        ConfigurationError: they do not.
    """
    if key.verification_key not in policy.keys:
        raise ConfigurationError(
            "The era key is not the one of this network",
            expected=f"the secret key of {', '.join(known.hex for known in policy.keys)}",
            got=f"that of {key.verification_key.hex}",
            next_step="Give the era key of the network that is named",
            code="EraKey",
        )


def require_payload(
    content: bytes, markers: Sequence[EraMarker], policy: TrustPolicy, published: PublishedBefore | None = None
) -> None:
    """Check that a payload holds these markers, and that nodes accept it.

    A machine that signs elsewhere may know fewer of the ``published`` payloads, so the payload may repeat its first
    marker a different number of times, as long as it equals none of those.

    Raises:
        MarkerError: it holds others, or nodes do not accept it.
        PayloadFormatError: it is not a payload.
    """
    payload = EraMarkersPayload.from_bytes(content)
    extended = None if policy.extension is None else read_extended(content)
    same = payload.markers == tuple(markers)
    if not same and distinct(payload.markers) == distinct(markers):
        # The sequence of a co-signed one shows whether it is new; ``require_extension`` checks it.
        same = extended is not None or published is None or payload.markers not in published.payloads
    if not same:
        raise _wrong_payload(_listed(markers), _listed(payload.markers))
    try:
        payload.verify(policy.keys[0])
    except SignatureMismatchError as error:
        raise _wrong_payload(f"a signature by {policy.keys[0].hex}", "another one") from error
    if policy.extension is not None and extended is None:
        raise _wrong_payload("a co-signed payload, as this network requires", "one without an extension")


def _wrong_payload(expected: str, got: str) -> MarkerError:
    return MarkerError(
        "The signed payload is not the one that this change needs",
        code="SignedPayload",
        expected=expected,
        got=got,
        next_step="Sign the markers of this change, in this order: eraswitch marker … --payload-out FILE",
    )


def _listed(markers: Sequence[EraMarker]) -> str:
    return ", ".join(str(marker) for marker in markers) or "no marker at all"


def require_extension(policy: TrustPolicy, payload: bytes, in_force: ScreenedOutput | None, epoch: Epoch) -> None:
    """Check that nodes that require an extension accept this payload's after the one in force (T5, T6).

    Raises:
        MarkerError: they would not.
    """
    required = policy.extension
    extended = None if required is None else read_extended(payload)
    if required is None or extended is None:
        return
    previous = None if in_force is None else read_extended(verified_of(in_force).content)
    verdict = judge_extension(extended, required, previous, epoch=epoch)
    if not isinstance(verdict, ExtensionAccepted):
        raise MarkerError(
            "Nodes would not trust the co-signed payload",
            code="SignedPayload",
            expected="one that follows the payload in force, signed by enough of the keys",
            got=f"{verdict.name}: {verdict.reason}",
            next_step="Create it again with --payload-out, from the payload in force now, and have it co-signed",
            verdict=verdict.name,
        )
