"""The way in and out: sign-in at the identity provider, demo people in a trial, second factor, sign-out."""
