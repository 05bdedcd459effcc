"""The second kind of marker: the protocol configuration of a Mithril network by epoch. Pure.

1. A marker is ``{"epoch":N,"configuration":"<hex of CBOR>"}``; it is signed, carried and chunked as era markers are.
2. A configuration holds from its epoch on, until the next one. Of two for one epoch the later in the list holds.
3. Reading takes what deployed Mithril readers take, in CBOR and in JSON; but a payload with a configuration that cannot
   be read, or whose parameters no lottery can have, is refused as a whole (``fault_of``).
4. A node at epoch E needs three: of E-1 to aggregate, of E for the next aggregation, of E+1 to register for.
"""

from eras.front_door import front_door

__all__, __getattr__, __dir__ = front_door(__name__)
