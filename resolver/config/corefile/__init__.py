"""The Corefile: ``lexer`` cuts text into rows of words, ``statements`` finds the blocks, ``parser`` makes the tree,
``write`` makes text of it again.
"""
