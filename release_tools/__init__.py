"""The tools of the release team: keys, marker transactions, and watching adoption before an activation."""

from eras.front_door import front_door

TYPE_CHECKING = False
if TYPE_CHECKING:
    from chain_reader.providers.blockfrost.gateway import BlockfrostGateway
    from chain_reader.providers.gateway import (
        Network,
        SpendableOutput,
        TransactionGateway,
        TransactionParameters,
        TransactionRefusedError,
    )
    from chain_reader.providers.gateway_from_url import gateway_from_url
    from chain_reader.providers.local.gateway import LocalChainGateway
    from chain_reader.providers.ogmios.gateway import OgmiosGateway
    from release_tools.adoption.compatibility import Compatibility, CompatibilityError, EraNotListedError, Requirement
    from release_tools.adoption.gate import GateEpoch, GateNotMetError, GateResult, judge_gate
    from release_tools.adoption.mithril import MithrilRow, mithril_rows
    from release_tools.adoption.parties import NotReady, PartyChange, PartyChanges
    from release_tools.adoption.shares import AdoptionRules, Base, Share, ShareError, parse_share, support_share
    from release_tools.adoption.summary import (
        AdoptionAlarm,
        EpochAdoption,
        EraShares,
        NoRegistrationsError,
        VersionRow,
        summarise,
        summarise_last,
    )
    from release_tools.doctor import Examination, Finding, Health
    from release_tools.forecasting.forecast import ForecastOrder, ForecastRangeError
    from release_tools.forecasting.lottery import (
        FixedQuorum,
        Lottery,
        QuorumModel,
        QuorumParametersError,
        quorum_probability,
        share_needed,
    )
    from release_tools.forecasting.lottery_parameters import SourcedQuorum
    from release_tools.forecasting.result import Forecast
    from release_tools.keys.envelopes import EnvelopeError, TextEnvelope
    from release_tools.keys.files import KeyFileError, KeyFiles, write_key_pair
    from release_tools.keys.forms import PaymentKeyError
    from release_tools.keys.payment_key import PaymentKey
    from release_tools.markers.change import (
        ChangeKind,
        MarkerChange,
        RolloutPlan,
        RolloutRefusedError,
        RolloutRules,
    )
    from release_tools.markers.rules import plan_change
    from release_tools.publishing.journal import Journal, JournalEntry, JournalError, JournalHeldError
    from release_tools.publishing.publication import (
        Draft,
        OtherPublicationError,
        Published,
        Publisher,
        ReadBackError,
        Standing,
    )
    from release_tools.publishing.submission import (
        Progress,
        PublicationExpiredError,
        PublicationUnfinishedError,
        Step,
        Submission,
        Waiting,
    )
    from release_tools.rollout.plan import PlannedRollout, RolloutPlanError
    from release_tools.rollout.progress import RolloutStanding, rollout_standing
    from release_tools.transactions.balancing import (
        InsufficientFundsError,
        TransactionTooLargeError,
        UnsignedTransaction,
    )
    from release_tools.transactions.building import (
        DEFAULT_VALIDITY_SLOTS,
        MissingSignatureError,
        SignedTransaction,
        build_marker_transaction,
        sign_transaction,
        submit_transaction,
    )
    from release_tools.transactions.drafting import (
        DraftedTransaction,
        MarkerOutputMissingError,
        Purse,
        UnprovenTransactionError,
        WrongNetworkError,
        draft_transaction,
        require_network,
    )
    from release_tools.transactions.files import CarriedTransaction, TransactionFileError

__all__ = [
    "DEFAULT_VALIDITY_SLOTS",
    "AdoptionAlarm",
    "AdoptionRules",
    "Base",
    "BlockfrostGateway",
    "CarriedTransaction",
    "ChangeKind",
    "Compatibility",
    "CompatibilityError",
    "Draft",
    "DraftedTransaction",
    "EnvelopeError",
    "EpochAdoption",
    "EraNotListedError",
    "EraShares",
    "Examination",
    "Finding",
    "FixedQuorum",
    "Forecast",
    "ForecastOrder",
    "ForecastRangeError",
    "GateEpoch",
    "GateNotMetError",
    "GateResult",
    "Health",
    "InsufficientFundsError",
    "Journal",
    "JournalEntry",
    "JournalError",
    "JournalHeldError",
    "KeyFileError",
    "KeyFiles",
    "LocalChainGateway",
    "Lottery",
    "MarkerChange",
    "MarkerOutputMissingError",
    "MissingSignatureError",
    "MithrilRow",
    "Network",
    "NoRegistrationsError",
    "NotReady",
    "OgmiosGateway",
    "OtherPublicationError",
    "PartyChange",
    "PartyChanges",
    "PaymentKey",
    "PaymentKeyError",
    "PlannedRollout",
    "Progress",
    "PublicationExpiredError",
    "PublicationUnfinishedError",
    "Published",
    "Publisher",
    "Purse",
    "QuorumModel",
    "QuorumParametersError",
    "ReadBackError",
    "Requirement",
    "RolloutPlan",
    "RolloutPlanError",
    "RolloutRefusedError",
    "RolloutRules",
    "RolloutStanding",
    "Share",
    "ShareError",
    "SignedTransaction",
    "SourcedQuorum",
    "SpendableOutput",
    "Standing",
    "Step",
    "Submission",
    "TextEnvelope",
    "TransactionFileError",
    "TransactionGateway",
    "TransactionParameters",
    "TransactionRefusedError",
    "TransactionTooLargeError",
    "UnprovenTransactionError",
    "UnsignedTransaction",
    "VersionRow",
    "Waiting",
    "WrongNetworkError",
    "build_marker_transaction",
    "draft_transaction",
    "gateway_from_url",
    "judge_gate",
    "mithril_rows",
    "parse_share",
    "plan_change",
    "quorum_probability",
    "require_network",
    "rollout_standing",
    "share_needed",
    "sign_transaction",
    "submit_transaction",
    "summarise",
    "summarise_last",
    "support_share",
    "write_key_pair",
]

__getattr__ = front_door(
    __name__,
    {
        "release_tools.adoption.shares": (
            "AdoptionRules",
            "Base",
            "Share",
            "ShareError",
            "parse_share",
            "support_share",
        ),
        "release_tools.adoption.gate": (
            "GateEpoch",
            "GateNotMetError",
            "GateResult",
            "judge_gate",
        ),
        "release_tools.adoption.mithril": (
            "MithrilRow",
            "mithril_rows",
        ),
        "release_tools.adoption.parties": (
            "NotReady",
            "PartyChange",
            "PartyChanges",
        ),
        "release_tools.adoption.summary": (
            "AdoptionAlarm",
            "EpochAdoption",
            "EraShares",
            "NoRegistrationsError",
            "VersionRow",
            "summarise",
            "summarise_last",
            "support_share",
        ),
        "release_tools.transactions.balancing": (
            "InsufficientFundsError",
            "TransactionTooLargeError",
            "UnsignedTransaction",
        ),
        "chain_reader.providers.blockfrost.gateway": ("BlockfrostGateway",),
        "release_tools.adoption.compatibility": (
            "Compatibility",
            "CompatibilityError",
            "EraNotListedError",
            "Requirement",
        ),
        "release_tools.doctor": (
            "Examination",
            "Finding",
            "Health",
        ),
        "release_tools.transactions.drafting": (
            "DraftedTransaction",
            "MarkerOutputMissingError",
            "Purse",
            "UnprovenTransactionError",
            "WrongNetworkError",
            "draft_transaction",
            "require_network",
        ),
        "release_tools.keys.envelopes": (
            "EnvelopeError",
            "TextEnvelope",
        ),
        "release_tools.forecasting.forecast": (
            "ForecastOrder",
            "ForecastRangeError",
        ),
        "release_tools.forecasting.result": ("Forecast",),
        "chain_reader.providers.gateway_from_url": ("gateway_from_url",),
        "chain_reader.providers.gateway": (
            "Network",
            "SpendableOutput",
            "TransactionGateway",
            "TransactionParameters",
            "TransactionRefusedError",
        ),
        "release_tools.publishing.journal": (
            "Journal",
            "JournalEntry",
            "JournalError",
            "JournalHeldError",
        ),
        "release_tools.keys.files": (
            "KeyFileError",
            "KeyFiles",
            "write_key_pair",
        ),
        "chain_reader.providers.local.gateway": ("LocalChainGateway",),
        "release_tools.forecasting.lottery": (
            "FixedQuorum",
            "Lottery",
            "QuorumModel",
            "QuorumParametersError",
            "quorum_probability",
            "share_needed",
        ),
        "release_tools.forecasting.lottery_parameters": ("SourcedQuorum",),
        "chain_reader.providers.ogmios.gateway": ("OgmiosGateway",),
        "release_tools.keys.forms": ("PaymentKeyError",),
        "release_tools.keys.payment_key": ("PaymentKey",),
        "release_tools.publishing.publication": (
            "Draft",
            "OtherPublicationError",
            "Published",
            "Publisher",
            "ReadBackError",
            "Standing",
        ),
        "release_tools.markers.change": (
            "ChangeKind",
            "MarkerChange",
            "RolloutPlan",
            "RolloutRefusedError",
            "RolloutRules",
        ),
        "release_tools.rollout.plan": (
            "PlannedRollout",
            "RolloutPlanError",
        ),
        "release_tools.rollout.progress": (
            "RolloutStanding",
            "rollout_standing",
        ),
        "release_tools.markers.rules": ("plan_change",),
        "release_tools.publishing.submission": (
            "Progress",
            "PublicationExpiredError",
            "PublicationUnfinishedError",
            "Step",
            "Submission",
            "Waiting",
        ),
        "release_tools.transactions.files": (
            "CarriedTransaction",
            "TransactionFileError",
        ),
        "release_tools.transactions.building": (
            "DEFAULT_VALIDITY_SLOTS",
            "MissingSignatureError",
            "SignedTransaction",
            "build_marker_transaction",
            "sign_transaction",
            "submit_transaction",
        ),
    },
)
