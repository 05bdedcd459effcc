"""Webhooks: what happened, sent to the URLs that are configured. ``deliverer`` is the module to read first.

1. There is one source of messages, ``dashboard.activity``: a webhook has what ``/activity`` and the feed have.
2. A message is in the store before it is sent, and stays there until it is accepted or given up (``outbox``).
3. The replica that reads the chain sends; a message may come twice, with the same id, and is never lost in silence.
4. A secret is read from its file when the service starts, and shown nowhere (``message`` signs with it).
"""
