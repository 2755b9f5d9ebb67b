// What stands in the field after a mistake is written over by the next card: a reader types wherever the cursor is.

document.querySelector("[name=code]").select();
