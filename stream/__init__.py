"""What the data is and how it changes: frames, windows, records. Importable without torch."""
