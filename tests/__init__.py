"""The tests, by floor: see DESIGN in docs and CONTRIBUTING."""
