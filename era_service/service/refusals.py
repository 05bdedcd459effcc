"""Refusals of requests, each with the HTTP status that answers it."""

from eras import EraSwitchError


class RequestError(EraSwitchError):
    """A request cannot be answered as it is."""

    http_status = 400


class RequestInvalidError(RequestError):
    """A parameter, a header or the body of a request is not what it must be."""

    http_status = 422


class MalformedRequestError(RequestError):
    """A request cannot be understood: its body is not JSON, or a header is malformed."""


class PathNotFoundError(RequestError):
    """There is nothing at the path of a request."""

    http_status = 404


class MethodNotAllowedError(RequestError):
    """The path of a request does not take its method."""

    http_status = 405


class BodyTooLargeError(RequestError):
    """The body of a request is larger than the service takes."""

    http_status = 413


class MediaTypeError(RequestError):
    """The body of a request is not JSON."""

    http_status = 415


class TokenNeededError(RequestError):
    """A request that writes has no API token, or one that does not count (any more)."""

    http_status = 401


class TooManyRequestsError(RequestError):
    """A client asks more often than it may."""

    http_status = 429


class TooManyListenersError(RequestError):
    """As many clients listen to the event stream as may."""

    http_status = 503
