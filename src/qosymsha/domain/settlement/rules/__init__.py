"""Pure rules of settlement: what a row is paid and why in words, who must sign, the payment file, a reply's meaning."""
