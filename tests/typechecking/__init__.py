"""What type checkers have to accept, and to refuse, of the public names: mypy reads it, and nothing runs it."""
