def sentences(*a): return []
