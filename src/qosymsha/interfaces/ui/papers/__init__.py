"""Papers a person takes home: PDF/UA-1 made with Typst from the receipt's own words, and the same facts as JSON."""
