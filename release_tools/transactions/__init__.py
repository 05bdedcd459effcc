"""Building, balancing, signing and checking transactions."""
