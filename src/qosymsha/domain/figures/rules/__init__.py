"""Pure rules of figures: what may be told, how a group is rated, how long the money lasts."""
