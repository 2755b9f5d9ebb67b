"""Control campaigns: whom an inspector visits is drawn, not chosen; what was found, the answer to it, what followed.

Owns campaigns and visits. The list of what may be drawn is frozen and hashed before anybody can know the seed; after
the end anyone draws the sample again with verify/sample.py. Who is drawn is known to officials alone until then: the
seed holds a secret of the house, bound by its hash before the freeze. No face, no child's name stands here.
"""
