"""Pure rules of settlement: what a row is paid, the formula in words, who must sign, the payment file, what a reply means."""
