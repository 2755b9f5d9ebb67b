"""Outside systems, one folder each: a client, a fake, the same contract tests. Knows only ports and the kernel."""
