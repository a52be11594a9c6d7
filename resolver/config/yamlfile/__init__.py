"""The YAML form: ``nodes`` reads YAML with limits, ``parser`` makes the syntax tree, ``write`` makes text of it again,
``comments`` finds what YAML readers throw away.

A file is a mapping of server blocks, or a list of such mappings where the same zone is served twice. Every scalar is
Corefile text and is cut into words like a line there, so ``30``, ``yes`` and ``5s`` stay what they are, and a word with
blanks has quotes of its own. Only an empty value, ``null`` and ``~`` are nothing::

    snippets:
      shared: [errors, "forward . {args[0]}"]
    import: zones/*.yaml
    ".:53 example.org:53":                     # the keys of the server block
      - errors                                 # a directive with its arguments
      - cache: 30                              # the same as "cache 30"
      - forward . 9.9.9.9 149.112.112.112:     # a directive with a block of options
          except: [cluster.local, corp.internal]
          force_tcp:
      - acl:                                   # a block of lines, where order or repetition counts
          - allow net 10.0.0.0/8
          - block
      - hosts: |                               # a block in the Corefile's own words
          192.0.2.1 www.example.org
          fallthrough
      - import shared 9.9.9.9

A list is lines under a server block, a snippet and a directive. Under an option it is the option's arguments, or, as a
list of lists or of mappings, the option as often as the list is long.
"""
