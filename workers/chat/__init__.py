"""Captions of windows from any OpenAI-compatible endpoint, asked for beside the device, never on it."""
