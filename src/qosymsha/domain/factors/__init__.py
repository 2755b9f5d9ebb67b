"""What a person proves anew with besides a phone's code: passkeys (WebAuthn) and recovery codes.

Owns `passkey`, `passkey_question`, `recovery_code`. Promises: a question is answered once, soon, in the visit that
asked it, for this site alone; a copied passkey is stopped at sight; nobody removes the last factor; no code at rest.
"""
