"""The node's side: the watcher to embed or to run, its epoch clock, hooks, the swap of binaries, systemd."""
