"""Changes of a marker list: the rules for them, and cosigning."""
