"""One publication that happens once: journal, submission, read-back."""
