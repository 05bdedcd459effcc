"""What commands have in common: options, output, errors, lazy groups."""
