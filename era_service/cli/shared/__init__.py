"""The common parts of commands: options, output, errors, lazy groups."""
