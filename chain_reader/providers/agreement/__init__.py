"""Several chain observers asked as one: k of n must agree."""
