"""What the release team does: keys, marker transactions, and watching adoption before an activation."""

from eras.front_door import front_door

TYPE_CHECKING = False
if TYPE_CHECKING:
    from release_tools.adoption import Registration, Share, newest_registrations, support_share
    from release_tools.balancing import InsufficientFundsError, TransactionTooLargeError, UnsignedTransaction
    from release_tools.blockfrost_gateway import BlockfrostGateway
    from release_tools.gateway import (
        Network,
        SpendableOutput,
        TransactionGateway,
        TransactionParameters,
        TransactionRefusedError,
    )
    from release_tools.key_files import KeyFileError, KeyFiles, write_key_pair
    from release_tools.local_gateway import LocalChainGateway
    from release_tools.payment_key import PaymentKey, PaymentKeyError
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
    "BlockfrostGateway",
    "InsufficientFundsError",
    "KeyFileError",
    "KeyFiles",
    "LocalChainGateway",
    "MissingSignatureError",
    "Network",
    "PaymentKey",
    "PaymentKeyError",
    "Registration",
    "Share",
    "SignedTransaction",
    "SpendableOutput",
    "TransactionGateway",
    "TransactionParameters",
    "TransactionRefusedError",
    "TransactionTooLargeError",
    "UnsignedTransaction",
    "build_marker_transaction",
    "newest_registrations",
    "sign_transaction",
    "submit_transaction",
    "support_share",
    "write_key_pair",
]

__getattr__ = front_door(
    __name__,
    {
        "release_tools.adoption": ("Registration", "Share", "newest_registrations", "support_share"),
        "release_tools.balancing": ("InsufficientFundsError", "TransactionTooLargeError", "UnsignedTransaction"),
        "release_tools.blockfrost_gateway": ("BlockfrostGateway",),
        "release_tools.gateway": (
            "Network",
            "SpendableOutput",
            "TransactionGateway",
            "TransactionParameters",
            "TransactionRefusedError",
        ),
        "release_tools.key_files": ("KeyFileError", "KeyFiles", "write_key_pair"),
        "release_tools.local_gateway": ("LocalChainGateway",),
        "release_tools.payment_key": ("PaymentKey", "PaymentKeyError"),
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
