"""What only public pages write."""
