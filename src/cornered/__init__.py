"""cornered: what a language-model agent does when it is cornered, measured."""
