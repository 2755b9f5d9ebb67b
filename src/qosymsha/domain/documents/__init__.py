"""Documents: papers that people upload, sealed, until their retention ends.

Owns uploaded papers and their content. A paper's kind is decided by its bytes, never by its name; what is kept is
written anew without hidden parts; the content stands encrypted in a table apart and is deleted when its time is over.
Who may see a paper is decided by the room that owns what it is about; where a scanner stands, nobody but its sender
opens one that was not scanned, and nobody one in which something was found.
"""
