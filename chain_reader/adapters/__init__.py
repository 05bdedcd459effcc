"""Sources of era markers, under the names that Mithril's configuration gives them."""
