"""Errors between an observer and its provider: one class for each thing an operator would do differently.

In: nothing but facts by keyword (``provider``, ``request``, ``status``). Out: subclasses of ``ChainReadError``, whose
codes stand for the next step: correct the key, stop for long, wait, check the network, or distrust the provider. What
``is_permanent`` ends every wait at once; what is not is waited out where there is time.
"""

from eras import ChainReadError, TransactionError


class ProviderUnreachableError(ChainReadError):
    """No connection to the provider could be made, or it broke before an answer began."""


class ProviderTimeoutError(ChainReadError):
    """The provider did not answer in time."""

    http_status = 504


class ProviderKeyRefusedError(ChainReadError):
    """The provider refuses the key it was given (403): it is missing, wrong, or of another network."""

    advice = "Correct the key of this provider: `reader.project_id_file`."
    is_permanent = True
    http_status = 502


class ProviderBannedError(ChainReadError):
    """The provider has banned this address for flooding it (418)."""

    is_permanent = True


class ProviderRateLimitedError(ChainReadError):
    """Too many requests, in a short time or for the provider's plan (429)."""


class ProviderQuotaExceededError(ChainReadError):
    """The daily quota of the provider's plan is used up (402)."""

    is_permanent = True


class ProviderBusyError(ChainReadError):
    """The provider's mempool is full (425)."""


class ProviderFailedError(ChainReadError):
    """The provider itself failed, or its node is not ready (a 5xx status, or an error of its ledger state)."""

    http_status = 502


class ProviderSyncingError(ChainReadError):
    """The provider has not caught up with the chain yet, and does not know what was asked for."""


class ProviderRefusedError(ChainReadError):
    """The provider refuses the request itself: a wrong URL, an address of another network, an unknown method."""

    advice = "Correct the URL of the provider, or the address."
    is_permanent = True
    http_status = 502


class ProviderNotFoundError(ChainReadError):
    """The provider does not know the thing asked for (404)."""

    http_status = 502


class ProviderOfOtherNetworkError(ChainReadError):
    """The provider reads another network than the one that is configured."""

    advice = "Name a provider of the configured network."
    is_permanent = True
    http_status = 502


class ProviderOfOtherKindError(ChainReadError):
    """The server at the URL speaks another protocol than the one that was configured for it."""

    advice = "Correct the URL in `reader.providers`: the message has its right form."
    is_permanent = True
    http_status = 502


class TruncatedAnswerError(ChainReadError):
    """The connection ended in the middle of an answer."""

    http_status = 502


class UnexpectedAnswerError(ChainReadError):
    """An answer is not as the provider's protocol has it: no JSON, a wrong type, an answer to another question."""

    is_permanent = True
    http_status = 502


class ReadLimitExceededError(ChainReadError):
    """An answer is larger than the limits of the reader allow: too many bytes, pages or transactions."""

    advice = "Raise the limit that the message names, or use another provider."
    http_status = 502


class UnsteadyAnswerError(ChainReadError):
    """The pages changed while they were read, so that an output may have been missed."""


class TransactionRefusedError(TransactionError):
    """The ledger refused a submitted transaction."""


OF_ONE_ANSWER = (
    ReadLimitExceededError,
    UnexpectedAnswerError,
    ProviderFailedError,
    ProviderNotFoundError,
    ProviderRefusedError,
    ProviderTimeoutError,
)
"""Errors that may be of one answer alone; of all others the next question would end in the same."""
