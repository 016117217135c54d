"""Records, ids and errors: what every layer speaks. Standard library and msgspec only."""
