"""The page Sound: sounds to view, play and mix."""
