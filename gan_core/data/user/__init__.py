"""What the user brings: folders, zips, uploads and pairs, and how they are referred to."""
