"""The HTTP and websocket interfaces that the local chain serves, as chain providers do."""
