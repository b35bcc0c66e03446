"""The page Sound: sounds to see, to hear and to mix."""
