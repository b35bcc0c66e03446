"""The user's own data: folders, zips, uploads and pairs, and references to them."""
