"""The floor `runtime`: real servers in temporary state folders, real kills."""
