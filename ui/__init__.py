"""What the pages share: texts, the run store, pictures, curves, widgets made from knobs. No torch at import."""
