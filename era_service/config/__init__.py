"""The configuration: its schema, where settings come from, and what is wrong with them."""
