"""What all pages share: languages, access, errors, style sheets, pictures, widgets for knobs."""
