"""Webhooks: the activity, sent to the configured URLs. Read ``deliverer`` first.

1. There is one source of messages, ``dashboard.activity``: a webhook gets what ``/activity`` and the feed show.
2. A message is in the store before it is sent, and stays there until it is accepted or given up (``outbox``).
3. The replica that reads the chain sends; a message may come twice, with the same id, and is never lost silently.
4. A secret is read from its file when the service starts, and shown nowhere (``message`` signs with it).
"""
