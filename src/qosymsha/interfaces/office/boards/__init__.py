"""The office's dashboards: what each says, draws and lists, out of figures counted by night."""
