"""The programs: the command line, the HTTP API and dashboard, the node watcher, the follower."""
