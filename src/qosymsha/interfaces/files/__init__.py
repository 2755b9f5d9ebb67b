"""Rosters as a city has them (CSV, XLSX) read row by row; exports that no spreadsheet runs. For every door."""
