"""The status of the eras at an address, and its document."""
