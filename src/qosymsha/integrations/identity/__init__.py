"""Identity providers that speak OpenID Connect. Port: `domain.people.ports.IdentityProvider`."""
