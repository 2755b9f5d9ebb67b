"""Did this house sign this payment file? python3 payment.py FILE --key HEX [--signature FILE.sig]; no library.

HEX is the public key (64 hex digits) from a source you trust, not from where the file came. The signature (64 bytes,
Ed25519 over the file's bytes) stands beside the file as FILE.sig unless named. Exit status 1 where it does not hold.
"""

import argparse, binascii, hashlib, pathlib, sys

from audit import is_signed  # Ed25519, in the file beside this one


def verdict(content, signature, public):
    """What is wrong, or nothing."""
    if len(signature) != 64:
        return f"the signature has {len(signature)} bytes, not 64"
    if not is_signed(public, content, signature):
        return "another key signed it, or it was changed since"
    return ""


def main():
    """Say whose the file is not, or that it is whole."""
    ask = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ask.add_argument("file", type=pathlib.Path)
    ask.add_argument("--key", required=True, help="the public key, 64 hex digits, from a source you trust")
    ask.add_argument("--signature", type=pathlib.Path, help="else FILE.sig")
    given = ask.parse_args()
    try:
        public = bytes.fromhex(given.key)
        content = given.file.read_bytes()
        signature = (given.signature or given.file.with_name(given.file.name + ".sig")).read_bytes()
    except (OSError, ValueError, binascii.Error) as fault:
        sys.exit(f"WRONG  {fault}")
    wrong = verdict(content, signature, public)
    if wrong:
        sys.exit(f"WRONG  {given.file.name}: {wrong}")
    print(f"OK  {given.file.name} was signed by this key; its SHA-256 is {hashlib.sha256(content).hexdigest()}")


if __name__ == "__main__":
    main()
