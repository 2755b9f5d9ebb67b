"""Settings, URLs and the wiring of adapters: the only place that knows everything."""
