"""Sources of era markers, under the names that Mithril's configuration gives them."""

from typing import Literal

AdapterType = Literal["cardano-chain", "file", "dummy", "bootstrap", "bootstrap-latest"]
