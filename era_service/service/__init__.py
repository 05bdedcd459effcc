"""The answers of the service, without HTTP."""
