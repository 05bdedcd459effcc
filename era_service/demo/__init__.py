"""``eraswitch demo``: a network of nodes switches eras on a local chain, and every step is verified."""
