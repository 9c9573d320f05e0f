"""Energy models as cards: what they cover, what they get wrong, and how an engine evaluates them."""
