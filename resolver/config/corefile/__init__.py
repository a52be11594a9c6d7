"""The Corefile: ``lexer`` cuts text into rows of words, ``parser`` makes the syntax tree, ``write`` makes text again."""
