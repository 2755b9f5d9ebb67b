"""Settings (which adapter stands behind a port), URLs: the only place that knows everything."""
