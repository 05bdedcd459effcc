"""Whether a network recovered from a switch of eras: the third phase of a rollout. Pure.

In: the activity in each epoch, the epoch of the switch, and the forecast. Out: a ``Recovery``. The rules:

1. The epochs since the switch are compared with the last ``BEFORE_EPOCHS`` before it: certificates and stake with their
   mean over the epochs for which they are known.
2. Only completed epochs are compared; the current one is shown and decides nothing.
3. The network has recovered if the newest completed epoch has at least the wanted share of the certificates and of the
   stake before the switch. An unknown figure does not count against it, but one of the two must be known.
4. A party that took part before the switch, but neither in the newest completed epoch nor in the current one, has
   stopped and not returned. Largest stake first.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

from eras import Epoch
from eras.words import percent
from release_tools.adoption.documents import ShareDocument
from release_tools.adoption.shares import Share, share_words
from release_tools.forecasting.result import Forecast

BEFORE_EPOCHS = 3
"""The number of epochs before the switch to compare with."""

DEFAULT_RECOVERED = Fraction(9, 10)
"""A network has recovered at this share of the activity before the switch."""


@dataclass(frozen=True, slots=True)
class EpochActivity:
    """The activity of an epoch.

    Attributes:
        epoch: the epoch.
        certificates: the number of certificates; ``None`` if it is unknown.
        parties: the parties that took part → their stake in lovelace; ``None`` if they are unknown.
        registered: the stake whose signatures count in it, in lovelace; ``None`` if it is unknown.
    """

    epoch: Epoch
    certificates: int | None = None
    parties: Mapping[str, int] | None = None
    registered: int | None = None

    @property
    def stake(self) -> int | None:
        """The stake that took part, in lovelace."""
        return None if self.parties is None else sum(self.parties.values())

    @property
    def signing(self) -> Share | None:
        """The share of the registered stake that took part."""
        if self.stake is None or not self.registered or self.stake > self.registered:
            return None
        return Share(self.stake, self.registered)

    def to_dict(self) -> dict[str, object]:
        """The activity, JSON-ready."""
        return {
            "epoch": self.epoch,
            "certificates": self.certificates,
            "parties": None if self.parties is None else len(self.parties),
            "stake": self.stake,
            "signing": None if self.signing is None else ShareDocument.of(self.signing).to_dict(),
        }


@dataclass(frozen=True, slots=True)
class Recovery:
    """The state of a network after a switch.

    Attributes:
        at: the epoch in which the era began.
        current: the current epoch.
        wanted: the share of the activity before at which it has recovered.
        epochs: the activity of each epoch, oldest first.
        certificates: those of the newest completed epoch as a share of those before; ``None`` if unknown.
        stake: the stake that took part, as a share of that before; ``None`` if unknown.
        judged: the newest completed epoch; ``None`` if there is none since the switch.
        missing: parties that stopped and have not returned → their stake before, largest first.
        forecast: the forecast before the switch, if there is one.
        words: the verdict in a sentence.
        recovered: the verdict.
    """

    at: Epoch
    current: Epoch
    wanted: Fraction
    epochs: tuple[EpochActivity, ...]
    certificates: Fraction | None
    stake: Fraction | None
    judged: Epoch | None
    missing: Mapping[str, int]
    forecast: Forecast | None
    words: str
    recovered: bool

    def chance_in(self, epoch: Epoch) -> float | None:
        """The chance of a quorum that was forecast for an epoch."""
        outlooks = () if self.forecast is None else self.forecast.epochs
        return next((one.quorum_probability.value for one in outlooks if one.epoch == epoch), None)

    def of_before(self, one: EpochActivity) -> Fraction | None:
        """The stake that took part in an epoch, as a share of that before the switch."""
        return _of_mean(one.stake, [before.stake for before in self.epochs if before.epoch < self.at])

    def to_dict(self) -> dict[str, object]:
        """The recovery, JSON-ready."""
        return {
            "at": self.at,
            "epoch": self.current,
            "recovered": self.recovered,
            "words": self.words,
            "wanted": float(self.wanted),
            "judged": self.judged,
            "certificates": None if self.certificates is None else float(self.certificates),
            "stake": None if self.stake is None else float(self.stake),
            "epochs": [one.to_dict() | {"forecast": self.chance_in(one.epoch)} for one in self.epochs],
            "missing": [{"party_id": party, "stake": stake} for party, stake in self.missing.items()],
        }


def recovery(
    activities: Iterable[EpochActivity],
    *,
    at: Epoch,
    current: Epoch,
    wanted: Fraction = DEFAULT_RECOVERED,
    forecast: Forecast | None = None,
) -> Recovery:
    """Judge whether a network recovered from a switch.

    Args:
        activities: the activity of each epoch, in any order.
        at: the epoch in which the era began.
        current: the current epoch.
        wanted: the share of the activity before at which it has recovered.
        forecast: the forecast before the switch.
    """
    known = {one.epoch: one for one in activities}
    before = [known[epoch] for epoch in map(Epoch, range(max(0, at - BEFORE_EPOCHS), at)) if epoch in known]
    after = [known.get(epoch, EpochActivity(epoch)) for epoch in map(Epoch, range(at, current + 1))]
    over = [one for one in after if one.epoch < current]
    newest = over[-1] if over else None
    certificates = stake = None
    if newest is not None:
        certificates = _of_mean(newest.certificates, [one.certificates for one in before])
        stake = _of_mean(newest.stake, [one.stake for one in before])
    fractions = [one for one in (certificates, stake) if one is not None]
    recovered = bool(fractions) and min(fractions) >= wanted
    shown = tuple(sorted((*before, *after), key=lambda one: one.epoch))
    if current < at:
        words = f"The era has not begun: it begins at epoch {at}, and the current epoch is {current}"
    elif newest is None:
        words = f"No epoch since the switch is over: the first one is epoch {at}, and the current epoch is {current}"
    elif not fractions:
        words = f"Nothing that can be compared is known of epoch {newest.epoch} and of the epochs before {at}"
    else:
        shares = {"certificates": certificates, "stake": stake}
        parts = [f"{percent(one)} of the {name}" for name, one in shares.items() if one is not None]
        words = (
            f"The network has {'' if recovered else 'not '}recovered: epoch {newest.epoch} has {' and '.join(parts)} "
            f"of before the switch, and at least {share_words(wanted)} is wanted"
        )
    missing = {} if newest is None else _missing(before, [one for one in after if one.epoch >= newest.epoch])
    judged = None if newest is None else newest.epoch
    return Recovery(at, current, wanted, shown, certificates, stake, judged, missing, forecast, words, recovered)


def _of_mean(value: int | None, before: Sequence[int | None]) -> Fraction | None:
    known = [one for one in before if one is not None]
    if value is None or not sum(known):
        return None
    return Fraction(value * len(known), sum(known))


def _missing(before: Iterable[EpochActivity], since: Sequence[EpochActivity]) -> dict[str, int]:
    if all(one.parties is None for one in since):
        return {}
    back = {party for one in since for party in one.parties or {}}
    stakes = {party: stake for one in before for party, stake in (one.parties or {}).items() if party not in back}
    return dict(sorted(stakes.items(), key=lambda item: (-item[1], item[0])))
