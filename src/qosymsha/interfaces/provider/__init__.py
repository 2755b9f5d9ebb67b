"""The provider door: pages of a provider's teachers and managers."""
