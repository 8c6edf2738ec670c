"""Threads, the terminal, and files: written whole or not at all, pictures and videos among them."""
