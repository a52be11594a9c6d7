"""What is written for people, and the program that makes ``docs/directives`` out of the plugins' own pages."""
