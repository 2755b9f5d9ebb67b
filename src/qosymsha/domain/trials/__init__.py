"""Trial lessons: a family looks at one lesson of a group before it takes a place or waits for one.

Promises: a trial costs nobody anything and takes no place; a lesson never has more children than its group has places;
a child comes to a group once on trial, and to so many in so many days as the rule set says. It is no attendance: no
month sheet, claim or flag knows of it.
"""
