"""What the release team does: keys, marker transactions, and watching adoption before an activation."""

from eras.front_door import front_door

TYPE_CHECKING = False
if TYPE_CHECKING:
    from release_tools.adoption import AdoptionRules, Base, Share, ShareError, parse_share, support_share
    from release_tools.adoption_gate import GateEpoch, GateNotMetError, GateResult, judge_gate
    from release_tools.adoption_mithril import MithrilRow, mithril_rows
    from release_tools.adoption_parties import NotReady, PartyChange, PartyChanges
    from release_tools.adoption_summary import (
        AdoptionAlarm,
        EpochAdoption,
        EraShares,
        NoRegistrationsError,
        VersionRow,
        summarise,
        summarise_last,
    )
    from release_tools.balancing import InsufficientFundsError, TransactionTooLargeError, UnsignedTransaction
    from release_tools.blockfrost_gateway import BlockfrostGateway
    from release_tools.compatibility import Compatibility, CompatibilityError, EraNotListedError, Requirement
    from release_tools.doctor import Examination, Finding, Health
    from release_tools.drafting import (
        DraftedTransaction,
        MarkerOutputMissingError,
        Purse,
        UnprovenTransactionError,
        WrongNetworkError,
        draft_transaction,
        require_network,
    )
    from release_tools.envelopes import EnvelopeError, TextEnvelope
    from release_tools.forecast import ForecastOrder, ForecastRangeError
    from release_tools.forecast_records import Forecast
    from release_tools.from_url import gateway_from_url
    from release_tools.gateway import (
        Network,
        SpendableOutput,
        TransactionGateway,
        TransactionParameters,
        TransactionRefusedError,
    )
    from release_tools.journal import Journal, JournalEntry, JournalError, JournalHeldError
    from release_tools.key_files import KeyFileError, KeyFiles, write_key_pair
    from release_tools.key_forms import PaymentKeyError
    from release_tools.local_gateway import LocalChainGateway
    from release_tools.lottery import (
        FixedQuorum,
        Lottery,
        QuorumModel,
        QuorumParametersError,
        quorum_probability,
        share_needed,
    )
    from release_tools.lottery_parameters import SourcedQuorum
    from release_tools.ogmios_gateway import OgmiosGateway
    from release_tools.payment_key import PaymentKey
    from release_tools.publication import Draft, OtherPublicationError, Published, Publisher, ReadBackError, Standing
    from release_tools.rollout import (
        ChangeKind,
        MarkerChange,
        RolloutPlan,
        RolloutRefusedError,
        RolloutRules,
    )
    from release_tools.rollout_plan import PlannedRollout, RolloutPlanError
    from release_tools.rollout_progress import RolloutStanding, rollout_standing
    from release_tools.rollout_rules import plan_change
    from release_tools.submission import (
        Progress,
        PublicationExpiredError,
        PublicationUnfinishedError,
        Step,
        Submission,
        Waiting,
    )
    from release_tools.transaction_files import CarriedTransaction, TransactionFileError
    from release_tools.transactions import (
        DEFAULT_VALIDITY_SLOTS,
        MissingSignatureError,
        SignedTransaction,
        build_marker_transaction,
        sign_transaction,
        submit_transaction,
    )

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
        "release_tools.adoption": (
            "AdoptionRules",
            "Base",
            "Share",
            "ShareError",
            "parse_share",
            "support_share",
        ),
        "release_tools.adoption_gate": (
            "GateEpoch",
            "GateNotMetError",
            "GateResult",
            "judge_gate",
        ),
        "release_tools.adoption_mithril": (
            "MithrilRow",
            "mithril_rows",
        ),
        "release_tools.adoption_parties": (
            "NotReady",
            "PartyChange",
            "PartyChanges",
        ),
        "release_tools.adoption_summary": (
            "AdoptionAlarm",
            "EpochAdoption",
            "EraShares",
            "NoRegistrationsError",
            "VersionRow",
            "summarise",
            "summarise_last",
            "support_share",
        ),
        "release_tools.balancing": (
            "InsufficientFundsError",
            "TransactionTooLargeError",
            "UnsignedTransaction",
        ),
        "release_tools.blockfrost_gateway": ("BlockfrostGateway",),
        "release_tools.compatibility": (
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
        "release_tools.drafting": (
            "DraftedTransaction",
            "MarkerOutputMissingError",
            "Purse",
            "UnprovenTransactionError",
            "WrongNetworkError",
            "draft_transaction",
            "require_network",
        ),
        "release_tools.envelopes": (
            "EnvelopeError",
            "TextEnvelope",
        ),
        "release_tools.forecast": (
            "ForecastOrder",
            "ForecastRangeError",
        ),
        "release_tools.forecast_records": ("Forecast",),
        "release_tools.from_url": ("gateway_from_url",),
        "release_tools.gateway": (
            "Network",
            "SpendableOutput",
            "TransactionGateway",
            "TransactionParameters",
            "TransactionRefusedError",
        ),
        "release_tools.journal": (
            "Journal",
            "JournalEntry",
            "JournalError",
            "JournalHeldError",
        ),
        "release_tools.key_files": (
            "KeyFileError",
            "KeyFiles",
            "write_key_pair",
        ),
        "release_tools.local_gateway": ("LocalChainGateway",),
        "release_tools.lottery": (
            "FixedQuorum",
            "Lottery",
            "QuorumModel",
            "QuorumParametersError",
            "quorum_probability",
            "share_needed",
        ),
        "release_tools.lottery_parameters": ("SourcedQuorum",),
        "release_tools.ogmios_gateway": ("OgmiosGateway",),
        "release_tools.key_forms": ("PaymentKeyError",),
        "release_tools.payment_key": ("PaymentKey",),
        "release_tools.publication": (
            "Draft",
            "OtherPublicationError",
            "Published",
            "Publisher",
            "ReadBackError",
            "Standing",
        ),
        "release_tools.rollout": (
            "ChangeKind",
            "MarkerChange",
            "RolloutPlan",
            "RolloutRefusedError",
            "RolloutRules",
        ),
        "release_tools.rollout_plan": (
            "PlannedRollout",
            "RolloutPlanError",
        ),
        "release_tools.rollout_progress": (
            "RolloutStanding",
            "rollout_standing",
        ),
        "release_tools.rollout_rules": ("plan_change",),
        "release_tools.submission": (
            "Progress",
            "PublicationExpiredError",
            "PublicationUnfinishedError",
            "Step",
            "Submission",
            "Waiting",
        ),
        "release_tools.transaction_files": (
            "CarriedTransaction",
            "TransactionFileError",
        ),
        "release_tools.transactions": (
            "DEFAULT_VALIDITY_SLOTS",
            "MissingSignatureError",
            "SignedTransaction",
            "build_marker_transaction",
            "sign_transaction",
            "submit_transaction",
        ),
    },
)
