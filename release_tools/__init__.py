"""The tools of the release team: keys, marker transactions, and watching adoption before an activation."""

from eras.front_door import front_door

TYPE_CHECKING = False
if TYPE_CHECKING:
    from chain_reader.providers.gateway import Network, SpendableOutput, TransactionGateway, TransactionRefusedError
    from chain_reader.providers.local.gateway import LocalChainGateway
    from release_tools.adoption.compatibility import Compatibility
    from release_tools.adoption.gate import GateResult, judge_gate
    from release_tools.adoption.shares import AdoptionRules, Base, Share, parse_share
    from release_tools.adoption.summary import EpochAdoption, summarise, summarise_last
    from release_tools.keys.payment_key import PaymentKey
    from release_tools.transactions.balancing import UnsignedTransaction
    from release_tools.transactions.building import (
        MissingSignatureError,
        build_marker_transaction,
        sign_transaction,
        submit_transaction,
    )

__all__ = [
    "AdoptionRules",
    "Base",
    "Compatibility",
    "EpochAdoption",
    "GateResult",
    "LocalChainGateway",
    "MissingSignatureError",
    "Network",
    "PaymentKey",
    "Share",
    "SpendableOutput",
    "TransactionGateway",
    "TransactionRefusedError",
    "UnsignedTransaction",
    "build_marker_transaction",
    "judge_gate",
    "parse_share",
    "sign_transaction",
    "submit_transaction",
    "summarise",
    "summarise_last",
]

__getattr__ = front_door(
    __name__,
    {
        "chain_reader.providers.gateway": (
            "Network",
            "SpendableOutput",
            "TransactionGateway",
            "TransactionRefusedError",
        ),
        "chain_reader.providers.local.gateway": ("LocalChainGateway",),
        "release_tools.adoption.compatibility": ("Compatibility",),
        "release_tools.adoption.gate": ("GateResult", "judge_gate"),
        "release_tools.adoption.shares": ("AdoptionRules", "Base", "Share", "parse_share"),
        "release_tools.adoption.summary": ("EpochAdoption", "summarise", "summarise_last"),
        "release_tools.keys.payment_key": ("PaymentKey",),
        "release_tools.transactions.balancing": ("UnsignedTransaction",),
        "release_tools.transactions.building": (
            "MissingSignatureError",
            "build_marker_transaction",
            "sign_transaction",
            "submit_transaction",
        ),
    },
)
