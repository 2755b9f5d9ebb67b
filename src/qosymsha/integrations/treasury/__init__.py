"""The treasury: a file-drop client, and a fake that answers in any order, twice, in parts and about strangers."""
