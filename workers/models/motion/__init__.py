"""`motion`: a small clip model, trained here, that embeds what the picture does."""
