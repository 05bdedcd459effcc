"""Another eraswitch service, whose statements are verified before they are used."""
