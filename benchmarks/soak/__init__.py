"""A network under load and under fire: ``make soak`` (``__main__``) lets everything run together while things break."""
