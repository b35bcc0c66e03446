"""What every page shares: languages, access, errors, style sheets, pictures, controls made from knobs."""
